//! The database: small ordered transactions and sealed payloads. A change is durable before its result is
//! returned.
//!
//! What a store consists of is behind three traits, so that another engine can take the place of sled, which
//! is not visible outside `store::local`. All else is shared.
//!
//! ```text
//! Store::change -> writer (one thread) -> group, transaction -> commit -> Engine, PayloadKeys, Bodies
//! Store::get, scan, range, keys --------------------------------------> Engine
//! Store::open -> local (directory, sled, slots, files) -> opening -> verify (the scan at start)
//! ```
//!
//! A disk error while the store is open ends the process immediately (`fatal`). After a failed sync, the
//! state of the disk is only known after the store is opened again, which a supervisor causes by restarting
//! the process.

pub mod backup;
mod bodies;
mod commit;
mod engine;
mod error;
mod fatal;
#[cfg(test)]
pub(crate) mod faulty;
mod figures;
mod group;
mod growing_file;
mod key;
mod local;
mod manifest;
mod new_file;
mod opening;
mod payload;
mod payload_keys;
mod record;
mod space;
#[cfg(test)]
mod tests;
mod transaction;
mod verify;
mod writer;

use std::{
    collections::BTreeSet,
    io::{self, Write as _},
    panic::Location,
    path::Path,
    pin::Pin,
    sync::{
        Arc, Mutex, OnceLock,
        mpsc::{self, Sender},
    },
    task::{Context, Poll},
    thread::{self, JoinHandle},
};

use tokio::sync::oneshot;

use self::{
    backup::CommitTap,
    engine::Stored,
    fatal::fatal,
    group::StoreDisks,
    opening::ReadyStore,
    payload::{PayloadBody, PayloadSlot},
    payload_keys::SlotLease,
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
    new_file::NewFile,
    payload::{BesideFile, FoundPayload, MAX_INLINE_BYTES, Payload},
    record::{MAX_VALUE_BYTES, Record, RecordFields},
    space::Space,
    transaction::Transaction,
};
use crate::{
    clock::{Clock, TimeRecord},
    crypto::{self, Random, SlotKey},
};

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
    /// The stored time at the opening of the store.
    time: TimeRecord,
    clock: Arc<OnceLock<Clock>>,
}

/// The result of a change, available once the change is durable: as a future, or with
/// [`PendingChange::wait`].
pub struct PendingChange<T, E>(oneshot::Receiver<Result<T, E>>);

impl<T, E: From<StoreError>> PendingChange<T, E> {
    /// Blocks until the change is durable.
    ///
    /// # Errors
    ///
    /// The error of the change, or [`StoreError::Closed`].
    pub fn wait(self) -> Result<T, E> {
        self.0.blocking_recv().unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }
}

impl<T, E: From<StoreError>> Future for PendingChange<T, E> {
    type Output = Result<T, E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0)
            .poll(context)
            .map(|answer| answer.unwrap_or_else(|_| Err(StoreError::Closed.into())))
    }
}

impl Store {
    /// Opens the store in `root`, creates it if it does not exist, and checks all of its records.
    ///
    /// Blocks: one second for 400,000 records. `cache_bytes` is the size of the database's cache in memory.
    ///
    /// # Errors
    ///
    /// [`StoreOpenError`] if the directory is locked, has another format, is damaged or cannot be accessed.
    /// The files are not changed, except by sled itself.
    pub fn open(root: &Path, cache_bytes: u64) -> Result<Self, StoreOpenError> {
        let opened = local::open(root, cache_bytes)?;
        Self::start(opened, fatal_failure).map_err(StoreOpenError::io("start a thread for", root))
    }

    /// Starts the threads of an open store.
    fn start(opened: ReadyStore, on_failure: OnFailure) -> io::Result<Self> {
        let ReadyStore { committer, figures } = opened;
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
        let writer =
            Writer { committer, tap: Arc::clone(&tap), figures: Arc::clone(&figures), watched };
        let writer = spawn("store writer", Box::new(move || writer.run(&messages, on_failure)))?;
        let writer = Mutex::new(Some(writer));
        Ok(Self {
            shared: Arc::new(StoreParts { disks, figures, changes, tap, writer, time, clock }),
        })
    }

