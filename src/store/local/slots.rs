//! The slot file: one 32-byte key per sealed payload, overwritten in place when the payload is burned.
//!
//! sled is a log and keeps old bytes, but this file does not. It is filled with zeros before use, so that a
//! write overwrites the blocks that contain the key. This holds for file systems that overwrite in place,
//! such as ext4 and xfs, but not for btrfs and zfs, and a flash drive may copy blocks under any of them.
//!
//! A number of slots are a *bucket*. The keys in them are encrypted under the key of their bucket, which is in
//! the [`BucketTable`], encrypted under the key of the present epoch, which is in the [`RingFile`]. So a copy of
//! this file opens nothing by itself; [`super::rekeying`] says what a turn of the ring does to old copies.
//!
//! ```text
//! offset 0      name and version of the format, 32 ‖ the CommitMark, 32
//! offset 4096   pages: each has the slots of one bucket, in the order of the table
//! ```
//!
//! Slots 0 and 1 are not used: they were the header of format 1.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicBool, Ordering},
    },
};

use zeroize::{Zeroize, Zeroizing};

use super::{
    bucket_table::{Bucket, BucketTable, FoundTable},
    buckets::{Buckets, OpenBucket},
    key_files::{InPlaceFile, KeyFiles},
    ring::{EpochKey, RingError, RingFile},
    slot_form::{
        MARK_OFFSET, SLOT_BYTES, SLOTS, SLOTS_MAGIC, SlotLayout, burned_by, burned_bytes,
        commit_mark_in, is_empty, mark_bytes, rewrap, write_empty_pages, write_head,
    },
    slot_map::SlotMap,
};
use crate::{
    clock::UnixSeconds,
    crypto::{Random, SlotKey, WrappingKey},
    store::{
        StoreError,
        engine::DiskFailure,
        fatal::fatal,
        payload_keys::{CommitMark, FoundSlots, KeyRing, PayloadKeys, SlotWrites},
    },
};

pub(in crate::store) struct SlotFile {
    pub(super) files: Box<dyn KeyFiles>,
    pub(super) file: Box<dyn InPlaceFile>,
    pub(super) ring: Mutex<RingFile>,
    pub(super) random: Arc<dyn Random>,
    pub(super) layout: SlotLayout,
    map: Mutex<SlotMap>,
    /// Held while the file grows and while buckets get new keys. The map is not locked then: requests take
    /// the slots that are left.
    pub(super) growth: Mutex<()>,
    buckets: RwLock<Buckets>,
    /// The next epoch, from the moment when its key is in the ring until the buckets are under it.
    pub(super) next: Mutex<Option<EpochKey>>,
}

impl SlotFile {
    /// Creates a slot file and its table, with one step of empty slots, and syncs them.
    pub(in crate::store) fn create(
        files: &dyn KeyFiles,
        epoch: &EpochKey,
        random: &dyn Random,
        layout: SlotLayout,
    ) -> io::Result<()> {
        let file = files.create(SLOTS)?;
        write_head(file.as_ref(), CommitMark { batch: 0, finished: true })?;
        write_empty_pages(file.as_ref(), layout, 0..layout.growth)?;
        file.sync()?;
        let buckets: Vec<Bucket> = (0..layout.growth)
            .map(|page| Bucket { page, key: WrappingKey::new(random), version: 1 })
            .collect();
        BucketTable::write_new(files, epoch, UnixSeconds(0), buckets.iter())?;
        BucketTable::put_in_place(files)
    }

