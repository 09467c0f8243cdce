//! What the changes of a store read and write, for tests that demand that changes do not meet.

use std::{
    collections::BTreeSet,
    io, mem,
    sync::{Arc, Mutex, PoisonError},
};

use super::{MemoryDisk, Sharing, disks_in_memory, start};
use crate::store::{
    Key, Store, StoreError,
    engine::{Commit, CommitId, DiskFailure, Engine, Outcome, RecordIterator, Scan, Stored},
    group::StoreDisks,
};

/// What one commit has touched.
#[derive(Clone, Debug, Default)]
pub(crate) struct TouchedKeys {
    read: BTreeSet<Key>,
    /// The prefixes of the lists that it has read.
    listed: Vec<Key>,
    written: BTreeSet<Key>,
}

/// What the commits of a store have touched since the last look.
#[derive(Clone, Default)]
pub(crate) struct CommitLog(Arc<Mutex<TouchedKeys>>);

struct RecordingEngine {
    inner: Arc<dyn Engine>,
    log: CommitLog,
}

impl Store {
    /// Opens one of several stores on a shared `disk`, and records what its changes touch.
    pub(crate) fn recorded(disk: &MemoryDisk) -> (Self, CommitLog) {
        assert_eq!(disk.sharing(), Sharing::Shared, "an exclusive engine checks no reads");
        let log = CommitLog::default();
        let disks = disks_in_memory(disk).unwrap();
        let engine = RecordingEngine { inner: Arc::clone(&disks.engine), log: log.clone() };
        let store = start(disk, StoreDisks { engine: Arc::new(engine), ..disks }).unwrap();
        (store, log)
    }
}

impl TouchedKeys {
    /// The records because of which one of two changes would have to be run again.
    pub(crate) fn shared_with(&self, other: &Self) -> BTreeSet<Key> {
        let hindered = |one: &Self, by: &Self| -> Vec<Key> {
            let is_listed = |key: &Key| {
                one.listed.iter().any(|prefix| key.as_bytes().starts_with(prefix.as_bytes()))
            };
            let is_touched =
                |key: &&Key| one.read.contains(key) || one.written.contains(key) || is_listed(key);
            by.written.iter().filter(is_touched).cloned().collect()
        };
        hindered(self, other).into_iter().chain(hindered(other, self)).collect()
    }

    /// The number of records that were written.
    pub(crate) fn writes(&self) -> usize {
        self.written.len()
    }

    /// The records that were written.
    pub(crate) fn written(&self) -> &BTreeSet<Key> {
        &self.written
    }

    /// The records that were read and not written, and what was listed.
    pub(crate) fn only_read(&self) -> BTreeSet<Key> {
        self.read.difference(&self.written).chain(&self.listed).cloned().collect()
    }
}

impl CommitLog {
    /// What was touched since the last call.
    pub(crate) fn take(&self) -> TouchedKeys {
        mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Engine for RecordingEngine {
    fn is_shared(&self) -> bool {
        self.inner.is_shared()
    }

    fn get(&self, key: &Key) -> Result<Option<Stored>, StoreError> {
        self.inner.get(key)
    }

    fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Stored>>, StoreError> {
        self.inner.get_many(keys)
    }

    fn scan(&self, scan: &Scan) -> Result<Vec<(Key, Stored)>, StoreError> {
        self.inner.scan(scan)
    }

    fn scan_keys(&self, scan: &Scan) -> Result<Vec<Key>, StoreError> {
        self.inner.scan_keys(scan)
    }

    fn scan_all(&self) -> RecordIterator<'_> {
        self.inner.scan_all()
    }

    fn commit(&self, commit: Commit<'_>) -> Result<Outcome, DiskFailure> {
        {
            let mut touched = self.log.0.lock().unwrap_or_else(PoisonError::into_inner);
            touched.read.extend(commit.reads.keys().cloned());
            touched.listed.extend(commit.found.iter().map(|found| found.scan.prefix.clone()));
            touched.written.extend(commit.writes.keys().cloned());
        }
        self.inner.commit(commit)
    }

    fn settle(&self, id: CommitId) -> Result<bool, StoreError> {
        self.inner.settle(id)
    }

    fn pause(&self, attempt: u32) {
        self.inner.pause(attempt);
    }

    fn bytes(&self) -> io::Result<u64> {
        self.inner.bytes()
    }

    fn tidy(&self) -> Result<(), String> {
        self.inner.tidy()
    }

    fn close(&self) -> Result<(), DiskFailure> {
        self.inner.close()
    }
}
