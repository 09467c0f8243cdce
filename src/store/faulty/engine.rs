//! Records in memory.

use std::io;

use super::{
    Sharing,
    disk::{Fault, Process, cell},
};
use crate::store::{
    Key, StoreError,
    engine::{
        Commit, CommitId, DiskFailure, Engine, Outcome, RecordIterator, Scan, Stored, Version,
    },
};

pub(super) struct MemoryEngine(pub(super) Process);

impl Engine for MemoryEngine {
    fn is_shared(&self) -> bool {
        self.0.sharing() == Sharing::Shared
    }

    fn get(&self, key: &Key) -> Result<Option<Stored>, StoreError> {
        self.get_many(std::slice::from_ref(key)).map(|mut found| found.pop().flatten())
    }

    fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Stored>>, StoreError> {
        let mut disk = self.0.disk()?;
        disk.reads += 1;
        let stored = |(bytes, version): &(bytes::Bytes, Version)| Stored {
            bytes: bytes.clone(),
            version: *version,
        };
        Ok(keys.iter().map(|key| disk.records.get(key).map(stored)).collect())
    }

    fn scan(&self, scan: &Scan) -> Result<Vec<(Key, Stored)>, StoreError> {
        let mut disk = self.0.disk()?;
        disk.reads += 1;
        let found = disk.records.iter().filter(|(key, _)| is_in(scan, key));
        let found = found.map(|(key, (bytes, version))| {
            (key.clone(), Stored { bytes: bytes.clone(), version: *version })
        });
        let (skip, limit) = (scan.skip, scan.limit);
        Ok(match scan.is_backward {
            true => found.rev().skip(skip).take(limit).collect(),
            false => found.skip(skip).take(limit).collect(),
        })
    }

    fn scan_keys(&self, scan: &Scan) -> Result<Vec<Key>, StoreError> {
        Ok(self.scan(scan)?.into_iter().map(|(key, _)| key).collect())
    }

    fn scan_all(&self) -> RecordIterator<'_> {
        let all = self.scan(&Scan::all());
        match all {
            Ok(all) => Box::new(all.into_iter().map(|(key, stored)| Ok((key, stored.bytes)))),
            Err(error) => Box::new(std::iter::once(Err(error.to_string()))),
        }
    }

    fn commit(&self, commit: Commit<'_>) -> Result<Outcome, DiskFailure> {
        let is_shared = self.is_shared();
        // The disk is not locked while the other process works.
        let rival = self.0.disk().ok().and_then(|mut disk| disk.rival.take());
        rival.into_iter().for_each(|rival| rival());
        self.0.step(|disk, fault| {
            let version = |key: &Key| disk.records.get(key).map(|(_, version)| *version);
            let is_read = |(key, seen): (&Key, &Option<Version>)| version(key) == *seen;
            let is_found = |found: &crate::store::engine::FoundKeys| {
                let keys = disk.records.keys().filter(|key| is_in(&found.scan, key));
                keys.take(found.scan.limit).eq(&found.keys)
            };
            let is_current = commit.reads.iter().all(is_read) && commit.found.iter().all(is_found);
            let fault = fault.or_else(|| disk.unrest());
            if !is_current || fault == Some(Fault::Conflict) {
                return Outcome::Conflict;
            }
            if fault == Some(Fault::LostCommit) {
                return Outcome::Unknown;
            }
            disk.write_records(commit.writes);
            for (slot, key) in commit.slots {
                disk.slots.insert(*slot, cell(key.as_ref(), 0));
            }
            if is_shared {
                disk.outcomes.insert(commit.id, true);
            }
            disk.committed();
            if fault == Some(Fault::LostAnswer) { Outcome::Unknown } else { Outcome::Done }
        })
    }

    fn settle(&self, id: CommitId) -> Result<bool, StoreError> {
        Ok(*self.0.disk()?.outcomes.entry(id).or_insert(false))
    }

    fn pause(&self, _attempt: u32) {}

    fn bytes(&self) -> io::Result<u64> {
        Ok(0)
    }

    fn tidy(&self) -> Result<(), String> {
        Ok(())
    }

    fn close(&self) -> Result<(), DiskFailure> {
        Ok(())
    }
}

fn is_in(scan: &Scan, key: &Key) -> bool {
    key.as_bytes().starts_with(scan.prefix.as_bytes())
        && scan.after.as_ref().is_none_or(|after| key > after)
        && scan.before.as_ref().is_none_or(|before| key < before)
}
