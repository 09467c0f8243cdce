//! Randomness is passed in as an argument, so that a test can predict it.

use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest, Sha256};

/// A source of unpredictable bytes.
pub trait Random: Send + Sync {
    /// Overwrites all of `bytes`. It cannot fail: a source without randomness must stop the program.
    fn fill(&self, bytes: &mut [u8]);
}

/// `N` random bytes: keys, salts, ids.
#[must_use]
pub fn random_array<const N: usize>(random: &dyn Random) -> [u8; N] {
    let mut bytes = [0; N];
    random.fill(&mut bytes);
    bytes
}

/// The operating system's generator, the only source outside of tests.
///
/// Each call is a system call of about a microsecond for a key or an id.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes)
            .expect("the system has randomness: any key made without it could be guessed");
    }
}

/// For tests only: the same seed gives the same bytes, if only one thread uses it.
///
/// # Security
///
/// The seed has only 64 bits, and determines every byte. No key of the daemon comes from here.
#[derive(Debug)]
pub struct SeededRandom {
    seed: u64,
    blocks: AtomicU64,
}

impl SeededRandom {
    /// Starts the sequence that belongs to `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed, blocks: AtomicU64::new(0) }
    }
}

impl Random for SeededRandom {
    /// SHA-256 in counter mode; each call discards the rest of its last block.
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let block = Sha256::new()
                .chain_update(self.seed.to_le_bytes())
                .chain_update(self.blocks.fetch_add(1, Ordering::Relaxed).to_le_bytes())
                .finalize();
            for (byte, random) in chunk.iter_mut().zip(block) {
                *byte = random;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_fills_every_byte_and_never_twice_alike() {
        let (mut seen, mut last) = ([0; 100], [0; 100]);
        for _ in 0..20 {
            let bytes = random_array::<100>(&SystemRandom);
            assert_ne!(bytes, last);
            last = bytes;
            for (seen, byte) in seen.iter_mut().zip(bytes) {
                *seen |= byte;
            }
        }
        // A byte that stays zero through 20 fills has one chance in 2^160.
        assert!(seen.iter().all(|byte| *byte != 0));
    }

    #[test]
    fn a_seed_foretells_everything() {
        let (one, same, other) = (SeededRandom::new(1), SeededRandom::new(1), SeededRandom::new(2));
        let first: [u8; 70] = random_array(&one);
        assert_eq!(first, random_array(&same));
        assert_ne!(first, random_array(&other));
        assert_ne!(first, random_array(&one), "the sequence goes on");
        assert_ne!(first[..32], first[32..64], "it also continues inside one call");
    }
}
