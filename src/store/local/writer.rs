//! The only thread that changes the store, and its group commit.
//!
//! The writer runs up to [`MAX_GROUP`] queued changes one after the other on the same state and commits them
//! as one batch: payload files are renamed, key slots are written and synced, and sled is flushed. The
//! results are sent after that. A group costs two syncs, one more for the directory if it has payload files,
//! and occasionally one for a new segment of sled's log.

use std::{
    io,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use super::{
    engine::{Batch, Engine},
    manifest::Manifest,
    payload_files::{FileName, PayloadFiles},
    slots::{CommitMark, SlotFile, SlotWrites},
};
use crate::{
    clock::Clock,
    store::{
        StoreFigures,
        backup::CommitTap,
        fatal::fatal,
        record::{Envelope, encode_value, stored_checksum},
        transaction::{Effects, Group, Writes},
    },
};

/// The largest number of changes in a commit. It bounds the memory of a group and the wait of its first
/// change.
const MAX_GROUP: usize = 256;
/// The longest duration of a commit; a longer one is treated as a disk failure.
const MAX_COMMIT: Duration = Duration::from_secs(10);
/// The interval of the checks in [`watch`].
const WATCH_INTERVAL: Duration = Duration::from_secs(1);

/// Runs one change in a group, and returns a function that sends its result.
pub(in crate::store) type Job = Box<dyn FnOnce(&mut Group<'_>) -> AnswerSender + Send>;
/// Sends the result of one change, after the commit.
pub(in crate::store) type AnswerSender = Box<dyn FnOnce() + Send>;

pub(in crate::store) enum WriterMessage {
    Change(Job),
    /// Commits the earlier changes, then ends the writer.
    Close,
}

pub(in crate::store) struct Writer {
    pub(in crate::store) engine: Arc<Engine>,
    pub(in crate::store) files: Arc<PayloadFiles>,
    pub(in crate::store) slots: SlotFile,
    pub(in crate::store) manifest: Manifest,
    /// What a running backup hears of commits.
    pub(in crate::store) tap: Arc<CommitTap>,
    pub(in crate::store) figures: Arc<StoreFigures>,
    /// The start time of the current group; see [`watch`].
    pub(in crate::store) watched: Arc<Watched>,
    /// The clock whose time is stored; see [`crate::store::Store::keep_time`].
    pub(in crate::store) clock: Arc<OnceLock<Clock>>,
}

/// The start time of the current group, including its changes, in milliseconds since `start` plus one; 0
/// between groups.
pub(in crate::store) struct Watched {
    start: Instant,
    group_began: AtomicU64,
}

impl Watched {
    pub(in crate::store) fn new() -> Self {
        Self { start: Instant::now(), group_began: AtomicU64::new(0) }
    }

    fn milliseconds(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX) + 1
    }
}

/// Ends the process if a commit takes too long, because the disk does not respond. Returns when the writer
/// has ended.
pub(in crate::store) fn watch(watched: &std::sync::Weak<Watched>) {
    while let Some(watched) = watched.upgrade() {
        let began = watched.group_began.load(Ordering::Relaxed);
        if began != 0 && u128::from(watched.milliseconds() - began) > MAX_COMMIT.as_millis() {
            fatal("a commit did not reach the disk within 10 seconds");
        }
        drop(watched);
        thread::sleep(WATCH_INTERVAL);
    }
}

impl Writer {
    /// Works until [`WriterMessage::Close`], or until all senders are dropped.
    pub(in crate::store) fn run(mut self, messages: &mpsc::Receiver<WriterMessage>) {
        let mut open = true;
        while open && let Ok(first) = messages.recv() {
            let watched = Arc::clone(&self.watched);
            watched.group_began.store(watched.milliseconds(), Ordering::Relaxed);
            let mut group = Group {
                engine: &self.engine,
                files: &self.files,
                slots: &mut self.slots,
                effects: Effects::default(),
            };
            let mut answers = Vec::new();
            for message in std::iter::once(first).chain(messages.try_iter()).take(MAX_GROUP) {
                match message {
                    WriterMessage::Change(job) => {
                        self.figures.change_taken();
                        answers.push(job(&mut group));
                    }
                    WriterMessage::Close => {
                        open = false;
                        break;
                    }
                }
            }
            let effects = group.effects;
            if !effects.writes.is_empty() {
                let began = Instant::now();
                self.commit(effects);
                self.figures.commit_times.observe_duration(began.elapsed());
                self.figures.commit_changes.observe(answers.len() as u64);
            }
            watched.group_began.store(0, Ordering::Relaxed);
            answers.into_iter().for_each(|answer| answer());
        }
        if self.clock.get().is_some_and(|clock| clock.record() != self.manifest.time) {
            self.commit(Effects::default());
        }
        self.slots.mark(CommitMark { batch: self.manifest.batch, finished: true });
        self.slots.sync();
        self.engine.flush();
    }

    fn commit(&mut self, effects: Effects) {
        self.tap.note(&effects);
        if let Err(error) = self.keep_files(&effects) {
            fatal(&format!("cannot name a payload file: {error}"));
        }
        if let Some(clock) = self.clock.get() {
            self.manifest.time = clock.record();
        }
        let batch = batch(&self.engine, &self.figures, &mut self.manifest, effects.writes);
        self.slots.mark(CommitMark { batch: self.manifest.batch, finished: false });
        if !effects.slots.is_empty() {
            self.write_slots(&effects.slots);
        }
        self.engine.commit(batch);
        if !effects.late_wipes.is_empty() {
            // After a crash before this, no record names these slots, and the start wipes them.
            self.write_slots(&effects.late_wipes.iter().map(|slot| (*slot, None)).collect());
        }
        self.slots.mark(CommitMark { batch: self.manifest.batch, finished: true });

        let wiped = effects.slots.iter().filter(|(_, key)| key.is_none());
        self.slots.release(wiped.map(|(slot, _)| *slot).chain(effects.late_wipes));
        for name in effects.dead_files {
            self.tap.give_up(name);
        }
    }

    fn write_slots(&self, writes: &SlotWrites) {
        self.slots.write(writes, self.manifest.batch);
        let began = Instant::now();
        self.slots.sync();
        self.figures.slot_syncs.observe_duration(began.elapsed());
    }

    fn keep_files(&self, effects: &Effects) -> io::Result<()> {
        for staged in &effects.kept_files {
            self.files.keep(staged)?;
        }
        if effects.kept_files.is_empty() { Ok(()) } else { self.files.sync() }
    }
}

/// The next batch for sled, with the updated manifest.
pub(in crate::store) fn batch(
    engine: &Engine,
    figures: &StoreFigures,
    manifest: &mut Manifest,
    writes: Writes,
) -> Batch {
    let mut batch = Batch::new();
    for (key, value) in writes {
        let old = engine.get(&key);
        figures.written(&key, old.as_ref().map(AsRef::as_ref), value.as_deref());
        if let Some(old) = old {
            manifest.subtract(stored_checksum(old.as_ref()));
        }
        if let Some(value) = &value {
            manifest.add(stored_checksum(value));
        }
        batch.write(&key, value);
    }
    manifest.batch += 1;
    write_manifest(&mut batch, *manifest);
    batch
}

/// Adds the manifest to a batch.
pub(in crate::store) fn write_manifest(batch: &mut Batch, manifest: Manifest) {
    let key = Manifest::key();
    let bytes = encode_value(&manifest).and_then(|value| Envelope::encode(&key, &value, None));
    batch.write(&key, Some(bytes.expect("a few numbers fit in a record")));
}

/// Deletes payload files until all senders are dropped. A file that cannot be deleted is left for the sweep;
/// its key is already wiped.
pub(in crate::store) fn delete_files(files: &PayloadFiles, dead: &mpsc::Receiver<FileName>) {
    for name in dead {
        if let Err(error) = files.delete(name) {
            tracing::warn!(%error, "cannot delete a burned payload file; the sweep will try again");
        }
    }
}
