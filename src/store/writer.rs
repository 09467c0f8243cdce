//! The only thread that changes the store, and its group commit.
//!
//! The writer runs up to [`MAX_GROUP`] queued changes one after the other on the same state and commits them
//! together; see [`super::commit`]. The results are sent after that. If another process was faster, the whole
//! group is run again.

use std::{
    cell::RefCell,
    panic::Location,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use super::{
    StoreError, StoreFigures, Transaction,
    backup::{CommitTap, DeadFile},
    bodies::Bodies,
    commit::{Committed, Committer},
    engine::DiskFailure,
    fatal::fatal,
    group::{Group, StoreDisks},
    ranges::{self, Ranges},
};
use crate::crypto::Random;

/// The largest number of changes in a commit. It bounds the memory of a group and the wait of its first
/// change.
const MAX_GROUP: usize = 256;
/// The number of attempts at a commit that other processes are in the way of.
const MAX_ATTEMPTS: u32 = 10;
/// The longest duration of a commit; a longer one is treated as a disk failure.
const MAX_COMMIT: Duration = Duration::from_secs(10);
/// The interval of the checks in [`watch`].
const WATCH_INTERVAL: Duration = Duration::from_secs(1);

/// A queued change.
pub(super) trait Job: Send {
    /// Runs the change and keeps its result, instead of that of an earlier run.
    fn run(&mut self, group: &mut Group<'_>);

    /// Sends the result; or [`StoreError::Unavailable`], if the commit has failed.
    fn answer(self: Box<Self>, is_committed: bool);
}

/// A change, and the receiver of its result.
pub(super) struct ChangeJob<F, T, E> {
    change: F,
    place: &'static Location<'static>,
    outcome: Option<Result<T, E>>,
    sender: oneshot::Sender<Result<T, E>>,
}

impl<F, T, E> ChangeJob<F, T, E> {
    /// `place` is where the change is sent to the writer.
    pub(super) fn new(
        change: F,
        place: &'static Location<'static>,
    ) -> (Self, oneshot::Receiver<Result<T, E>>) {
        let (sender, receiver) = oneshot::channel();
        (Self { change, place, outcome: None, sender }, receiver)
    }
}

impl<F, T, E> Job for ChangeJob<F, T, E>
where
    F: Fn(&mut Transaction<'_, '_>) -> Result<T, E> + Send,
    T: Send,
    E: From<StoreError> + Send,
{
    fn run(&mut self, group: &mut Group<'_>) {
        self.outcome = Some(group.run(&self.change, self.place));
    }

    fn answer(self: Box<Self>, is_committed: bool) {
        let Self { change, outcome, sender, .. } = *self;
        // Payloads live as long as the change, because the caller may have dropped its future.
        drop(change);
        let failed = || Err(StoreError::Unavailable.into());
        let outcome = outcome.filter(|_| is_committed).unwrap_or_else(failed);
        // Nobody waits any more for the result of a client that has gone.
        let _ = sender.send(outcome);
    }
}

pub(super) enum WriterMessage {
    Change(Box<dyn Job>),
    /// Commits the earlier changes, then ends the writer.
    Close,
}

pub(super) struct Writer {
    pub(super) committer: Committer,
    /// For the keys of values.
    pub(super) random: Arc<dyn Random>,
    /// What a running backup hears of commits.
    pub(super) tap: Arc<CommitTap>,
    pub(super) figures: Arc<StoreFigures>,
    /// The start time of the current group; see [`watch`].
    pub(super) watched: Arc<Watched>,
}

/// The start time of the current group, including its changes, in milliseconds since `start` plus one; 0
/// between groups.
pub(super) struct Watched {
    start: Instant,
    group_began: AtomicU64,
}

impl Watched {
    pub(super) fn new() -> Self {
        Self { start: Instant::now(), group_began: AtomicU64::new(0) }
    }

    fn milliseconds(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX) + 1
    }
}

/// Ends the process if a commit takes too long, because the disk does not respond. Returns when the writer
/// has ended.
pub(super) fn watch(watched: &std::sync::Weak<Watched>) {
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
    /// Works until [`WriterMessage::Close`], or until all senders are dropped. `on_failure` is called if the
    /// disk fails, before anybody learns of it.
    pub(super) fn run(mut self, messages: &mpsc::Receiver<WriterMessage>, on_failure: OnFailure) {
        let disks = self.committer.disks().clone();
        let ranges = RefCell::default();
        let random = Arc::clone(&self.random);
        let mut open = true;
        while open && let Ok(first) = messages.recv() {
            let watched = Arc::clone(&self.watched);
            watched.group_began.store(watched.milliseconds(), Ordering::Relaxed);
            let mut group = Group::new(&disks, &ranges, &*random);
            let mut jobs = Vec::new();
            for message in std::iter::once(first).chain(messages.try_iter()).take(MAX_GROUP) {
                match message {
                    WriterMessage::Change(mut job) => {
                        self.figures.change_taken();
                        job.run(&mut group);
                        jobs.push(job);
                    }
                    WriterMessage::Close => {
                        open = false;
                        break;
                    }
                }
            }
            let is_committed = match self.commit((&disks, &ranges, &*random), group, &mut jobs) {
                Ok(is_committed) => is_committed,
                Err(DiskFailure(what)) => return on_failure(&what),
            };
            watched.group_began.store(0, Ordering::Relaxed);
            jobs.into_iter().for_each(|job| job.answer(is_committed));
            disks.keys.grow_early();
        }
        if let Err(DiskFailure(what)) = self.committer.close() {
            on_failure(&what);
        }
    }

    /// Commits a group, which is run again if other processes are in the way. Returns whether it is durable.
    fn commit<'a>(
        &mut self,
        (disks, ranges, random): (&'a StoreDisks, &'a RefCell<Ranges>, &'a dyn Random),
        mut group: Group<'a>,
        jobs: &mut [Box<dyn Job>],
    ) -> Result<bool, DiskFailure> {
        for attempt in 1.. {
            let Group { mut effects, reads, failure, .. } = group;
            failure.map_or(Ok(()), Err)?;
            let left = std::mem::take(&mut effects.ranges);
            let changes = !effects.writes.is_empty();
            let began = Instant::now();
            self.tap.note(&effects);
            match self.committer.commit(effects, &reads.into_inner())? {
                Committed::Done(dead_files) => {
                    ranges::keep(&mut ranges.borrow_mut(), left);
                    if changes {
                        self.figures.commit_times.observe_duration(began.elapsed());
                        self.figures.commit_changes.observe(jobs.len() as u64);
                    }
                    dead_files.into_iter().for_each(|name| self.tap.give_up(name));
                    return Ok(true);
                }
                Committed::Conflict if attempt < MAX_ATTEMPTS => disks.engine.pause(attempt),
                Committed::Conflict => return Ok(false),
                Committed::Unknown => {
                    // Records may have these numbers already.
                    ranges.borrow_mut().retain(|key, _| !left.contains_key(key));
                    return Ok(false);
                }
            }
            group = Group::new(disks, ranges, random);
            jobs.iter_mut().for_each(|job| job.run(&mut group));
        }
        Ok(false)
    }
}

/// What happens if a disk fails; see [`Writer::run`].
pub(super) type OnFailure = fn(&str);

/// Deletes payload files until all senders are dropped. A file that cannot be deleted is left for the sweep;
/// its key is already wiped.
pub(super) fn delete_files(bodies: &dyn Bodies, dead: &mpsc::Receiver<DeadFile>) {
    for message in dead {
        match message {
            DeadFile::Delete(name) => {
                if let Err(error) = bodies.delete(name) {
                    tracing::warn!(%error, "cannot delete a burned payload file; the sweep will try again");
                }
            }
            DeadFile::Barrier(sender) => {
                // Nobody waits any more if the backup was given up.
                let _ = sender.send(());
            }
        }
    }
}
