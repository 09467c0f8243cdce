//! What happened in each hour of the last 30 days, kept in the store.
//!
//! The events of an hour are added up in one record. They are written a minute after they happen at the latest,
//! so a crash loses no more than that; a record that did not change is not written.

use std::{
    ops::{AddAssign, Sub},
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};

use super::schema;
use crate::{
    clock::UnixSeconds,
    store::{Record, Store, StoreError, Transaction},
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
        store.change(add(hour, events - written.events, levels)).wait()?;
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
        let mut hours = Vec::new();
        for item in store.range::<HourRecord>(&schema::hours()) {
            let (key, record) = item?;
            hours.extend(schema::hour_number(&key).map(|hour| (hour, record)));
        }
        hours.retain(|(found, _)| *found > hour.saturating_sub(HOURS) && *found <= hour);
        if hours.last().is_none_or(|(last, _)| *last != hour) {
            hours.push((hour, HourRecord::default()));
        }
        if let Some((_, last)) = hours.last_mut() {
            last.events += events - written.events;
            last.levels = levels;
        }
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

/// Adds to the record of an hour, and deletes the records that are too old.
fn add(
    hour: u64,
    events: HourCounts,
    levels: StoredLevels,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<(), StoreError> + Send + 'static {
    move |transaction| {
        let key = schema::hour(hour);
        let mut record = transaction.get::<HourRecord>(&key)?.unwrap_or_default();
        record.events += events;
        record.levels = levels;
        transaction.put(&key, &record)?;
        let is_old = |hour: u64, found: u64| found <= hour.saturating_sub(HOURS);
        for key in transaction.keys(&schema::hours(), MAX_DELETED)? {
            if schema::hour_number(&key).is_none_or(|found| is_old(hour, found)) {
                transaction.delete(&key)?;
            }
        }
        Ok(())
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
