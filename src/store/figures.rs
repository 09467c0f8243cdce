//! What the store counts about itself.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use super::{
    Key,
    record::{PayloadRef, stored_payload},
};
use crate::metrics::{AtomicHistogram, EventCount};

/// The figures of an open store. Records are counted by kind, the first byte of their keys.
pub struct StoreFigures {
    kinds: Vec<KindFigures>,
    records: AtomicU64,
    file_bytes: AtomicU64,
    waiting: AtomicU64,
    /// The number of changes in each commit.
    pub commit_changes: AtomicHistogram,
    /// The time of each commit.
    pub commit_times: AtomicHistogram,
    /// The times of the syncs of the database.
    pub database_syncs: Arc<AtomicHistogram>,
    /// The times of the syncs of the key slots.
    pub slot_syncs: AtomicHistogram,
}

/// The figures of the records of one kind.
#[derive(Default)]
pub struct KindFigures {
    /// The records that were added since the start.
    pub added: EventCount,
    /// The payloads that were sealed since the start.
    pub sealed: EventCount,
    /// The payloads that were burned since the start.
    pub burned: EventCount,
    live: AtomicU64,
}

impl KindFigures {
    /// The number of records with a payload.
    #[must_use]
    pub fn live(&self) -> u64 {
        self.live.load(Ordering::Relaxed)
    }
}

impl StoreFigures {
    pub(super) fn new(database_syncs: Arc<AtomicHistogram>) -> Self {
        Self {
            kinds: (0..=u8::MAX).map(|_| KindFigures::default()).collect(),
            records: AtomicU64::new(0),
            file_bytes: AtomicU64::new(0),
            waiting: AtomicU64::new(0),
            commit_changes: AtomicHistogram::of_counts(),
            commit_times: AtomicHistogram::of_durations(),
            database_syncs,
            slot_syncs: AtomicHistogram::of_durations(),
        }
    }

    /// The figures of the records whose keys begin as `key` does.
    #[must_use]
    pub fn kind(&self, key: &Key) -> &KindFigures {
        let prefix = key.as_bytes().first().copied().unwrap_or_default();
        &self.kinds[usize::from(prefix)]
    }

    /// The number of records.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.records.load(Ordering::Relaxed)
    }

    /// The size of all payload files together.
    #[must_use]
    pub fn file_bytes(&self) -> u64 {
        self.file_bytes.load(Ordering::Relaxed)
    }

    /// The number of changes that wait for the writer.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }

    pub(super) fn change_sent(&self) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn change_taken(&self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    /// Counts a record that was found at the opening of the store.
    pub(super) fn found(&self, key: &Key, payload: Option<&PayloadRef<'_>>) {
        self.records.fetch_add(1, Ordering::Relaxed);
        if let Some(payload) = payload {
            self.kind(key).live.fetch_add(1, Ordering::Relaxed);
            self.file_bytes.fetch_add(bytes_of(payload), Ordering::Relaxed);
        }
    }

    /// Counts a write: the value on disk before it and after it.
    pub(super) fn written(&self, key: &Key, old: Option<&[u8]>, new: Option<&[u8]>) {
        let kind = self.kind(key);
        match (old, new) {
            (None, Some(_)) => {
                kind.added.add_one();
                self.records.fetch_add(1, Ordering::Relaxed);
            }
            (Some(_), None) => {
                self.records.fetch_sub(1, Ordering::Relaxed);
            }
            _ => {}
        }
        let (old, new) = (old.and_then(stored_payload), new.and_then(stored_payload));
        let slot = |payload: &Option<PayloadRef<'_>>| payload.map(|payload| payload.slot);
        if slot(&old) != slot(&new) {
            if new.is_some() {
                kind.sealed.add_one();
                kind.live.fetch_add(1, Ordering::Relaxed);
            }
            if old.is_some() {
                kind.burned.add_one();
                kind.live.fetch_sub(1, Ordering::Relaxed);
            }
        }
        // The larger one first: the sum never goes below zero.
        self.file_bytes.fetch_add(new.as_ref().map_or(0, bytes_of), Ordering::Relaxed);
        self.file_bytes.fetch_sub(old.as_ref().map_or(0, bytes_of), Ordering::Relaxed);
    }
}

fn bytes_of(payload: &PayloadRef<'_>) -> u64 {
    payload.body.file().map_or(0, |(_, bytes)| bytes)
}

/// The size of the parts of the data directory, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreSize {
    /// The database.
    pub database: u64,
    /// The file of key slots.
    pub slots: u64,
    /// The payload files that records name.
    pub files: u64,
}

impl StoreSize {
    /// The sum.
    #[must_use]
    pub fn total(self) -> u64 {
        self.database.saturating_add(self.slots).saturating_add(self.files)
    }
}
