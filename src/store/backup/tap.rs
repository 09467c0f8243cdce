//! What commits change while a backup runs.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::{Mutex, MutexGuard, PoisonError, TryLockError, mpsc},
};

use super::{entries::EntryBuffer, spool::Spool};
use crate::{
    crypto::SlotKey,
    store::{Key, bodies::FileName, group::Effects},
};

/// The connection between the writer and the backup that runs, if one does. It also passes on the payload
/// files that burns have given up.
pub(in crate::store) struct CommitTap {
    running: Mutex<Option<Tapped>>,
    /// Held by a backup and by a sweep, which would delete files that the backup still reads.
    sweeps: Mutex<()>,
    /// The queue of payload files that no record names any more, for deletion.
    dead_files: mpsc::Sender<DeadFile>,
}

/// A message to the thread that deletes payload files.
pub(in crate::store) enum DeadFile {
    Delete(FileName),
    /// Answered when all earlier files are deleted.
    Barrier(mpsc::Sender<()>),
}

/// The records that a backup has read, in the order of their keys.
pub(super) enum ReadRecords {
    None,
    To(Key),
    All,
}

/// What the running backup has read, and what was changed since.
pub(super) struct Tapped {
    /// The records that were read.
    pub(super) read: ReadRecords,
    /// Writes of records that were read before.
    pub(super) writes: Option<Spool>,
    pub(super) buffer: EntryBuffer,
    /// The number of slots that were read, from the first one on.
    pub(super) slots_read: u32,
    /// The changes of these slots. They are few: slots are read fast, and independently of the reader of
    /// the backup.
    pub(super) slot_changes: BTreeMap<u32, Option<SlotKey>>,
    /// Whether the cut was made: later commits are not in the backup.
    pub(super) is_cut: bool,
    /// The files that burns have given up since the backup began, and whether the cut was before.
    dead_files: BTreeMap<FileName, bool>,
    /// The files that got their names after the cut.
    new_files: BTreeSet<FileName>,
    /// The first error of the spool. The backup fails; the commits do not.
    pub(super) error: Option<io::Error>,
}

impl CommitTap {
    pub(in crate::store) fn new(dead_files: mpsc::Sender<DeadFile>) -> Self {
        Self { running: Mutex::new(None), sweeps: Mutex::new(()), dead_files }
    }

    /// Notes the effects of a commit. The writer calls this for each commit, before any of its effects.
    pub(in crate::store) fn note(&self, effects: &Effects) {
        if let Some(tapped) = &mut *self.running() {
            tapped.note(effects);
        }
    }

    /// Deletes a file that a burn has given up: now, or after the backup that runs.
    pub(in crate::store) fn give_up(&self, name: FileName) {
        if let Some(tapped) = &mut *self.running() {
            tapped.dead_files.insert(name, tapped.is_cut);
            return;
        }
        // The receiver exists as long as the store. If it is gone, the sweep at start deletes the file.
        let _ = self.dead_files.send(DeadFile::Delete(name));
    }

    /// Keeps backups from starting to read; `None` while one runs.
    pub(in crate::store) fn sweep(&self) -> Option<MutexGuard<'_, ()>> {
        match self.sweeps.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Begins a backup; `None` while another one runs. It ends when the result is dropped. Waits for a sweep.
    pub(super) fn begin(&self, writes: Spool) -> Option<RunningBackup<'_>> {
        let mut running = self.running();
        if running.is_some() {
            return None;
        }
        *running = Some(Tapped {
            read: ReadRecords::None,
            writes: Some(writes),
            buffer: EntryBuffer::new(),
            slots_read: 0,
            slot_changes: BTreeMap::new(),
            is_cut: false,
            dead_files: BTreeMap::new(),
            new_files: BTreeSet::new(),
            error: None,
        });
        drop(running);
        // What a sweep deletes meanwhile was given up before the cut.
        let ended = EndOnDrop(self);
        let no_sweep = self.sweeps.lock().unwrap_or_else(PoisonError::into_inner);
        // What was given up before, and is deleted while the backup reads the directory, would look lost.
        let (sender, deleted) = mpsc::channel();
        if self.dead_files.send(DeadFile::Barrier(sender)).is_ok() {
            // Fails if the thread has ended, with the store.
            let _ = deleted.recv();
        }
        Some(RunningBackup { _no_sweep: no_sweep, _ended: ended })
    }

    /// Calls `work` with the state of the running backup; `None` if it has ended.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut Tapped) -> T) -> Option<T> {
        self.running().as_mut().map(work)
    }

    fn running(&self) -> MutexGuard<'_, Option<Tapped>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tapped {
    fn note(&mut self, effects: &Effects) {
        if self.is_cut {
            self.new_files.extend(effects.kept_files.iter().map(|staged| staged.name));
            return;
        }
        let read = match &self.read {
            ReadRecords::None => return,
            ReadRecords::To(last) => effects.writes.range(..=last.clone()),
            ReadRecords::All => effects.writes.range::<Key, _>(..),
        };
        for (key, value) in read {
            self.buffer.add_record(key, value.as_deref());
            if self.buffer.is_full() {
                self.flush();
            }
        }
        for (slot, key) in effects.slots.range(..self.slots_read) {
            let key = key.as_ref().map(|key| SlotKey::from_bytes(*key.expose_secret()));
            self.slot_changes.insert(*slot, key);
        }
        for slot in effects.late_wipes.range(..self.slots_read) {
            self.slot_changes.insert(*slot, None);
        }
    }

    /// Writes the buffer to the spool.
    pub(super) fn flush(&mut self) {
        if self.buffer.bytes().is_empty() {
            return;
        }
        let block = self.buffer.bytes();
        let written = self.writes.as_mut().map_or(Ok(()), |spool| spool.write_block(block));
        if let Err(error) = written {
            self.writes = None;
            self.error.get_or_insert(error);
        }
        self.buffer.clear();
    }

    /// Whether the file belongs to the state at the cut. A file that no commit has touched since does.
    pub(super) fn has_file(&self, name: &FileName) -> bool {
        !self.new_files.contains(name) && self.dead_files.get(name) != Some(&false)
    }
}

/// A backup that runs.
pub(super) struct RunningBackup<'a> {
    _no_sweep: MutexGuard<'a, ()>,
    _ended: EndOnDrop<'a>,
}

struct EndOnDrop<'a>(&'a CommitTap);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        let ended = self.0.running().take();
        for name in ended.into_iter().flat_map(|tapped| tapped.dead_files.into_keys()) {
            // As in `give_up`.
            let _ = self.0.dead_files.send(DeadFile::Delete(name));
        }
    }
}
