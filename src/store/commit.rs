//! The order of a commit, which makes it all or nothing over records, keys and files.
//!
//! 1. New files get their names.
//! 2. The commit mark records that a commit has begun, and the changed slots are written.
//! 3. The engine applies the records. From here on, the commit is done.
//! 4. The keys of replaced payloads and of deleted values are wiped, and the mark records the end.
//!
//! Each step is durable before the next one. A key is wiped before the record that names it is changed, so a
//! crash leaves no record that opens what was burned; the next start finishes that burn. A shared engine
//! applies the slots together with the records, because others may be in the way of the commit.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
    time::Instant,
};

use bytes::Bytes;

use super::{
    Key, StoreError, StoreFigures,
    bodies::FileName,
    engine::{Commit, CommitId, DiskFailure, Outcome, Writes},
    group::{Effects, ReadSet, StoreDisks},
    manifest::Manifest,
    payload_keys::{CommitMark, SlotWrites},
    record::stored_checksum,
};
use crate::clock::Clock;

/// The number of questions about a commit whose outcome is unknown.
const MAX_QUESTIONS: u32 = 10;

/// The result of a commit.
pub(super) enum Committed {
    /// It is durable. The files are named by no record any more.
    Done(Vec<FileName>),
    /// Nothing was changed, because another process was faster.
    Conflict,
    /// The engine cannot be reached, and the outcome is unknown.
    Unknown,
}

/// Commits groups of changes.
pub(super) struct Committer {
    disks: StoreDisks,
    figures: Arc<StoreFigures>,
    manifest: Manifest,
    /// The clock whose time is stored; see [`super::Store::keep_time`].
    clock: Arc<OnceLock<Clock>>,
    next: CommitId,
}

impl Committer {
    /// `manifest` is that of the last commit, and `writer` a number that no other writer has.
    pub(super) fn new(
        disks: StoreDisks,
        figures: Arc<StoreFigures>,
        manifest: Manifest,
        writer: u64,
    ) -> Self {
        let next = CommitId { writer, number: 0 };
        Self { disks, figures, manifest, clock: Arc::default(), next }
    }

    pub(super) fn disks(&self) -> &StoreDisks {
        &self.disks
    }

    pub(super) fn clock(&self) -> &Arc<OnceLock<Clock>> {
        &self.clock
    }

    pub(super) fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Commits a group, if it has changed anything or if what it has read must be checked.
    pub(super) fn commit(
        &mut self,
        effects: Effects,
        reads: &ReadSet,
    ) -> Result<Committed, DiskFailure> {
        match (self.disks.engine.is_shared(), effects.writes.is_empty()) {
            (false, true) => Ok(Committed::Done(Vec::new())),
            (false, false) => self.commit_exclusive(effects, reads),
            (true, _) => self.commit_shared(effects, reads),
        }
    }

    /// Commits to an exclusive engine, also if nothing but the time has changed.
    pub(super) fn commit_exclusive(
        &mut self,
        mut effects: Effects,
        reads: &ReadSet,
    ) -> Result<Committed, DiskFailure> {
        self.keep_files(&effects)?;
        if let Some(clock) = self.clock.get() {
            self.manifest.time = clock.record();
        }
        let replaced = self.replaced(&effects.writes, reads)?;
        for (new, old) in effects.writes.values().zip(&replaced) {
            old.iter().for_each(|old| self.manifest.subtract(stored_checksum(old)));
            new.iter().for_each(|new| self.manifest.add(stored_checksum(new)));
        }
        self.manifest.batch += 1;
        let mark = |finished| CommitMark { batch: self.manifest.batch, finished };
        self.disks.keys.mark(mark(false))?;
        if !effects.slots.is_empty() {
            self.write_slots(&effects.slots)?;
        }
        self.manifest.write(&mut effects.writes);
        let outcome = self.disks.engine.commit(Commit {
            id: self.next,
            reads: &BTreeMap::new(),
            found: &[],
            writes: &effects.writes,
            slots: &SlotWrites::new(),
        })?;
        if outcome != Outcome::Done {
            return Err(DiskFailure(
                "a database of this process alone has refused a commit".into(),
            ));
        }
        if !effects.late_wipes.is_empty() {
            // After a crash before this, no record names these slots, and the start wipes them.
            self.write_slots(&effects.late_wipes.iter().map(|slot| (*slot, None)).collect())?;
        }
        self.disks.keys.mark(mark(true))?;
        Ok(self.done(effects, &replaced))
    }

