//! Sealing of a file any part of which may be needed again.

use std::io::{self, Read, Seek, SeekFrom};

use aead_stream::{NewStream, StreamPrimitive};

use super::{
    CHUNK_BYTES, Cipher, PREFIX_BYTES, SEALED_CHUNK_BYTES, TAG_BYTES, chunk::Chunk, sealed_len,
};
use crate::crypto::{
    message_key::MessageKey,
    random::{Random, random_array},
};

/// Seals the first `size` bytes of a file, from any position of the sealed form: a part that was lost in
/// transfer is sealed again, with the same result.
///
/// Holds one chunk of 64 KiB, and 16 bytes for each chunk that was sealed.
///
/// # Security
///
/// Another program may write to the file in the meantime. Different content under a used nonce would reveal
/// both, so a chunk that is sealed again must have the same tag as before.
pub struct FileSealer<R> {
    file: R,
    size: u64,
    prefix: [u8; PREFIX_BYTES],
    cipher: Cipher,
    tags: Vec<[u8; TAG_BYTES]>,
    chunk: Chunk,
}

impl<R: Read + Seek> FileSealer<R> {
    /// `key` must not seal anything else.
    #[must_use]
    pub fn new(file: R, size: u64, key: &MessageKey, random: &dyn Random) -> Self {
        let prefix = random_array(random);
        let cipher = Cipher::new(key.expose_secret().into(), &prefix.into());
        Self { file, size, prefix, cipher, tags: Vec::new(), chunk: Chunk::new() }
    }

    /// The length of the sealed form.
    #[must_use]
    pub fn sealed_len(&self) -> u64 {
        sealed_len(self.size)
    }

    /// Reads the sealed form from byte `at`, which must be at or before the end of what was read before.
    pub fn read_from(&mut self, at: u64) -> SealedPart<'_, R> {
        SealedPart { sealer: self, at, hand: None }
    }

    /// Makes the sealed chunk `number` the current one.
    fn seal(&mut self, number: u64) -> io::Result<()> {
        let begins = number * CHUNK_BYTES as u64;
        let left = self.size.saturating_sub(begins);
        let is_last = left <= CHUNK_BYTES as u64;
        let length = left.min(CHUNK_BYTES as u64);
        self.file.seek(SeekFrom::Start(begins))?;
        self.chunk.clear();
        let read = self.chunk.read_from(&mut (&mut self.file).take(length))?;
        let position = u32::try_from(number);
        let position = position.map_err(|_| io::Error::other("it has more than 2^32 chunks"))?;
        // Files in /proc contain more than the size that they report.
        if read as u64 != length || (is_last && self.file.read(&mut [0])? > 0) {
            return Err(changed());
        }
        self.cipher
            .encrypt_in_place(position, is_last, b"", &mut self.chunk)
            .map_err(|_| io::Error::other("AES-GCM refuses a chunk of 64 KiB"))?;
        let tag = *self.chunk.as_ref().last_chunk().ok_or_else(changed)?;
        let before = usize::try_from(number).ok().and_then(|number| self.tags.get(number));
        match before {
            Some(before) if *before != tag => Err(changed()),
            Some(_) => Ok(()),
            None if self.tags.len() as u64 == number => {
                self.tags.push(tag);
                Ok(())
            }
            None => Err(io::Error::other("no part of it was read before this one")),
        }
    }
}

/// A reader of a part of a sealed file.
pub struct SealedPart<'a, R> {
    sealer: &'a mut FileSealer<R>,
    at: u64,
    /// The number of the sealer's current chunk.
    hand: Option<u64>,
}

impl<R: Read + Seek> Read for SealedPart<'_, R> {
    /// # Errors
    ///
    /// Those of the file; [`io::ErrorKind::InvalidData`] if its content has changed.
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.sealer.sealed_len() {
            return Ok(0);
        }
        let prefix = PREFIX_BYTES as u64;
        let Some(behind) = self.at.checked_sub(prefix) else {
            let from = usize::try_from(self.at).unwrap_or_default();
            return Ok(self.give(from, None, bytes));
        };
        let (number, from) =
            (behind / SEALED_CHUNK_BYTES as u64, behind % SEALED_CHUNK_BYTES as u64);
        if self.hand != Some(number) {
            self.hand = None;
            self.sealer.seal(number)?;
            self.hand = Some(number);
        }
        Ok(self.give(usize::try_from(from).unwrap_or_default(), self.hand, bytes))
    }
}

impl<R> SealedPart<'_, R> {
    /// Copies from byte `from` of the current chunk, or of the prefix.
    fn give(&mut self, from: usize, hand: Option<u64>, bytes: &mut [u8]) -> usize {
        let whole = hand.map_or(self.sealer.prefix.as_slice(), |_| self.sealer.chunk.as_ref());
        let left = whole.get(from..).unwrap_or_default();
        let given = left.len().min(bytes.len());
        for (to, from) in bytes.iter_mut().zip(left) {
            *to = *from;
        }
        self.at += given as u64;
        given
    }
}

fn changed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it was changed while it was read")
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::crypto::{SeededRandom, StreamOpener};

    fn sealer(data: &[u8]) -> FileSealer<Cursor<Vec<u8>>> {
        let key = MessageKey::from_bytes([7; 32]);
        let size = data.len() as u64;
        FileSealer::new(Cursor::new(data.to_vec()), size, &key, &SeededRandom::new(1))
    }

    fn all(sealer: &mut FileSealer<Cursor<Vec<u8>>>, at: u64) -> Vec<u8> {
        let mut sealed = Vec::new();
        sealer.read_from(at).read_to_end(&mut sealed).unwrap();
        sealed
    }

    #[test]
    fn it_opens_and_any_part_comes_out_again() {
        for size in [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, 200_000]
        {
            let data: Vec<u8> = (0..size).map(|at| u8::try_from(at % 251).unwrap()).collect();
            let mut sealer = sealer(&data);
            let sealed = all(&mut sealer, 0);
            assert_eq!(sealed.len() as u64, sealer.sealed_len());
            let key = MessageKey::from_bytes([7; 32]);
            let mut opened = Vec::new();
            StreamOpener::new(&sealed[..], &key).unwrap().read_to_end(&mut opened).unwrap();
            assert!(opened == data, "{size}");
            for at in [1, 7, 8, sealed.len() / 2, sealed.len() - 1, sealed.len()] {
                assert!(all(&mut sealer, at as u64) == sealed[at..], "{size} from {at}");
            }
        }
    }

    #[test]
    fn a_file_that_changes_is_not_sealed_again() {
        let mut sealer = sealer(&[5; 100_000]);
        all(&mut sealer, 0);
        sealer.file.get_mut()[70_000] ^= 1;
        let mut part = Vec::new();
        let error = sealer.read_from(66_000).read_to_end(&mut part).unwrap_err();
        assert_eq!((error.kind(), part.len()), (io::ErrorKind::InvalidData, 0));
        sealer.file.get_mut().push(1);
        let at_the_end = sealer.read_from(66_000).read_to_end(&mut part).unwrap_err();
        assert_eq!(at_the_end.kind(), io::ErrorKind::InvalidData, "it has grown");
        sealer.file.get_mut().truncate(90_000);
        assert!(sealer.read_from(66_000).read_to_end(&mut part).is_err());
        // The unchanged part is still readable.
        sealer.read_from(0).read_exact(&mut [0; 1000]).unwrap();
    }
}
