//! AES-256-GCM over a plaintext of any length, in constant memory: the outer layer of an
//! [`envelope`](super::envelope).
//!
//! The STREAM construction of "Online Authenticated-Encryption and its Nonce-Reuse
//! Misuse-Resistance" (Hoang, Reyhanitabar, Rogaway, Vizár 2015, <https://eprint.iacr.org/2015/189>),
//! as `StreamBE32` of the crate `aead-stream` has it:
//!
//! ```text
//! sealed = prefix (7 random bytes) ‖ chunk 0 ‖ chunk 1 ‖ …
//! chunk  = AES-256-GCM of 64 KiB of plaintext (the last one: what is left) ‖ tag (16 bytes)
//! nonce  = prefix ‖ number of the chunk (32 bits, big endian) ‖ 01 for the last chunk, else 00
//! ```
//!
//! There is no associated data. An empty plaintext is one empty chunk; otherwise no chunk is empty,
//! so every plaintext has exactly one cut into chunks. The number in the nonce keeps chunks in their
//! places, the flag tells the end from a cut.

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

/// How much plaintext a chunk holds, in bytes. Every chunk but the last one is full.
pub const CHUNK_BYTES: usize = 64 << 10;

/// How many random bytes stand before the first chunk.
pub const PREFIX_BYTES: usize = 7;

/// How many bytes longer a chunk is than its plaintext: AES-GCM's tag.
pub const TAG_BYTES: usize = 16;

/// How long a sealed chunk is, unless it is the last one.
pub const SEALED_CHUNK_BYTES: usize = CHUNK_BYTES + TAG_BYTES;

/// As many as a counter of 32 bits tells apart: 256 TiB of plaintext.
const MAX_CHUNKS: u64 = 1 << 32;

type Cipher = StreamBE32<Aes256Gcm>;

/// How many bytes `plain` bytes of plaintext make when sealed.
///
/// The limit of 2^32 chunks is not looked at; near the end of `u64` the sum stays at its maximum.
#[must_use]
pub fn sealed_len(plain: u64) -> u64 {
    let chunks = plain.div_ceil(CHUNK_BYTES as u64).max(1);
    plain
        .saturating_add(chunks.saturating_mul(TAG_BYTES as u64))
        .saturating_add(PREFIX_BYTES as u64)
}

/// How many bytes of plaintext are in `sealed` bytes, or `None` if nothing of that length was ever
/// sealed. Undoes [`sealed_len`].
///
/// # Security
///
/// A length is not authenticated before the last chunk has been read: what was cut may have one too.
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
