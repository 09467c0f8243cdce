//! Taking slots, and the growth of the slot file when few are left.

use std::{
    io,
    sync::{PoisonError, atomic::AtomicBool},
};

use super::{
    bucket_table::Bucket, buckets::OpenBucket, slot_form::write_empty_pages, slots::SlotFile,
};
use crate::{
    crypto::WrappingKey,
    store::{fatal::fatal, payload_keys::SlotWrites},
};

impl SlotFile {
    /// Reserves a free slot.
    ///
    /// # Errors
    ///
    /// An I/O error, if none is left and the file cannot grow.
    pub(super) fn take_slot(&self) -> io::Result<u32> {
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

    /// Adds slots before the last ones are taken.
    pub(super) fn grow_if_few(&self) {
        let (is_enough, capacity) = {
            let map = self.map();
            (map.free >= map.grow_below, map.capacity())
        };
        if !is_enough && self.grow(capacity).is_err() {
            // On a full disk, this is tried a few times, and then again when the last slot is taken.
            self.map().grow_below /= 2;
        }
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

    /// Adds slots, unless the file has more than `capacity` already.
    fn grow(&self, capacity: u32) -> io::Result<()> {
        let _alone = self.growth.lock().unwrap_or_else(PoisonError::into_inner);
        if self.map().capacity() > capacity {
            return Ok(());
        }
        let (count, pages, epoch) = {
            let buckets = self.buckets();
            let first = buckets.pages;
            (buckets.list.len(), first..first + self.layout.growth, buckets.epoch.copy())
        };
        let failed =
            |what: &str, error: io::Error| -> ! { fatal(&format!("cannot {what}: {error}")) };
        if let Err(error) = write_empty_pages(self.file.as_ref(), self.layout, pages.clone()) {
            // A partly grown file is cut to its old length, which matches the pages in memory.
            self.file.set_len(self.layout.page_offset(pages.start))?;
            return Err(error);
        }
        self.file.sync().unwrap_or_else(|error| failed("sync the slot file", error));
        let number = u32::try_from(count).map_err(io::Error::other)?;
        let new: Vec<Bucket> = pages
            .clone()
            .map(|page| Bucket { page, key: WrappingKey::new(&*self.random), version: 1 })
            .collect();
        {
            let buckets = self.buckets();
            // An attempt that was interrupted has left entries, whose pages may be in use now.
            buckets.table.cut(count)?;
            for (number, bucket) in (number..).zip(&new) {
                buckets.table.write(number, bucket, &epoch)?;
            }
            let synced = buckets.table.sync();
            synced.unwrap_or_else(|error| failed("sync the table of buckets", error));
        }
        let mut buckets = self.buckets_mut();
        buckets.pages = pages.end;
        buckets.list.extend(
            new.into_iter().map(|bucket| OpenBucket { bucket, is_dirty: AtomicBool::new(false) }),
        );
        self.map().add(self.layout.growth_words());
        Ok(())
    }
}
