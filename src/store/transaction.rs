//! The view and the effects of one change: a small ordered transaction.
//!
//! A change reads the current state, including the effects of earlier changes in its group, and collects its
//! writes. The writes become part of the group if the change succeeds, and are discarded if it fails.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    Key, Payload, Record, StoreError,
    fatal::fatal,
    local::{
        engine::Engine,
        growing_file::{Growth, Unfinished},
        payload_files::{FileName, PayloadFiles, StagedFile},
        slots::{SlotFile, SlotWrites},
    },
    payload::{BesideFile, FoundBody, FoundFile, FoundPayload, PayloadBody},
    record::{BodyRef, Envelope, PayloadRef, encode_value},
};
use crate::crypto::SlotKey;

/// Values to write; `None` deletes a record.
pub(super) type Writes = BTreeMap<Key, Option<Vec<u8>>>;

/// The effects of changes that are not committed yet.
#[derive(Default)]
pub(super) struct Effects {
    pub(super) writes: Writes,
    pub(super) slots: SlotWrites,
    /// The slots that are wiped once the records are durable; see [`Transaction::burn_last`].
    pub(super) late_wipes: BTreeSet<u32>,
    pub(super) kept_files: Vec<Arc<StagedFile>>,
    pub(super) dead_files: Vec<FileName>,
}

impl Effects {
    fn absorb(&mut self, other: Self) {
        self.writes.extend(other.writes);
        self.slots.extend(other.slots);
        self.late_wipes.extend(other.late_wipes);
        self.kept_files.extend(other.kept_files);
        self.dead_files.extend(other.dead_files);
    }
}

/// The changes that are committed together, and the state before them.
pub(super) struct Group<'a> {
    pub(super) engine: &'a Engine,
    pub(super) files: &'a PayloadFiles,
    pub(super) slots: &'a mut SlotFile,
    pub(super) effects: Effects,
}

impl Group<'_> {
    /// Runs one change. Keeps its effects if it succeeds.
    pub(super) fn run<T, E>(
        &mut self,
        change: &impl Fn(&mut Transaction<'_, '_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut transaction = Transaction {
            group: self,
            effects: Effects::default(),
            taken: Vec::new(),
            burns_last: false,
        };
        let outcome = change(&mut transaction);
        let Transaction { effects, taken, .. } = transaction;
        match outcome {
            Ok(_) => self.effects.absorb(effects),
            Err(_) => self.slots.release(taken),
        }
        outcome
    }
}

/// A change's access to the store. All changes of the store are made through it.
///
/// The closure that receives it must be pure: its effects depend only on the records that it reads here and
/// on its captured values, so that it could be run again.
pub struct Transaction<'g, 'a> {
    group: &'g mut Group<'a>,
    effects: Effects,
    taken: Vec<u32>,
    burns_last: bool,
}

impl Transaction<'_, '_> {
    /// The value at `key`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] or [`StoreError::UnknownVersion`].
    pub fn get<R: Record>(&self, key: &Key) -> Result<Option<R>, StoreError> {
        self.with_stored(key, |envelope| envelope.value())?.transpose()
    }

    /// Writes a value. A sealed payload of the record stays attached.
    ///
    /// # Errors
    ///
    /// [`StoreError::TooLarge`], and the errors of [`Transaction::get`].
    pub fn put<R: Record>(&mut self, key: &Key, value: &R) -> Result<(), StoreError> {
        key.check()?;
        let value = encode_value(value)?;
        let bytes = self
            .with_stored(key, |envelope| Envelope::encode(key, &value, envelope.payload))?
            .unwrap_or_else(|| Envelope::encode(key, &value, None))?;
        self.write(key, Some(bytes));
        Ok(())
    }

