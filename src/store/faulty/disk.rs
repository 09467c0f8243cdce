//! The disk of an engine in memory: what is on it, what is lost in a crash, and when it fails.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;

use super::{
    Sharing,
    files::DiskFiles,
    keys::{create_files, keys_in, keys_in_copy},
};
use crate::{
    crypto::{SeededRandom, random_array},
    store::{
        Key, StoreError,
        bodies::FileName,
        engine::{CommitId, DiskFailure, Version},
        manifest::Manifest,
        record::{Envelope, stored_payload},
    },
};

/// What goes wrong at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The process ends before the step.
    CrashBefore,
    /// The process ends after the step, before anybody learns of it.
    CrashAfter,
    /// The step fails, as on a disk with errors. The store ends then.
    DiskError,
    /// The commit conflicts with one of another process.
    Conflict,
    /// The commit is applied, but the answer is lost.
    LostAnswer,
    /// The commit is not applied, and the answer is lost.
    LostCommit,
}

/// A payload file.
#[derive(Clone, Debug, Default)]
pub(super) struct MemoryBody {
    pub(super) bytes: Vec<u8>,
    /// The bytes that are on disk for sure.
    pub(super) synced: usize,
    /// The number of times that it was opened again. A writer of an earlier time cannot write any more.
    pub(super) reopened: u64,
    pub(super) is_named: bool,
    /// Whether a crash can undo the name.
    pub(super) is_name_synced: bool,
}

/// What another process does; see [`MemoryDisk::before_next_commit`].
type Rival = Box<dyn FnOnce() + Send>;

/// Everything on the disk.
pub(crate) struct DiskContent {
    pub(super) records: BTreeMap<Key, (Bytes, Version)>,
    pub(super) next_version: Version,
    pub(super) outcomes: BTreeMap<CommitId, bool>,
    /// The files of an exclusive engine that are overwritten in place.
    pub(super) files: DiskFiles,
    /// The keys of payloads of a shared engine.
    pub(super) slots: BTreeMap<u32, [u8; 32]>,
    pub(super) bodies: BTreeMap<FileName, MemoryBody>,
    /// The slots that processes have taken, of a shared engine.
    pub(super) reserved: BTreeSet<u32>,
    pub(super) held: BTreeSet<FileName>,
    sharing: Sharing,
    /// Counts the crashes. A process of an earlier one has ended.
    generation: u64,
    steps: u64,
    /// The number of questions to the engine.
    pub(super) reads: usize,
    /// The number of the question that is not answered.
    read_fault: Option<usize>,
    fault: Option<(u64, Fault)>,
    /// Whether commits fail at random, without harm.
    is_restless: bool,
    /// Runs before the next commit.
    pub(super) rival: Option<Rival>,
    /// The number of commits that were applied.
    pub(super) commits: usize,
    /// The state after each of them, if they are recorded.
    pub(super) history: Option<Vec<DiskState>>,
    random: SeededRandom,
    /// For the keys of values.
    key_random: SeededRandom,
}

/// A disk in memory. Clones share it.
#[derive(Clone)]
pub(crate) struct MemoryDisk(Arc<Mutex<DiskContent>>);

/// A process that uses the disk, until the next crash.
#[derive(Clone)]
pub(super) struct Process {
    disk: MemoryDisk,
    generation: u64,
}

/// What a reader of a store can find: the records without the manifest, with their payload keys and files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DiskState(BTreeMap<Key, StoredRecord>);

/// A record, with what a reader gets of its payload. The slot and the name of the file are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
struct StoredRecord {
    value: Vec<u8>,
    payload_key: Option<[u8; 32]>,
    value_key: Option<[u8; 32]>,
    file: Option<Vec<u8>>,
}

impl MemoryDisk {
    /// An empty disk. `seed` decides what a crash leaves of writes that were not synced.
    pub(crate) fn new(sharing: Sharing, seed: u64) -> Self {
        let mut content = DiskContent {
            records: BTreeMap::new(),
            next_version: 1,
            outcomes: BTreeMap::new(),
            files: DiskFiles::default(),
            slots: BTreeMap::new(),
            bodies: BTreeMap::new(),
            reserved: BTreeSet::new(),
            held: BTreeSet::new(),
            sharing,
            generation: 0,
            steps: 0,
            reads: 0,
            read_fault: None,
            fault: None,
            is_restless: false,
            rival: None,
            commits: 0,
            history: None,
            random: SeededRandom::new(seed),
            key_random: SeededRandom::new(!seed),
        };
        if sharing == Sharing::Exclusive {
            let mut first = BTreeMap::new();
            Manifest::default().write(&mut first);
            content.write_records(&first);
            create_files(&mut content.files, seed);
        }
        Self(Arc::new(Mutex::new(content)))
    }

    pub(super) fn sharing(&self) -> Sharing {
        self.lock().sharing
    }

