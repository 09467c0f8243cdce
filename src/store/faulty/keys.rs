//! Slots in memory. In the exclusive form, what was not synced may be lost.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use super::{
    Sharing,
    disk::{Cell, DiskContent, Process, SlotWrite, cell},
};
use crate::{
    crypto::SlotKey,
    store::{
        StoreError,
        engine::DiskFailure,
        payload_keys::{CommitMark, FoundSlots, PayloadKeys, SlotWrites},
    },
};

pub(super) struct MemoryKeys(pub(super) Process);

impl PayloadKeys for MemoryKeys {
    fn reserve(&self) -> io::Result<u32> {
        let mut disk = self.0.disk().map_err(io::Error::other)?;
        let slot = (0..).find(|slot| !disk.reserved.contains(slot)).unwrap_or_default();
        disk.reserved.insert(slot);
        Ok(slot)
    }

    fn release(&self, slots: &mut dyn Iterator<Item = u32>) {
        if let Ok(mut disk) = self.0.disk() {
            slots.for_each(|slot| {
                disk.reserved.remove(&slot);
            });
        }
    }

    fn grow_early(&self) {}

    fn read(&self, slot: u32) -> Result<Option<SlotKey>, StoreError> {
        Ok(match self.0.disk()?.slot(slot) {
            Some(Cell::Key(key)) => Some(SlotKey::from_bytes(key)),
            _ => None,
        })
    }

    fn read_many(&self, first: u32, count: u32) -> io::Result<FoundSlots> {
        let disk = self.0.disk().map_err(io::Error::other)?;
        let end = first.saturating_add(count);
        let key = |slot: u32| match disk.slot(slot) {
            Some(Cell::Key(key)) => Some((slot, SlotKey::from_bytes(key))),
            _ => None,
        };
        let is_last = disk.slots.range(end..).next().is_none();
        Ok(((first..end).filter_map(key).collect(), (!is_last).then_some(end)))
    }

    fn write(&self, writes: &SlotWrites, batch: u64) -> Result<(), DiskFailure> {
        // Two steps: a crash between them finds the writes not synced.
        self.0.step(|disk, _| {
            let cells = writes.iter().map(|(slot, key)| (*slot, cell(key.as_ref(), batch)));
            disk.unsynced.extend(cells.map(|(slot, cell)| SlotWrite::Cell(slot, cell)));
        })?;
        self.0.step(|disk, _| disk.sync_slots())
    }

    fn mark(&self, mark: CommitMark) -> Result<(), DiskFailure> {
        self.0.step(|disk, _| disk.unsynced.push(SlotWrite::Mark(mark)))
    }

    fn commit_mark(&self) -> io::Result<Option<CommitMark>> {
        Ok(Some(self.0.disk().map_err(io::Error::other)?.mark))
    }

    fn verify(
        &self,
        named: &BTreeMap<u32, u64>,
        batch: u64,
    ) -> io::Result<Result<BTreeSet<u32>, &'static str>> {
        let mut disk = self.0.disk().map_err(io::Error::other)?;
        let mut burned = BTreeSet::new();
        for (slot, check) in named {
            match disk.slots.get(slot) {
                Some(Cell::Key(key)) if SlotKey::from_bytes(*key).check() == *check => {
                    disk.reserved.insert(*slot);
                }
                Some(Cell::Wiped(wiped)) if *wiped > batch => drop(burned.insert(*slot)),
                _ => return Ok(Err("a key slot does not hold the key of its record")),
            }
        }
        let is_stray = |(slot, cell): &(&u32, &Cell)| {
            !named.contains_key(slot) && matches!(cell, Cell::Key(_))
        };
        let strays: Vec<u32> = disk.slots.iter().filter(is_stray).map(|(slot, _)| *slot).collect();
        disk.slots.extend(strays.into_iter().map(|slot| (slot, Cell::Wiped(batch))));
        Ok(Ok(burned))
    }

    fn close(&self) -> Result<(), DiskFailure> {
        match self.0.sharing() {
            Sharing::Exclusive => self.0.step(|disk: &mut DiskContent, _| disk.sync_slots()),
            Sharing::Shared => Ok(()),
        }
    }

    fn bytes(&self) -> io::Result<u64> {
        Ok(0)
    }
}
