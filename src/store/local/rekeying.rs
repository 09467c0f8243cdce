//! A turn of the ring: what was burned since the last turn becomes undecryptable in every older copy.
//!
//! 1. Buckets in which a key was burned get a new key and a new page, between two commits, some at a time.
//! 2. The key of the next epoch is written into the free cell of the ring, and into its copies.
//! 3. Between two commits: the buckets with burns since step 1 get new keys, and a table with all buckets
//!    under the new epoch takes the place of the old one.
//! 4. If a key table is wanted, one of the new epoch takes the place of the old one.
//! 5. The old cell of the ring is overwritten.
//!
//! Each step is durable before the next one. A crash before the end of step 3 leaves the old epoch, one after
//! it the new one; the start overwrites the cell that is not in use. Afterwards nobody has the key of an older
//! epoch, so older tables open nothing, and burned keys were never under the new keys of their buckets.

use std::{
    io,
    path::Path,
    sync::{PoisonError, atomic::Ordering},
};

use super::{
    bucket_table::{Bucket, BucketTable},
    buckets::OpenBucket,
    ring::EpochKey,
    slot_form::write_empty_pages,
    slots::SlotFile,
};
use crate::{
    clock::UnixSeconds,
    crypto::WrappingKey,
    store::{
        engine::DiskFailure,
        payload_keys::{KeyRing, TurnFailure},
    },
};

/// The most buckets that get new keys between two commits: 512 KiB of slots.
const BATCH: usize = 16;
/// As many in the last step, which waits for all of them: 32 MiB with two syncs.
const LAST_BATCH: usize = 1024;

impl KeyRing for SlotFile {
    fn turned_at(&self) -> UnixSeconds {
        self.buckets().table.turned_at
    }

    fn epoch(&self) -> u64 {
        self.buckets().epoch.number
    }

    fn rekey(&self) -> Result<usize, TurnFailure> {
        let _alone = self.growth.lock().unwrap_or_else(PoisonError::into_inner);
        self.rekey_some(BATCH)
    }

    fn begin_epoch(&self) -> io::Result<()> {
        let current = self.buckets().epoch.number;
        let next = EpochKey::new(current + 1, &*self.random);
        self.ring_file().add(next.copy(), current)?;
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = Some(next);
        Ok(())
    }

    fn end_epoch(&self, now: UnixSeconds) -> Result<(), TurnFailure> {
        let _alone = self.growth.lock().unwrap_or_else(PoisonError::into_inner);
        while self.rekey_some(LAST_BATCH)? > 0 {}
        let next = self.next.lock().unwrap_or_else(PoisonError::into_inner).take();
        let next = next.ok_or_else(|| io::Error::other("the next epoch was not begun"))?;
        let mut buckets = self.buckets_mut();
        let list = buckets.list.iter().map(|open| &open.bucket);
        let table = BucketTable::write_new(self.files.as_ref(), &next, now, list)?;
        BucketTable::put_in_place(self.files.as_ref())
            .map_err(DiskFailure::of("cannot replace the table of buckets"))?;
        (buckets.table, buckets.epoch) = (table, next);
        Ok(())
    }

    fn write_table(&self, dir: &Path) -> io::Result<()> {
        self.write_key_table(dir)
    }

    fn forget_epochs(&self) -> io::Result<()> {
        let current = self.buckets().epoch.number;
        self.ring_file().keep_only(current)
    }
}

impl SlotFile {
    /// Gives new keys to up to `most` buckets with burns. Returns the number of those that are left.
    fn rekey_some(&self, most: usize) -> Result<usize, TurnFailure> {
        let (numbers, left) = {
            let buckets = self.buckets();
            let is_dirty = |open: &OpenBucket| open.is_dirty.load(Ordering::Relaxed);
            let mut dirty = (0_u32..).zip(&buckets.list).filter(|(_, open)| is_dirty(open));
            let numbers: Vec<u32> = dirty.by_ref().take(most).map(|(number, _)| number).collect();
            (numbers, dirty.count())
        };
        if numbers.is_empty() {
            return Ok(0);
        }
        self.find_spare_pages(numbers.len())?;
        let pages: Vec<u32> = self.buckets().spare.iter().take(numbers.len()).copied().collect();
        let mut new = Vec::new();
        {
            let buckets = self.buckets();
            for (number, page) in numbers.iter().zip(pages) {
                let Some(open) = buckets.list.get(*number as usize) else { continue };
                let key = WrappingKey::new(&*self.random);
                let bytes = self.page_under(open, &key)?;
                self.file.write_all_at(&bytes, self.layout.page_offset(page))?;
                new.push((*number, Bucket { page, key, version: open.bucket.version + 1 }));
            }
        }
        // From here on, a failure leaves it open which keys a start would find.
        self.file.sync().map_err(DiskFailure::of("cannot sync the slot file"))?;
        let mut buckets = self.buckets_mut();
        let failed = "cannot write the table of buckets";
        for (number, bucket) in &new {
            let written = buckets.table.write(*number, bucket, &buckets.epoch);
            written.map_err(DiskFailure::of(failed))?;
        }
        buckets.table.sync().map_err(DiskFailure::of(failed))?;
        buckets.spare.drain(..new.len());
        for (number, bucket) in new {
            let Some(open) = buckets.list.get_mut(number as usize) else { continue };
            let old = std::mem::replace(&mut open.bucket, bucket);
            open.is_dirty.store(false, Ordering::Relaxed);
            buckets.spare.push(old.page);
        }
        Ok(left)
    }

    /// Makes the file longer until it has this number of pages without a bucket.
    fn find_spare_pages(&self, count: usize) -> io::Result<()> {
        let mut buckets = self.buckets_mut();
        while buckets.spare.len() < count {
            let page = buckets.pages;
            write_empty_pages(self.file.as_ref(), self.layout, page..page + 1)?;
            buckets.spare.push(page);
            buckets.pages += 1;
        }
        Ok(())
    }
}
