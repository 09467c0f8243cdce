//! AES-256-GCM over a file that is written in several parts and read from any position: the form in which
//! the store keeps an attachment. The sender has already encrypted these bytes.
//!
//! ```text
//! file  = chunk 0 ‖ chunk 1 ‖ …
//! chunk = nonce (12 bytes) ‖ AES-256-GCM of 65,552 bytes ‖ tag (16 bytes)
//! nonce = 8 random bytes of the writer ‖ number of the chunk (32 bits, big endian)
//! ```
//!
//! The first chunk has 7 bytes more, and the last one holds the remainder. Chunks therefore end where those
//! of the sender's [`stream`](super::stream) end, and an upload that continues after a chunk does not have
//! to read it again.
//!
//! There is no associated data. The total length is stored elsewhere, so no chunk is marked as the last
//! one. A chunk that was lost in a crash is written again by another writer with other random bytes: no
//! nonce is used twice with the same key.

use std::{
    io::{self, Read, Seek, SeekFrom, Write},
    mem,
    ops::Range,
};

use aes_gcm::{
    Aes256Gcm, KeyInit,
    aead::{AeadInOut, inout::InOutBuf},
};

use super::{
    message_key::MessageKey,
    random::{Random, random_array},
    seal::Damaged,
    stream::{PREFIX_BYTES, SEALED_CHUNK_BYTES},
};

/// The bytes of content in a chunk. Every chunk but the last one is full.
const CHUNK_BYTES: u64 = SEALED_CHUNK_BYTES as u64;
/// The additional bytes of content in the first chunk.
const LEAD_BYTES: u64 = PREFIX_BYTES as u64;

/// The number of chunks that are read and opened together.
const CHUNKS_AT_ONCE: u64 = 4;

const WRITER_BYTES: usize = 8;
const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;
/// The difference in bytes between a chunk and its content.
const OVERHEAD_BYTES: usize = NONCE_BYTES + TAG_BYTES;

/// The length of the file for `bytes` bytes of content.
#[must_use]
pub fn stored_len(bytes: u64) -> u64 {
    let chunks = bytes.checked_sub(1).map_or(0, |last| number_at(last) + 1);
    bytes.saturating_add(chunks.saturating_mul(OVERHEAD_BYTES as u64))
}

/// The number of the chunk that holds byte `at`; at the end of full chunks, their count.
#[must_use]
pub fn number_at(at: u64) -> u64 {
    at.saturating_sub(LEAD_BYTES) / CHUNK_BYTES
}

/// The position in the content where chunk `number` begins.
fn begin_of(number: u64) -> u64 {
    match number {
        0 => 0,
        number => LEAD_BYTES + number * CHUNK_BYTES,
    }
}

/// Seals the bytes written to it and passes them on to `W`, one chunk at a time. Holds two chunks.
pub struct ChunkWriter<W> {
    inner: W,
    cipher: Aes256Gcm,
    writer: [u8; WRITER_BYTES],
    number: u64,
    /// Bytes that do not fill a chunk yet.
    tail: Vec<u8>,
    /// The buffer of the last chunk, to be used again.
    chunk: Vec<u8>,
}

impl<W: Write> ChunkWriter<W> {
    /// Continues after `chunks` full chunks, at the current position of `inner`.
    #[must_use]
    pub fn new(inner: W, key: &MessageKey, chunks: u64, random: &dyn Random) -> Self {
        let cipher = Aes256Gcm::new(key.expose_secret().into());
        let (tail, chunk) = (Vec::new(), Vec::new());
        Self { inner, cipher, writer: random_array(random), number: chunks, tail, chunk }
    }

    /// The underlying writer.
    pub fn inner(&mut self) -> &mut W {
        &mut self.inner
    }

    /// The number of bytes in all written chunks, including those before this writer, if each of them was
    /// full.
    #[must_use]
    pub fn sealed(&self) -> u64 {
        begin_of(self.number)
    }

    /// The bytes that are not in a chunk yet, fewer than a full one.
    #[must_use]
    pub fn tail(&self) -> &[u8] {
        &self.tail
    }

