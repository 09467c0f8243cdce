//! The database of the store. sled is used in this file only.
//!
//! An error of sled ends the process, because sled then refuses all operations until it is opened again, and
//! dropping it could write more. Therefore functions here return no errors, except those that run before the
//! daemon serves requests.
#![expect(clippy::disallowed_types, reason = "the only module that uses sled")]

use std::{
    fs::{self, TryLockError},
    io,
    ops::Bound,
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use super::sync_hook;
use crate::{
    metrics::AtomicHistogram,
    store::{Key, fatal::fatal},
};

pub(in crate::store) struct Engine {
    db: sled::Db,
    /// The same file, for syncs.
    file: sync_hook::Database,
}

/// A group of writes that are applied together: values, or `None` to delete a record.
pub(in crate::store) struct Batch(sled::Batch);

impl Batch {
    pub(in crate::store) fn new() -> Self {
        Self(sled::Batch::default())
    }

    pub(in crate::store) fn write(&mut self, key: &Key, value: Option<Vec<u8>>) {
        match value {
            Some(value) => self.0.insert(key.as_bytes(), value),
            None => self.0.remove(key.as_bytes()),
        }
    }
}

impl Engine {
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
        let db = config.open().map_err(|error| match error {
            sled::Error::Io(error) => error,
            other => io::Error::other(other.to_string()),
        })?;
        let file = sync_hook::Database::watch(&dir.join("db"))?;
        Ok(Self { db, file })
    }

    pub(in crate::store) fn get(&self, key: &Key) -> Option<impl AsRef<[u8]> + use<>> {
        match self.db.get(key.as_bytes()) {
            Ok(value) => value,
            Err(error) => fatal(&format!("cannot read the database: {error}")),
        }
    }

    /// The records whose keys begin with `prefix`, in the order of their keys; reversible.
    pub(in crate::store) fn range(
        &self,
        prefix: &[u8],
    ) -> impl DoubleEndedIterator<Item = (Key, impl AsRef<[u8]> + use<>)> + use<> {
        found(self.db.scan_prefix(prefix))
    }

    /// The records whose keys begin with `prefix` and are before `end`, which begins with it as well.
    pub(in crate::store) fn range_before(
        &self,
        prefix: &[u8],
        end: &[u8],
    ) -> impl DoubleEndedIterator<Item = (Key, impl AsRef<[u8]> + use<>)> + use<> {
        found(self.db.range(prefix..end))
    }

    /// The records whose keys begin with `prefix` and are after `start`, in the order of their keys.
    pub(in crate::store) fn range_after(
        &self,
        prefix: &[u8],
        start: &[u8],
    ) -> impl Iterator<Item = (Key, impl AsRef<[u8]> + use<>)> + use<> {
        let prefix = prefix.to_vec();
        found(self.db.range::<&[u8], _>((Bound::Excluded(start), Bound::Unbounded)))
            .take_while(move |(key, _)| key.as_bytes().starts_with(&prefix))
    }

    /// All records in the order of their keys, with errors. Reads the whole database with bounded memory.
    ///
    /// sled records accesses to pages in groups of 64 from the same 256th of all pages, and evicts none
    /// before that. A simple scan therefore keeps up to 16,384 pages beyond the cache's capacity (measured:
    /// 136 MiB for 100,000 secrets). A second read of each record fills these groups sooner (71 MiB), in the
    /// same time.
    pub(in crate::store) fn scan_all(
        &self,
    ) -> impl Iterator<Item = Result<(Key, impl AsRef<[u8]> + use<>), String>> + use<> {
        let db = self.db.clone();
        items(self.db.iter()).inspect(move |item| {
            if let Ok((key, _)) = item {
                // If this read fails, the next item returns the same error.
                let _ = db.get(key.as_bytes());
            }
        })
    }

    /// Applies a batch and returns when it is durable.
    pub(in crate::store) fn commit(&self, batch: Batch) {
        let commit = self.file.commit();
        if let Err(error) = self.db.apply_batch(batch.0) {
            fatal(&format!("cannot change the database: {error}"));
        }
        self.flush();
        commit.end();
    }

    /// The times of the syncs.
    pub(in crate::store) fn sync_times(&self) -> &Arc<AtomicHistogram> {
        self.file.sync_times()
    }

    /// Returns when all applied batches are durable.
    pub(in crate::store) fn flush(&self) {
        if let Err(error) = self.db.flush() {
            fatal(&format!("cannot flush the database: {error}"));
        }
    }

    /// Checks that sled's syncs arrive at [`sync_hook`], by committing `batch` and counting the calls.
    pub(in crate::store) fn commit_reaches_sync_hook(&self, batch: Batch) -> bool {
        let before = sync_hook::calls();
        self.commit(batch);
        sync_hook::calls() > before
    }
}

/// The records that an iterator of sled returns.
fn found(
    iterator: sled::Iter,
) -> impl DoubleEndedIterator<Item = (Key, impl AsRef<[u8]> + use<>)> + use<> {
    items(iterator).map(|item| item.unwrap_or_else(|error| fatal(&error)))
}

/// The same with errors.
fn items(
    iterator: sled::Iter,
) -> impl DoubleEndedIterator<Item = Result<(Key, impl AsRef<[u8]> + use<>), String>> + use<> {
    iterator.map(|item| match item {
        Ok((key, value)) => Ok((Key::from_disk(&key), value)),
        Err(error) => Err(format!("cannot read the database: {error}")),
    })
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
