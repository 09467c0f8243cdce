//! The database behind the store: the only file that names sled.
//!
//! Every error of sled ends the process: after one it refuses everything until it is opened again, and
//! dropping it could write more. So nothing here returns one, except for what runs before serving.
#![expect(clippy::disallowed_types, reason = "the one place where sled is used")]

use std::{
    fs::{self, TryLockError},
    io,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use super::sync_hook;
use crate::store::{Key, fatal};

pub(in crate::store) struct Engine {
    db: sled::Db,
    /// The same file, for the syncs.
    file: sync_hook::Database,
}

/// What changes together: values to put, or `None` to delete.
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
    /// Opens the database in `dir`, which is made where it is missing.
    ///
    /// # Errors
    ///
    /// What sled says. It may panic instead on files that are damaged.
    pub(in crate::store) fn open(dir: &Path, cache_bytes: u64) -> io::Result<Self> {
        remove_unfinished_snapshots(dir)?;
        wait_for_lock(dir);
        let config = sled::Config::new()
            .path(dir)
            .cache_capacity(cache_bytes)
            .mode(sled::Mode::LowSpace)
            .use_compression(false)
            // The writer flushes; a timer's flush in between would only add syncs.
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

    /// The records whose keys begin with `prefix`, in the order of their keys or against it.
    pub(in crate::store) fn range(
        &self,
        prefix: &[u8],
    ) -> impl DoubleEndedIterator<Item = (Key, impl AsRef<[u8]> + use<>)> + use<> {
        self.scan(prefix).map(|item| item.unwrap_or_else(|error| fatal(&error)))
    }

    /// All records in the order of their keys, with the errors, for reading the whole database without
    /// filling the memory.
    ///
    /// sled counts an access of a page only with 63 others of the same 256th of all pages, and evicts
    /// nothing before: a mere scan keeps up to 16,384 pages beyond the cache's capacity (measured:
    /// 136 MiB for 100,000 secrets). Asking for each record again makes the accesses many and the
    /// pages few (71 MiB), in the same time.
    pub(in crate::store) fn scan_all(
        &self,
    ) -> impl Iterator<Item = Result<(Key, impl AsRef<[u8]> + use<>), String>> + use<> {
        let db = self.db.clone();
        self.scan(&[]).inspect(move |item| {
            if let Ok((key, _)) = item {
                // Its error, if any, is the next item's as well.
                let _ = db.get(key.as_bytes());
            }
        })
    }

    /// As [`Engine::range`], with the errors.
    fn scan(
        &self,
        prefix: &[u8],
    ) -> impl DoubleEndedIterator<Item = Result<(Key, impl AsRef<[u8]> + use<>), String>> + use<>
    {
        self.db.scan_prefix(prefix).map(|item| match item {
            Ok((key, value)) => Ok((Key::from_disk(&key), value)),
            Err(error) => Err(format!("cannot read the database: {error}")),
        })
    }

    /// Applies a batch and returns once it is on disk.
    pub(in crate::store) fn commit(&self, batch: Batch) {
        let commit = self.file.commit();
        if let Err(error) = self.db.apply_batch(batch.0) {
            fatal(&format!("cannot change the database: {error}"));
        }
        self.flush();
        commit.end();
    }

    /// Returns once everything applied is on disk.
    pub(in crate::store) fn flush(&self) {
        if let Err(error) = self.db.flush() {
            fatal(&format!("cannot flush the database: {error}"));
        }
    }

    /// Proves that sled's syncs arrive at [`sync_hook`], by committing `batch` and counting.
    pub(in crate::store) fn commit_reaches_sync_hook(&self, batch: Batch) -> bool {
        let before = sync_hook::calls();
        self.commit(batch);
        sync_hook::calls() > before
    }
}

/// Waits until nobody has the database open: a dropped one is closed only when sled's threads are done
/// with it, some milliseconds later, and sled itself does not wait. It can not be another process,
/// since ours holds the lock of the data directory.
fn wait_for_lock(dir: &Path) {
    const PATIENCE: Duration = Duration::from_secs(10);
    let Ok(file) = fs::File::open(dir.join("db")) else { return };
    let start = Instant::now();
    // Any other error comes again, as sled's own.
    while let Err(TryLockError::WouldBlock) = file.try_lock() {
        if start.elapsed() > PATIENCE {
            return;
        }
        thread::sleep(Duration::from_millis(1));
    }
    // Not left to the end of `file`: a process that is just being started by another thread has it as
    // well, until it runs its program. An error would come again, as sled's own.
    let _ = file.unlock();
}

/// Left by a crash while sled wrote a snapshot, they make every later open fail (sled issue #1527).
/// The data they were made from is still there.
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
            tracing::warn!(file = %name, "removing a snapshot that a crash left unfinished");
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