    /// Makes processes draw keys of values as on a disk of this seed.
    pub(super) fn draw_keys_from(&self, seed: u64) {
        self.lock().key_random = SeededRandom::new(seed);
    }

    /// The randomness of a process.
    pub(super) fn random(&self) -> SeededRandom {
        SeededRandom::new(u64::from_le_bytes(random_array(&self.lock().key_random)))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, DiskContent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn process(&self) -> Process {
        Process { disk: self.clone(), generation: self.lock().generation }
    }

    /// Makes `fault` happen at step number `step`, counted from the creation of the disk.
    pub(crate) fn fail_at(&self, step: u64, fault: Fault) {
        self.lock().fault = Some((step, fault));
    }

    /// Makes commits fail at random: by conflicts and by lost answers. Callers of a store see none of that.
    pub(crate) fn make_restless(&self) {
        self.lock().is_restless = true;
    }

    /// Runs `rival` when the next commit has read and not yet written, as another process may.
    pub(crate) fn before_next_commit(&self, rival: impl FnOnce() + Send + 'static) {
        self.lock().rival = Some(Box::new(rival));
    }

    /// Records the state after each commit from now on. The first one is the present state.
    pub(crate) fn record_history(&self) {
        let mut content = self.lock();
        content.commits = 0;
        content.history = Some(vec![content.state()]);
    }

    /// The recorded states.
    pub(crate) fn history(&self) -> Vec<DiskState> {
        self.lock().history.clone().unwrap_or_default()
    }

    /// The number of commits that were applied; from the creation of the disk, or of the record.
    pub(crate) fn commits(&self) -> usize {
        self.lock().commits
    }

    /// The numbers of keys and of payload files.
    ///
    /// # Panics
    ///
    /// If other slots than those with keys are reserved on a shared engine, or files are held.
    pub(crate) fn keys_and_files(&self) -> (usize, usize) {
        let content = self.lock();
        let keys: BTreeSet<u32> = content.keys().into_keys().collect();
        if content.sharing == Sharing::Shared {
            assert_eq!(content.reserved, keys, "slots are leaked");
        }
        assert!(content.held.is_empty(), "files are held");
        (keys.len(), content.bodies.len())
    }

    /// Ends all processes and loses some of what was not synced.
    pub(crate) fn crash(&self) {
        self.lock().crash();
    }

    /// Makes the `number`th question to the engine from now on fail, counted from 1.
    pub(crate) fn fail_read(&self, number: usize) {
        let mut content = self.lock();
        content.read_fault = Some(content.reads + number);
    }

    /// Cancels [`MemoryDisk::fail_read`]. Returns whether a question has failed.
    pub(crate) fn end_read_fault(&self) -> bool {
        self.lock().read_fault.take().is_none()
    }

    /// The number of questions to the engine so far.
    pub(crate) fn reads(&self) -> usize {
        self.lock().reads
    }

    /// The number of steps so far.
    pub(crate) fn steps(&self) -> u64 {
        self.lock().steps
    }

    /// Whether the fault has happened.
    pub(crate) fn has_failed(&self) -> bool {
        self.lock().fault.is_none()
    }

    /// A copy of the files with keys.
    pub(crate) fn copy_files(&self) -> DiskFiles {
        self.lock().files.clone()
    }

    /// Whether an older copy of these files opens with the ring of now.
    pub(crate) fn opens(&self, copy: &DiskFiles) -> bool {
        keys_in_copy(copy, &self.lock().files).is_ok()
    }

    /// The present state, without what a crash could lose.
    pub(crate) fn state(&self) -> DiskState {
        self.lock().state()
    }
}

impl DiskContent {
    pub(super) fn write_records(&mut self, writes: &BTreeMap<Key, Option<Vec<u8>>>) {
        for (key, value) in writes {
            let version = self.next_version;
            self.next_version += 1;
            match value {
                Some(value) => {
                    self.records.insert(key.clone(), (Bytes::copy_from_slice(value), version))
                }
                None => self.records.remove(key),
            };
        }
    }

    /// Counts a question, which may fail.
    pub(super) fn question(&mut self) -> Result<(), StoreError> {
        self.reads += 1;
        match self.read_fault.take_if(|number| *number <= self.reads) {
            Some(_) => Err(StoreError::Unavailable),
            None => Ok(()),
        }
    }

    /// Counts a commit.
    pub(super) fn committed(&mut self) {
        self.commits += 1;
        if self.history.is_some() {
            let state = self.state();
            self.history.iter_mut().for_each(|history| history.push(state.clone()));
        }
    }

    /// A fault of a commit, if the disk is restless.
    pub(super) fn unrest(&mut self) -> Option<Fault> {
        let chance = if self.is_restless { self.draw() } else { 0 };
        match chance {
            1..=40 => Some(Fault::Conflict),
            41..=55 => Some(Fault::LostAnswer),
            56..=70 => Some(Fault::LostCommit),
            _ => None,
        }
    }

