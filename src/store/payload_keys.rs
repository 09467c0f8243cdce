//! The keys of payloads and of values that are deleted together: 32 bytes each, in numbered slots that can be
//! wiped.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{StoreError, engine::DiskFailure};
use crate::{clock::UnixSeconds, crypto::SlotKey};

/// The writes of a group of changes: a key fills a slot, and `None` wipes it.
pub(super) type SlotWrites = BTreeMap<u32, Option<SlotKey>>;

/// The last commit that was begun, and whether it was finished. It is stored outside of the database: a
/// database that is older than the mark has lost acknowledged data.
///
/// The mark is written before and after each commit, so it is exact after `kill -9`. After a power cut it can
/// be older than the database, but never newer than the commit in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CommitMark {
    pub(super) batch: u64,
    pub(super) finished: bool,
}

/// Keys with their slots, and the slot after them; `None` for the last ones.
pub(super) type FoundSlots = (Vec<(u32, SlotKey)>, Option<u32>);

/// Slots for keys. Functions block, some of them on a disk.
pub(super) trait PayloadKeys: Send + Sync {
    /// A free slot, which is returned to nobody else until it is released. The lowest one, because
    /// neighbouring slots are written together.
    fn reserve(&self) -> io::Result<u32>;

    /// Frees slots that are empty or wiped.
    fn release(&self, slots: &mut dyn Iterator<Item = u32>);

    /// Makes room for later calls of [`PayloadKeys::reserve`], if little is left.
    fn grow_early(&self);

    /// The key in a slot; `None` for an empty or wiped slot.
    fn read(&self, slot: u32) -> Result<Option<SlotKey>, StoreError>;

    /// The keys in `count` slots from `first` on.
    fn read_many(&self, first: u32, count: u32) -> io::Result<FoundSlots>;

    /// Writes slots for the commit `batch`. Durable when it returns. Exclusive engines only, as all that
    /// follows: a shared engine writes slots itself.
    fn write(&self, writes: &SlotWrites, batch: u64) -> Result<(), DiskFailure>;

    /// Writes the commit mark, without making it durable.
    fn mark(&self, mark: CommitMark) -> Result<(), DiskFailure>;

    /// The commit mark; `None` if it is damaged.
    fn commit_mark(&self) -> io::Result<Option<CommitMark>>;

    /// Marks the slots that the records name as used, compares each slot with the check value of its record,
    /// and wipes slots that no record names.
    ///
    /// `batch` is the last commit in the database. Returns the named slots that a later commit has wiped,
    /// which happens if a crash occurs after the slots were wiped and before the records were changed. These
    /// slots count as free.
    ///
    /// # Errors
    ///
    /// `Ok(Err(what))` if a slot does not contain the key of its record.
    fn verify(
        &self,
        named: &BTreeMap<u32, u64>,
        batch: u64,
    ) -> io::Result<Result<BTreeSet<u32>, &'static str>>;

    /// Makes everything durable, before the store is closed.
    fn close(&self) -> Result<(), DiskFailure>;

    /// The size of the slots on disk, in bytes.
    fn bytes(&self) -> io::Result<u64>;

    /// The ring under which the keys are encrypted; `None` for those who have none.
    fn ring(&self) -> Option<&dyn KeyRing>;
}

/// The ring of a data directory: the key of the present epoch, under which all keys of payloads are, and its
/// turns. [`super::local`] describes a turn, [`super::turn`] calls its steps.
pub(super) trait KeyRing {
    /// The time of the last turn; 0 before the first one.
    fn turned_at(&self) -> UnixSeconds;

    /// The number of the present epoch.
    fn epoch(&self) -> u64;

    /// Between two commits: gives new keys to a few of the buckets in which a key was burned. Returns the
    /// number of those that are left.
    fn rekey(&self) -> Result<usize, TurnFailure>;

    /// Stores the key of the next epoch. Blocks, also on the copies of the ring.
    fn begin_epoch(&self) -> io::Result<()>;

    /// Between two commits: puts everything under the next epoch, which begins `now`.
    fn end_epoch(&self, now: UnixSeconds) -> Result<(), TurnFailure>;

    /// Writes a key table into the directory `dir`: see [`super::local::key_table`]. Blocks.
    fn write_table(&self, dir: &Path) -> io::Result<()>;

    /// Overwrites the keys of other epochs. Blocks, also on the copies of the ring.
    fn forget_epochs(&self) -> io::Result<()>;
}

/// Why a turn of the ring has failed.
pub(super) enum TurnFailure {
    /// Nothing has changed, and another turn may be tried.
    Harmless(io::Error),
    /// The state of the disk is unknown.
    Disk(DiskFailure),
}

impl From<io::Error> for TurnFailure {
    fn from(error: io::Error) -> Self {
        Self::Harmless(error)
    }
}

impl From<DiskFailure> for TurnFailure {
    fn from(failure: DiskFailure) -> Self {
        Self::Disk(failure)
    }
}

/// A slot that is reserved for a new key. It is released when it is dropped, unless a commit has filled it.
pub(super) struct SlotLease {
    pub(super) slot: u32,
    keys: Arc<dyn PayloadKeys>,
    is_kept: AtomicBool,
}

impl SlotLease {
    pub(super) fn new(keys: &Arc<dyn PayloadKeys>) -> Result<Self, StoreError> {
        let slot = keys.reserve().map_err(|error| {
            tracing::warn!(%error, "there is no room for a new key");
            StoreError::Full
        })?;
        Ok(Self { slot, keys: Arc::clone(keys), is_kept: AtomicBool::new(false) })
    }

    /// Keeps the slot, because a commit has filled it or may have filled it.
    pub(super) fn keep(&self) {
        self.is_kept.store(true, Ordering::Relaxed);
    }
}

impl Drop for SlotLease {
    fn drop(&mut self) {
        if !self.is_kept.load(Ordering::Relaxed) {
            self.keys.release(&mut std::iter::once(self.slot));
        }
    }
}
