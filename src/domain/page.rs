//! Pages of long lists: where one begins, and where the next one does.
//!
//! Records are listed in the order of their keys, which is that of their creation, except that the numbers of
//! several processes interleave. A position is therefore a number of a record, also of one that was deleted:
//! records that are created or deleted meanwhile move no other record to another page.

use crate::store::{Key, Scan, Store, StoreError};

/// The largest number of entries in one page.
pub const MAX_LISTED: usize = 50;

/// Where a page begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageStart<N> {
    /// After this many entries.
    Offset(usize),
    /// After the entry with this number.
    After(N),
}

/// The keys of the records of one page.
pub(super) struct PageKeys<N> {
    pub(super) keys: Vec<Key>,
    /// The number of the last of them, if more records follow.
    pub(super) next: Option<N>,
}

impl<N> PageKeys<N> {
    /// The page of the records below `prefix`, newest first. `key` and `number` translate between records and
    /// their keys.
    pub(super) fn newest_first(
        store: &Store,
        prefix: &Key,
        start: PageStart<N>,
        key: impl Fn(N) -> Key,
        number: impl Fn(&Key) -> Option<N>,
    ) -> Result<Self, StoreError> {
        let scan = Scan::of(prefix).backward();
        let scan = match start {
            PageStart::Offset(offset) => scan.skip(offset),
            PageStart::After(last) => scan.before(key(last)),
        };
        Self::read(store, scan, number)
    }

    /// The same, oldest first.
    pub(super) fn oldest_first(
        store: &Store,
        prefix: &Key,
        start: PageStart<N>,
        key: impl Fn(N) -> Key,
        number: impl Fn(&Key) -> Option<N>,
    ) -> Result<Self, StoreError> {
        let scan = Scan::of(prefix);
        let scan = match start {
            PageStart::Offset(offset) => scan.skip(offset),
            PageStart::After(last) => scan.after(key(last)),
        };
        Self::read(store, scan, number)
    }

    /// The page at the beginning of `scan`.
    pub(super) fn read(
        store: &Store,
        scan: Scan,
        number: impl Fn(&Key) -> Option<N>,
    ) -> Result<Self, StoreError> {
        let mut keys = store.scan_keys(&scan.limit(MAX_LISTED + 1))?;
        let has_more = keys.len() > MAX_LISTED;
        keys.truncate(MAX_LISTED);
        let next = keys.last().filter(|_| has_more).and_then(number);
        Ok(Self { keys, next })
    }
}

impl<N> PageStart<N> {
    /// Whether the page begins after the end of a list of this length. To find that out, an offset could walk
    /// through all records.
    pub(super) fn is_after(&self, length: u64) -> bool {
        matches!(self, Self::Offset(offset) if *offset as u64 >= length)
    }
}