    /// Opens the file, without changing anything. [`PayloadKeys::verify`] later determines which slots are in
    /// use.
    pub(in crate::store) fn open(
        files: Box<dyn KeyFiles>,
        ring: RingFile,
        random: Arc<dyn Random>,
        layout: SlotLayout,
    ) -> Result<Self, OpenKeysError> {
        let file = files.open(SLOTS)?;
        let mut magic = [0; SLOT_BYTES];
        file.read_exact_at(&mut magic, 0)?;
        if &magic != SLOTS_MAGIC {
            return Err(io::Error::other("it is not a slot file of format 2").into());
        }
        // A crash can cut the file within a page, which no bucket has then.
        let pages =
            file.bytes()?.saturating_sub(layout.page_offset(0)) / layout.page_bytes() as u64;
        let pages = u32::try_from(pages).map_err(io::Error::other)?;
        let found = FoundTable::open(files.as_ref())?;
        let epoch = ring.epoch(found.epoch).ok_or(RingError::OtherStore)?.copy();
        let (table, list) = found.open_with(&epoch)?;
        let used: BTreeSet<u32> = list.iter().map(|bucket| bucket.page).collect();
        if used.len() != list.len() || used.last().is_some_and(|last| *last >= pages) {
            return Err(io::Error::other("the table of buckets names a page twice, or none").into());
        }
        let words = list.len() * layout.bucket_slots as usize / 64;
        let open = |bucket| OpenBucket { bucket, is_dirty: AtomicBool::new(true) };
        let buckets = Buckets {
            table,
            epoch,
            list: list.into_iter().map(open).collect(),
            spare: (0..pages).filter(|page| !used.contains(page)).collect(),
            pages,
        };
        Ok(Self {
            files,
            file,
            ring: Mutex::new(ring),
            random,
            layout,
            map: Mutex::new(SlotMap::new(words)),
            growth: Mutex::default(),
            buckets: RwLock::new(buckets),
            next: Mutex::default(),
        })
    }

    pub(super) fn map(&self) -> MutexGuard<'_, SlotMap> {
        self.map.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn buckets(&self) -> RwLockReadGuard<'_, Buckets> {
        self.buckets.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn buckets_mut(&self) -> RwLockWriteGuard<'_, Buckets> {
        self.buckets.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(in crate::store) fn ring_file(&self) -> MutexGuard<'_, RingFile> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_mark(&self, mark: CommitMark) -> io::Result<()> {
        self.file.write_all_at(&mark_bytes(mark), MARK_OFFSET)
    }

    fn read_slot(&self, slot: u32) -> io::Result<Option<SlotKey>> {
        let mut bytes = Zeroizing::new([0; SLOT_BYTES]);
        let buckets = self.buckets();
        let (bucket, offset) = buckets.place(slot, self.layout)?;
        self.file.read_exact_at(&mut *bytes, offset)?;
        Ok((!is_empty(&bytes)).then(|| bucket.bucket.key.for_slots().unwrap(&bytes)))
    }

    /// The key in a slot of a file that is only read; `None` for an empty one, and for one that is not there.
    pub(in crate::store) fn find(&self, slot: u32) -> io::Result<Option<SlotKey>> {
        if slot / self.layout.bucket_slots >= self.bucket_count() {
            return Ok(None);
        }
        self.read_slot(slot)
    }

    fn bucket_count(&self) -> u32 {
        u32::try_from(self.buckets().list.len()).unwrap_or(u32::MAX)
    }

    /// Writes slots, neighbours together, and syncs.
    pub(super) fn write_slots(&self, writes: &SlotWrites, batch: u64) -> io::Result<()> {
        let buckets = self.buckets();
        let mut run = Zeroizing::new(Vec::new());
        let mut next = None;
        let mut writes = writes.iter().peekable();
        while let Some((first, _)) = writes.peek() {
            let number = **first / self.layout.bucket_slots;
            let (bucket, _) = buckets.place(**first, self.layout)?;
            let wrap = bucket.bucket.key.for_slots();
            while let Some((slot, key)) =
                writes.next_if(|(slot, _)| **slot / self.layout.bucket_slots == number)
            {
                let (_, offset) = buckets.place(*slot, self.layout)?;
                if next != Some(offset) {
                    self.write_run(next, &mut run)?;
                }
                match key {
                    Some(key) => run.extend_from_slice(&wrap.wrap(key)),
                    None => {
                        bucket.is_dirty.store(true, Ordering::Relaxed);
                        run.extend_from_slice(&burned_bytes(batch));
                    }
                }
                next = Some(offset + SLOT_BYTES as u64);
            }
        }
        self.write_run(next, &mut run)?;
        self.file.sync()
    }

    /// Writes the slots of `run`, which end at the offset `end`, and clears `run`.
    fn write_run(&self, end: Option<u64>, run: &mut Vec<u8>) -> io::Result<()> {
        let Some(end) = end else { return Ok(()) };
        self.file.write_all_at(run, end - run.len() as u64)?;
        run.zeroize();
        Ok(())
    }

    fn page(&self, bucket: &OpenBucket) -> io::Result<Zeroizing<Vec<u8>>> {
        let mut bytes = Zeroizing::new(vec![0; self.layout.page_bytes()]);
        let offset = self.layout.page_offset(bucket.bucket.page);
        self.file.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }

    /// A page with the same keys under another key of its bucket.
    pub(super) fn page_under(&self, bucket: &OpenBucket, key: &WrappingKey) -> io::Result<Vec<u8>> {
        let mut bytes = self.page(bucket)?;
        rewrap(&mut bytes, Some(&bucket.bucket.key), key);
        Ok(std::mem::take(&mut *bytes))
    }
}

