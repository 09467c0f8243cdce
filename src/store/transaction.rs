//! The view and the effects of one change: a small ordered transaction.
//!
//! A change reads the current state, including the effects of earlier changes in its group, and collects its
//! writes. The writes become part of the group if the change succeeds, and are discarded if it fails.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    sync::Arc,
};

use super::{
    Key, Payload, Record, StoreError,
    bodies::{FileName, FileToOpen, FoundFile},
    engine::{Stored, below},
    group::{Effects, Group, copy_key},
    growing_file::{Growth, Unfinished},
    payload::{BesideFile, FoundBody, FoundPayload, PayloadBody, PayloadSlot},
    record::{Attached, BodyRef, Envelope, PayloadRef, ValueKeyRef},
};
use crate::crypto::SlotKey;

/// A change's access to the store. All changes of the store are made through it.
///
/// The closure that receives it must be pure: its effects depend only on the records that it reads here and
/// on its captured values, because it may be run again. Debug builds run each change twice and compare.
pub struct Transaction<'g, 'a> {
    pub(super) group: &'g Group<'a>,
    pub(super) effects: Effects,
    /// The files that it has found, which are opened once it has succeeded.
    files: RefCell<Vec<FileToOpen>>,
    /// Whether something could not be read. The change fails then, whatever it makes of the error.
    has_failed: Cell<bool>,
    burns_last: bool,
}

/// The slot and the file of a payload that is taken from its record, and the key of values of that record.
type GivenUp = (Option<(u32, Option<FileName>)>, Option<ValueKeyRef>);

impl<'g, 'a> Transaction<'g, 'a> {
    pub(super) fn new(group: &'g Group<'a>) -> Self {
        Self {
            group,
            effects: Effects::default(),
            files: RefCell::default(),
            has_failed: Cell::new(false),
            burns_last: false,
        }
    }

    /// The effects of the change, the files that it has found, and whether something could not be read.
    pub(super) fn finish(self) -> (Effects, Vec<FileToOpen>, bool) {
        (self.effects, self.files.into_inner(), self.has_failed.get())
    }
}

impl Transaction<'_, '_> {
    /// Does the same as [`super::Store::process`].
    #[must_use]
    pub fn process(&self) -> u64 {
        self.group.disks().process
    }

    /// Refuses a creation if the disk is nearly full. Each change that makes something new begins with it;
    /// views and deletions go on, with the space that is kept for them.
    ///
    /// # Errors
    ///
    /// [`StoreError::Full`]
    pub fn check_room(&self) -> Result<(), StoreError> {
        if self.group.has_room() { Ok(()) } else { Err(StoreError::Full) }
    }

