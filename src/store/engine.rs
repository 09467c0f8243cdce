//! What an engine of the store is: an ordered map of records, which groups of writes change as a whole.
//!
//! Everything else is shared code above the engines: the order of a commit, the view of a group's changes,
//! records with their payloads, sealing. An engine is *exclusive* if only this process changes it. Then a
//! commit is done or the disk has failed. Otherwise it is *shared*, and a commit can also find that another
//! process has changed what the group has read.

use std::{collections::BTreeMap, io};

use bytes::Bytes;

use super::{Key, StoreError, payload_keys::SlotWrites};

/// A number that changes with each write of a record. Exclusive engines use 0.
pub(super) type Version = u64;

/// Values to write; `None` deletes a record.
pub(super) type Writes = BTreeMap<Key, Option<Vec<u8>>>;

/// The writes to keys that begin with `prefix`.
pub(super) fn below<'w>(
    writes: &'w Writes,
    prefix: &'w Key,
) -> impl Iterator<Item = (&'w Key, &'w Option<Vec<u8>>)> {
    writes.range(prefix..).take_while(|(key, _)| key.as_bytes().starts_with(prefix.as_bytes()))
}

/// A record as it is stored.
#[derive(Clone)]
pub(super) struct Stored {
    pub(super) bytes: Bytes,
    pub(super) version: Version,
}

/// Which records to read, and in which order.
#[derive(Clone, Debug)]
pub struct Scan {
    pub(super) prefix: Key,
    pub(super) after: Option<Key>,
    pub(super) before: Option<Key>,
    pub(super) is_backward: bool,
    pub(super) skip: usize,
    pub(super) limit: usize,
}

impl Scan {
    /// All records whose keys begin with `prefix`, in the order of their keys.
    #[must_use]
    pub fn of(prefix: &Key) -> Self {
        Self {
            prefix: prefix.clone(),
            after: None,
            before: None,
            is_backward: false,
            skip: 0,
            limit: usize::MAX,
        }
    }

    /// All records.
    pub(super) fn all() -> Self {
        Self::of(&Key::from_disk(&[]))
    }

    /// Only those after `key`, which begins with the prefix.
    #[must_use]
    pub fn after(self, key: Key) -> Self {
        Self { after: Some(key), ..self }
    }

    /// Only those before `key`, which begins with the prefix.
    #[must_use]
    pub fn before(self, key: Key) -> Self {
        Self { before: Some(key), ..self }
    }

    /// The last one first.
    #[must_use]
    pub fn backward(self) -> Self {
        Self { is_backward: true, ..self }
    }

    /// Without the first `records`.
    #[must_use]
    pub fn skip(self, records: usize) -> Self {
        Self { skip: records, ..self }
    }

    /// How many records [`Scan::skip`] leaves out: they are walked through.
    #[cfg(test)]
    pub(crate) fn skipped(&self) -> usize {
        self.skip
    }

    /// At most this number of records.
    #[must_use]
    pub fn limit(self, records: usize) -> Self {
        Self { limit: records, ..self }
    }
}

/// The keys that a group has found. A commit to a shared engine is a conflict if they are others now.
#[derive(Debug)]
pub(super) struct FoundKeys {
    pub(super) scan: Scan,
    pub(super) keys: Vec<Key>,
}

/// Identifies a commit of a shared engine whose outcome may have to be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct CommitId {
    pub(super) writer: u64,
    pub(super) number: u64,
}

/// The changes of a group, which an engine applies as a whole or not at all.
#[cfg_attr(not(test), expect(dead_code, reason = "shared engines need more than the writes"))]
pub(super) struct Commit<'a> {
    pub(super) id: CommitId,
    /// What the group has read, with versions, and `None` for missing records. Empty for exclusive engines.
    pub(super) reads: &'a BTreeMap<Key, Option<Version>>,
    /// The lists of keys that the group has read. Empty for exclusive engines.
    pub(super) found: &'a [FoundKeys],
    pub(super) writes: &'a Writes,
    /// The changed keys of payloads, for shared engines. Exclusive engines have them written separately.
    pub(super) slots: &'a SlotWrites,
}

/// The result of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is durable.
    Done,
    /// Nothing was changed, because something that the group has read was changed by another process.
    Conflict,
    /// It is not known whether it was applied; see [`Engine::settle`].
    Unknown,
}

/// The reason why a disk cannot be written. The process ends then, see [`super::Store`].
#[derive(Debug)]
pub(super) struct DiskFailure(pub(super) String);

impl DiskFailure {
    /// What was tried, as in "cannot write the slot file".
    pub(super) fn of(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |error| Self(format!("{what}: {error}"))
    }
}

/// An ordered map of records. Functions block, some of them on a disk or a network.
pub(super) trait Engine: Send + Sync {
    /// Whether other processes change the records, too.
    fn is_shared(&self) -> bool;

    /// The record at `key`.
    fn get(&self, key: &Key) -> Result<Option<Stored>, StoreError>;

    /// The records at `keys`, in their order, with one question to the engine.
    fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Stored>>, StoreError>;

    /// The records of a scan, all of one moment.
    fn scan(&self, scan: &Scan) -> Result<Vec<(Key, Stored)>, StoreError>;

    /// The keys of a scan, without reading the values.
    fn scan_keys(&self, scan: &Scan) -> Result<Vec<Key>, StoreError>;

    /// All records in the order of their keys. Reads the whole database with bounded memory.
    fn scan_all(&self) -> RecordIterator<'_>;

    /// Applies a group of writes. Durable if [`Outcome::Done`] is returned.
    fn commit(&self, commit: Commit<'_>) -> Result<Outcome, DiskFailure>;

    /// Whether a commit with the outcome [`Outcome::Unknown`] was applied. If it was not, it never will be.
    fn settle(&self, id: CommitId) -> Result<bool, StoreError>;

    /// Waits before attempt number `attempt` at a commit, counted from 1.
    fn pause(&self, attempt: u32);

    /// The size of the database, in bytes.
    fn bytes(&self) -> io::Result<u64>;

    /// Hourly maintenance. The error is for the log.
    fn tidy(&self) -> Result<(), String>;

    /// Makes everything durable, before the store is closed.
    fn close(&self) -> Result<(), DiskFailure>;
}

/// All records, with errors for the operator.
pub(super) type RecordIterator<'a> = Box<dyn Iterator<Item = Result<(Key, Bytes), String>> + 'a>;
