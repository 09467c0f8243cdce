//! The password of a secret: two random halves. The server stores the private one, the link contains the
//! public one.

use zeroize::Zeroizing;

use crate::crypto::{random::Random, secret_bytes::SecretText};

/// The number of characters in each half, as the Secrets API prescribes.
pub const PASSWORD_HALF_CHARS: usize = 18;

/// Makes one half: [`PASSWORD_HALF_CHARS`] letters and digits, each of the 62 equally likely, which makes
/// 107 bits. Either half alone cannot be guessed.
#[must_use]
pub fn password_half(random: &dyn Random) -> SecretText {
    // Reserved in full: text that grows would leave a copy in memory.
    let mut half = String::with_capacity(PASSWORD_HALF_CHARS);
    let mut bytes = Zeroizing::new([0; 32]);
    while half.len() < PASSWORD_HALF_CHARS {
        random.fill(&mut *bytes);
        // Six bits name 64 characters; the two unused values are discarded, since mapping them to
        // characters would make two characters more likely.
        let chars = bytes.iter().filter_map(|byte| ALPHABET.get(usize::from(byte & 63)));
        half.extend(chars.take(PASSWORD_HALF_CHARS - half.len()).copied().map(char::from));
    }
    SecretText::new(half)
}

const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU8, Ordering};

    use super::*;
    use crate::crypto::random::SeededRandom;

    #[test]
    fn a_half_has_18_letters_and_digits_and_is_never_the_same() {
        let random = SeededRandom::new(1);
        let mut halves = std::collections::BTreeSet::new();
        for _ in 0..500 {
            let half = password_half(&random);
            assert_eq!(half.len(), PASSWORD_HALF_CHARS);
            assert!(half.expose_secret().bytes().all(|byte| byte.is_ascii_alphanumeric()));
            halves.insert(half.expose_secret().to_owned());
        }
        assert_eq!(halves.len(), 500);
    }

    /// 62,000 characters, 1,000 expected of each: a standard deviation of 31. Mapping the two unused values
    /// to characters would give 2,000 of two.
    #[test]
    fn every_character_is_equally_likely() {
        let random = SeededRandom::new(2);
        let mut counts = std::collections::BTreeMap::new();
        for _ in 0..62_000 / PASSWORD_HALF_CHARS {
            for char in password_half(&random).expose_secret().chars() {
                *counts.entry(char).or_insert(0) += 1;
            }
        }
        assert_eq!(counts.len(), 62);
        assert!(counts.values().all(|count| (850..1150).contains(count)), "{counts:?}");
    }

    #[test]
    fn bytes_that_name_no_character_are_thrown_away() {
        /// Counts through all bytes.
        struct Counting(AtomicU8);
        impl Random for Counting {
            fn fill(&self, bytes: &mut [u8]) {
                bytes.fill_with(|| self.0.fetch_add(1, Ordering::Relaxed));
            }
        }
        let half = password_half(&Counting(AtomicU8::new(60)));
        // 60 and 61 are the last two characters, 62 and 63 are unused, 64 is the first again.
        assert_eq!(half.expose_secret(), "89ABCDEFGHIJKLMNOP");
    }
}