    /// The stored time at the opening of the store.
    #[must_use]
    pub fn time(&self) -> TimeRecord {
        self.shared.time
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
        stored.map(|stored| decode(key, &stored)).transpose()
    }

    /// The values at `keys`, in their order.
    ///
    /// # Errors
    ///
    /// Those of [`Store::get`].
    pub fn get_many<R: Record>(&self, keys: &[Key]) -> Result<Vec<Option<R>>, StoreError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let found = self.shared.disks.engine.get_many(keys)?;
        let pairs = keys.iter().zip(found);
        pairs.map(|(key, stored)| stored.map(|stored| decode(key, &stored)).transpose()).collect()
    }

    /// The records of a scan.
    ///
    /// # Errors
    ///
    /// Those of [`Store::get`].
    pub fn scan<R: Record>(&self, scan: &Scan) -> Result<Vec<(Key, R)>, StoreError> {
        let found = self.shared.disks.engine.scan(scan)?;
        let decoded = |(key, stored): (Key, Stored)| {
            let value = decode(&key, &stored)?;
            Ok((key, value))
        };
        found.into_iter().map(decoded).collect()
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
        let engine = Arc::clone(&self.shared.disks.engine);
        let read = move |scan: &Scan| engine.scan(scan);
        let records = Portions::new(Scan::of(prefix), read, |(key, _): &(Key, Stored)| key.clone());
        records.map(|record| {
            let (key, stored) = record?;
            let value = decode(&key, &stored)?;
            Ok((key, value))
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

    /// Seals `plaintext` under a fresh key, for [`Transaction::put_sealed`]. The same `context` is needed to
    /// open it.
    ///
    /// Blocks on a sync if the payload is longer than [`MAX_INLINE_BYTES`].
    ///
    /// # Errors
    ///
    /// [`StoreError::Full`] or [`StoreError::PayloadFile`].
    pub fn seal(
        &self,
        random: &dyn Random,
        context: &[u8],
        plaintext: Vec<u8>,
    ) -> Result<Payload, StoreError> {
        let slot = self.slot()?;
        let key = SlotKey::new(random);
        let sealed = crypto::seal::seal(&key, context, plaintext);
        let body = if sealed.len() <= MAX_INLINE_BYTES {
            PayloadBody::Inline(sealed)
        } else {
            let mut file = self.new_file(random)?;
            file.write_all(&sealed)?;
            PayloadBody::File(Arc::new(file.sync()?))
        };
        Ok(Payload { key, slot, body })
    }

    fn slot(&self) -> Result<PayloadSlot, StoreError> {
        SlotLease::new(&self.shared.disks.keys).map(|lease| PayloadSlot::Reserved(Arc::new(lease)))
    }

    /// Begins a payload file for [`Store::seal_beside`], for data that is too long for memory.
    ///
    /// # Errors
    ///
    /// [`StoreError::Full`] or [`StoreError::PayloadFile`].
    pub fn new_file(&self, random: &dyn Random) -> Result<NewFile, StoreError> {
        NewFile::create(&self.shared.disks.bodies, random)
    }

    /// Seals the `head` of a payload with a file. The file already contains ciphertext, and its key is in the
    /// head. Burning the key of the head therefore burns the file.
    ///
    /// Blocks on the sync of the file.
    ///
    /// # Errors
    ///
    /// [`StoreError::TooLarge`] for a sealed head over [`MAX_INLINE_BYTES`], and the errors of
    /// [`Store::new_file`].
    pub fn seal_beside(
        &self,
        random: &dyn Random,
        context: &[u8],
        head: Vec<u8>,
        file: NewFile,
    ) -> Result<Payload, StoreError> {
        let key = SlotKey::new(random);
        let head = crypto::seal::seal(&key, context, head);
        if head.len() > MAX_INLINE_BYTES {
            return Err(StoreError::TooLarge("the head of a payload does not fit in its record"));
        }
        let body = PayloadBody::Beside { head, file: Arc::new(file.sync()?) };
        Ok(Payload { key, slot: self.slot()?, body })
    }

    /// Begins a payload file for [`Store::seal_growing`]. It is written in several steps, and a record counts
    /// the bytes of each step.
    ///
    /// # Errors
    ///
    /// [`StoreError::Full`] or [`StoreError::PayloadFile`].
    pub fn growing_file(&self, random: &dyn Random) -> Result<GrowingFile, StoreError> {
        GrowingFile::create(&self.shared.disks.bodies, random)
    }

    /// Opens a file found by [`Transaction::unfinished`] to continue it. Bytes after its counted end, which a
    /// crash can leave, are cut off. The caller makes sure that the file has no other writer.
    ///
    /// # Errors
    ///
    /// [`StoreError::PayloadFile`], also if the file was deleted in the meantime.
    pub fn reopen(&self, unfinished: Unfinished) -> Result<GrowingFile, StoreError> {
        GrowingFile::reopen(&self.shared.disks.bodies, unfinished)
    }

    /// Does the same as [`Store::seal_beside`] for a file that may grow later. The file must be synced.
    ///
    /// # Errors
    ///
    /// [`StoreError::TooLarge`] for a sealed head over [`MAX_INLINE_BYTES`].
    pub fn seal_growing(
        &self,
        random: &dyn Random,
        context: &[u8],
        head: Vec<u8>,
        file: &GrowingFile,
        growth: Growth,
    ) -> Result<Payload, StoreError> {
        let key = SlotKey::new(random);
        let head = crypto::seal::seal(&key, context, head);
        if head.len() > MAX_INLINE_BYTES {
            return Err(StoreError::TooLarge("the head of a payload does not fit in its record"));
        }
        let body = file.body(head, growth).ok_or(StoreError::Damaged("a file is named already"))?;
        Ok(Payload { key, slot: self.slot()?, body })
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
                named.extend(envelope.payload.and_then(|p| p.body.file()).map(|(name, _)| name));
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

fn decode<R: Record>(key: &Key, stored: &Stored) -> Result<R, StoreError> {
    Envelope::decode(key, &stored.bytes)?.value()
}

fn fatal_failure(what: &str) {
    fatal(what)
}

/// The number of items that [`Store::range`] and [`Store::keys`] read at a time.
const PORTION: usize = 64;

/// The items of a scan, read in portions. An error is the last item.
struct Portions<T, Read, KeyOf> {
    scan: Scan,
    read: Read,
    key_of: KeyOf,
    portion: std::vec::IntoIter<T>,
    is_last: bool,
}

impl<T, Read, KeyOf> Portions<T, Read, KeyOf> {
    fn new(scan: Scan, read: Read, key_of: KeyOf) -> Self {
        let portion = Vec::new().into_iter();
        Self { scan: scan.limit(PORTION), read, key_of, portion, is_last: false }
    }
}

impl<T, Read, KeyOf> Iterator for Portions<T, Read, KeyOf>
where
    Read: Fn(&Scan) -> Result<Vec<T>, StoreError>,
    KeyOf: Fn(&T) -> Key,
{
    type Item = Result<T, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(item) = self.portion.next() {
            return Some(Ok(item));
        }
        if self.is_last {
            return None;
        }
        match (self.read)(&self.scan) {
            Ok(portion) => {
                self.is_last = portion.len() < PORTION;
                self.scan.after = portion.last().map(&self.key_of);
                self.portion = portion.into_iter();
                self.portion.next().map(Ok)
            }
            Err(error) => {
                self.is_last = true;
                Some(Err(error))
            }
        }
    }
}
