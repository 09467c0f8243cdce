//! The changes that are committed together, and the state that each of them sees.

use std::{
    cell::{OnceCell, RefCell},
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    panic::Location,
    sync::Arc,
};

use super::{
    Key, Space, StoreError, Transaction,
    bodies::{Bodies, BodyReader, FileName, FileToOpen, StagedFile},
    engine::{DiskFailure, Engine, FoundKeys, Scan, Stored, Version, Writes},
    glances::Glances,
    payload_keys::{PayloadKeys, SlotLease, SlotWrites},
    ranges::Ranges,
    sealed_values::FreshKeys,
};
use crate::crypto::{Random, SlotKey, SystemRandom, random_array};

/// The effects of changes that are not committed yet.
#[derive(Default)]
pub(super) struct Effects {
    pub(super) writes: Writes,
    pub(super) slots: SlotWrites,
    /// The slots that are wiped once the records are durable: those of deleted values, and others by
    /// [`Transaction::burn_last`].
    pub(super) late_wipes: BTreeSet<u32>,
    pub(super) kept_slots: Vec<Arc<SlotLease>>,
    /// The number of [`FreshKeys`] that are used.
    pub(super) fresh_keys: usize,
    pub(super) kept_files: Vec<Arc<StagedFile>>,
    pub(super) dead_files: Vec<FileName>,
    /// Lines for the log.
    pub(super) reports: Vec<(&'static str, bool)>,
    /// What is left of the ranges that numbers were taken from.
    pub(super) ranges: Ranges,
}

impl Effects {
    /// A copy, to return to.
    pub(super) fn copy(&self) -> Self {
        let slots = self.slots.iter();
        Self {
            writes: self.writes.clone(),
            slots: slots.map(|(slot, key)| (*slot, key.as_ref().map(copy_key))).collect(),
            late_wipes: self.late_wipes.clone(),
            kept_slots: self.kept_slots.clone(),
            fresh_keys: self.fresh_keys,
            kept_files: self.kept_files.clone(),
            dead_files: self.dead_files.clone(),
            reports: self.reports.clone(),
            ranges: self.ranges.clone(),
        }
    }

    fn absorb(&mut self, other: Self) {
        self.writes.extend(other.writes);
        self.slots.extend(other.slots);
        self.late_wipes.extend(other.late_wipes);
        self.kept_slots.extend(other.kept_slots);
        self.fresh_keys += other.fresh_keys;
        self.kept_files.extend(other.kept_files);
        self.dead_files.extend(other.dead_files);
        self.reports.extend(other.reports);
        self.ranges.extend(other.ranges);
    }

    /// The slots whose keys are gone after the commit.
    pub(super) fn wiped(&self) -> impl Iterator<Item = u32> {
        let wiped = self.slots.iter().filter(|(_, key)| key.is_none());
        wiped.map(|(slot, _)| *slot).chain(self.late_wipes.iter().copied())
    }

    /// Whether both write the same bytes.
    fn equals(&self, other: &Self) -> bool {
        let keys = |effects: &Self| -> Vec<(u32, Option<[u8; 32]>)> {
            let key = |key: &Option<SlotKey>| key.as_ref().map(|key| *key.expose_secret());
            effects.slots.iter().map(|(slot, filled)| (*slot, key(filled))).collect()
        };
        let files = |effects: &Self| -> Vec<FileName> {
            effects.kept_files.iter().map(|staged| staged.name).collect()
        };
        self.writes == other.writes
            && keys(self) == keys(other)
            && self.late_wipes == other.late_wipes
            && files(self) == files(other)
            && self.dead_files == other.dead_files
            && self.reports == other.reports
            && self.ranges == other.ranges
    }
}

/// Copies a key. Keys are not `Clone`, so that each copy is explicit.
pub(super) fn copy_key(key: &SlotKey) -> SlotKey {
    SlotKey::from_bytes(*key.expose_secret())
}

/// The parts that a store consists of.
#[derive(Clone)]
pub(super) struct StoreDisks {
    pub(super) engine: Arc<dyn Engine>,
    pub(super) keys: Arc<dyn PayloadKeys>,
    pub(super) bodies: Arc<dyn Bodies>,
    /// [`super::Store::process`].
    pub(super) process: u64,
}

impl StoreDisks {
    /// The parts of a store that is being opened.
    pub(super) fn new(
        engine: Arc<dyn Engine>,
        keys: Arc<dyn PayloadKeys>,
        bodies: Arc<dyn Bodies>,
    ) -> Self {
        let process = match engine.is_shared() {
            true => u64::from_be_bytes(random_array(&SystemRandom)).max(1),
            false => 0,
        };
        Self { engine, keys, bodies, process }
    }
}

/// What a group has read, so that it reads each record and each slot once. With a shared engine, all its changes
/// see the same because of that, and the commit can check that it is still there.
#[derive(Default)]
pub(super) struct ReadSet {
    records: BTreeMap<Key, Option<Stored>>,
    /// The keys in slots. The records that name them are in `records`, and change with them.
    slots: BTreeMap<u32, Option<SlotKey>>,
    /// The keys that were searched for. Only the commit to a shared engine checks them.
    pub(super) found: Vec<FoundKeys>,
}

impl ReadSet {
    /// The record at `key`, if the group has read it.
    pub(super) fn record(&self, key: &Key) -> Option<Option<&Stored>> {
        self.records.get(key).map(Option::as_ref)
    }

