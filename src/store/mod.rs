//! The database: small ordered transactions and sealed payloads. A change is durable before its result is
//! returned.
//!
//! What a store consists of is behind three traits, so that another engine can take the place of sled, which
//! is not visible outside `store::local`. All else is shared.
//!
//! ```text
//! Store::change -> writer (one thread) -> group, transaction -> commit -> Engine, PayloadKeys, Bodies
//! Store::get, scan, range, keys --------------------------------------> Engine, PayloadKeys
//! Store::open -> local (directory, sled, slots, files) -> opening -> verify (the scan at start)
//! ```
//!
//! A disk error while the store is open ends the process immediately (`fatal`). After a failed sync, the
//! state of the disk is only known after the store is opened again, which a supervisor causes by restarting
//! the process.

pub mod backup;
mod between_commits;
mod bodies;
mod commit;
mod engine;
mod error;
mod fatal;
#[cfg(test)]
pub(crate) mod faulty;
mod figures;
mod glances;
mod group;
mod growing_file;
mod key;
mod local;
mod manifest;
mod new_file;
mod opening;
mod options;
mod payload;
mod payload_keys;
mod pending_change;
mod portions;
mod ranges;
mod record;
mod sealed_values;
mod sealing;
mod space;
#[cfg(test)]
mod tests;
mod transaction;
mod turn;
mod verify;
mod writer;

use std::{
    collections::BTreeSet,
    io,
    panic::Location,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, OnceLock,
        mpsc::{self, Sender},
    },
    thread::{self, JoinHandle},
};

use self::{
    backup::CommitTap,
    engine::Stored,
    fatal::fatal,
    group::StoreDisks,
    opening::ReadyStore,
    portions::Portions,
    record::Envelope,
    writer::{ChangeJob, OnFailure, Watched, Writer, WriterMessage, delete_files, watch},
};
pub use self::{
    bodies::FoundFile,
    engine::Scan,
    error::{StoreError, StoreOpenError},
    figures::{KindFigures, StoreFigures, StoreSize},
    growing_file::{GrowingFile, Growth, Unfinished},
    key::Key,
    local::ring::{RING_BYTES, RingCopy},
    new_file::NewFile,
    options::StoreOptions,
    payload::{BesideFile, FoundPayload, MAX_INLINE_BYTES, Payload},
    pending_change::PendingChange,
    record::{MAX_VALUE_BYTES, Record, RecordFields},
    sealed_values::RecordReader,
    space::Space,
    transaction::Transaction,
    turn::TurnError,
};
use crate::{
    clock::{Clock, TimeRecord},
    crypto::WrappingKey,
};

/// Encrypts the ring of the store in `root` under another master key, or under none. No daemon may use the
/// directory. Blocks.
///
/// # Errors
///
/// [`StoreOpenError`]; the old key works then.
pub fn change_master_key(
    root: &Path,
    old: Option<WrappingKey>,
    new: Option<WrappingKey>,
) -> Result<(), StoreOpenError> {
    local::change_master_key(root, old, new)
}

/// An open store. Clones share it.
#[derive(Clone)]
pub struct Store {
    shared: Arc<StoreParts>,
}

struct StoreParts {
    disks: StoreDisks,
    figures: Arc<StoreFigures>,
    /// Unbounded. The number of connections, each of which waits for its results, limits its length.
    changes: Sender<WriterMessage>,
    tap: Arc<CommitTap>,
    writer: Mutex<Option<JoinHandle<()>>>,
    /// Held during a turn of the ring: whether the last one may be unfinished.
    turning: Mutex<bool>,
    /// The directory for the key table.
    keys_out: Option<PathBuf>,
    /// The stored time at the opening of the store.
    time: TimeRecord,
    clock: Arc<OnceLock<Clock>>,
}

impl Store {
    /// [`Store::open_with`], with a ring in the directory and a cache of this size.
    ///
    /// # Errors
    ///
    /// [`StoreOpenError`]
    pub fn open(root: &Path, cache_bytes: u64) -> Result<Self, StoreOpenError> {
        Self::open_with(root, StoreOptions::new(cache_bytes))
    }