    /// Takes the next bytes, and writes each chunk once it is full.
    ///
    /// # Errors
    ///
    /// Those of `inner`; after an error, nothing more may be written.
    pub fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let lead = if self.number == 0 { PREFIX_BYTES } else { 0 };
            let full = lead + SEALED_CHUNK_BYTES;
            // Seals directly from `bytes` where they contain a whole chunk: copying is a large part of the
            // work.
            if self.tail.is_empty()
                && let Some((body, later)) = bytes.split_at_checked(full)
            {
                self.seal(body)?;
                bytes = later;
                continue;
            }
            let room = full.saturating_sub(self.tail.len());
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.tail.extend_from_slice(now);
            bytes = later;
            if self.tail.len() == full {
                self.finish()?;
            }
        }
        Ok(())
    }

    /// Writes the remainder as the last chunk.
    ///
    /// # Errors
    ///
    /// Those of `inner`.
    pub fn finish(&mut self) -> io::Result<()> {
        let mut tail = mem::take(&mut self.tail);
        if !tail.is_empty() {
            self.seal(&tail)?;
        }
        tail.clear();
        self.tail = tail;
        Ok(())
    }

    fn seal(&mut self, body: &[u8]) -> io::Result<()> {
        let refused = || io::Error::other("AES-GCM refuses a chunk of 64 KiB");
        let nonce = nonce(self.writer, self.number)?;
        self.chunk.resize(NONCE_BYTES + body.len() + TAG_BYTES, 0);
        let (head, rest) = self.chunk.split_first_chunk_mut().ok_or_else(refused)?;
        let (sealed, end) = rest.split_last_chunk_mut().ok_or_else(refused)?;
        *head = nonce;
        let both = InOutBuf::new(body, sealed).map_err(|_| refused())?;
        let tag = self.cipher.encrypt_inout_detached(&nonce.into(), b"", both);
        *end = tag.map_err(|_| refused())?.into();
        self.inner.write_all(&self.chunk)?;
        self.number += 1;
        Ok(())
    }
}

/// Reads a range of the content that [`ChunkWriter`] wrote, a few chunks at a time.
pub struct ChunkReader<R> {
    inner: R,
    cipher: Aes256Gcm,
    /// The buffer of the last chunk, to be used again.
    chunk: Vec<u8>,
    /// The range that has not been read yet.
    left: Range<u64>,
    total: u64,
}

impl<R: Read + Seek> ChunkReader<R> {
    /// Moves to the range `wanted` of `total` bytes; the file begins at the current position of `inner`.
    ///
    /// # Errors
    ///
    /// Those of `inner`.
    pub fn new(mut inner: R, key: &MessageKey, total: u64, wanted: Range<u64>) -> io::Result<Self> {
        let number = number_at(wanted.start);
        let offset = begin_of(number) + number * OVERHEAD_BYTES as u64;
        inner.seek(SeekFrom::Start(offset))?;
        let cipher = Aes256Gcm::new(key.expose_secret().into());
        let left = wanted.start..wanted.end.min(total);
        Ok(Self { inner, cipher, chunk: Vec::new(), left, total })
    }

    /// Reads the wanted part of the next four chunks. Returns `room`, with its old content replaced, and
    /// the range of the wanted bytes in it; `None` at the end.
    ///
    /// # Errors
    ///
    /// Those of `inner`, and [`Damaged`] in one of kind [`InvalidData`](io::ErrorKind::InvalidData): a
    /// changed, missing or moved byte.
    pub fn next_piece(&mut self, mut room: Vec<u8>) -> io::Result<Option<(Vec<u8>, Range<usize>)>> {
        let Range { start, end } = self.left;
        if start >= end {
            return Ok(None);
        }
        let first = number_at(start);
        let after = (number_at(end - 1) + 1).min(first + CHUNKS_AT_ONCE);
        let begins = begin_of(first);
        let ends = self.total.min(begin_of(after));
        let place = |at: u64| usize::try_from(at - begins).map_err(|_| damaged());
        room.resize(place(ends)?, 0);
        for number in first..after {
            let body = place(begin_of(number))?..place(ends.min(begin_of(number + 1)))?;
            self.open(number, room.get_mut(body).ok_or_else(damaged)?)?;
        }
        let upto = end.min(ends);
        self.left.start = upto;
        Ok(Some((room, place(start)?..place(upto)?)))
    }

    /// Opens the next chunk, which has this number, into `body`, whose length is that of the chunk's
    /// content.
    fn open(&mut self, number: u64, body: &mut [u8]) -> io::Result<()> {
        self.chunk.resize(body.len() + OVERHEAD_BYTES, 0);
        self.inner.read_exact(&mut self.chunk).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => damaged(),
            _ => error,
        })?;
        let (nonce, rest) = self.chunk.split_first_chunk::<NONCE_BYTES>().ok_or_else(damaged)?;
        let (sealed, tag) = rest.split_last_chunk::<TAG_BYTES>().ok_or_else(damaged)?;
        if nonce.last_chunk() != Some(&number_bytes(number)?) {
            return Err(damaged());
        }
        let both = InOutBuf::new(sealed, body).map_err(|_| damaged())?;
        let opened = self.cipher.decrypt_inout_detached(nonce.into(), b"", both, tag.into());
        opened.map_err(|_| damaged())
    }
}

