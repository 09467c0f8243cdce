//! A sequence number that travels inside a random id without showing: ids neither count the secrets
//! nor tell which of two is the older one.

use aes::{
    Aes256,
    cipher::{BlockCipherEncrypt, KeyInit},
};
use zeroize::Zeroize;

/// Hides numbers of 8 bytes under a key of the server's. The key schedule is wiped on drop.
pub struct SequenceMask {
    aes: Aes256,
}

impl SequenceMask {
    /// Takes a random key, which must stay the same for as long as the ids live.
    #[must_use]
    pub fn new(mut key: [u8; 32]) -> Self {
        let aes = Aes256::new((&key).into());
        key.zeroize();
        Self { aes }
    }

    /// Hides `number`, or shows it again when it is already hidden: each undoes the other.
    ///
    /// The mask is the first 8 bytes of AES-256 of `random ‖ 00`. `random` is the random part of the
    /// same id, so no two ids share a mask. It hides the number, but does not protect it from being
    /// changed: whoever flips a bit of the one flips it in the other.
    ///
    /// One AES block, no allocation.
    #[must_use]
    pub fn mask(&self, random: &[u8; 15], number: [u8; 8]) -> [u8; 8] {
        let mut block = aes::Block::default();
        for (byte, random) in block.iter_mut().zip(random) {
            *byte = *random;
        }
        self.aes.encrypt_block(&mut block);
        let mut masked = number;
        for (byte, mask) in masked.iter_mut().zip(block) {
            *byte ^= mask;
        }
        masked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RANDOM: [u8; 15] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

    #[test]
    fn twice_is_not_at_all() {
        let mask = SequenceMask::new([7; 32]);
        for number in [0, 1, 0x0123_4567_89ab_cdef, u64::MAX] {
            let hidden = mask.mask(&RANDOM, number.to_be_bytes());
            assert_ne!(hidden, number.to_be_bytes());
            assert_eq!(mask.mask(&RANDOM, hidden), number.to_be_bytes());
        }
    }

    /// Made with `openssl enc -aes-256-ecb -nopad` of `01 … 0f 00` under a key of 32 times `07`: ids
    /// given out by an older version must stay readable.
    #[test]
    fn the_mask_is_the_start_of_the_aes_block() {
        let mask = SequenceMask::new([7; 32]).mask(&RANDOM, [0; 8]);
        assert_eq!(mask, [0x82, 0x88, 0x66, 0x62, 0xde, 0xb7, 0x0d, 0xf0]);
    }

    #[test]
    fn every_random_byte_and_the_key_change_the_mask() {
        let mask = SequenceMask::new([7; 32]);
        let first = mask.mask(&RANDOM, [0; 8]);
        assert_ne!(first, SequenceMask::new([8; 32]).mask(&RANDOM, [0; 8]));
        for place in 0..RANDOM.len() {
            let mut other = RANDOM;
            other[place] ^= 1;
            assert_ne!(first, mask.mask(&other, [0; 8]), "byte {place}");
        }
    }
}
