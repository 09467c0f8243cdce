//! Opening.

use std::{
    io::{self, Read, Seek, SeekFrom},
    mem,
    ops::Range,
};

use aead_stream::{NewStream, StreamPrimitive, aead::Buffer};

use super::{
    CHUNK_BYTES, Cipher, PREFIX_BYTES, SEALED_CHUNK_BYTES, TAG_BYTES, chunk::Chunk, damaged,
    plain_len,
};
use crate::crypto::message_key::MessageKey;

/// Opens the output of [`StreamSealer`](super::StreamSealer), read from `R`.
///
/// No byte of a chunk is returned before its tag is verified. The end of the plaintext (a read of 0 bytes)
/// is returned only after a verified last chunk with no data after it, so a reader that reaches the end has
/// the whole plaintext.
///
/// Holds 64 KiB, wiped on drop.
pub struct StreamOpener<R> {
    inner: R,
    cipher: Cipher,
    chunk: Chunk,
    /// The part of the chunk that is verified and not yet returned.
    plain: Range<usize>,
    /// The first byte of the next chunk: its existence shows that the current chunk is not the last.
    ahead: Option<u8>,
    next: Next,
    /// The number of bytes read from `inner`, where the prefix starts at byte 0.
    taken: u64,
}

#[derive(Clone, Copy)]
enum Next {
    Chunk(u32),
    End,
    Failed,
}

impl<R: Read> StreamOpener<R> {
    /// Reads the prefix from the current position of `inner`. The stream ends where `inner` does.
    ///
    /// # Errors
    ///
    /// Those of `inner`, and [`Damaged`](crate::crypto::Damaged) in an [`io::Error`] of kind
    /// [`InvalidData`](io::ErrorKind::InvalidData) if it ends before the prefix does.
    pub fn new(mut inner: R, key: &MessageKey) -> io::Result<Self> {
        let mut prefix = [0; PREFIX_BYTES];
        inner.read_exact(&mut prefix).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => damaged(),
            _ => error,
        })?;
        Ok(Self {
            inner,
            cipher: Cipher::new(key.expose_secret().into(), &prefix.into()),
            chunk: Chunk::new(),
            plain: 0..0,
            ahead: None,
            next: Next::Chunk(0),
            taken: PREFIX_BYTES as u64,
        })
    }

    /// Opens the next chunk; after the last one, no plaintext is left.
    fn open_chunk(&mut self) -> io::Result<()> {
        // After any failure below, no later read may continue after the gap.
        let position = match mem::replace(&mut self.next, Next::Failed) {
            Next::Chunk(position) => position,
            Next::End => {
                self.next = Next::End;
                return Ok(());
            }
            Next::Failed => return Err(damaged()),
        };
        self.chunk.clear();
        if let Some(ahead) = self.ahead.take() {
            self.chunk.extend_from_slice(&[ahead]).map_err(|_| damaged())?;
        }
        self.taken += self.chunk.read_from(&mut self.inner)? as u64;
        self.ahead = self.chunk.pop_ahead();
        let last = self.ahead.is_none();
        // An empty last chunk after others would be a second way to divide the same plaintext.
        if position > 0 && self.chunk.as_ref().len() <= TAG_BYTES {
            return Err(damaged());
        }
        self.cipher
            .decrypt_in_place(position, last, b"", &mut self.chunk)
            .map_err(|_| damaged())?;
        self.next = match position.checked_add(1) {
            _ if last => Next::End,
            Some(next) => Next::Chunk(next),
            // More than 2^32 chunks.
            None => return Err(damaged()),
        };
        self.plain = 0..self.chunk.as_ref().len();
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn skip_to(&mut self, position: u32) {
        self.next = Next::Chunk(position);
    }
}

impl<R: Read + Seek> StreamOpener<R> {
    /// Continues at byte `offset` of the plaintext, forwards or backwards, at the cost of one chunk;
    /// `offset` may be the end. Returns the length of the whole plaintext.
    ///
    /// That length is not authenticated before the last chunk has been read. Every chunk read after this is
    /// still checked for its position. A stream that failed before can be read again.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::InvalidInput`] for an offset after the end, without moving; those of reading.
    pub fn seek_to(&mut self, offset: u64) -> io::Result<u64> {
        let here = self.inner.stream_position()?;
        let start = here.checked_sub(self.taken).ok_or_else(damaged)?;
        let end = self.inner.seek(SeekFrom::End(0))?;
        let length = end.checked_sub(start).and_then(plain_len);
        let (length, offset) = match length {
            Some(length) if offset <= length => (length, offset),
            _ => {
                self.inner.seek(SeekFrom::Start(here))?;
                return Err(match length {
                    Some(_) => io::ErrorKind::InvalidInput.into(),
                    None => damaged(),
                });
            }
        };
        // The end of the plaintext is found in its last chunk, which may be a full one.
        let chunk_bytes = CHUNK_BYTES as u64;
        let number = (offset / chunk_bytes).min(length.saturating_sub(1) / chunk_bytes);
        let position = u32::try_from(number).map_err(|_| damaged())?;
        let skipped = usize::try_from(offset - number * chunk_bytes).map_err(|_| damaged())?;
        self.taken = PREFIX_BYTES as u64 + number * SEALED_CHUNK_BYTES as u64;
        self.inner.seek(SeekFrom::Start(start + self.taken))?;
        (self.ahead, self.next, self.plain) = (None, Next::Chunk(position), 0..0);
        self.open_chunk()?;
        // This happens only if the length changed between the two reads.
        if skipped > self.plain.end {
            self.next = Next::Failed;
            self.plain = 0..0;
            return Err(damaged());
        }
        self.plain.start = skipped;
        Ok(length)
    }
}

impl<R: Read> Read for StreamOpener<R> {
    /// # Errors
    ///
    /// Those of `inner`, and [`Damaged`](crate::crypto::Damaged) in an [`io::Error`] of kind
    /// [`InvalidData`](io::ErrorKind::InvalidData): another key, a changed, missing, moved or added
    /// byte. After an error every read fails.
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if self.plain.is_empty() && !bytes.is_empty() {
            self.open_chunk()?;
        }
        let mut rest = self.chunk.as_ref().get(self.plain.clone()).unwrap_or_default();
        let read = rest.read(bytes)?;
        self.plain.start += read;
        Ok(read)
    }
}
