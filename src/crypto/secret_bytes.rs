//! The types that a secret lives in. Neither can be printed, cloned or serialised, both wipe their
//! memory when they go, and every reading of one is found by searching for `expose_secret`.

use subtle::ConstantTimeEq;
use zeroize::ZeroizeOnDrop;

/// Bytes that nobody but their reader may see; wiped on drop, spare capacity included.
#[derive(ZeroizeOnDrop)]
pub struct SecretBytes(Vec<u8>);

impl SecretBytes {
    /// Takes the bytes over, without a copy.
    ///
    /// # Security
    ///
    /// What the vector left behind when it grew before is out of reach here: reserve first, then
    /// write the secret into it.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes themselves. Whoever copies them answers for the copy.
    #[must_use]
    pub fn expose_secret(&self) -> &[u8] {
        &self.0
    }

    /// How many bytes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Text that nobody but its reader may see; wiped on drop, spare capacity included.
#[derive(ZeroizeOnDrop)]
pub struct SecretText(String);

impl SecretText {
    /// Takes the text over, without a copy; the caution of [`SecretBytes::new`] holds here too.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself. Whoever copies it answers for the copy.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        &self.0
    }

    /// Its length in bytes of UTF-8, as for a `str`.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Whether two byte strings are the same, in a time that depends on their lengths only.
///
/// Different lengths answer at once: a length is no secret wherever this is used.
#[must_use]
pub fn bytes_equal(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_hand_out_what_they_were_given() {
        let bytes = SecretBytes::new(vec![0, 255]);
        assert_eq!(
            (bytes.expose_secret(), bytes.len(), bytes.is_empty()),
            (&[0, 255][..], 2, false)
        );
        let text = SecretText::new("åä".to_owned());
        assert_eq!((text.expose_secret(), text.len(), text.is_empty()), ("åä", 4, false));
        assert!(
            SecretBytes::new(Vec::new()).is_empty() && SecretText::new(String::new()).is_empty()
        );
    }

    /// Looking at memory after its drop would take `unsafe`; so this holds the types to the marker, and
    /// fails to compile without it.
    #[test]
    fn secrets_are_wiped_on_drop() {
        fn wiped<T: ZeroizeOnDrop>(_: T) {}
        wiped(SecretBytes::new(Vec::new()));
        wiped(SecretText::new(String::new()));
    }

    #[test]
    fn equal_means_same_length_and_same_bytes() {
        let cases: [(&[u8], &[u8], bool); 6] = [
            (b"", b"", true),
            (b"a", b"", false),
            (b"abc", b"abc", true),
            (b"abc", b"abd", false),
            (b"bbc", b"abc", false),
            (b"abc", b"abcd", false),
        ];
        for (a, b, equal) in cases {
            assert_eq!(bytes_equal(a, b), equal, "{a:?} {b:?}");
        }
    }
}
