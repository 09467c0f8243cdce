//! The database: small ordered transactions and sealed payloads. A change is durable before its result is
//! returned.
//!
//! sled is not visible outside this module, so that another engine can replace it.
//!
//! ```text
//! Store::change -> writer (one thread, group commit) -> slots, payload_files, engine (sled)
//! Store::get, Store::range ---------------------------------------------> engine
//! Store::open -> directory (lock, creation) -> engine -> verify (the scan at start)
//! ```
//!
//! A disk error while the store is open ends the process immediately (`fatal`). After a failed sync, the
//! state of the disk is only known after the store is opened again, which a supervisor causes by restarting
//! the process.

pub mod backup;
mod error;
mod fatal;
mod figures;
mod key;
pub mod local;
mod payload;
mod record;
#[cfg(test)]
mod tests;
mod transaction;

use std::{
    collections::BTreeSet,
    io::{self, Write as _},
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
    fatal::fatal,
    local::{
        directory::DataDirectory,
        engine::Engine,
        manifest::Manifest,
        payload_files::PayloadFiles,
        slots::{CommitMark, SlotFile},
        verify::{self, Verified},
        writer::{self, Watched, Writer, WriterMessage, delete_files, watch},
    },
    payload::PayloadBody,
    record::Envelope,
    transaction::Group,
};
pub use self::{
    error::{StoreError, StoreOpenError},
    figures::{KindFigures, StoreFigures, StoreSize},
    key::Key,
    local::{
        growing_file::{GrowingFile, Growth, Unfinished},
        new_file::NewFile,
        space::Space,
    },
    payload::{BesideFile, FoundFile, FoundPayload, MAX_INLINE_BYTES, Payload},
    record::{MAX_VALUE_BYTES, Record, RecordFields},
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
    engine: Arc<Engine>,
    files: Arc<PayloadFiles>,
    directory: DataDirectory,
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
        let directory = DataDirectory::open(root, cache_bytes)?;
        directory.drop_ballast_if_full()?;
        let damaged = |what| StoreOpenError::Damaged { path: root.to_path_buf(), what };
        if directory.has_blobs().map_err(StoreOpenError::io("look into", directory.db()))? {
            return Err(damaged("the database has files in blobs/, which it does not keep".into()));
        }
        let mut slots = SlotFile::open(&directory.slots()).map_err(|error| {
            StoreOpenError::unusable(root, "open the slot file", &directory.slots(), error)
        })?;
        let files = PayloadFiles::open(directory.payloads())
            .map_err(StoreOpenError::io("open", directory.payloads()))?;
        let (engine, figures, Verified { mut manifest, files: named, burns }) =
            open_and_verify(&directory, cache_bytes, &mut slots, &files)?;

        // The self-test is a commit like any other, so that the commit mark is right afterwards.
        let first = writer::batch(&engine, &figures, &mut manifest, burns);
        slots.mark(CommitMark { batch: manifest.batch, finished: false });
        if !engine.commit_reaches_sync_hook(first) {
            return Err(StoreOpenError::SyncHookMissing);
        }
        slots.mark(CommitMark { batch: manifest.batch, finished: true });

        let swept = files
            .list()
            .and_then(|all| files.sweep(&all, &named))
            .map_err(StoreOpenError::io("sweep", directory.payloads()))?;
        if swept > 0 {
            tracing::info!(swept, "deleted payload files that no record names");
        }
        if let Err(error) = directory.restore_ballast() {
            tracing::warn!(%error, "cannot create the ballast file; retrying every hour");
        }
        Self::start(directory, engine, figures, files, slots, manifest)
    }

    fn start(
        directory: DataDirectory,
        engine: Engine,
        figures: StoreFigures,
        files: PayloadFiles,
        slots: SlotFile,
        manifest: Manifest,
    ) -> Result<Self, StoreOpenError> {
        let (engine, files, figures) = (Arc::new(engine), Arc::new(files), Arc::new(figures));
        let (changes, messages) = mpsc::channel();
        let (dead_files, dead) = mpsc::channel();
        let tap = Arc::new(CommitTap::new(dead_files));
        let watched = Arc::new(Watched::new());
        let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
            thread::Builder::new()
                .name(name.into())
                .spawn(move || {
                    let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
                    if ended.is_err() {
                        fatal("a thread of the store panicked");
                    }
                })
                .map_err(StoreOpenError::io("start a thread for", directory.root()))
        };
        let observed = Arc::downgrade(&watched);
        spawn("store watch", Box::new(move || watch(&observed)))?;
        let unlinked = Arc::clone(&files);
        spawn("store unlink", Box::new(move || delete_files(&unlinked, &dead)))?;
        let (time, clock) = (manifest.time, Arc::new(OnceLock::new()));
        let writer = Writer {
            engine: Arc::clone(&engine),
            files: Arc::clone(&files),
            slots,
            manifest,
            tap: Arc::clone(&tap),
            figures: Arc::clone(&figures),
            watched,
            clock: Arc::clone(&clock),
        };
        let writer = spawn("store writer", Box::new(move || writer.run(&messages)))?;
        let writer = Mutex::new(Some(writer));
        Ok(Self {
            shared: Arc::new(StoreParts {
                engine,
                files,
                directory,
                figures,
                changes,
                tap,
                writer,
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

    /// Makes each later commit store the time of `clock`. Only the first clock is used.
    pub fn keep_time(&self, clock: &Clock) {
        let _ = self.shared.clock.set(clock.clone());
    }

    /// The value at `key` after the latest change, which may not be durable yet.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] or [`StoreError::UnknownVersion`].
    pub fn get<R: Record>(&self, key: &Key) -> Result<Option<R>, StoreError> {
        let stored = self.shared.engine.get(key);
        stored.map(|bytes| Envelope::decode(key, bytes.as_ref())?.value()).transpose()
    }

    /// The records whose keys begin with `prefix`, in the order of their keys; reversible.
    ///
    /// The errors of the items are those of [`Store::get`].
    pub fn range<R: Record>(
        &self,
        prefix: &Key,
    ) -> impl DoubleEndedIterator<Item = Result<(Key, R), StoreError>> + use<R> {
        self.shared.engine.range(prefix.as_bytes()).map(|(key, bytes)| {
            let value = Envelope::decode(&key, bytes.as_ref())?.value()?;
            Ok((key, value))
        })
    }

    /// The keys that begin with `prefix`, in order; reversible. Does not read the values.
    pub fn keys(&self, prefix: &Key) -> impl DoubleEndedIterator<Item = Key> + use<> {
        self.shared.engine.range(prefix.as_bytes()).map(|(key, _)| key)
    }

    /// The keys that begin with `prefix` and are before `end`, which begins with it as well; in order,
    /// reversible.
    pub fn keys_before(
        &self,
        prefix: &Key,
        end: &Key,
    ) -> impl DoubleEndedIterator<Item = Key> + use<> {
        self.shared.engine.range_before(prefix.as_bytes(), end.as_bytes()).map(|(key, _)| key)
    }

    /// The keys that begin with `prefix` and are after `start`, in order.
    pub fn keys_after(&self, prefix: &Key, start: &Key) -> impl Iterator<Item = Key> + use<> {
        self.shared.engine.range_after(prefix.as_bytes(), start.as_bytes()).map(|(key, _)| key)
    }

    /// Sends a change to the writer, which runs it alone. The result is available once all its effects are
    /// durable. Dropping the result does not cancel the change.
    pub fn change<T, E>(
        &self,
        change: impl Fn(&mut Transaction<'_, '_>) -> Result<T, E> + Send + 'static,
    ) -> PendingChange<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let job: writer::Job = Box::new(move |group: &mut Group<'_>| {
            let outcome = group.run(&change);
            let answer: writer::AnswerSender = Box::new(move || {
                // Staged files must live as long as the change, because the caller may have dropped its
                // future.
                drop(change);
                let _ = sender.send(outcome);
            });
            answer
        });
        // A closed store drops the job with its sender, and the receiver then returns an error.
        self.shared.figures.change_sent();
        if self.shared.changes.send(WriterMessage::Change(job)).is_err() {
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
        let key = SlotKey::new(random);
        let sealed = crypto::seal::seal(&key, context, plaintext);
        let body = if sealed.len() <= MAX_INLINE_BYTES {
            PayloadBody::Inline(sealed)
        } else {
            let mut file = self.new_file(random)?;
            file.write_all(&sealed)?;
            PayloadBody::File(Arc::new(file.sync()?))
        };
        Ok(Payload { key, body })
    }

    /// Begins a payload file for [`Store::seal_beside`], for data that is too long for memory.
    ///
    /// # Errors
    ///
    /// [`StoreError::Full`] or [`StoreError::PayloadFile`].
    pub fn new_file(&self, random: &dyn Random) -> Result<NewFile, StoreError> {
        NewFile::create(&self.shared.files, random)
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
        Ok(Payload { key, body: PayloadBody::Beside { head, file: Arc::new(file.sync()?) } })
    }

    /// Begins a payload file for [`Store::seal_growing`]. It is written in several steps, and a record counts
    /// the bytes of each step.
    ///
    /// # Errors
    ///
    /// [`StoreError::Full`] or [`StoreError::PayloadFile`].
    pub fn growing_file(&self, random: &dyn Random) -> Result<GrowingFile, StoreError> {
        GrowingFile::create(&self.shared.files, random)
    }

    /// Opens a file found by [`Transaction::unfinished`] to continue it. Bytes after its counted end, which a
    /// crash can leave, are cut off. The caller makes sure that the file has no other writer.
    ///
    /// # Errors
    ///
    /// [`StoreError::PayloadFile`], also if the file was deleted in the meantime.
    pub fn reopen(&self, unfinished: Unfinished) -> Result<GrowingFile, StoreError> {
        GrowingFile::reopen(&self.shared.files, unfinished)
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
        Ok(Payload { key, body })
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
        let StoreParts { directory, figures, .. } = &*self.shared;
        Ok(StoreSize { files: figures.file_bytes(), ..directory.size()? })
    }

    /// The free and total space of the file system.
    ///
    /// # Errors
    ///
    /// An I/O error of the system.
    pub fn space(&self) -> io::Result<Space> {
        self.shared.directory.space()
    }

    /// Whether enough space is free for new records. False if the free space is unknown.
    #[must_use]
    pub fn accepts_creations(&self) -> bool {
        self.space().is_ok_and(Space::allows_creation)
    }

    /// Hourly maintenance: deletes payload files that no record names, restores the ballast file, and checks
    /// that `blobs/` is empty. Reads every record, so it must run on a blocking thread.
    ///
    /// # Errors
    ///
    /// A description of the problem with the files, for the log.
    pub fn tidy(&self) -> Result<(), String> {
        let StoreParts { engine, files, directory, tap, .. } = &*self.shared;
        let failed = |what: &str| {
            let what = what.to_owned();
            move |error: io::Error| format!("cannot {what}: {error}")
        };
        // Listed before the scan: an unheld file is already named by a record, or never will be.
        let settled = files.list().map_err(failed("list payload files"))?;
        // A backup reads files that no record names any more.
        let sweep = tap.sweep().filter(|_| !settled.is_empty());
        if sweep.is_some() {
            let mut named = BTreeSet::new();
            for item in engine.scan_all() {
                let (key, bytes) = item?;
                let envelope =
                    Envelope::decode(&key, bytes.as_ref()).map_err(|error| error.to_string())?;
                named.extend(envelope.payload.and_then(|p| p.body.file()).map(|(name, _)| name));
            }
            files.sweep(&settled, &named).map_err(failed("sweep payload files"))?;
        }
        directory.restore_ballast().map_err(failed("make the ballast file"))?;
        if directory.has_blobs().map_err(failed("look into blobs/"))? {
            return Err("the database has files in blobs/, which it does not keep".into());
        }
        Ok(())
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

/// Opens the database and checks all of its records. sled panics on some kinds of damage; a panic is handled
/// as an error, because no request was answered yet.
fn open_and_verify(
    directory: &DataDirectory,
    cache_bytes: u64,
    slots: &mut SlotFile,
    files: &PayloadFiles,
) -> Result<(Engine, StoreFigures, Verified), StoreOpenError> {
    let root = directory.root();
    let damaged = |what| StoreOpenError::Damaged { path: root.to_path_buf(), what };
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let db = directory.db();
        let engine = Engine::open(&db, cache_bytes)
            .map_err(|error| StoreOpenError::unusable(root, "open the database in", &db, error))?;
        let figures = StoreFigures::new(Arc::clone(engine.sync_times()));
        let verified = verify::verify(&engine, slots, files, &figures).map_err(damaged)?;
        Ok((engine, figures, verified))
    }))
    .unwrap_or_else(|_| Err(damaged("the database gave up on its files".into())))
}