    /// Opens the store in `root`, creates it if it does not exist, and checks all of its records.
    ///
    /// Blocks: one second for 400,000 records.
    ///
    /// # Errors
    ///
    /// [`StoreOpenError`] if the directory is locked, has another format, is damaged or cannot be accessed,
    /// or if its ring cannot be used. The files are not changed, except by sled itself.
    pub fn open_with(root: &Path, options: StoreOptions) -> Result<Self, StoreOpenError> {
        let keys_out = options.keys_out.clone();
        let opened = local::open(root, options)?;
        Self::start(opened, keys_out, fatal_failure)
            .map_err(StoreOpenError::io("start a thread for", root))
    }

    /// Starts the threads of an open store.
    fn start(
        opened: ReadyStore,
        keys_out: Option<PathBuf>,
        on_failure: OnFailure,
    ) -> io::Result<Self> {
        let ReadyStore { committer, figures, random } = opened;
        let disks = committer.disks().clone();
        let (changes, messages) = mpsc::channel();
        let (dead_files, dead) = mpsc::channel();
        let tap = Arc::new(CommitTap::new(dead_files));
        let watched = Arc::new(Watched::new());
        let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
            thread::Builder::new().name(name.into()).spawn(move || {
                let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
                if ended.is_err() {
                    fatal("a thread of the store panicked");
                }
            })
        };
        let observed = Arc::downgrade(&watched);
        spawn("store watch", Box::new(move || watch(&observed)))?;
        let bodies = Arc::clone(&disks.bodies);
        spawn("store unlink", Box::new(move || delete_files(bodies.as_ref(), &dead)))?;
        let (time, clock) = (committer.manifest().time, Arc::clone(committer.clock()));
        let writer = Writer {
            committer,
            random,
            tap: Arc::clone(&tap),
            figures: Arc::clone(&figures),
            watched,
        };
        let writer = spawn("store writer", Box::new(move || writer.run(&messages, on_failure)))?;
        let writer = Mutex::new(Some(writer));
        Ok(Self {
            shared: Arc::new(StoreParts {
                disks,
                figures,
                changes,
                tap,
                writer,
                turning: Mutex::new(true),
                keys_out,
                time,
                clock,
            }),
        })
    }

    /// The stored time at the opening of the store.
    #[must_use]
    pub fn time(&self) -> TimeRecord {
        self.shared.time
    }

    /// A number that no other open store on the same engine has, for records that each process writes for
    /// itself; 0 if no other can be open.
    #[must_use]
    pub fn process(&self) -> u64 {
        self.shared.disks.process
    }

    /// Makes each later commit store the time of `clock`. Only the first clock is used.
    pub fn keep_time(&self, clock: &Clock) {
        let _ = self.shared.clock.set(clock.clone());
    }

    /// The value at `key` after the latest change, which may not be durable yet.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`], [`StoreError::UnknownVersion`] or [`StoreError::Unavailable`].
    pub fn get<R: Record>(&self, key: &Key) -> Result<Option<R>, StoreError> {
        let stored = self.shared.disks.engine.get(key)?;
        let opened = stored.map(|stored| self.reader().open(key, stored));
        Ok(opened.transpose()?.flatten())
    }

    /// The values at `keys`, in their order.
    ///
    /// # Errors
    ///
    /// Those of [`Store::get`].
    pub fn get_many<R: Record>(&self, keys: &[Key]) -> Result<Vec<Option<R>>, StoreError> {
        self.reader().get_many(keys)
    }

    /// The records of a scan. `None` stands for a value whose key is gone.
    ///
    /// # Errors
    ///
    /// Those of [`Store::get`].
    pub fn scan<R: Record>(&self, scan: &Scan) -> Result<Vec<(Key, Option<R>)>, StoreError> {
        let found = self.shared.disks.engine.scan(scan)?;
        let (keys, stored): (Vec<Key>, Vec<Option<Stored>>) =
            found.into_iter().map(|(key, stored)| (key, Some(stored))).unzip();
        let values = self.reader().open_many(&keys, &stored)?;
        Ok(keys.into_iter().zip(values).collect())
    }

    /// The keys of a scan. Does not read the values.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn scan_keys(&self, scan: &Scan) -> Result<Vec<Key>, StoreError> {
        self.shared.disks.engine.scan_keys(scan)
    }

    /// All records whose keys begin with `prefix`, in the order of their keys, read in portions. The errors
    /// of the items are those of [`Store::get`]. After [`StoreError::Unavailable`], there is no next item.
    pub fn range<R: Record>(
        &self,
        prefix: &Key,
    ) -> impl Iterator<Item = Result<(Key, R), StoreError>> + use<R> {
        let disks = self.shared.disks.clone();
        let engine = Arc::clone(&disks.engine);
        let read = move |scan: &Scan| engine.scan(scan);
        let records = Portions::new(Scan::of(prefix), read, |(key, _): &(Key, Stored)| key.clone());
        records.filter_map(move |record| {
            let opened = record.and_then(|(key, stored)| {
                let value = RecordReader::new(&disks).open(&key, stored)?;
                Ok(value.map(|value| (key, value)))
            });
            opened.transpose()
        })
    }

    /// All keys that begin with `prefix`, in order, read in portions. Does not read the values. The errors of
    /// the items are those of [`Store::scan_keys`]; an error is the last item.
    pub fn keys(&self, prefix: &Key) -> impl Iterator<Item = Result<Key, StoreError>> + use<> {
        let engine = Arc::clone(&self.shared.disks.engine);
        Portions::new(Scan::of(prefix), move |scan: &Scan| engine.scan_keys(scan), Key::clone)
    }

    /// Sends a change to the writer, which runs it alone. The result is available once all its effects are
    /// durable. Dropping the result does not cancel the change.
    #[track_caller]
    pub fn change<T, E>(
        &self,
        change: impl Fn(&mut Transaction<'_, '_>) -> Result<T, E> + Send + 'static,
    ) -> PendingChange<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (job, receiver) = ChangeJob::new(change, Location::caller());
        // A closed store drops the job with its sender, and the receiver then returns an error.
        self.shared.figures.change_sent();
        if self.shared.changes.send(WriterMessage::Change(Box::new(job))).is_err() {
            self.shared.figures.change_taken();
        }
        PendingChange(receiver)
    }

    /// For several reads of records that belong together.
    #[must_use]
    pub fn reader(&self) -> RecordReader<'_> {
        RecordReader::new(&self.shared.disks)
    }

    /// What the store counts about itself.
    #[must_use]
    pub fn figures(&self) -> &StoreFigures {
        &self.shared.figures
    }

    /// The size of the data directory. Blocks.
    ///
    /// # Errors
    ///
    /// An I/O error of the system.
    pub fn size(&self) -> io::Result<StoreSize> {
        let StoreParts { disks, figures, .. } = &*self.shared;
        let (database, slots) = (disks.engine.bytes()?, disks.keys.bytes()?);
        Ok(StoreSize { database, slots, files: figures.file_bytes() })
    }

    /// The free and total space of the disk with the payload files.
    ///
    /// # Errors
    ///
    /// An I/O error of the system.
    pub fn space(&self) -> io::Result<Space> {
        self.shared.disks.bodies.space()
    }

    /// Hourly maintenance: deletes payload files that no record names, and does what the engine needs. Reads
    /// every record, so it must run on a blocking thread.
    ///
    /// # Errors
    ///
    /// A description of the problem with the files, for the log.
    pub fn tidy(&self) -> Result<(), String> {
        let StoreDisks { engine, bodies, .. } = &self.shared.disks;
        let failed = |what: &str| {
            let what = what.to_owned();
            move |error: io::Error| format!("cannot {what}: {error}")
        };
        // Listed before the scan: an unheld file is already named by a record, or never will be.
        let settled = bodies.list().map_err(failed("list payload files"))?;
        // A backup reads files that no record names any more.
        let sweep = self.shared.tap.sweep().filter(|_| !settled.is_empty());
        if sweep.is_some() {
            let mut named = BTreeSet::new();
            for item in engine.scan_all() {
                let (key, bytes) = item?;
                let envelope = Envelope::decode(&key, &bytes).map_err(|error| error.to_string())?;
                named.extend(
                    envelope.attached.payload.and_then(|p| p.body.file()).map(|(name, _)| name),
                );
            }
            settled.sweep(&named).map_err(failed("sweep payload files"))?;
        }
        engine.tidy()
    }

    /// Commits all queued changes, syncs, and ends the writer. Later changes get [`StoreError::Closed`].
    /// Blocks.
    pub fn close(&self) {
        // If the store is already closed, the message has no receiver.
        let _ = self.shared.changes.send(WriterMessage::Close);
        let writer =
            self.shared.writer.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
        if let Some(writer) = writer {
            // The result is not needed: a panic of the writer ends the process.
            let _ = writer.join();
        }
    }
}

fn fatal_failure(what: &str) {
    fatal(what)
}