    fn commit_shared(
        &mut self,
        mut effects: Effects,
        reads: &ReadSet,
    ) -> Result<Committed, DiskFailure> {
        self.keep_files(&effects)?;
        let Ok(replaced) = self.replaced(&effects.writes, reads) else {
            return Ok(Committed::Unknown);
        };
        let late = std::mem::take(&mut effects.late_wipes);
        effects.slots.extend(late.into_iter().map(|slot| (slot, None)));
        self.next.number += 1;
        let outcome = self.disks.engine.commit(Commit {
            id: self.next,
            reads: &reads.versions(),
            found: &reads.found,
            writes: &effects.writes,
            slots: &effects.slots,
        })?;
        let outcome = match outcome {
            Outcome::Unknown => self.settled(),
            known => known,
        };
        Ok(match outcome {
            Outcome::Done => self.done(effects, &replaced),
            Outcome::Conflict => Committed::Conflict,
            Outcome::Unknown => {
                // Records may name them. If none does, a sweep finds them.
                keep(&effects);
                Committed::Unknown
            }
        })
    }

    /// Asks whether the last commit was applied. [`Outcome::Conflict`] means that it was not.
    fn settled(&self) -> Outcome {
        for question in 1..=MAX_QUESTIONS {
            match self.disks.engine.settle(self.next) {
                Ok(true) => return Outcome::Done,
                Ok(false) => return Outcome::Conflict,
                Err(error) => {
                    tracing::warn!(%error, "cannot find out whether a commit was applied")
                }
            }
            self.disks.engine.pause(question);
        }
        Outcome::Unknown
    }

    /// The records that the writes replace, in the order of the writes.
    fn replaced(
        &self,
        writes: &Writes,
        reads: &ReadSet,
    ) -> Result<Vec<Option<Bytes>>, DiskFailure> {
        let old = |key: &Key| match reads.record(key) {
            Some(known) => Ok(known.map(|stored| stored.bytes.clone())),
            None => Ok(self.disks.engine.get(key)?.map(|stored| stored.bytes)),
        };
        let all: Result<_, StoreError> = writes.keys().map(old).collect();
        all.map_err(|error| DiskFailure(error.to_string()))
    }

    fn done(&self, effects: Effects, replaced: &[Option<Bytes>]) -> Committed {
        // The manifest was added to the writes later.
        let manifest = Manifest::key();
        let writes = effects.writes.iter().filter(|(key, _)| **key != manifest);
        for ((key, new), old) in writes.zip(replaced) {
            self.figures.written(key, old.as_deref(), new.as_deref());
        }
        for (line, is_warning) in &effects.reports {
            if *is_warning { tracing::warn!("{line}") } else { tracing::info!("{line}") }
        }
        keep(&effects);
        self.disks.keys.release(&mut effects.wiped());
        Committed::Done(effects.dead_files)
    }

    fn write_slots(&self, writes: &SlotWrites) -> Result<(), DiskFailure> {
        let began = Instant::now();
        self.disks.keys.write(writes, self.manifest.batch)?;
        self.figures.slot_syncs.observe_duration(began.elapsed());
        Ok(())
    }

    fn keep_files(&self, effects: &Effects) -> Result<(), DiskFailure> {
        if effects.kept_files.is_empty() {
            return Ok(());
        }
        let names: Vec<FileName> = effects.kept_files.iter().map(|staged| staged.name).collect();
        self.disks.bodies.keep(&names).map_err(DiskFailure::of("cannot name a payload file"))
    }

    /// Makes everything durable, before the store is closed.
    pub(super) fn close(&mut self) -> Result<(), DiskFailure> {
        if !self.disks.engine.is_shared() {
            if self.clock.get().is_some_and(|clock| clock.record() != self.manifest.time) {
                self.commit_exclusive(Effects::default(), &ReadSet::default())?;
            }
            self.disks.keys.mark(CommitMark { batch: self.manifest.batch, finished: true })?;
            self.disks.keys.close()?;
        }
        self.disks.engine.close()
    }
}

fn keep(effects: &Effects) {
    effects.kept_slots.iter().for_each(|lease| lease.keep());
    effects.kept_files.iter().for_each(|staged| staged.keep());
}