    /// The keys of payloads.
    fn keys(&self) -> BTreeMap<u32, [u8; 32]> {
        match self.sharing {
            Sharing::Exclusive => keys_in(&self.files),
            Sharing::Shared => self.slots.clone(),
        }
    }

    fn crash(&mut self) {
        self.generation += 1;
        let random = &self.random;
        self.files.crash(&mut || draw(random));
        let names: Vec<FileName> = self.bodies.keys().copied().collect();
        for name in names {
            let chance = self.draw();
            let Some(body) = self.bodies.get_mut(&name) else { continue };
            let lost = body.bytes.len() - body.synced;
            body.bytes.truncate(body.synced + lost * usize::from(chance) / 255);
            if body.is_named && !body.is_name_synced {
                body.is_named = chance.is_multiple_of(2);
            }
            body.is_name_synced = body.is_named;
            body.synced = body.bytes.len();
        }
        self.held.clear();
    }

    fn draw(&mut self) -> u8 {
        draw(&self.random)
    }

    fn state(&self) -> DiskState {
        let records = self.records.iter().filter(|(key, _)| **key != Manifest::key());
        let keys = self.keys();
        DiskState(
            records
                .map(|(key, (bytes, _))| {
                    let payload = stored_payload(bytes);
                    let found = payload.and_then(|payload| keys.get(&payload.slot).copied());
                    let file = payload.and_then(|payload| payload.body.file());
                    let file = file.and_then(|(name, length)| {
                        let body = self.bodies.get(&name).filter(|body| body.is_named)?;
                        body.bytes.get(..usize::try_from(length).ok()?).map(<[u8]>::to_vec)
                    });
                    let envelope = Envelope::decode(key, bytes);
                    let value = envelope.as_ref().map(|e| e.raw_value().to_vec());
                    let value = value.unwrap_or_default();
                    let value_key = envelope.ok().and_then(|e| e.attached.value_key);
                    let value_key = value_key.and_then(|named| keys.get(&named.slot).copied());
                    (key.clone(), StoredRecord { value, payload_key: found, value_key, file })
                })
                .collect(),
        )
    }
}

fn draw(random: &SeededRandom) -> u8 {
    let [byte]: [u8; 1] = random_array(random);
    byte
}

impl DiskState {
    /// Whether a start may find this state after a crash between the commits `before` and `after`: all of
    /// `before`, but without some of the payloads that `after` has burned. Replaced ones must still be there.
    pub(crate) fn is_between(&self, before: &Self, after: Option<&Self>) -> bool {
        let fits = |key: &Key, found: &StoredRecord, old: &StoredRecord| {
            let kept = after.and_then(|after| after.0.get(key));
            let may_burn = kept.is_none_or(|kept| kept.payload_key.is_none());
            let is_burned = found.payload_key.is_none() && found.file.is_none();
            found == old || (found.value == old.value && is_burned && may_burn && after.is_some())
        };
        self.0.len() == before.0.len()
            && self
                .0
                .iter()
                .all(|(key, found)| before.0.get(key).is_some_and(|old| fits(key, found, old)))
    }
}

impl Process {
    /// The disk, unless this process has ended.
    pub(super) fn disk(&self) -> Result<MutexGuard<'_, DiskContent>, StoreError> {
        let content = self.disk.lock();
        if content.generation == self.generation {
            Ok(content)
        } else {
            Err(StoreError::Unavailable)
        }
    }

    /// The disk, also after the end of this process.
    pub(super) fn any_disk(&self) -> MutexGuard<'_, DiskContent> {
        self.disk.lock()
    }

    pub(super) fn sharing(&self) -> Sharing {
        self.disk.sharing()
    }

    /// Does a step that changes the disk, with the fault of the plan. `change` is told about faults that only
    /// commits have.
    pub(super) fn step<T>(
        &self,
        change: impl FnOnce(&mut DiskContent, Option<Fault>) -> T,
    ) -> Result<T, DiskFailure> {
        let ended = || DiskFailure("the process has ended".into());
        let mut content = self.disk().map_err(|_| ended())?;
        content.steps += 1;
        let fault = content.fault.filter(|(step, _)| *step == content.steps);
        if fault.is_some() {
            content.fault = None;
        }
        match fault.map(|(_, fault)| fault) {
            Some(Fault::CrashBefore) => {
                content.crash();
                Err(ended())
            }
            Some(Fault::CrashAfter) => {
                change(&mut content, None);
                content.crash();
                Err(ended())
            }
            Some(Fault::DiskError) => {
                content.crash();
                Err(DiskFailure("an error of the disk, on purpose".into()))
            }
            other => Ok(change(&mut content, other)),
        }
    }
}
