//! AES-256-GCM over a plaintext of any length, in constant memory: the outer layer of an
//! [`envelope`](super::envelope).
//!
//! The STREAM construction of "Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance"
//! (Hoang, Reyhanitabar, Rogaway, Vizár 2015, <https://eprint.iacr.org/2015/189>), as `StreamBE32` of the
//! crate `aead-stream` implements it:
//!
//! ```text
//! sealed = prefix (7 random bytes) ‖ chunk 0 ‖ chunk 1 ‖ …
//! chunk  = AES-256-GCM of 64 KiB of plaintext (the last one: the remainder) ‖ tag (16 bytes)
//! nonce  = prefix ‖ number of the chunk (32 bits, big endian) ‖ 01 for the last chunk, else 00
//! ```
//!
//! There is no associated data. An empty plaintext is one empty chunk; otherwise no chunk is empty, so each
//! plaintext is divided into chunks in exactly one way. The number in the nonce fixes the position of a
//! chunk, and the flag distinguishes the end from a truncation.

mod chunk;
mod file_sealer;
mod opener;
mod sealer;
#[cfg(test)]
mod tests;

use std::io;

use aead_stream::StreamBE32;
use aes_gcm::Aes256Gcm;

pub use self::{
    file_sealer::{FileSealer, SealedPart},
    opener::StreamOpener,
    sealer::StreamSealer,
};
use super::seal::Damaged;

/// The bytes of plaintext in a chunk. Every chunk but the last one is full.
pub const CHUNK_BYTES: usize = 64 << 10;

/// The number of random bytes before the first chunk.
pub const PREFIX_BYTES: usize = 7;

/// The difference in bytes between a chunk and its plaintext: AES-GCM's tag.
pub const TAG_BYTES: usize = 16;

/// The bytes of a sealed chunk that is not the last one.
pub const SEALED_CHUNK_BYTES: usize = CHUNK_BYTES + TAG_BYTES;

/// The chunks that a counter of 32 bits can number: 256 TiB of plaintext.
const MAX_CHUNKS: u64 = 1 << 32;

type Cipher = StreamBE32<Aes256Gcm>;

/// The sealed length of `plain` bytes of plaintext.
///
/// The limit of 2^32 chunks is not checked; near the end of `u64` the sum stays at its maximum.
#[must_use]
pub fn sealed_len(plain: u64) -> u64 {
    let chunks = plain.div_ceil(CHUNK_BYTES as u64).max(1);
    plain
        .saturating_add(chunks.saturating_mul(TAG_BYTES as u64))
        .saturating_add(PREFIX_BYTES as u64)
}

/// The length of the plaintext in `sealed` bytes, or `None` if no sealed stream has this length. The
/// inverse of [`sealed_len`].
///
/// # Security
///
/// The length is not authenticated before the last chunk has been read: a truncated stream may have a valid
/// length.
#[must_use]
pub fn plain_len(sealed: u64) -> Option<u64> {
    let chunks = sealed.checked_sub(PREFIX_BYTES as u64)?;
    let full = chunks / SEALED_CHUNK_BYTES as u64;
    let rest = chunks % SEALED_CHUNK_BYTES as u64;
    let (count, last) = match (full, rest) {
        (0, rest) => (1, rest.checked_sub(TAG_BYTES as u64)?),
        (full, 0) => (full, 0),
        // Only the single chunk of an empty plaintext is empty.
        (full, rest) => (full + 1, rest.checked_sub(TAG_BYTES as u64).filter(|plain| *plain > 0)?),
    };
    (count <= MAX_CHUNKS).then_some(full * CHUNK_BYTES as u64 + last)
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, Damaged)
}
