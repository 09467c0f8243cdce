//! The stored hash of a password that is only compared, for example that of a secret. Passwords that
//! decrypt something are elsewhere.

use std::fmt;

use pbkdf2::{pbkdf2_hmac_array, sha2::Sha256};
use serde::{Deserialize, Serialize};

use super::{
    random::{Random, random_array},
    secret_bytes::{SecretText, bytes_equal},
};

/// PBKDF2-HMAC-SHA-256 (RFC 8018) of a password, with its own salt.
///
/// The count of iterations is stored with each hash, so a later version can raise it for new ones.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordHash {
    salt: [u8; 16],
    iterations: u32,
    hash: [u8; 32],
}

impl PasswordHash {
    /// The iterations for a new password: OWASP's Password Storage Cheat Sheet recommends 600,000 of
    /// PBKDF2-HMAC-SHA-256.
    ///
    /// Costs about 0.15 s of one core with SHA instructions, several times that on a Raspberry Pi, so call
    /// both [`new`](Self::new) and [`verify`](Self::verify) on the blocking pool. Tests use fewer.
    pub const ITERATIONS: u32 = 600_000;

    /// Hashes a new password with a fresh salt, in time proportional to `iterations`; zero counts as
    /// one.
    #[must_use]
    pub fn new(password: &SecretText, iterations: u32, random: &dyn Random) -> Self {
        let salt = random_array(random);
        Self { salt, iterations, hash: derive(password, &salt, iterations) }
    }

    /// Whether `password` is the one that was hashed. Takes as long as [`new`](Self::new) did; the time
    /// does not depend on how similar the passwords are.
    #[must_use]
    pub fn verify(&self, password: &SecretText) -> bool {
        bytes_equal(&derive(password, &self.salt, self.iterations), &self.hash)
    }
}

/// Shows the iterations only: salt and hash are enough to guess the password offline.
impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordHash").field("iterations", &self.iterations).finish_non_exhaustive()
    }
}

fn derive(password: &SecretText, salt: &[u8; 16], iterations: u32) -> [u8; 32] {
    pbkdf2_hmac_array::<Sha256, 32>(password.expose_secret().as_bytes(), salt, iterations)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::random::{SeededRandom, SystemRandom};

    fn text(text: &str) -> SecretText {
        SecretText::new(text.to_owned())
    }

    #[test]
    fn only_the_same_password_verifies() {
        // (password, attempt, whether it matches)
        let cases = [
            ("correct horse", "correct horse", true),
            ("correct horse", "correct horsf", false),
            ("correct horse", "Correct horse", false),
            ("correct horse", "", false),
            ("", "", true),
            ("åäö", "åäö", true),
            // HMAC pads a short key with zeros, so a trailing NUL makes no difference to PBKDF2; a
            // leading one does.
            ("a", "\0a", false),
        ];
        for (set, tried, right) in cases {
            let hash = PasswordHash::new(&text(set), 10, &SystemRandom);
            assert_eq!(hash.verify(&text(tried)), right, "{set} {tried}");
        }
    }

    #[test]
    fn a_password_hashes_differently_each_time() {
        let random = SeededRandom::new(1);
        let (one, two) = (
            PasswordHash::new(&text("same"), 10, &random),
            PasswordHash::new(&text("same"), 10, &random),
        );
        assert!(one.salt != two.salt && one.hash != two.hash);
    }

    /// From Python's `hashlib.pbkdf2_hmac("sha256", "lösenord".encode(), bytes(range(16)), 1000)`.
    #[test]
    fn a_stored_hash_verifies() {
        let stored = r#"{
            "salt": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
            "iterations": 1000,
            "hash": [139, 50, 88, 230, 231, 65, 217, 73, 91, 200, 215, 174, 149, 35, 152, 163,
                136, 175, 79, 130, 156, 63, 54, 38, 252, 46, 13, 188, 31, 199, 79, 205]
        }"#;
        let hash: PasswordHash = serde_json::from_str(stored).unwrap();
        assert!(hash.verify(&text("lösenord")) && !hash.verify(&text("losenord")));
        let again: PasswordHash =
            serde_json::from_str(&serde_json::to_string(&hash).unwrap()).unwrap();
        assert_eq!(again, hash);
    }

    #[test]
    fn debug_shows_neither_salt_nor_hash() {
        let hash = PasswordHash { salt: [201; 16], iterations: 7, hash: [202; 32] };
        assert_eq!(format!("{hash:?}"), "PasswordHash { iterations: 7, .. }");
    }
}