/// Why the keys of payloads cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(in crate::store) enum OpenKeysError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Ring(#[from] RingError),
}

impl PayloadKeys for SlotFile {
    fn reserve(&self) -> io::Result<u32> {
        self.take_slot()
    }

    fn release(&self, slots: &mut dyn Iterator<Item = u32>) {
        let mut map = self.map();
        slots.for_each(|slot| map.free(slot));
    }

    fn grow_early(&self) {
        self.grow_if_few();
    }

    fn read(&self, slot: u32) -> Result<Option<SlotKey>, StoreError> {
        self.read_slot(slot).or_else(|error| fatal(&format!("cannot read the slot file: {error}")))
    }

    fn read_many(&self, first: u32, count: u32) -> io::Result<FoundSlots> {
        let size = self.layout.bucket_slots;
        let buckets = self.buckets();
        let capacity = u32::try_from(buckets.list.len()).map_err(io::Error::other)? * size;
        let end = first.saturating_add(count).min(capacity);
        let mut keys = Vec::new();
        for number in first / size..end.div_ceil(size) {
            let Some(bucket) = buckets.list.get(number as usize) else { break };
            let (page, wrap) = (self.page(bucket)?, bucket.bucket.key.for_slots());
            let slots = (number * size..).zip(page.as_chunks::<SLOT_BYTES>().0);
            let wanted =
                slots.filter(|(slot, bytes)| (first..end).contains(slot) && !is_empty(bytes));
            keys.extend(wanted.map(|(slot, bytes)| (slot, wrap.unwrap(bytes))));
        }
        Ok((keys, (end < capacity).then_some(end)))
    }

    fn write(&self, writes: &SlotWrites, batch: u64) -> Result<(), DiskFailure> {
        self.write_slots(writes, batch).map_err(DiskFailure::of("cannot write the slot file"))
    }

    fn mark(&self, mark: CommitMark) -> Result<(), DiskFailure> {
        self.write_mark(mark).map_err(DiskFailure::of("cannot write the slot file"))
    }

    fn commit_mark(&self) -> io::Result<Option<CommitMark>> {
        commit_mark_in(self.file.as_ref())
    }

    fn verify(
        &self,
        named: &BTreeMap<u32, u64>,
        batch: u64,
    ) -> io::Result<Result<BTreeSet<u32>, &'static str>> {
        let mut burned = BTreeSet::new();
        let mut wipes = SlotWrites::new();
        let mut map = self.map();
        if named.keys().next_back().is_some_and(|last| *last >= map.capacity()) {
            return Ok(Err("a record names a key slot behind the end of the slot file"));
        }
        let mut slot: u32 = 0;
        for bucket in &self.buckets().list {
            let (page, wrap) = (self.page(bucket)?, bucket.bucket.key.for_slots());
            if page.iter().all(|byte| *byte == 0) {
                // No key was ever burned in it.
                bucket.is_dirty.store(false, Ordering::Relaxed);
            }
            for bytes in page.as_chunks::<SLOT_BYTES>().0 {
                match named.get(&slot) {
                    None => {
                        if !is_empty(bytes) {
                            wipes.insert(slot, None);
                        }
                    }
                    Some(_) if burned_by(bytes).is_some_and(|wiped| wiped > batch) => {
                        burned.insert(slot);
                    }
                    Some(check) if wrap.unwrap(bytes).check() == *check => {}
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
        self.file.sync().map_err(DiskFailure::of("cannot sync the slot file"))
    }

    fn bytes(&self) -> io::Result<u64> {
        self.file.bytes()
    }

    fn ring(&self) -> Option<&dyn KeyRing> {
        Some(self)
    }
}

#[cfg(test)]
mod tests;
