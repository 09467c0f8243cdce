//! The key table: the encrypted keys of payloads in one file, for a restore with a backup that has no keys.
//!
//! It is written at each turn of the ring, and nobody opens it without the key of its epoch, which is only in
//! the ring and its copies. So an older table opens nothing.
//!
//! ```text
//! name and version of the format, 32 ‖ time of the turn, 8 ‖ length, 8 ‖ the file buckets ‖ length, 8
//! ‖ the file slots ‖ XXH3 of all of it, 8
//! ```
//!
//! Numbers are little endian.

use std::{
    fs::{self, File},
    io::{self, BufReader, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::{Arc, PoisonError},
};

use xxhash_rust::xxh3::Xxh3;

use super::{
    bucket_table::{BUCKETS, EPOCH_OFFSET},
    files::sync,
    key_files::{InPlaceFile, KeyDirectory, open_in_place},
    ring::RingFile,
    slot_form::{SLOTS, SlotLayout},
    slots::{OpenKeysError, SlotFile},
};
use crate::{
    clock::UnixSeconds,
    crypto::{SystemRandom, WrappingKey},
};

const MAGIC: &[u8; 32] = b"sealdrop key table, format 1\n\0\0\0";
/// The name of the file in its directory.
pub(in crate::store) const KEY_TABLE: &str = "keys";
const NEW_TABLE: &str = "keys.new";
const CHUNK_BYTES: usize = 256 << 10;
/// The bytes up to the number of the epoch.
const HEAD_BYTES: usize = 48 + EPOCH_OFFSET + 8;

impl SlotFile {
    /// Writes a key table into `dir`, in place of the one there. No turn of the ring may run meanwhile;
    /// commits may: each key is in it or not. Durable when it returns.
    pub(super) fn write_key_table(&self, dir: &Path) -> io::Result<()> {
        let new = dir.join(NEW_TABLE);
        let mut options = File::options();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        let mut out = Summed { inner: io::BufWriter::new(&file), sum: Xxh3::new() };
        out.write_all(MAGIC)?;
        let slots_bytes = {
            // Without growth meanwhile, the buckets fit the slots.
            let _alone = self.growth.lock().unwrap_or_else(PoisonError::into_inner);
            let turned_at = self.buckets().table.turned_at;
            out.write_all(&turned_at.0.to_le_bytes())?;
            let buckets = self.files.open(BUCKETS)?;
            copy(buckets.as_ref(), buckets.bytes()?, &mut out)?;
            self.file.bytes()?
        };
        copy(self.file.as_ref(), slots_bytes, &mut out)?;
        let sum = out.sum.digest().to_le_bytes();
        out.write_all(&sum)?;
        out.flush()?;
        drop(out);
        file.sync_all()?;
        fs::rename(&new, dir.join(KEY_TABLE))?;
        sync(dir)
    }
}

/// Writes the length of a file, and the file.
fn copy(file: &dyn InPlaceFile, bytes: u64, out: &mut impl Write) -> io::Result<()> {
    out.write_all(&bytes.to_le_bytes())?;
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut offset = 0;
    while offset < bytes {
        let length =
            usize::try_from(bytes - offset).map_or(CHUNK_BYTES, |rest| rest.min(CHUNK_BYTES));
        let part = chunk.get_mut(..length).unwrap_or_default();
        file.read_exact_at(part, offset)?;
        out.write_all(part)?;
        offset += length as u64;
    }
    Ok(())
}

/// The time of the turn at which a key table was written; `None` if the file is none.
#[must_use]
pub fn key_table_time(table: &Path) -> Option<UnixSeconds> {
    key_table_of(table).map(|(time, _)| time)
}

/// The time and the number of the epoch of a key table; `None` if the file is none. The number is in the head of
/// the buckets.
pub(in crate::store) fn key_table_of(table: &Path) -> Option<(UnixSeconds, u64)> {
    let mut head = [0; HEAD_BYTES];
    File::open(table).and_then(|mut file| file.read_exact(&mut head)).ok()?;
    let number = |offset: usize| head.get(offset..)?.first_chunk().copied().map(u64::from_le_bytes);
    head.starts_with(MAGIC).then_some((UnixSeconds(number(32)?), number(48 + EPOCH_OFFSET)?))
}

/// Unpacks the table `table` into the directory `dir`, and opens its keys with the ring `ring`, which is not
/// changed.
pub(in crate::store) fn open_key_table(
    table: &Path,
    ring: &Path,
    master: Option<WrappingKey>,
    dir: &Path,
) -> Result<SlotFile, OpenKeysError> {
    let damaged = || io::Error::other("it is not a key table of format 1, or it is damaged");
    let mut input = Summed { inner: BufReader::new(File::open(table)?), sum: Xxh3::new() };
    let mut head = [0; 40];
    input.read_exact(&mut head)?;
    if !head.starts_with(MAGIC) {
        return Err(damaged().into());
    }
    for name in [BUCKETS, SLOTS] {
        let mut length = [0; 8];
        input.read_exact(&mut length)?;
        let length = u64::from_le_bytes(length);
        let mut options = File::options();
        let mut file =
            options.write(true).create(true).truncate(true).mode(0o600).open(dir.join(name))?;
        if io::copy(&mut Read::by_ref(&mut input).take(length), &mut file)? != length {
            return Err(damaged().into());
        }
    }
    let sum = input.sum.digest().to_le_bytes();
    let mut stored = [0; 8];
    input.inner.read_exact(&mut stored)?;
    if sum != stored {
        return Err(damaged().into());
    }
    let ring = RingFile::open(Box::new(open_in_place(ring)?), master)?;
    let files = Box::new(KeyDirectory::new(dir));
    SlotFile::open(files, ring, Arc::new(SystemRandom), SlotLayout::USUAL)
}

/// Computes the checksum of what passes.
struct Summed<T> {
    inner: T,
    sum: Xxh3,
}

impl<W: Write> Write for Summed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.sum.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<R: Read> Read for Summed<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(bytes)?;
        self.sum.update(bytes.get(..read).unwrap_or_default());
        Ok(read)
    }
}
