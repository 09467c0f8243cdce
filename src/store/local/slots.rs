//! The slot file: one 32-byte key per sealed payload, overwritten in place when the payload is burned.
//!
//! sled is a log and keeps old bytes, but this file does not. It is filled with zeros before use, so that a
//! write overwrites the blocks that contain the key. This holds for file systems that overwrite in place,
//! such as ext4 and xfs, but not for btrfs and zfs, and a flash drive may copy blocks under any of them.
//! Slots 0 and 1 are the header: the format of the file, and the [`CommitMark`].

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{File, OpenOptions},
    io,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use xxhash_rust::xxh3::xxh3_64;
use zeroize::{Zeroize, Zeroizing};

use super::slot_map::{HEADER_SLOTS, SlotMap};
use crate::{
    crypto::SlotKey,
    store::{
        StoreError,
        engine::DiskFailure,
        fatal::fatal,
        payload_keys::{CommitMark, FoundSlots, PayloadKeys, SlotWrites},
    },
};

/// The size of a slot, in bytes.
pub(in crate::store) const SLOT_BYTES: usize = 32;
const MAGIC: &[u8; SLOT_BYTES] = b"sealdrop slots, format 1\n\0\0\0\0\0\0\0";
/// The number of slots by which the file grows: 1 MiB, so that growth is rare and short.
const GROWTH_SLOTS: u32 = 32_768;
/// The content of a wiped slot, followed by the number of the commit that wiped it.
const BURNED: &[u8; 16] = b"burned by commit";

pub(in crate::store) struct SlotFile {
    file: File,
    map: Mutex<SlotMap>,
    /// Held while the file grows. The map is not locked then: requests take the slots that are left.
    growth: Mutex<()>,
}

impl SlotFile {
    /// Creates a slot file with one step of empty slots, and syncs it.
    pub(in crate::store) fn create(path: &Path) -> io::Result<()> {
        let file =
            OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)?;
        let slots = Self { file, map: Mutex::new(SlotMap::new(0)), growth: Mutex::default() };
        slots.grow(0)?;
        slots.file.write_all_at(MAGIC, 0)?;
        slots.write_mark(CommitMark { batch: 0, finished: true })?;
        slots.file.sync_all()
    }

    /// Opens the file. [`PayloadKeys::verify`] later determines which slots are in use.
    pub(in crate::store) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        let mut magic = [0; SLOT_BYTES];
        file.read_exact_at(&mut magic, 0)?;
        if &magic != MAGIC {
            return Err(io::Error::other("it is not a slot file of format 1"));
        }
        // A crash can cut the file within the last step, which has no used slots then.
        let steps = file.metadata()?.len() / (u64::from(GROWTH_SLOTS) * SLOT_BYTES as u64);
        let words = steps * u64::from(GROWTH_SLOTS) / 64;
        let words = usize::try_from(words).map_err(io::Error::other)?;
        Ok(Self { file, map: Mutex::new(SlotMap::new(words)), growth: Mutex::default() })
    }

    fn map(&self) -> MutexGuard<'_, SlotMap> {
        self.map.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_mark(&self, mark: CommitMark) -> io::Result<()> {
        self.file.write_all_at(&mark_bytes(mark), SLOT_BYTES as u64)
    }

    fn read_slot(&self, slot: u32) -> io::Result<Option<SlotKey>> {
        let mut bytes = Zeroizing::new([0; SLOT_BYTES]);
        self.file.read_exact_at(&mut *bytes, offset(slot))?;
        Ok((!is_empty(&bytes)).then(|| SlotKey::from_bytes(*bytes)))
    }

    /// Writes keys into a file that is being restored, which grows for them.
    ///
    /// # Errors
    ///
    /// An I/O error, if the file cannot grow.
    pub(in crate::store) fn restore(&self, keys: &SlotWrites) -> io::Result<()> {
        let last = keys.last_key_value().map_or(0, |(last, _)| *last);
        let mut capacity = self.map().capacity();
        while last >= capacity {
            self.grow(capacity)?;
            capacity = self.map().capacity();
        }
        self.write_slots(keys, 0)
    }

    /// Writes slots, neighbours together, and syncs.
    fn write_slots(&self, writes: &SlotWrites, batch: u64) -> io::Result<()> {
        let mut run = Zeroizing::new(Vec::new());
        let mut next = None;
        for (slot, key) in writes {
            if next != Some(*slot) {
                self.write_run(next, &mut run)?;
            }
            match key {
                Some(key) => run.extend_from_slice(key.expose_secret()),
                None => run.extend_from_slice(&burned_bytes(batch)),
            }
            next = Some(slot + 1);
        }
        self.write_run(next, &mut run)?;
        self.file.sync_data()
    }

    /// Writes the slots of `run`, the last of which is the one before `end`, and clears `run`.
    fn write_run(&self, end: Option<u32>, run: &mut Vec<u8>) -> io::Result<()> {
        let Some(end) = end else { return Ok(()) };
        let start = offset(end) - run.len() as u64;
        self.file.write_all_at(run, start)?;
        run.zeroize();
        Ok(())
    }

    /// Adds slots, unless the file has more than `capacity` already.
    fn grow(&self, capacity: u32) -> io::Result<()> {
        let _alone = self.growth.lock().unwrap_or_else(PoisonError::into_inner);
        if self.map().capacity() > capacity {
            return Ok(());
        }
        let zeros = vec![0; GROWTH_SLOTS as usize * SLOT_BYTES];
        let start = offset(capacity);
        if let Err(error) = self.file.write_all_at(&zeros, start) {
            // A partly grown file is cut to its old length, which matches the slots in memory.
            self.file.set_len(start)?;
            return Err(error);
        }
        if let Err(error) = self.file.sync_all() {
            fatal(&format!("cannot sync the slot file: {error}"));
        }
        self.map().add(GROWTH_SLOTS as usize / 64);
        Ok(())
    }
}

