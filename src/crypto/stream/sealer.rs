//! Sealing.

use std::io::{self, Write};

use aead_stream::{NewStream, StreamPrimitive};

use super::{CHUNK_BYTES, Cipher, PREFIX_BYTES, chunk::Chunk};
use crate::crypto::{
    message_key::MessageKey,
    random::{Random, random_array},
};

/// Seals the bytes written to it, and writes them to `W`, one chunk at a time.
///
/// Holds 64 KiB, wiped on drop. If it is dropped without [`finish`](Self::finish), the stream has no last
/// chunk and does not open: a failed write is not mistaken for a short plaintext.
pub struct StreamSealer<W> {
    inner: W,
    cipher: Cipher,
    chunk: Chunk,
    /// The number of the current chunk; `None` after the last number, or a failure.
    position: Option<u32>,
}

impl<W: Write> StreamSealer<W> {
    /// Writes a random prefix to `inner`.
    ///
    /// # Security
    ///
    /// A nonce must not be used twice with the same key. A message key seals one stream, so this holds even
    /// without the prefix; 56 random bits protect a caller that breaks that rule a few times.
    ///
    /// # Errors
    ///
    /// Those of `inner`.
    pub fn new(mut inner: W, key: &MessageKey, random: &dyn Random) -> io::Result<Self> {
        let prefix = random_array::<PREFIX_BYTES>(random);
        inner.write_all(&prefix)?;
        let cipher = Cipher::new(key.expose_secret().into(), &prefix.into());
        Ok(Self { inner, cipher, chunk: Chunk::new(), position: Some(0) })
    }

    /// Seals the remainder as the last chunk, and returns `inner`, not flushed.
    ///
    /// # Errors
    ///
    /// Those of `inner`, and as for writing.
    pub fn finish(mut self) -> io::Result<W> {
        self.seal_chunk(true)?;
        Ok(self.inner)
    }

    fn seal_chunk(&mut self, last: bool) -> io::Result<()> {
        // Not put back after a failure: a number that was used once must not seal again.
        let position = self.position.take().ok_or_else(no_more)?;
        let next = position.checked_add(1);
        if !last && next.is_none() {
            return Err(no_more());
        }
        self.cipher
            .encrypt_in_place(position, last, b"", &mut self.chunk)
            .map_err(|_| io::Error::other("AES-GCM refuses a chunk of 64 KiB"))?;
        self.inner.write_all(self.chunk.as_ref())?;
        self.chunk.clear();
        self.position = next;
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn skip_to(&mut self, position: u32) {
        self.position = Some(position);
    }
}

impl<W: Write> Write for StreamSealer<W> {
    /// Takes at most what fits into the current chunk. A full chunk is kept until more data comes, because
    /// it may be the last one.
    ///
    /// # Errors
    ///
    /// Those of `inner`, and [`io::ErrorKind::Other`] for more than 2^32 chunks (256 TiB); after an error,
    /// every write and [`finish`](StreamSealer::finish) fail.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.position.is_none() {
            return Err(no_more());
        }
        if self.chunk.as_ref().len() == CHUNK_BYTES && !bytes.is_empty() {
            self.seal_chunk(false)?;
        }
        Ok(self.chunk.take(bytes))
    }

    /// Flushes whole chunks only: a short chunk can only be the last one.
    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

fn no_more() -> io::Error {
    io::Error::other("a sealed stream cannot continue after 2^32 chunks or a failure")
}