    /// Writes a value with a sealed payload, which replaces an existing payload of the record.
    ///
    /// # Errors
    ///
    /// [`StoreError::Full`] if no slot is available for its key, [`StoreError::TooLarge`], and the errors of
    /// [`Transaction::get`].
    pub fn put_sealed<R: Record>(
        &mut self,
        key: &Key,
        value: &R,
        payload: &Payload,
    ) -> Result<(), StoreError> {
        key.check()?;
        self.burn(key)?;
        let slot = self.group.slots.take().map_err(|error| {
            tracing::warn!(%error, "the slot file cannot grow");
            StoreError::Full
        })?;
        self.taken.push(slot);
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
        let bytes = Envelope::encode(key, &encode_value(value)?, Some(reference))?;
        self.effects.slots.insert(slot, Some(copy(&payload.key)));
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
        let value = encode_value(value)?;
        let encoded = self.with_stored(key, |envelope| {
            let payload = envelope.payload.ok_or(DAMAGED)?;
            let BodyRef::Growing { head, name, .. } = payload.body else { return Err(DAMAGED) };
            let body = growth.body(head, name, bytes);
            Envelope::encode(key, &value, Some(PayloadRef { body, ..payload }))
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
        let growing = self.with_stored(key, |envelope| match envelope.payload?.body {
            BodyRef::Growing { name, bytes, .. } => Some(Unfinished { name, bytes }),
            _ => None,
        })?;
        Ok(self.payload_head(key)?.zip(growing.flatten()))
    }

    /// Makes this change wipe the keys of burned payloads after its records are on disk, and not before: a
    /// crash in between leaves all of the old state, or all of the new one without the old keys. For a change
    /// that replaces a payload, whose loss would be worse than a burn that a crash has cancelled. The keys
    /// are wiped before the result is returned in any case.
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
        let burned = self.with_stored(key, |envelope| {
            let Some(payload) = envelope.payload else { return Ok(None) };
            let file = payload.body.file().map(|(name, _)| name);
            let bytes = Envelope::encode(key, envelope.raw_value(), None)?;
            Ok::<_, StoreError>(Some((payload.slot, file, bytes)))
        })?;
        if let Some((slot, file, bytes)) = burned.transpose()?.flatten() {
            if self.burns_last {
                self.effects.late_wipes.insert(slot);
            } else {
                self.effects.slots.insert(slot, None);
            }
            self.effects.dead_files.extend(file);
            self.write(key, Some(bytes));
        }
        Ok(())
    }

    /// Deletes a record and burns its payload. Does nothing if the record does not exist.
    ///
    /// # Errors
    ///
    /// The errors of [`Transaction::get`].
    pub fn delete(&mut self, key: &Key) -> Result<(), StoreError> {
        self.burn(key)?;
        self.write(key, None);
        Ok(())
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
        self.found(key, |name, bytes| self.file(name, bytes).map(BesideFile::Open))
    }

    /// Does the same as [`Transaction::payload`], without opening a file beside the head.
    ///
    /// # Errors
    ///
    /// The errors of [`Transaction::payload`].
    pub fn payload_head(&self, key: &Key) -> Result<Option<FoundPayload>, StoreError> {
        self.found(key, |_, bytes| Ok(BesideFile::Closed { bytes }))
    }

    fn found(
        &self,
        key: &Key,
        beside: impl FnOnce(FileName, u64) -> Result<BesideFile, StoreError>,
    ) -> Result<Option<FoundPayload>, StoreError> {
        self.with_stored(key, |envelope| {
            let Some(payload) = envelope.payload else { return Ok(None) };
            let Some(slot_key) = self.slot_key(payload.slot)? else { return Ok(None) };
            if slot_key.check() != payload.check {
                return Err(StoreError::Damaged("a key slot does not hold the key of its record"));
            }
            let body = match payload.body {
                BodyRef::Inline(sealed) => FoundBody::Inline(sealed.to_vec()),
                BodyRef::File { name, bytes } => FoundBody::File(self.file(name, bytes)?),
                BodyRef::Beside { head, name, bytes } | BodyRef::Growing { head, name, bytes } => {
                    FoundBody::Beside { head: head.to_vec(), file: beside(name, bytes)? }
                }
            };
            Ok(Some(FoundPayload { key: slot_key, body }))
        })?
        .unwrap_or(Ok(None))
    }

    /// The first `limit` keys that begin with `prefix`, in order.
    #[must_use]
    pub fn keys(&self, prefix: &Key, limit: usize) -> Vec<Key> {
        let mut keys: BTreeMap<Key, bool> = BTreeMap::new();
        let pending = [&self.group.effects.writes, &self.effects.writes];
        let written = pending.into_iter().flat_map(|writes| {
            writes
                .range(prefix..)
                .take_while(|(key, _)| key.as_bytes().starts_with(prefix.as_bytes()))
        });
        keys.extend(written.map(|(key, value)| (key.clone(), value.is_some())));
        // Reads enough keys for `limit` results even if every pending write is a deletion.
        for (key, _) in
            self.group.engine.range(prefix.as_bytes()).take(limit.saturating_add(keys.len()))
        {
            keys.entry(key).or_insert(true);
        }
        keys.into_iter().filter(|(_, there)| *there).map(|(key, _)| key).take(limit).collect()
    }

    fn with_stored<T>(
        &self,
        key: &Key,
        read: impl FnOnce(Envelope<'_>) -> T,
    ) -> Result<Option<T>, StoreError> {
        let pending = self.effects.writes.get(key).or_else(|| self.group.effects.writes.get(key));
        let decoded = |bytes: &[u8]| Envelope::decode(key, bytes).map(read);
        match pending {
            Some(bytes) => bytes.as_deref().map(decoded).transpose(),
            None => self.group.engine.get(key).map(|bytes| decoded(bytes.as_ref())).transpose(),
        }
    }

    fn slot_key(&self, slot: u32) -> Result<Option<SlotKey>, StoreError> {
        let (own, earlier) = (&self.effects, &self.group.effects);
        if own.late_wipes.contains(&slot) || earlier.late_wipes.contains(&slot) {
            return Ok(None);
        }
        let pending = own.slots.get(&slot).or_else(|| earlier.slots.get(&slot));
        match pending {
            Some(key) => Ok(key.as_ref().map(copy)),
            None => match self.group.slots.read(slot) {
                Ok(key) => Ok(key),
                Err(error) => fatal(&format!("cannot read the slot file: {error}")),
            },
        }
    }

    fn file(&self, name: FileName, bytes: u64) -> Result<FoundFile, StoreError> {
        let mut kept = self.effects.kept_files.iter().chain(&self.group.effects.kept_files);
        // A file of the same group still has its temporary name.
        let file = match kept.find(|staged| staged.name == name) {
            Some(staged) => staged.open(),
            None => self.group.files.read(name),
        };
        Ok(FoundFile::new(file?, bytes))
    }

    fn write(&mut self, key: &Key, value: Option<Vec<u8>>) {
        self.effects.writes.insert(key.clone(), value);
    }
}

/// Copies a key. Keys are not `Clone`, so that each copy is explicit.
fn copy(key: &SlotKey) -> SlotKey {
    SlotKey::from_bytes(*key.expose_secret())
}