impl PayloadKeys for SlotFile {
    fn reserve(&self) -> io::Result<u32> {
        loop {
            let capacity = {
                let mut map = self.map();
                if let Some(slot) = map.take() {
                    return Ok(slot);
                }
                map.capacity()
            };
            self.grow(capacity)?;
        }
    }

    fn release(&self, slots: &mut dyn Iterator<Item = u32>) {
        let mut map = self.map();
        slots.for_each(|slot| map.free(slot));
    }

    fn grow_early(&self) {
        let (is_enough, capacity) = {
            let map = self.map();
            (map.free >= map.grow_below, map.capacity())
        };
        if !is_enough && self.grow(capacity).is_err() {
            // On a full disk, this is tried a few times, and then again when the last slot is taken.
            self.map().grow_below /= 2;
        }
    }

    fn read(&self, slot: u32) -> Result<Option<SlotKey>, StoreError> {
        self.read_slot(slot).or_else(|error| fatal(&format!("cannot read the slot file: {error}")))
    }

    fn read_many(&self, first: u32, count: u32) -> io::Result<FoundSlots> {
        let first = first.max(HEADER_SLOTS);
        let capacity = self.map().capacity();
        let end = first.saturating_add(count).min(capacity);
        let length = end.saturating_sub(first) as usize * SLOT_BYTES;
        let mut bytes = Zeroizing::new(vec![0; length]);
        self.file.read_exact_at(&mut bytes, offset(first))?;
        let slots = (first..).zip(bytes.as_chunks::<SLOT_BYTES>().0);
        let keys = slots
            .filter(|(_, bytes)| !is_empty(bytes))
            .map(|(slot, bytes)| (slot, SlotKey::from_bytes(*bytes)))
            .collect();
        Ok((keys, (end < capacity).then_some(end)))
    }

    fn write(&self, writes: &SlotWrites, batch: u64) -> Result<(), DiskFailure> {
        self.write_slots(writes, batch).map_err(DiskFailure::of("cannot write the slot file"))
    }

    fn mark(&self, mark: CommitMark) -> Result<(), DiskFailure> {
        self.write_mark(mark).map_err(DiskFailure::of("cannot write the slot file"))
    }

    fn commit_mark(&self) -> io::Result<Option<CommitMark>> {
        let mut bytes = [0; SLOT_BYTES];
        self.file.read_exact_at(&mut bytes, SLOT_BYTES as u64)?;
        let batch = bytes.first_chunk::<8>().map_or(0, |b| u64::from_le_bytes(*b));
        let finished = bytes.get(8) == Some(&1);
        let mark = CommitMark { batch, finished };
        Ok((bytes == mark_bytes(mark)).then_some(mark))
    }

    fn verify(
        &self,
        named: &BTreeMap<u32, u64>,
        batch: u64,
    ) -> io::Result<Result<BTreeSet<u32>, &'static str>> {
        const CHUNK_SLOTS: usize = 2048;
        let mut burned = BTreeSet::new();
        let mut wipes = SlotWrites::new();
        let mut chunk = Zeroizing::new(vec![0; CHUNK_SLOTS * SLOT_BYTES]);
        let mut slot: u32 = 0;
        let mut map = self.map();
        let capacity = map.capacity();
        if named.keys().next_back().is_some_and(|last| *last >= capacity) {
            return Ok(Err("a record names a key slot behind the end of the slot file"));
        }
        while slot < capacity {
            self.file.read_exact_at(&mut chunk, offset(slot))?;
            for bytes in chunk.as_chunks::<SLOT_BYTES>().0 {
                match named.get(&slot) {
                    _ if slot < HEADER_SLOTS => {}
                    None => {
                        if *bytes != [0; SLOT_BYTES] && burned_by(bytes).is_none() {
                            wipes.insert(slot, None);
                        }
                    }
                    Some(_) if burned_by(bytes).is_some_and(|wiped| wiped > batch) => {
                        burned.insert(slot);
                    }
                    Some(check) if SlotKey::from_bytes(*bytes).check() == *check => {}
                    Some(_) => return Ok(Err("a key slot does not hold the key of its record")),
                }
                slot += 1;
            }
        }
        named.keys().filter(|slot| !burned.contains(slot)).for_each(|slot| map.set_used(*slot));
        if !wipes.is_empty() {
            self.write_slots(&wipes, batch)?;
        }
        Ok(Ok(burned))
    }

    fn close(&self) -> Result<(), DiskFailure> {
        self.file.sync_data().map_err(DiskFailure::of("cannot sync the slot file"))
    }

    fn bytes(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }
}

