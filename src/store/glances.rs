//! Reads of a change that decide nothing: the commit does not check them.

use std::collections::BTreeMap;

use super::{
    Key, Record, StoreError, Transaction,
    engine::{Scan, Stored, below},
    group::Group,
    record::Envelope,
};

/// What a group has read in this way, so that it reads it once.
#[derive(Default)]
pub(super) struct Glances {
    records: BTreeMap<Key, Option<Stored>>,
    /// All records below a prefix.
    lists: BTreeMap<Key, Vec<(Key, Stored)>>,
}

impl Transaction<'_, '_> {
    /// The value at `key`, which is not a sealed one, only for the result of the change: another process may
    /// change it before the commit, and this change is not run again for that.
    ///
    /// # Errors
    ///
    /// The errors of [`Transaction::get`].
    pub fn glance<R: Record>(&self, key: &Key) -> Result<Option<R>, StoreError> {
        debug_assert!(R::sealed_by(key).is_none(), "only values that are not sealed");
        let stored = || self.group.glance(key);
        self.with_stored_or(key, stored, |envelope| envelope.value())?.transpose()
    }

    /// All values whose keys begin with `prefix`, of one moment, in the order of their keys; for the same use
    /// as [`Transaction::glance`]. Few, because all are read.
    ///
    /// # Errors
    ///
    /// The errors of [`Transaction::get`].
    pub fn glance_all<R: Record>(&self, prefix: &Key) -> Result<Vec<R>, StoreError> {
        let found = self.noted(self.group.glance_all(prefix))?;
        let stored = found.iter().map(|(key, stored)| (key, Some(&stored.bytes[..])));
        let mut all: BTreeMap<&Key, Option<&[u8]>> = stored.collect();
        for writes in [&self.group.effects.writes, &self.effects.writes] {
            all.extend(below(writes, prefix).map(|(key, value)| (key, value.as_deref())));
        }
        let there = all.into_iter().filter_map(|(key, bytes)| Some((key, bytes?)));
        let value = |(key, bytes)| {
            debug_assert!(R::sealed_by(key).is_none(), "only values that are not sealed");
            Envelope::decode(key, bytes)?.value()
        };
        there.map(value).collect()
    }
}

impl Group<'_> {
    /// The record at `key`, as the engine has it. The commit does not check it, unless [`Group::stored`] has
    /// read it, too.
    fn glance(&self, key: &Key) -> Result<Option<Stored>, StoreError> {
        if let Some(known) = self.reads.borrow().record(key) {
            return Ok(known.cloned());
        }
        if let Some(known) = self.glances.borrow().records.get(key) {
            return Ok(known.clone());
        }
        let stored = self.disks().engine.get(key)?;
        self.glances.borrow_mut().records.insert(key.clone(), stored.clone());
        Ok(stored)
    }

    /// The records below `prefix`, as the engine has them.
    fn glance_all(&self, prefix: &Key) -> Result<Vec<(Key, Stored)>, StoreError> {
        if let Some(known) = self.glances.borrow().lists.get(prefix) {
            return Ok(known.clone());
        }
        let stored = self.disks().engine.scan(&Scan::of(prefix))?;
        self.glances.borrow_mut().lists.insert(prefix.clone(), stored.clone());
        Ok(stored)
    }
}