    pub(super) fn versions(&self) -> BTreeMap<Key, Option<Version>> {
        let version = |stored: &Option<Stored>| stored.as_ref().map(|stored| stored.version);
        self.records.iter().map(|(key, stored)| (key.clone(), version(stored))).collect()
    }
}

/// The changes that are committed together, and the state before them.
pub(super) struct Group<'a> {
    disks: &'a StoreDisks,
    pub(super) effects: Effects,
    pub(super) reads: RefCell<ReadSet>,
    pub(super) glances: RefCell<Glances>,
    pub(super) fresh_keys: FreshKeys<'a>,
    /// Whether the disk has room for new records. Asked once, so that all changes of the group agree.
    has_room: OnceCell<bool>,
    /// The ranges that this process has when the group begins.
    ranges: &'a RefCell<Ranges>,
    /// A failure of the disk beside the changes. Nothing is committed then.
    pub(super) failure: Option<DiskFailure>,
}

/// One run of a change.
struct Attempt<T, E> {
    outcome: Result<T, E>,
    effects: Effects,
    files: Vec<FileToOpen>,
    /// Whether something could not be read.
    has_failed: bool,
}

impl<'a> Group<'a> {
    pub(super) fn new(
        disks: &'a StoreDisks,
        ranges: &'a RefCell<Ranges>,
        random: &'a dyn Random,
    ) -> Self {
        Self {
            disks,
            fresh_keys: FreshKeys::new(&disks.keys, random),
            effects: Effects::default(),
            reads: RefCell::default(),
            glances: RefCell::default(),
            has_room: OnceCell::new(),
            ranges,
            failure: None,
        }
    }

    pub(super) fn disks(&self) -> &StoreDisks {
        self.disks
    }

    /// Runs one change. Keeps its effects if it succeeds.
    ///
    /// # Panics
    ///
    /// In debug builds, every change is run twice. A second run that does anything else than the first one is
    /// a mistake in the change at `place`, and ends the process.
    pub(super) fn run<T, E: From<StoreError>>(
        &mut self,
        change: &impl Fn(&mut Transaction<'_, '_>) -> Result<T, E>,
        place: &Location<'_>,
    ) -> Result<T, E> {
        let attempt = self.attempt(change);
        // After a failed read, a second run may find what the first one could not.
        if cfg!(debug_assertions) && !attempt.has_failed {
            let again = self.attempt(change);
            assert!(
                again.has_failed
                    || attempt.outcome.is_ok() == again.outcome.is_ok()
                        && attempt.effects.equals(&again.effects),
                "the change at {place} is not pure: a second run does something else"
            );
        }
        let Attempt { outcome, effects, files, .. } = attempt;
        let result = outcome?;
        for file in files {
            let reader = self.open(&effects, file.name).map_err(StoreError::from)?;
            file.set(reader);
        }
        self.effects.absorb(effects);
        Ok(result)
    }

    fn attempt<T, E: From<StoreError>>(
        &self,
        change: &impl Fn(&mut Transaction<'_, '_>) -> Result<T, E>,
    ) -> Attempt<T, E> {
        let mut transaction = Transaction::new(self);
        let outcome = change(&mut transaction);
        let (effects, files, has_failed) = transaction.finish();
        // A change that has gone on after a failed read has decided without knowing.
        let outcome = match outcome {
            Ok(_) if has_failed => Err(StoreError::Unavailable.into()),
            outcome => outcome,
        };
        Attempt { outcome, effects, files, has_failed }
    }

    fn open(&self, effects: &Effects, name: FileName) -> std::io::Result<Box<dyn BodyReader>> {
        let mut kept = effects.kept_files.iter().chain(&self.effects.kept_files);
        if !kept.any(|staged| staged.name == name) {
            return self.disks.bodies.open(name);
        }
        match self.disks.bodies.open_new(name) {
            // An earlier attempt at the same commit has named it.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                self.disks.bodies.open(name)
            }
            other => other,
        }
    }

    /// The record at `key`, as the engine has it.
    pub(super) fn stored(&self, key: &Key) -> Result<Option<Stored>, StoreError> {
        if let Some(known) = self.reads.borrow().record(key) {
            return Ok(known.cloned());
        }
        let stored = self.disks.engine.get(key)?;
        self.reads.borrow_mut().records.insert(key.clone(), stored.clone());
        Ok(stored)
    }

    /// The first `limit` keys that begin with `prefix`, as the engine has them.
    pub(super) fn stored_keys(&self, prefix: &Key, limit: usize) -> Result<Vec<Key>, StoreError> {
        let is_same =
            |found: &&FoundKeys| (&found.scan.prefix, found.scan.limit) == (prefix, limit);
        if let Some(found) = self.reads.borrow().found.iter().find(is_same) {
            return Ok(found.keys.clone());
        }
        let scan = Scan::of(prefix).limit(limit);
        let keys = self.disks.engine.scan_keys(&scan)?;
        self.reads.borrow_mut().found.push(FoundKeys { scan, keys: keys.clone() });
        Ok(keys)
    }

    /// The numbers of the counter at `key` that are taken and not used.
    pub(super) fn range(&self, key: &Key) -> Option<Range<u64>> {
        let earlier = self.effects.ranges.get(key).cloned();
        earlier.or_else(|| self.ranges.borrow().get(key).cloned())
    }

    /// Whether the disk has room for new records. `false` if that is unknown.
    pub(super) fn has_room(&self) -> bool {
        let space = || self.disks.bodies.space().is_ok_and(Space::allows_creation);
        *self.has_room.get_or_init(space)
    }

    /// The key in a slot, as the disk has it.
    pub(super) fn stored_slot(&self, slot: u32) -> Result<Option<SlotKey>, StoreError> {
        if let Some(known) = self.reads.borrow().slots.get(&slot) {
            return Ok(known.as_ref().map(copy_key));
        }
        let key = self.disks.keys.read(slot)?;
        self.reads.borrow_mut().slots.insert(slot, key.as_ref().map(copy_key));
        Ok(key)
    }
}