fn offset(slot: u32) -> u64 {
    u64::from(slot) * SLOT_BYTES as u64
}

fn mark_bytes(mark: CommitMark) -> [u8; SLOT_BYTES] {
    let mut bytes = [0; SLOT_BYTES];
    bytes[..8].copy_from_slice(&mark.batch.to_le_bytes());
    bytes[8] = u8::from(mark.finished);
    with_checksum(bytes)
}

/// Whether a slot has no key.
fn is_empty(bytes: &[u8; SLOT_BYTES]) -> bool {
    *bytes == [0; SLOT_BYTES] || burned_by(bytes).is_some()
}

/// The content of a slot that the commit `batch` has wiped. It distinguishes a wiped key from a lost one. It
/// is never a valid key, because no payload is sealed under it.
fn burned_bytes(batch: u64) -> [u8; SLOT_BYTES] {
    let mut bytes = [0; SLOT_BYTES];
    bytes[..16].copy_from_slice(BURNED);
    bytes[16..24].copy_from_slice(&batch.to_le_bytes());
    with_checksum(bytes)
}

/// The commit that has wiped a slot; `None` if the slot is not wiped.
fn burned_by(bytes: &[u8; SLOT_BYTES]) -> Option<u64> {
    let batch = u64::from_le_bytes(*bytes[16..].first_chunk()?);
    (*bytes == burned_bytes(batch)).then_some(batch)
}

fn with_checksum(mut bytes: [u8; SLOT_BYTES]) -> [u8; SLOT_BYTES] {
    let checksum = xxh3_64(&bytes[..24]);
    bytes[24..].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> SlotKey {
        SlotKey::from_bytes([byte; 32])
    }

    fn fresh() -> (tempfile::TempDir, std::path::PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("slots");
        SlotFile::create(&path).unwrap();
        (dir, path)
    }

    #[test]
    fn keys_are_kept_and_wiped_in_place() {
        let (_dir, path) = fresh();
        let slots = SlotFile::open(&path).unwrap();
        let taken: Vec<u32> = (0..5).map(|_| slots.reserve().unwrap()).collect();
        assert_eq!(taken, [2, 3, 4, 5, 6]);
        slots
            .write(
                &taken.iter().map(|slot| (*slot, u8::try_from(*slot).ok().map(key))).collect(),
                1,
            )
            .unwrap();
        slots.write(&[(3, None), (6, None)].into(), 2).unwrap();
        assert!(slots.read(3).unwrap().is_none());
        assert_eq!(slots.read(5).unwrap().unwrap().expose_secret(), &[5; 32]);
        let raw = std::fs::read(&path).unwrap();
        assert!(!raw.as_chunks::<32>().0.contains(&[3; 32]), "a wiped key stays in the file");
        slots.release(&mut [3].into_iter());
        assert_eq!(slots.reserve().unwrap(), 3);
    }

    #[test]
    fn the_file_grows_when_all_slots_are_taken() {
        let (_dir, path) = fresh();
        let slots = SlotFile::open(&path).unwrap();
        let last = (0..GROWTH_SLOTS).map(|_| slots.reserve().unwrap()).last().unwrap();
        assert_eq!(last, GROWTH_SLOTS + 1);
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 2 << 20);
    }

    #[test]
    fn verifying_wipes_strays_finds_burned_ones_and_refuses_what_is_not_the_key() {
        let (_dir, path) = fresh();
        let slots = SlotFile::open(&path).unwrap();
        slots.write(&[(2, Some(key(2))), (3, Some(key(3)))].into(), 7).unwrap();
        slots.write(&[(9, None)].into(), 8).unwrap();
        let named = [(2, key(2).check()), (9, 1)].into();
        assert_eq!(slots.verify(&named, 7).unwrap(), Ok([9].into()));
        assert!(slots.read(3).unwrap().is_none(), "a slot without a record stays filled");
        let refused = [
            ((2, 77), 7),           // another key
            ((9, 1), 8),            // wiped by a commit that the database knows
            ((10, 1), 7),           // empty
            ((GROWTH_SLOTS, 1), 7), // after the end
        ];
        for (named, batch) in refused {
            assert!(slots.verify(&[named].into(), batch).unwrap().is_err(), "{named:?}");
        }
    }

    #[test]
    fn a_flipped_bit_in_the_commit_mark_is_noticed() {
        let (_dir, path) = fresh();
        let slots = SlotFile::open(&path).unwrap();
        let mark = CommitMark { batch: 77, finished: false };
        slots.mark(mark).unwrap();
        assert_eq!(slots.commit_mark().unwrap(), Some(mark));
        slots.file.write_all_at(&[78], 32).unwrap();
        assert_eq!(slots.commit_mark().unwrap(), None);
    }
}
