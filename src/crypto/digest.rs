//! SHA-256 (FIPS 180-4): the stored form of an API key and of a private key's hash.

use sha2::{Digest, Sha256};

/// The SHA-256 of `bytes`.
///
/// Suitable for values that cannot be guessed, such as the 256 random bits of an API key; a password needs
/// [`PasswordHash`](super::PasswordHash).
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// The SHA-256 of data that arrives in pieces.
#[derive(Clone, Default)]
pub struct RunningSha256(Sha256);

impl RunningSha256 {
    /// Takes the next piece.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all pieces.
    #[must_use]
    pub fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

/// Bytes as lower-case hexadecimal text, two digits for each byte.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the examples published with FIPS 180-4.
    #[test]
    fn the_published_digests_come_out() {
        let cases: [(&[u8], &str); 3] = [
            (b"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
            ),
        ];
        for (bytes, expected) in cases {
            assert_eq!(hex(&sha256(bytes)), expected);
            let mut running = RunningSha256::default();
            bytes.chunks(7).for_each(|piece| running.update(piece));
            assert_eq!(hex(&running.finish()), expected);
        }
    }
}
