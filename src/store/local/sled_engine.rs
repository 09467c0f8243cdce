//! The database of the store. sled is used in this file only.
//!
//! An error of sled ends the process, because sled then refuses all operations until it is opened again, and
//! dropping it could write more. Therefore reads here return no errors.
#![expect(clippy::disallowed_types, reason = "the only module that uses sled")]

use std::{
    fs::{self, TryLockError},
    io, mem,
    ops::Bound,
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{directory::DataDirectory, io_threads, sync_hook};
use crate::{
    metrics::AtomicHistogram,
    store::{
        Key, StoreError,
        engine::{
            Commit, CommitId, DiskFailure, Engine, Outcome, RecordIterator, Scan, Stored, Writes,
        },
        fatal::fatal,
    },
};

/// The files of sled's database.
pub(in crate::store) struct Database {
    db: sled::Db,
    /// The same file, for syncs.
    file: sync_hook::SyncedFile,
}

/// The database in the data directory of this process, which has locked it.
pub(super) struct SledEngine {
    database: Database,
    directory: DataDirectory,
}

impl SledEngine {
    pub(super) fn new(database: Database, directory: DataDirectory) -> Self {
        Self { database, directory }
    }

    fn iterate(&self, scan: &Scan) -> impl DoubleEndedIterator<Item = SledRecord> + use<> {
        let start = match &scan.after {
            Some(after) => Bound::Excluded(after.as_bytes().to_vec()),
            None => Bound::Included(scan.prefix.as_bytes().to_vec()),
        };
        let end = match (&scan.before, after_prefix(scan.prefix.as_bytes())) {
            (Some(before), _) => Bound::Excluded(before.as_bytes().to_vec()),
            (None, Some(end)) => Bound::Excluded(end),
            (None, None) => Bound::Unbounded,
        };
        self.database.db.range::<Vec<u8>, _>((start, end)).map(|item| match item {
            Ok(record) => record,
            Err(error) => fatal(&format!("cannot read the database: {error}")),
        })
    }

    fn collect<T>(&self, scan: &Scan, read: impl Fn(SledRecord) -> T) -> Vec<T> {
        let found = self.iterate(scan);
        let (skip, limit) = (scan.skip, scan.limit);
        match scan.is_backward {
            true => found.rev().skip(skip).take(limit).map(read).collect(),
            false => found.skip(skip).take(limit).map(read).collect(),
        }
    }
}

/// A key and a value.
type SledRecord = (sled::IVec, sled::IVec);

/// The first key after all keys with this prefix; `None` if there is none.
fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

/// The value of a record, without a copy.
fn stored(value: sled::IVec) -> Stored {
    Stored { bytes: Bytes::from_owner(value), version: 0 }
}

impl Engine for SledEngine {
    fn is_shared(&self) -> bool {
        false
    }

    fn get(&self, key: &Key) -> Result<Option<Stored>, StoreError> {
        Ok(self.database.get(key))
    }

    fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Stored>>, StoreError> {
        keys.iter().map(|key| self.get(key)).collect()
    }

    fn scan(&self, scan: &Scan) -> Result<Vec<(Key, Stored)>, StoreError> {
        Ok(self.collect(scan, |(key, value)| (Key::from_disk(&key), stored(value))))
    }

    fn scan_keys(&self, scan: &Scan) -> Result<Vec<Key>, StoreError> {
        Ok(self.collect(scan, |(key, _)| Key::from_disk(&key)))
    }

    /// sled records accesses to pages in groups of 64 from the same 256th of all pages, and evicts none
    /// before that. A simple scan therefore keeps up to 16,384 pages beyond the cache's capacity (measured:
    /// 136 MiB for 100,000 secrets). A second read of each record fills these groups sooner (71 MiB), in the
    /// same time.
    fn scan_all(&self) -> RecordIterator<'_> {
        let db = &self.database.db;
        Box::new(self.database.records().inspect(move |item| {
            if let Ok((key, _)) = item {
                // If this read fails, the next item returns the same error.
                let _ = db.get(key.as_bytes());
            }
        }))
    }

    fn commit(&self, commit: Commit<'_>) -> Result<Outcome, DiskFailure> {
        self.database.commit(commit.writes)?;
        Ok(Outcome::Done)
    }

    fn settle(&self, _id: CommitId) -> Result<bool, StoreError> {
        Err(StoreError::Damaged("no commit of this database has an unknown outcome"))
    }

    fn pause(&self, _attempt: u32) {}

    fn bytes(&self) -> io::Result<u64> {
        self.directory.database_bytes()
    }

    fn tidy(&self) -> Result<(), String> {
        let failed = |what: &str| {
            let what = what.to_owned();
            move |error: io::Error| format!("cannot {what}: {error}")
        };
        self.directory.restore_ballast().map_err(failed("make the ballast file"))?;
        if self.directory.has_blobs().map_err(failed("look into blobs/"))? {
            return Err("the database has files in blobs/, which it does not keep".into());
        }
        Ok(())
    }

    fn close(&self) -> Result<(), DiskFailure> {
        self.database.flush()
    }
}