    /// Writes a value, sealed if its type wants it. A sealed payload of the record stays attached.
    ///
    /// # Errors
    ///
    /// [`StoreError::TooLarge`], and the errors of [`Transaction::get`].
    pub fn put<R: Record>(&mut self, key: &Key, value: &R) -> Result<(), StoreError> {
        key.check()?;
        let own = match R::sealed_by(key) {
            Some(by) if by == *key => self.value_key(key)?,
            None if R::SEALS_OTHERS => self.value_key(key)?,
            _ => None,
        };
        let (value, sealing) = self.encoded(key, value, own)?;
        let encoded = |attached: Attached<'_>| {
            let value_key = sealing.or(attached.value_key);
            Envelope::encode(key, &value, Attached { value_key, ..attached })
        };
        let bytes = self
            .with_stored(key, |envelope| encoded(envelope.attached))?
            .unwrap_or_else(|| encoded(Attached::default()))?;
        self.write(key, Some(bytes));
        Ok(())
    }

    /// Writes a value with a sealed payload, which replaces an existing payload of the record. The key of the
    /// old one is wiped last, as [`Transaction::burn_last`] describes.
    ///
    /// # Errors
    ///
    /// [`StoreError::TooLarge`], [`StoreError::Damaged`] for a payload that another change has found, and the
    /// errors of [`Transaction::get`].
    pub fn put_sealed<R: Record>(
        &mut self,
        key: &Key,
        value: &R,
        payload: &Payload,
    ) -> Result<(), StoreError> {
        key.check()?;
        // A crash must not destroy the old payload before the new one is on disk.
        let (replaced, own) = self.give_up(key)?;
        self.wipe(replaced, true);
        let slot = payload.slot.number();
        if let PayloadSlot::Moved { from, .. } = &payload.slot {
            let (given_up, _) = self.give_up(from)?;
            if given_up.is_none_or(|(given_up, _)| given_up != slot) {
                return Err(StoreError::Damaged("a payload to be moved is not where it was"));
            }
        }
        let body = match &payload.body {
            PayloadBody::Inline(sealed) => BodyRef::Inline(sealed),
            PayloadBody::File(staged) => BodyRef::File { name: staged.name, bytes: staged.bytes },
            PayloadBody::Beside { head, file } => {
                BodyRef::Beside { head, name: file.name, bytes: file.bytes }
            }
            PayloadBody::Growing { head, file, bytes, growth } => {
                growth.body(head, file.name, *bytes)
            }
        };
        let reference = PayloadRef { slot, check: payload.key.check(), body };
        let (value, value_key) = self.encoded(key, value, own)?;
        let attached = Attached { value_key, payload: Some(reference) };
        let bytes = Envelope::encode(key, &value, attached)?;
        self.effects.slots.insert(slot, Some(copy_key(&payload.key)));
        if let PayloadSlot::Reserved(lease) = &payload.slot {
            self.effects.kept_slots.push(Arc::clone(lease));
        }
        if let PayloadBody::File(staged)
        | PayloadBody::Beside { file: staged, .. }
        | PayloadBody::Growing { file: staged, .. } = &payload.body
        {
            self.effects.kept_files.push(Arc::clone(staged));
        }
        self.write(key, Some(bytes));
        Ok(())
    }

    /// Writes a value, and counts `bytes` of the file beside its payload, which must be synced. If the file
    /// is finished, the size is final.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] if the record has no growing file, [`StoreError::TooLarge`], and the errors of
    /// [`Transaction::get`].
    pub fn put_grown<R: Record>(
        &mut self,
        key: &Key,
        value: &R,
        bytes: u64,
        growth: Growth,
    ) -> Result<(), StoreError> {
        const DAMAGED: StoreError = StoreError::Damaged("a record has no file that grows");
        let own = self.value_key(key)?;
        let (value, value_key) = self.encoded(key, value, own)?;
        let encoded = self.with_stored(key, |envelope| {
            let payload = envelope.attached.payload.ok_or(DAMAGED)?;
            let BodyRef::Growing { head, name, .. } = payload.body else { return Err(DAMAGED) };
            let body = growth.body(head, name, bytes);
            let payload = Some(PayloadRef { body, ..payload });
            Envelope::encode(key, &value, Attached { value_key, payload })
        })?;
        self.write(key, Some(encoded.ok_or(DAMAGED)??));
        Ok(())
    }

    /// The payload and the file of a record whose file is incomplete, for [`super::Store::reopen`]. `None`
    /// for any other record, and in the cases of [`Transaction::payload`].
    ///
    /// # Errors
    ///
    /// The errors of [`Transaction::payload`].
    pub fn unfinished(&self, key: &Key) -> Result<Option<(FoundPayload, Unfinished)>, StoreError> {
        let growing = self.with_stored(key, |envelope| match envelope.attached.payload?.body {
            BodyRef::Growing { name, bytes, .. } => Some(Unfinished { name, bytes }),
            _ => None,
        })?;
        Ok(self.payload_head(key)?.zip(growing.flatten()))
    }

    /// Makes this change wipe the keys of burned payloads after its records are on disk, and not before: a
    /// crash in between leaves all of the old state, or all of the new one without the old keys. For a change
    /// that replaces payloads, whose loss would be worse than a burn that a crash has cancelled. The keys are
    /// wiped before the result is returned in any case.
    pub fn burn_last(&mut self) {
        self.burns_last = true;
    }

    /// Burns the payload of a record and keeps the record. The key is wiped from the disk before the result
    /// of the change is returned. Does nothing if the record has no payload.
    ///
    /// # Errors
    ///
    /// The errors of [`Transaction::get`].
    pub fn burn(&mut self, key: &Key) -> Result<(), StoreError> {
        let (burned, _) = self.give_up(key)?;
        self.wipe(burned, self.burns_last);
        Ok(())
    }

    /// Wipes the slot of a payload that was given up, and deletes its file.
    fn wipe(&mut self, given_up: Option<(u32, Option<FileName>)>, is_last: bool) {
        if let Some((slot, file)) = given_up {
            if is_last {
                self.effects.late_wipes.insert(slot);
            } else {
                self.effects.slots.insert(slot, None);
            }
            self.effects.dead_files.extend(file);
        }
    }

    /// Takes the payload from a record. Returns its slot and its file, and the key of values that the record
    /// names.
    fn give_up(&mut self, key: &Key) -> Result<GivenUp, StoreError> {
        let taken = self.with_stored(key, |envelope| {
            let Attached { payload, value_key } = envelope.attached;
            let Some(payload) = payload else { return Ok((None, value_key)) };
            let file = payload.body.file().map(|(name, _)| name);
            let left = Attached { value_key, payload: None };
            let bytes = Envelope::encode(key, envelope.raw_value(), left)?;
            Ok::<_, StoreError>((Some((payload.slot, file, bytes)), value_key))
        })?;
        let (taken, value_key) = taken.transpose()?.unwrap_or_default();
        let given_up = taken.map(|(slot, file, bytes)| {
            self.write(key, Some(bytes));
            (slot, file)
        });
        Ok((given_up, value_key))
    }

    /// Deletes a record, burns its payload, and wipes the key of the values that it seals. Does nothing if
    /// the record does not exist.
    ///
    /// # Errors
    ///
    /// The errors of [`Transaction::get`].
    pub fn delete(&mut self, key: &Key) -> Result<(), StoreError> {
        let (burned, value_key) = self.give_up(key)?;
        self.wipe(burned, self.burns_last);
        self.effects.late_wipes.extend(value_key.map(|key| key.slot));
        self.write(key, None);
        Ok(())
    }

    /// Runs a part of the change. If it fails, nothing of it is kept, and the change can go on.
    pub fn part<T, E>(&mut self, part: impl FnOnce(&mut Self) -> Result<T, E>) -> Result<T, E> {
        let (before, burns_last) = (self.effects.copy(), self.burns_last);
        let files = self.files.borrow().len();
        let result = part(self);
        if result.is_err() {
            (self.effects, self.burns_last) = (before, burns_last);
            self.files.borrow_mut().truncate(files);
        }
        result
    }

    /// Logs `line` once the change is durable: as a warning, or for information.
    pub fn report(&mut self, line: &'static str, is_warning: bool) {
        self.effects.reports.push((line, is_warning));
    }

    /// The payload of a record, to be opened after the change.
    ///
    /// `None` if the record has no payload, or if a crash interrupted burning it and only the record is left.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] if the slot contains another key, [`StoreError::PayloadFile`], and the errors
    /// of [`Transaction::get`].
    pub fn payload(&self, key: &Key) -> Result<Option<FoundPayload>, StoreError> {
        self.found(key, |name, bytes| BesideFile::Open(self.file(name, bytes)))
    }

    /// Does the same as [`Transaction::payload`], without opening a file beside the head.
    ///
    /// # Errors
    ///
    /// The errors of [`Transaction::payload`].
    pub fn payload_head(&self, key: &Key) -> Result<Option<FoundPayload>, StoreError> {
        self.found(key, |_, bytes| BesideFile::Closed { bytes })
    }

    fn found(
        &self,
        key: &Key,
        beside: impl FnOnce(FileName, u64) -> BesideFile,
    ) -> Result<Option<FoundPayload>, StoreError> {
        self.with_stored(key, |envelope| {
            let Some(payload) = envelope.attached.payload else { return Ok(None) };
            let Some(slot_key) = self.slot_key(payload.slot)? else { return Ok(None) };
            if slot_key.check() != payload.check {
                return Err(StoreError::Damaged("a key slot does not hold the key of its record"));
            }
            let body = match payload.body {
                BodyRef::Inline(sealed) => FoundBody::Inline(sealed.to_vec()),
                BodyRef::File { name, bytes } => FoundBody::File(self.file(name, bytes)),
                BodyRef::Beside { head, name, bytes } | BodyRef::Growing { head, name, bytes } => {
                    FoundBody::Beside { head: head.to_vec(), file: beside(name, bytes) }
                }
            };
            let (slot, record) = (payload.slot, key.clone());
            Ok(Some(FoundPayload { key: slot_key, slot, record, body }))
        })?
        .unwrap_or(Ok(None))
    }

    /// The first `limit` keys that begin with `prefix`, in order.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn keys(&self, prefix: &Key, limit: usize) -> Result<Vec<Key>, StoreError> {
        let mut keys: BTreeMap<Key, bool> = BTreeMap::new();
        let pending = [&self.group.effects.writes, &self.effects.writes];
        let written = pending.into_iter().flat_map(|writes| below(writes, prefix));
        keys.extend(written.map(|(key, value)| (key.clone(), value.is_some())));
        // Reads enough keys for `limit` results even if every pending write is a deletion.
        let most = limit.saturating_add(keys.len());
        for key in self.noted(self.group.stored_keys(prefix, most))? {
            keys.entry(key).or_insert(true);
        }
        let there = keys.into_iter().filter(|(_, is_there)| *is_there);
        Ok(there.map(|(key, _)| key).take(limit).collect())
    }

    pub(super) fn with_stored<T>(
        &self,
        key: &Key,
        read: impl FnOnce(Envelope<'_>) -> T,
    ) -> Result<Option<T>, StoreError> {
        self.with_stored_or(key, || self.group.stored(key), read)
    }

    pub(super) fn with_stored_or<T>(
        &self,
        key: &Key,
        stored: impl FnOnce() -> Result<Option<Stored>, StoreError>,
        read: impl FnOnce(Envelope<'_>) -> T,
    ) -> Result<Option<T>, StoreError> {
        let pending = self.effects.writes.get(key).or_else(|| self.group.effects.writes.get(key));
        let decoded = |bytes: &[u8]| Envelope::decode(key, bytes).map(read);
        match pending {
            Some(bytes) => bytes.as_deref().map(decoded).transpose(),
            None => {
                let stored = self.noted(stored())?;
                stored.map(|stored| decoded(&stored.bytes)).transpose()
            }
        }
    }

    pub(super) fn slot_key(&self, slot: u32) -> Result<Option<SlotKey>, StoreError> {
        let (own, earlier) = (&self.effects, &self.group.effects);
        if own.late_wipes.contains(&slot) || earlier.late_wipes.contains(&slot) {
            return Ok(None);
        }
        match own.slots.get(&slot).or_else(|| earlier.slots.get(&slot)) {
            Some(key) => Ok(key.as_ref().map(copy_key)),
            None => self.noted(self.group.stored_slot(slot)),
        }
    }

    /// Remembers a failure to read.
    pub(super) fn noted<T>(&self, read: Result<T, StoreError>) -> Result<T, StoreError> {
        read.inspect_err(|_| self.has_failed.set(true))
    }

    fn file(&self, name: FileName, bytes: u64) -> FoundFile {
        let (to_open, found) = FileToOpen::new(name, bytes);
        self.files.borrow_mut().push(to_open);
        found
    }

    pub(super) fn write(&mut self, key: &Key, value: Option<Vec<u8>>) {
        self.effects.writes.insert(key.clone(), value);
    }
}
