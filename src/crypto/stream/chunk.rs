//! The buffer of a sealer or an opener.

use std::io::{self, Read};

use aead_stream::aead::{Buffer, Error};
use zeroize::ZeroizeOnDrop;

use super::{CHUNK_BYTES, SEALED_CHUNK_BYTES};

/// Room for one sealed chunk and the byte after it, allocated once; encrypted and decrypted in place. Wiped
/// on drop.
///
/// It is not a `Vec`, because a `Vec` would have to be cleared with zeros again for every chunk that is
/// read into it, or be read into in small steps.
#[derive(ZeroizeOnDrop)]
pub(super) struct Chunk {
    bytes: Box<[u8]>,
    filled: usize,
}

impl Chunk {
    pub(super) fn new() -> Self {
        Self { bytes: vec![0; SEALED_CHUNK_BYTES + 1].into_boxed_slice(), filled: 0 }
    }

    pub(super) fn clear(&mut self) {
        self.filled = 0;
    }

    /// Copies the start of `plaintext`, up to a full chunk, and returns the number of bytes copied.
    pub(super) fn take(&mut self, plaintext: &[u8]) -> usize {
        let room = self.bytes.get_mut(self.filled..CHUNK_BYTES).unwrap_or_default();
        let taken = room.len().min(plaintext.len());
        for (room, bytes) in room.get_mut(..taken).into_iter().zip(plaintext.get(..taken)) {
            room.copy_from_slice(bytes);
        }
        self.filled += taken;
        taken
    }

    /// Reads until the buffer is full, or `input` ends. Returns the number of bytes read.
    pub(super) fn read_from(&mut self, input: &mut impl Read) -> io::Result<usize> {
        let before = self.filled;
        while let Some(room) = self.bytes.get_mut(self.filled..).filter(|room| !room.is_empty()) {
            match input.read(room) {
                Ok(0) => break,
                Ok(bytes) => self.filled += bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.filled - before)
    }

    /// Removes and returns the byte after a full sealed chunk, if it was read.
    pub(super) fn pop_ahead(&mut self) -> Option<u8> {
        let ahead = self.as_ref().get(SEALED_CHUNK_BYTES).copied();
        if ahead.is_some() {
            self.filled = SEALED_CHUNK_BYTES;
        }
        ahead
    }
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(..self.filled).unwrap_or_default()
    }
}

impl AsMut<[u8]> for Chunk {
    fn as_mut(&mut self) -> &mut [u8] {
        self.bytes.get_mut(..self.filled).unwrap_or_default()
    }
}

impl Buffer for Chunk {
    fn extend_from_slice(&mut self, other: &[u8]) -> Result<(), Error> {
        let end = self.filled.checked_add(other.len()).ok_or(Error)?;
        self.bytes.get_mut(self.filled..end).ok_or(Error)?.copy_from_slice(other);
        self.filled = end;
        Ok(())
    }

    fn truncate(&mut self, len: usize) {
        self.filled = self.filled.min(len);
    }
}