fn nonce(writer: [u8; WRITER_BYTES], number: u64) -> io::Result<[u8; NONCE_BYTES]> {
    let mut nonce = [0; NONCE_BYTES];
    nonce[..WRITER_BYTES].copy_from_slice(&writer);
    nonce[WRITER_BYTES..].copy_from_slice(&number_bytes(number)?);
    Ok(nonce)
}

fn number_bytes(number: u64) -> io::Result<[u8; NONCE_BYTES - WRITER_BYTES]> {
    let number = u32::try_from(number).map_err(|_| io::Error::other("more than 2^32 chunks"))?;
    Ok(number.to_be_bytes())
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, Damaged)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::crypto::random::SeededRandom;

    const FIRST: usize = PREFIX_BYTES + SEALED_CHUNK_BYTES;

    fn key() -> MessageKey {
        MessageKey::from_bytes([7; 32])
    }

    fn data(bytes: usize) -> Vec<u8> {
        (0..bytes).map(|at| u8::try_from(at * 31 % 251).unwrap()).collect()
    }

    fn sealed(data: &[u8], piece_bytes: usize) -> Vec<u8> {
        let mut writer = ChunkWriter::new(Vec::new(), &key(), 0, &SeededRandom::new(1));
        data.chunks(piece_bytes).for_each(|piece| writer.write(piece).unwrap());
        writer.finish().unwrap();
        writer.inner
    }

    fn read(sealed: &[u8], total: u64, wanted: Range<u64>) -> io::Result<Vec<u8>> {
        let mut reader = ChunkReader::new(Cursor::new(sealed), &key(), total, wanted)?;
        let mut all = Vec::new();
        let mut room = Vec::new();
        while let Some((bytes, place)) = reader.next_piece(room)? {
            all.extend_from_slice(&bytes[place]);
            room = bytes;
        }
        Ok(all)
    }

    #[test]
    fn any_part_comes_back() {
        for bytes in [0, 1, 7, FIRST - 1, FIRST, FIRST + 1, 3 * FIRST + 5, 9 * FIRST] {
            let data = data(bytes);
            let [sealed, others @ ..] =
                [1000, FIRST, 2 * FIRST + 9, 10 * FIRST].map(|piece| sealed(&data, piece));
            let total = bytes as u64;
            assert!(others.iter().all(|other| *other == sealed), "{bytes}");
            assert_eq!(sealed.len() as u64, stored_len(total));
            for (from, to) in [(0, bytes), (bytes / 2, bytes), (bytes / 3, bytes / 3 + bytes / 4)] {
                let part = read(&sealed, total, from as u64..to as u64).unwrap();
                assert!(part == data[from..to], "{bytes} {from} {to}");
            }
        }
    }

    #[test]
    fn a_second_writer_goes_on() {
        let data = data(2 * FIRST + 9);
        let mut first = ChunkWriter::new(Vec::new(), &key(), 0, &SeededRandom::new(1));
        first.write(&data[..FIRST + 4]).unwrap();
        assert_eq!((first.sealed(), first.tail().len()), (FIRST as u64, 4));
        let mut second = ChunkWriter::new(Vec::new(), &key(), 1, &SeededRandom::new(2));
        second.write(&data[FIRST..]).unwrap();
        second.finish().unwrap();
        let whole = [first.inner, second.inner].concat();
        let total = data.len() as u64;
        assert!(read(&whole, total, 0..total).unwrap() == data);
    }

    #[test]
    fn what_is_not_in_its_place_is_damage() {
        let data = data(FIRST + SEALED_CHUNK_BYTES);
        let total = data.len() as u64;
        let good = sealed(&data, 1000);
        let stored = FIRST + OVERHEAD_BYTES;
        let moved = [&good[stored..], &good[..stored]].concat();
        let mut flipped = good.clone();
        flipped[stored + 100] ^= 1;
        for bad in [moved, flipped, good[..good.len() - 1].to_vec()] {
            let error = read(&bad, total, 0..total).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        }
    }
}
