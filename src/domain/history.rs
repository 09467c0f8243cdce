//! What happened in each hour of the last 30 days, kept in the store.
//!
//! Each process adds up its events of an hour in one record, and readers add up those of all processes. They
//! are written a minute after they happen at the latest, so a crash loses no more than that; a record that did
//! not change is not written.

use std::{
    collections::BTreeMap,
    ops::{AddAssign, Sub},
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};

use super::schema;
use crate::{
    clock::UnixSeconds,
    store::{Key, Record, Scan, Store, StoreError, Transaction},
};

/// The number of hours that are kept.
pub const HOURS: u64 = 30 * 24;
const HOUR_SECONDS: u64 = 3600;
/// The most records that one change deletes: after a long stop, there are several.
const MAX_DELETED: usize = 64;

/// The number of events of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HourCounts {
    /// Secrets that were created.
    pub created: u64,
    /// Views that were spent.
    pub views: u64,
    /// Secrets whose content was destroyed.
    pub burned: u64,
    /// Late attempts.
    pub late_tries: u64,
    /// Refusals by limits.
    pub refusals: u64,
}

/// What is stored at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredLevels {
    /// Secrets whose content is stored.
    pub live_secrets: u64,
    /// The size of the data directory.
    pub stored_bytes: u64,
}

/// One hour: its events, and what was stored when it was written last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HourRecord {
    /// The events.
    pub events: HourCounts,
    /// The levels.
    pub levels: StoredLevels,
}

impl Record for HourRecord {
    const VERSION: u8 = 1;
}

/// Writes the history: knows which events since the start are written.
#[derive(Default)]
pub struct History {
    written: Mutex<WrittenEvents>,
}

#[derive(Clone, Copy, Default)]
struct WrittenEvents {
    events: HourCounts,
    /// The last hour with a record of this process.
    hour: Option<u64>,
}

impl History {
    /// Writes the events since the last write: `events` are all since the start. Does nothing if there are
    /// none and the hour has a record. Blocks.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; the events are written the next time.
    pub fn write(
        &self,
        store: &Store,
        events: HourCounts,
        levels: StoredLevels,
        now: UnixSeconds,
    ) -> Result<(), StoreError> {
        let hour = hour_of(now);
        let mut written = self.written();
        if written.events == events && written.hour == Some(hour) {
            return Ok(());
        }
        let key = schema::hour(hour, store.process());
        let old = old_records(store, hour)?;
        store.change(add(key, events - written.events, levels, old)).wait()?;
        *written = WrittenEvents { events, hour: Some(hour) };
        Ok(())
    }

    /// The hours of the last 30 days in which something was recorded, oldest first, each with its beginning;
    /// with the events that are not written yet. Blocks.
    ///
    /// # Errors
    ///
    /// [`StoreError`] for a damaged record.
    pub fn read(
        &self,
        store: &Store,
        events: HourCounts,
        levels: StoredLevels,
        now: UnixSeconds,
    ) -> Result<Vec<(UnixSeconds, HourRecord)>, StoreError> {
        // Held until the records are read, so that no event is counted twice.
        let written = self.written();
        let hour = hour_of(now);
        let mut hours = BTreeMap::<u64, HourRecord>::new();
        for item in store.range::<HourRecord>(&schema::hours()) {
            let (key, HourRecord { events, levels }) = item?;
            let Some(found) = schema::hour_number(&key) else { continue };
            if found > hour.saturating_sub(HOURS) && found <= hour {
                let sum = hours.entry(found).or_default();
                sum.events += events;
                // All processes see the same store, at different moments of the hour.
                let StoredLevels { live_secrets, stored_bytes } = &mut sum.levels;
                *live_secrets = levels.live_secrets.max(*live_secrets);
                *stored_bytes = levels.stored_bytes.max(*stored_bytes);
            }
        }
        let last = hours.entry(hour).or_default();
        last.events += events - written.events;
        last.levels = levels;
        let start = |hour: u64| UnixSeconds(hour.saturating_mul(HOUR_SECONDS));
        Ok(hours.into_iter().map(|(hour, record)| (start(hour), record)).collect())
    }

    fn written(&self) -> MutexGuard<'_, WrittenEvents> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn hour_of(at: UnixSeconds) -> u64 {
    at.0 / HOUR_SECONDS
}

/// Some of the records that are too old at `hour`.
fn old_records(store: &Store, hour: u64) -> Result<Vec<Key>, StoreError> {
    let mut found = store.scan_keys(&Scan::of(&schema::hours()).limit(MAX_DELETED))?;
    let oldest = hour.saturating_sub(HOURS);
    found.retain(|key| schema::hour_number(key).is_none_or(|found| found <= oldest));
    Ok(found)
}