impl Database {
    /// Opens the database in `dir`, and creates the directory if it is missing.
    ///
    /// # Errors
    ///
    /// The error of sled. sled may panic instead if its files are damaged.
    pub(in crate::store) fn open(dir: &Path, cache_bytes: u64) -> io::Result<Self> {
        remove_unfinished_snapshots(dir)?;
        wait_for_lock(dir);
        let config = sled::Config::new()
            .path(dir)
            .cache_capacity(cache_bytes)
            .mode(sled::Mode::LowSpace)
            .use_compression(false)
            // The writer flushes after each commit; a timer would only add syncs.
            .flush_every_ms(None);
        let readable = |error| match error {
            sled::Error::Io(error) => error,
            other => io::Error::other(other.to_string()),
        };
        // A new database is written for the first time by the flush, and an existing one is read by `open`:
        // both start sled's threads.
        let db = io_threads::with_few(|| {
            let db = config.open().map_err(readable)?;
            if let Err(error) = db.flush() {
                mem::forget(db);
                return Err(readable(error));
            }
            Ok(db)
        })?;
        let file = sync_hook::SyncedFile::new(&dir.join("db"))?;
        Ok(Self { db, file })
    }

    pub(in crate::store) fn get(&self, key: &Key) -> Option<Stored> {
        match self.db.get(key.as_bytes()) {
            Ok(value) => value.map(stored),
            Err(error) => fatal(&format!("cannot read the database: {error}")),
        }
    }

    /// All records, in the order of their keys.
    pub(in crate::store) fn records(
        &self,
    ) -> impl Iterator<Item = Result<(Key, Bytes), String>> + '_ {
        self.db.iter().map(|item| match item {
            Ok((key, value)) => Ok((Key::from_disk(&key), Bytes::from_owner(value))),
            Err(error) => Err(format!("cannot read the database: {error}")),
        })
    }

    /// Applies a group of writes and returns when it is durable.
    pub(in crate::store) fn commit(&self, writes: &Writes) -> Result<(), DiskFailure> {
        let mut batch = sled::Batch::default();
        for (key, value) in writes {
            match value {
                Some(value) => batch.insert(key.as_bytes(), value.as_slice()),
                None => batch.remove(key.as_bytes()),
            }
        }
        let commit = self.file.commit();
        self.db
            .apply_batch(batch)
            .map_err(|error| DiskFailure(format!("cannot change the database: {error}")))?;
        self.flush()?;
        commit.end();
        Ok(())
    }

    /// Returns when all applied batches are durable.
    pub(in crate::store) fn flush(&self) -> Result<(), DiskFailure> {
        match self.db.flush() {
            Ok(_) => Ok(()),
            Err(error) => Err(DiskFailure(format!("cannot flush the database: {error}"))),
        }
    }

    /// The times of the syncs.
    pub(super) fn sync_times(&self) -> &Arc<AtomicHistogram> {
        self.file.sync_times()
    }
}

/// Waits until the database is closed. sled closes a dropped database a few milliseconds later, in its own
/// threads, and does not wait for that itself. Another process cannot hold the lock, because this one holds
/// the lock of the data directory.
pub(in crate::store) fn wait_for_lock(dir: &Path) {
    const PATIENCE: Duration = Duration::from_secs(10);
    let Ok(file) = fs::File::open(dir.join("db")) else { return };
    let start = Instant::now();
    // sled returns any other error again when it opens the file.
    while let Err(TryLockError::WouldBlock) = file.try_lock() {
        if start.elapsed() > PATIENCE {
            return;
        }
        thread::sleep(Duration::from_millis(1));
    }
    // Unlocked explicitly, because a child process that another thread is starting shares the file until it
    // executes its program. sled returns an error again when it opens the file.
    let _ = file.unlock();
}

/// Deletes unfinished snapshots. A crash while sled writes a snapshot leaves such a file, and each later
/// opening fails (sled issue #1527). The data of the snapshot is still in the log.
fn remove_unfinished_snapshots(dir: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            tracing::warn!(file = %name, "deleting an unfinished snapshot, left by a crash");
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
