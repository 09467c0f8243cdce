//! The types that hold a secret. They cannot be printed, cloned or serialised, and wipe their memory on
//! drop. Every access to their content calls `expose_secret`, so a text search finds it.

use subtle::ConstantTimeEq;
use zeroize::ZeroizeOnDrop;

/// Secret bytes; wiped on drop, spare capacity included.
#[derive(ZeroizeOnDrop)]
pub struct SecretBytes(Vec<u8>);

impl SecretBytes {
    /// Takes ownership of the bytes, without a copy.
    ///
    /// # Security
    ///
    /// Copies that the vector left in memory when it grew are not wiped: reserve first, then write the
    /// secret into it.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes themselves. The caller must wipe any copy.
    #[must_use]
    pub fn expose_secret(&self) -> &[u8] {
        &self.0
    }

    /// The number of bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Secret text; wiped on drop, spare capacity included.
#[derive(ZeroizeOnDrop)]
pub struct SecretText(String);

impl SecretText {
    /// Takes ownership of the text, without a copy; see the security note of [`SecretBytes::new`].
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself. The caller must wipe any copy.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        &self.0
    }

    /// Its length in bytes of UTF-8, as for a `str`.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the text is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Whether two byte strings are the same, in a time that depends on their lengths only.
///
/// Different lengths return at once: lengths are not secret where this is used.
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

    /// Reading memory after its drop would need `unsafe`; so this checks the marker trait, and does not
    /// compile without it.
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
