//! A sequence number hidden inside a random id: ids show neither the number of secrets nor their order.

use aes::{
    Aes256,
    cipher::{BlockCipherEncrypt, KeyInit},
};
use zeroize::Zeroize;

/// The rounds of [`SequenceMask::permute`]: four make a permutation that cannot be distinguished from a
/// random one, in both directions (Luby and Rackoff 1988).
const ROUNDS: [u8; 4] = [1, 2, 3, 4];

/// Hides numbers of 8 bytes under a key of the server. The key schedule is wiped on drop.
pub struct SequenceMask {
    aes: Aes256,
}

impl SequenceMask {
    /// Takes a random key, which must stay the same as long as the ids are valid.
    #[must_use]
    pub fn new(mut key: [u8; 32]) -> Self {
        let aes = Aes256::new((&key).into());
        key.zeroize();
        Self { aes }
    }

    /// Hides `number`, or recovers it: the function is its own inverse.
    ///
    /// The mask is the first 8 bytes of AES-256 of `random ‖ 00`. `random` is the random part of the same
    /// id, so no two ids share a mask. It hides the number, but does not protect it from changes: a flipped
    /// bit of the masked number flips the same bit of the number.
    ///
    /// One AES block, no allocation.
    #[must_use]
    pub fn mask(&self, random: &[u8; 15], number: [u8; 8]) -> [u8; 8] {
        let mut masked = number;
        self.round(0, random, &mut masked);
        masked
    }

    /// Permutes a number and the random part into two values that reveal nothing about either: changing one
    /// bit of them gives an unpredictable number and random part.
    ///
    /// A Feistel network of four rounds: the first 8 and the last 15 bytes change each other alternately,
    /// each by AES-256 of the other part, padded with zeros, and the number of the round in its last byte.
    /// Four AES blocks, no allocation.
    #[must_use]
    pub fn permute(&self, mut number: [u8; 8], mut random: [u8; 15]) -> ([u8; 8], [u8; 15]) {
        for round in ROUNDS {
            self.step(round, &mut number, &mut random);
        }
        (number, random)
    }

    /// The inverse of [`SequenceMask::permute`].
    #[must_use]
    pub fn unpermute(&self, mut number: [u8; 8], mut random: [u8; 15]) -> ([u8; 8], [u8; 15]) {
        for round in ROUNDS.into_iter().rev() {
            self.step(round, &mut number, &mut random);
        }
        (number, random)
    }

    fn step(&self, round: u8, number: &mut [u8; 8], random: &mut [u8; 15]) {
        match round % 2 {
            1 => self.round(round, random, number),
            _ => self.round(round, number, random),
        }
    }

    /// Changes `target` by AES of `from`; the same call again restores it.
    fn round(&self, round: u8, from: &[u8], target: &mut [u8]) {
        let mut block = aes::Block::default();
        for (byte, from) in block.iter_mut().zip(from) {
            *byte = *from;
        }
        if let Some(last) = block.last_mut() {
            *last = round;
        }
        self.aes.encrypt_block(&mut block);
        for (byte, mask) in target.iter_mut().zip(block) {
            *byte ^= mask;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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

    /// Made with `openssl enc -aes-256-ecb -nopad` of `01 … 0f 00` under a key of 32 times `07`.
    #[test]
    fn the_mask_is_the_start_of_the_aes_block() {
        let mask = SequenceMask::new([7; 32]).mask(&RANDOM, [0; 8]);
        assert_eq!(mask, [0x82, 0x88, 0x66, 0x62, 0xde, 0xb7, 0x0d, 0xf0]);
    }

    proptest! {
        #[test]
        fn a_permutation_has_a_reverse(number: [u8; 8], random: [u8; 15], key: [u8; 32]) {
            let mask = SequenceMask::new(key);
            let (hidden, mixed) = mask.permute(number, random);
            prop_assert_eq!(mask.unpermute(hidden, mixed), (number, random));
            let (hidden, mixed) = mask.unpermute(number, random);
            prop_assert_eq!(mask.permute(hidden, mixed), (number, random));
        }
    }

    /// A change of any bit changes about half of all following bits, and different ones for another id.
    #[test]
    fn a_changed_bit_changes_everything() {
        let mask = SequenceMask::new([7; 32]);
        let bits = |a: &[u8], b: &[u8]| -> u32 {
            a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum()
        };
        let mut differences = std::collections::HashSet::new();
        for sequence in 0..4_u64 {
            let (hidden, mixed) = mask.permute(sequence.to_be_bytes(), RANDOM);
            for bit in 0..184 {
                let (mut hidden, mut mixed) = (hidden, mixed);
                match bit {
                    0..64 => hidden[bit / 8] ^= 1 << (bit % 8),
                    _ => mixed[bit / 8 - 8] ^= 1 << (bit % 8),
                }
                let (number, random) = mask.unpermute(hidden, mixed);
                let difference = u64::from_be_bytes(number) ^ sequence;
                assert!((8..=56).contains(&difference.count_ones()), "{bit}: {difference:x}");
                assert!((30..=90).contains(&bits(&random, &RANDOM)), "{bit}");
                assert!(differences.insert(difference), "{bit}");
            }
        }
    }

    /// Computed by `openssl enc -aes-256-ecb -nopad`, block by block, under a key of 32 times `07`, of the
    /// number 1 and the random part `01 … 0f`: existing ids must stay readable.
    #[test]
    fn the_permutation_never_changes() {
        let (number, random) = SequenceMask::new([7; 32]).permute(1_u64.to_be_bytes(), RANDOM);
        assert_eq!(crate::crypto::hex(&number), "361c5b0754503255");
        assert_eq!(crate::crypto::hex(&random), "c32f1eddfc3ca3be2f35ddb1badee7");
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
