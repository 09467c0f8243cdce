//! Keys of payloads in memory. In the exclusive form they are in the slot file of a data directory, whose
//! files are in memory; in the shared form, a commit of the engine writes them.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::Arc,
};

use super::{
    Sharing,
    disk::Process,
    files::{DiskFiles, FileCopies, MemoryFiles},
};
use crate::{
    crypto::{SeededRandom, SlotKey},
    store::{
        StoreError,
        engine::DiskFailure,
        local::{key_files::KeyFiles, ring::RingFile, slot_form::SlotLayout, slots::SlotFile},
        payload_keys::{CommitMark, FoundSlots, KeyRing, PayloadKeys, SlotWrites},
    },
};

const RING: &str = "ring";
/// Buckets of one sector. More slots than a model uses, because a slot file that cannot grow ends the process.
const LAYOUT: SlotLayout = SlotLayout { bucket_slots: 16, growth: 32 };

/// Writes the files of an empty store.
pub(super) fn create_files(files: &mut DiskFiles, seed: u64) {
    let copies = FileCopies::of(files);
    let place = MemoryFiles(copies.clone());
    let random = SeededRandom::new(seed);
    let ring = RingFile::create(place.create(RING).unwrap(), None, &random).unwrap();
    SlotFile::create(&place, ring.newest().unwrap(), &random, LAYOUT).unwrap();
    *files = copies.into_files();
}

/// The keys in the files of a disk.
pub(super) fn keys_in(files: &DiskFiles) -> BTreeMap<u32, [u8; 32]> {
    try_keys_in(files).unwrap()
}

fn try_keys_in(files: &DiskFiles) -> Result<BTreeMap<u32, [u8; 32]>, String> {
    let slots = open(MemoryFiles(FileCopies::of(files)))?;
    let (keys, _) = slots.read_many(0, u32::MAX).unwrap();
    Ok(keys.into_iter().map(|(slot, key)| (slot, *key.expose_secret())).collect())
}

/// The keys in an older copy of the files, with the ring of today.
pub(super) fn keys_in_copy(
    copy: &DiskFiles,
    today: &DiskFiles,
) -> Result<BTreeMap<u32, [u8; 32]>, String> {
    try_keys_in(&copy.with(RING, today))
}

fn open(files: impl KeyFiles + 'static) -> Result<SlotFile, String> {
    let ring = files.open(RING).map_err(|error| error.to_string())?;
    let ring = RingFile::open(ring, None).map_err(|error| error.to_string())?;
    SlotFile::open(Box::new(files), ring, Arc::new(SeededRandom::new(1)), LAYOUT)
        .map_err(|error| error.to_string())
}

/// The keys of payloads for a process.
pub(super) fn keys_of(process: Process) -> Result<Arc<dyn PayloadKeys>, String> {
    Ok(match process.sharing() {
        Sharing::Exclusive => {
            let slots = open(MemoryFiles(process.clone()))?;
            Arc::new(ExclusiveKeys { process, slots })
        }
        Sharing::Shared => Arc::new(SharedKeys(process)),
    })
}

/// A slot file whose process may end.
struct ExclusiveKeys {
    process: Process,
    slots: SlotFile,
}

impl PayloadKeys for ExclusiveKeys {
    fn reserve(&self) -> io::Result<u32> {
        self.slots.reserve()
    }

    fn release(&self, slots: &mut dyn Iterator<Item = u32>) {
        self.slots.release(slots);
    }

    fn grow_early(&self) {}

    fn read(&self, slot: u32) -> Result<Option<SlotKey>, StoreError> {
        // The slot file itself ends the process if it cannot read.
        drop(self.process.disk()?);
        self.slots.read(slot)
    }

    fn read_many(&self, first: u32, count: u32) -> io::Result<FoundSlots> {
        self.slots.read_many(first, count)
    }

    fn write(&self, writes: &SlotWrites, batch: u64) -> Result<(), DiskFailure> {
        self.slots.write(writes, batch)
    }

    fn mark(&self, mark: CommitMark) -> Result<(), DiskFailure> {
        self.slots.mark(mark)
    }

    fn commit_mark(&self) -> io::Result<Option<CommitMark>> {
        self.slots.commit_mark()
    }

    fn verify(
        &self,
        named: &BTreeMap<u32, u64>,
        batch: u64,
    ) -> io::Result<Result<BTreeSet<u32>, &'static str>> {
        self.slots.verify(named, batch)
    }

    fn close(&self) -> Result<(), DiskFailure> {
        self.slots.close()
    }

    fn bytes(&self) -> io::Result<u64> {
        self.slots.bytes()
    }

    fn ring(&self) -> Option<&dyn KeyRing> {
        Some(&self.slots)
    }
}

/// Keys that several processes share. A commit writes them with the records.
struct SharedKeys(Process);

impl PayloadKeys for SharedKeys {
    fn reserve(&self) -> io::Result<u32> {
        let mut disk = self.0.disk().map_err(io::Error::other)?;
        let slot = (0..).find(|slot| !disk.reserved.contains(slot)).unwrap_or_default();
        disk.reserved.insert(slot);
        Ok(slot)
    }

    fn release(&self, slots: &mut dyn Iterator<Item = u32>) {
        if let Ok(mut disk) = self.0.disk() {
            slots.for_each(|slot| {
                disk.reserved.remove(&slot);
            });
        }
    }

    fn grow_early(&self) {}

    fn read(&self, slot: u32) -> Result<Option<SlotKey>, StoreError> {
        let mut disk = self.0.disk()?;
        disk.question()?;
        Ok(disk.slots.get(&slot).map(|key| SlotKey::from_bytes(*key)))
    }

    fn read_many(&self, first: u32, count: u32) -> io::Result<FoundSlots> {
        let disk = self.0.disk().map_err(io::Error::other)?;
        let end = first.saturating_add(count);
        let keys = disk.slots.range(first..end);
        let keys = keys.map(|(slot, key)| (*slot, SlotKey::from_bytes(*key))).collect();
        let is_last = disk.slots.range(end..).next().is_none();
        Ok((keys, (!is_last).then_some(end)))
    }

    fn write(&self, _writes: &SlotWrites, _batch: u64) -> Result<(), DiskFailure> {
        Err(not_exclusive())
    }

    fn mark(&self, _mark: CommitMark) -> Result<(), DiskFailure> {
        Err(not_exclusive())
    }

    fn commit_mark(&self) -> io::Result<Option<CommitMark>> {
        Ok(None)
    }

    fn verify(
        &self,
        _named: &BTreeMap<u32, u64>,
        _batch: u64,
    ) -> io::Result<Result<BTreeSet<u32>, &'static str>> {
        Err(io::Error::other(not_exclusive().0))
    }

    fn close(&self) -> Result<(), DiskFailure> {
        Ok(())
    }

    fn bytes(&self) -> io::Result<u64> {
        Ok(0)
    }

    fn ring(&self) -> Option<&dyn KeyRing> {
        None
    }
}

fn not_exclusive() -> DiskFailure {
    DiskFailure("a shared engine writes the slots itself".into())
}
