//! Records in memory.

use std::{
    io,
    sync::atomic::{AtomicU32, Ordering},
};

use super::{
    Sharing,
    disk::{DiskContent, Fault, Process},
};
use crate::store::{
    Key, StoreError,
    engine::{
        Commit, CommitId, DiskFailure, Engine, Outcome, RecordIterator, Scan, Stored, Version,
    },
};

/// The most commits in a row that fail at random. A store gives up after ten attempts.
const MAX_UNREST: u32 = 5;

pub(super) struct MemoryEngine {
    process: Process,
    /// The number of commits in a row that have failed at random.
    unrest: AtomicU32,
}

impl MemoryEngine {
    pub(super) fn new(process: Process) -> Self {
        Self { process, unrest: AtomicU32::new(0) }
    }

    /// What goes wrong at random with the next commit.
    fn next_unrest(&self, disk: &mut DiskContent) -> Option<Fault> {
        let fault = disk.unrest().filter(|_| self.unrest.load(Ordering::Relaxed) < MAX_UNREST);
        let in_a_row = match fault {
            Some(Fault::Conflict | Fault::LostCommit) => self.unrest.load(Ordering::Relaxed) + 1,
            _ => 0,
        };
        self.unrest.store(in_a_row, Ordering::Relaxed);
        fault
    }
}

impl Engine for MemoryEngine {
    fn is_shared(&self) -> bool {
        self.process.sharing() == Sharing::Shared
    }

    fn get(&self, key: &Key) -> Result<Option<Stored>, StoreError> {
        self.get_many(std::slice::from_ref(key)).map(|mut found| found.pop().flatten())
    }

    fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Stored>>, StoreError> {
        let mut disk = self.process.disk()?;
        disk.question()?;
        let stored = |(bytes, version): &(bytes::Bytes, Version)| Stored {
            bytes: bytes.clone(),
            version: *version,
        };
        Ok(keys.iter().map(|key| disk.records.get(key).map(stored)).collect())
    }

    fn scan(&self, scan: &Scan) -> Result<Vec<(Key, Stored)>, StoreError> {
        let mut disk = self.process.disk()?;
        disk.question()?;
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
        let rival = self.process.disk().ok().and_then(|mut disk| disk.rival.take());
        rival.into_iter().for_each(|rival| rival());
        self.process.step(|disk, fault| {
            let version = |key: &Key| disk.records.get(key).map(|(_, version)| *version);
            let is_read = |(key, seen): (&Key, &Option<Version>)| version(key) == *seen;
            let is_found = |found: &crate::store::engine::FoundKeys| {
                let keys = disk.records.keys().filter(|key| is_in(&found.scan, key));
                keys.take(found.scan.limit).eq(&found.keys)
            };
            let is_current = commit.reads.iter().all(is_read) && commit.found.iter().all(is_found);
            let fault = fault.or_else(|| self.next_unrest(disk));
            if !is_current || fault == Some(Fault::Conflict) {
                return Outcome::Conflict;
            }
            if fault == Some(Fault::LostCommit) {
                return Outcome::Unknown;
            }
            disk.write_records(commit.writes);
            for (slot, key) in commit.slots {
                match key {
                    Some(key) => drop(disk.slots.insert(*slot, *key.expose_secret())),
                    None => drop(disk.slots.remove(slot)),
                }
            }
            if is_shared {
                disk.outcomes.insert(commit.id, true);
            }
            disk.committed();
            if fault == Some(Fault::LostAnswer) { Outcome::Unknown } else { Outcome::Done }
        })
    }

    fn settle(&self, id: CommitId) -> Result<bool, StoreError> {
        Ok(*self.process.disk()?.outcomes.entry(id).or_insert(false))
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