/// Adds to the record at `key`, and deletes the `old` ones.
fn add(
    key: Key,
    events: HourCounts,
    levels: StoredLevels,
    old: Vec<Key>,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<(), StoreError> + Send + 'static {
    move |transaction| {
        let mut record = transaction.get::<HourRecord>(&key)?.unwrap_or_default();
        record.events += events;
        record.levels = levels;
        transaction.put(&key, &record)?;
        old.iter().try_for_each(|key| transaction.delete(key))
    }
}

impl AddAssign for HourCounts {
    fn add_assign(&mut self, other: Self) {
        let Self { created, views, burned, late_tries, refusals } = self;
        *created = created.saturating_add(other.created);
        *views = views.saturating_add(other.views);
        *burned = burned.saturating_add(other.burned);
        *late_tries = late_tries.saturating_add(other.late_tries);
        *refusals = refusals.saturating_add(other.refusals);
    }
}

impl Sub for HourCounts {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            created: self.created.saturating_sub(other.created),
            views: self.views.saturating_sub(other.views),
            burned: self.burned.saturating_sub(other.burned),
            late_tries: self.late_tries.saturating_sub(other.late_tries),
            refusals: self.refusals.saturating_sub(other.refusals),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::faulty::{MemoryDisk, Sharing};

    const HOUR: UnixSeconds = UnixSeconds(500_000 * HOUR_SECONDS);

    fn events(views: u64) -> HourCounts {
        HourCounts { views, ..HourCounts::default() }
    }

    fn levels(live_secrets: u64) -> StoredLevels {
        StoredLevels { live_secrets, stored_bytes: 7 }
    }

    fn open() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), 8 << 20).unwrap();
        (dir, store)
    }

    /// The views of each hour.
    fn views(history: &History, store: &Store, all: u64, now: UnixSeconds) -> Vec<(u64, u64)> {
        let hours = history.read(store, events(all), levels(1), now).unwrap();
        hours.into_iter().map(|(at, hour)| (at.0 / HOUR_SECONDS, hour.events.views)).collect()
    }

    #[test]
    fn events_are_added_to_their_hour_and_counted_once() {
        let (_dir, store) = open();
        let history = History::default();
        assert_eq!(views(&history, &store, 2, HOUR), [(500_000, 2)], "nothing is written yet");
        history.write(&store, events(3), levels(1), HOUR).unwrap();
        history.write(&store, events(5), levels(4), HOUR.plus(3599)).unwrap();
        assert_eq!(views(&history, &store, 6, HOUR.plus(3599)), [(500_000, 6)]);
        history.write(&store, events(7), levels(4), HOUR.plus(3600)).unwrap();
        // Another process counts from zero.
        let restarted = History::default();
        restarted.write(&store, events(1), levels(4), HOUR.plus(3601)).unwrap();
        assert_eq!(views(&restarted, &store, 1, HOUR.plus(3601)), [(500_000, 5), (500_001, 3)]);
    }

    #[test]
    fn processes_count_for_themselves_and_are_added_up() {
        let disk = MemoryDisk::new(Sharing::Shared, 1);
        let [(one, one_log), (other, other_log)] = [(), ()].map(|()| Store::recorded(&disk));
        let stores = [one, other];
        let histories = [History::default(), History::default()];
        // As an earlier version has written it.
        let old = HourRecord { events: events(10), levels: levels(9) };
        let put = move |transaction: &mut Transaction<'_, '_>| {
            transaction.put(&schema::hour(500_000, 0), &old)
        };
        stores[0].change(put).wait().unwrap();
        one_log.take();
        for (history, store) in histories.iter().zip(&stores) {
            history.write(store, events(3), levels(4), HOUR).unwrap();
        }
        let shared = one_log.take().shared_with(&other_log.take());
        assert!(shared.is_empty(), "{shared:?}");
        for (history, store) in histories.iter().zip(&stores) {
            assert_eq!(views(history, store, 3, HOUR), [(500_000, 16)]);
        }
        let later = histories[0].read(&stores[0], events(3), levels(1), HOUR.plus(3600)).unwrap();
        assert_eq!(later[0].1.levels, levels(9));
    }

    #[test]
    fn nothing_is_written_twice_and_the_records_are_bounded() {
        let (_dir, store) = open();
        let history = History::default();
        let batches = || store.figures().commit_times.values().count;
        history.write(&store, events(1), levels(1), HOUR).unwrap();
        let before = batches();
        history.write(&store, events(1), levels(2), HOUR.plus(60)).unwrap();
        assert_eq!(batches(), before, "an idle daemon does not write");
        for hour in 1..800 {
            history.write(&store, events(1), levels(1), HOUR.plus(hour * HOUR_SECONDS)).unwrap();
        }
        assert_eq!(store.keys(&schema::hours()).count() as u64, HOURS);
        let now = HOUR.plus(799 * HOUR_SECONDS);
        assert_eq!(views(&history, &store, 1, now).len() as u64, HOURS);
    }
}
