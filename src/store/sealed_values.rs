//! Values that are sealed in their records: `0 ‖ check value of the key (8, little endian) ‖ sealed value`.
//!
//! The key is in a slot that the record of [`Record::sealed_by`] names. It gets one with the first value that
//! is sealed under it. When that record is deleted, the slot is wiped, after the records are durable: a crash
//! in between leaves everything or nothing. A value whose key is gone counts as missing.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    Key, Record, StoreError, Transaction,
    engine::{Engine, Stored},
    group::{StoreDisks, copy_key},
    payload_keys::{PayloadKeys, SlotLease},
    record::{Attached, Envelope, ValueKeyRef, decode_value, encode_value},
};
use crate::crypto::{
    Random, SlotKey,
    value_seal::{keyed_name, open_value, seal_value},
};

/// Stands in place of the version of a value that is not sealed. Versions begin with 1.
const SEALED: u8 = 0;
/// The number of attempts at a key that others are deleting.
const MAX_LOOKS: u32 = 5;

/// New keys with their slots, for the changes of a group. A change that is run again gets the same ones.
pub(super) struct FreshKeys<'a> {
    keys: &'a Arc<dyn PayloadKeys>,
    random: &'a dyn Random,
    made: RefCell<Vec<(Arc<SlotLease>, SlotKey)>>,
}

impl<'a> FreshKeys<'a> {
    pub(super) fn new(keys: &'a Arc<dyn PayloadKeys>, random: &'a dyn Random) -> Self {
        Self { keys, random, made: RefCell::default() }
    }

    /// The key with this number, counted from 0 in the group.
    ///
    /// # Errors
    ///
    /// [`StoreError::Full`]
    fn get(&self, number: usize) -> Result<(Arc<SlotLease>, SlotKey), StoreError> {
        let mut made = self.made.borrow_mut();
        while made.len() <= number {
            let lease = Arc::new(SlotLease::new(self.keys)?);
            made.push((lease, SlotKey::new(self.random)));
        }
        let (lease, key) = &made[number];
        Ok((Arc::clone(lease), copy_key(key)))
    }
}

/// A sealed value in its record.
#[derive(Clone, Copy)]
struct SealedValue<'a> {
    check: u64,
    sealed: &'a [u8],
}

impl<'a> SealedValue<'a> {
    /// `None` for a value that is not sealed.
    fn of(value: &'a [u8]) -> Option<Self> {
        let (check, sealed) = value.strip_prefix(&[SEALED])?.split_first_chunk::<8>()?;
        Some(Self { check: u64::from_le_bytes(*check), sealed })
    }

    fn open<R: Record>(self, key: &Key, value_key: &SlotKey) -> Result<R, StoreError> {
        let opened = open_value(value_key, key.as_bytes(), self.sealed)
            .map_err(|_| StoreError::Damaged("a sealed value cannot be opened"))?;
        decode_value(opened.expose_secret())
    }
}

/// A value as it is in its record.
enum ReadValue<R> {
    Plain(R),
    /// The check value of its key, what is sealed under it, and the key of values that the same record names.
    Sealed(u64, Vec<u8>, Option<ValueKeyRef>),
}

impl<R: Record> ReadValue<R> {
    fn of(envelope: &Envelope<'_>) -> Result<Self, StoreError> {
        match SealedValue::of(envelope.raw_value()) {
            None => envelope.value().map(Self::Plain),
            Some(SealedValue { check, sealed }) => {
                Ok(Self::Sealed(check, sealed.to_vec(), envelope.attached.value_key))
            }
        }
    }
}

const NOT_THE_KEY: StoreError =
    StoreError::Damaged("a key slot does not hold the key of its record");

fn sealing_record<R: Record>(key: &Key) -> Result<Key, StoreError> {
    R::sealed_by(key).ok_or(StoreError::Damaged("a value is sealed that should not be"))
}

impl Transaction<'_, '_> {
    /// The value at `key`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] or [`StoreError::UnknownVersion`].
    pub fn get<R: Record>(&self, key: &Key) -> Result<Option<R>, StoreError> {
        let found = self.with_stored(key, |envelope| ReadValue::of(&envelope))?.transpose()?;
        let (check, sealed, own) = match found {
            None => return Ok(None),
            Some(ReadValue::Plain(value)) => return Ok(Some(value)),
            Some(ReadValue::Sealed(check, sealed, own)) => (check, sealed, own),
        };
        let by = sealing_record::<R>(key)?;
        let reference = match by == *key {
            true => own,
            false => self.value_key(&by)?,
        };
        match reference.filter(|key| key.check == check) {
            Some(reference) => {
                let value_key = self.key_in(reference)?;
                SealedValue { check, sealed: &sealed }.open(key, &value_key).map(Some)
            }
            None => Ok(None),
        }
    }

    /// The key of values that the record at `key` names.
    pub(super) fn value_key(&self, key: &Key) -> Result<Option<ValueKeyRef>, StoreError> {
        Ok(self.with_stored(key, |envelope| envelope.attached.value_key)?.flatten())
    }

    /// A name for `text` that cannot be guessed once the record at `by` is deleted, not from an older copy of the
    /// database either: see [`keyed_name`]. `None` if that record does not exist or has no key for values.
    ///
    /// # Errors
    ///
    /// The errors of [`Transaction::get`].
    pub fn keyed_name(&self, by: &Key, text: &[u8]) -> Result<Option<[u8; 32]>, StoreError> {
        let Some(reference) = self.value_key(by)? else { return Ok(None) };
        Ok(Some(keyed_name(&self.key_in(reference)?, text)))
    }

    fn key_in(&self, reference: ValueKeyRef) -> Result<SlotKey, StoreError> {
        let found = self.slot_key(reference.slot)?;
        found.filter(|key| key.check() == reference.check).ok_or(NOT_THE_KEY)
    }

    /// The bytes of a value for the record at `key`, sealed if its type wants it, and the key of values that
    /// this record then names. `own` is the one that it has named, if the type wants it.
    pub(super) fn encoded<R: Record>(
        &mut self,
        key: &Key,
        value: &R,
        own: Option<ValueKeyRef>,
    ) -> Result<(Vec<u8>, Option<ValueKeyRef>), StoreError> {
        let plain = encode_value(value)?;
        let Some(by) = R::sealed_by(key) else {
            return match (R::SEALS_OTHERS, own) {
                (true, None) => Ok((plain, Some(self.fresh_key()?.0))),
                _ => Ok((plain, own)),
            };
        };
        let is_own = by == *key;
        let (reference, value_key) = match own {
            Some(own) if is_own => (own, self.key_in(own)?),
            None if is_own => self.fresh_key()?,
            _ => self.key_of(&by)?,
        };
        let mut bytes = vec![SEALED];
        bytes.extend_from_slice(&reference.check.to_le_bytes());
        bytes.extend_from_slice(&seal_value(&value_key, key.as_bytes(), &plain));
        Ok((bytes, if is_own { Some(reference) } else { own }))
    }

    /// The key for the values that are sealed by the record at `by`, which gets one if it has none.
    fn key_of(&mut self, by: &Key) -> Result<(ValueKeyRef, SlotKey), StoreError> {
        const MISSING: StoreError = StoreError::Damaged("the record that seals a value is missing");
        let known = self.with_stored(by, |envelope| envelope.attached.value_key)?.ok_or(MISSING)?;
        if let Some(reference) = known {
            return Ok((reference, self.key_in(reference)?));
        }
        let (reference, value_key) = self.fresh_key()?;
        let with_key = self.with_stored(by, |envelope| {
            let attached = Attached { value_key: Some(reference), ..envelope.attached };
            Envelope::encode(by, envelope.raw_value(), attached)
        })?;
        self.write(by, Some(with_key.ok_or(MISSING)??));
        Ok((reference, value_key))
    }

    fn fresh_key(&mut self) -> Result<(ValueKeyRef, SlotKey), StoreError> {
        let number = self.group.effects.fresh_keys + self.effects.fresh_keys;
        let (lease, key) = self.group.fresh_keys.get(number)?;
        self.effects.fresh_keys += 1;
        let reference = ValueKeyRef { slot: lease.slot, check: key.check() };
        self.effects.slots.insert(lease.slot, Some(copy_key(&key)));
        self.effects.kept_slots.push(lease);
        Ok((reference, key))
    }
}

/// Reads records outside of changes, and opens those that are sealed. Keys that it has found are not read again.
/// Blocks.
pub struct RecordReader<'a> {
    engine: &'a dyn Engine,
    keys: &'a dyn PayloadKeys,
    /// The keys that were found, by the records that name them.
    known: BTreeMap<Key, Option<(ValueKeyRef, SlotKey)>>,
}

impl<'a> RecordReader<'a> {
    pub(super) fn new(StoreDisks { engine, keys, .. }: &'a StoreDisks) -> Self {
        Self { engine: &**engine, keys: &**keys, known: BTreeMap::new() }
    }

    /// Does the same as [`super::Store::get_many`].
    ///
    /// # Errors
    ///
    /// Those of [`super::Store::get`].
    pub fn get_many<R: Record>(&mut self, keys: &[Key]) -> Result<Vec<Option<R>>, StoreError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let found = self.engine.get_many(keys)?;
        self.open_many(keys, &found)
    }

    /// The value of the record at `key`, as it was read; `None` if its key is gone.
    pub(super) fn open<R: Record>(
        &mut self,
        key: &Key,
        found: Stored,
    ) -> Result<Option<R>, StoreError> {
        Ok(self.open_many(std::slice::from_ref(key), &[Some(found)])?.pop().flatten())
    }

    /// The values of the records at `keys`, as they were read. Reads the records that name their keys together.
    pub(super) fn open_many<R: Record>(
        &mut self,
        keys: &[Key],
        found: &[Option<Stored>],
    ) -> Result<Vec<Option<R>>, StoreError> {
        let pairs = keys.iter().zip(found);
        let envelopes: Result<Vec<_>, _> =
            pairs.map(|(key, stored)| decoded(key, stored.as_ref())).collect();
        let envelopes = envelopes?;
        let there = keys.iter().zip(&envelopes);
        let there: Vec<_> = there.filter_map(|(key, found)| Some((key, found.as_ref()?))).collect();
        self.find_keys::<R>(&there)?;
        let opened = |(key, envelope): (&Key, &Option<Envelope<'_>>)| match envelope {
            Some(envelope) => self.opened(key, envelope),
            None => Ok(None),
        };
        keys.iter().zip(&envelopes).map(opened).collect()
    }

    fn opened<R: Record>(
        &self,
        key: &Key,
        envelope: &Envelope<'_>,
    ) -> Result<Option<R>, StoreError> {
        let Some(sealed) = SealedValue::of(envelope.raw_value()) else {
            return envelope.value().map(Some);
        };
        let by = sealing_record::<R>(key)?;
        match self.known.get(&by) {
            Some(Some((named, value_key))) if named.check == sealed.check => {
                sealed.open(key, value_key).map(Some)
            }
            // It was deleted and written again meanwhile.
            Some(Some(_)) if by == *key => self.read_again(key),
            _ => Ok(None),
        }
    }

    fn read_again<R: Record>(&self, key: &Key) -> Result<Option<R>, StoreError> {
        for _ in 0..MAX_LOOKS {
            let found = self.engine.get(key)?;
            let Some(envelope) = decoded(key, found.as_ref())? else { return Ok(None) };
            let Some(sealed) = SealedValue::of(envelope.raw_value()) else {
                return envelope.value().map(Some);
            };
            let Some(named) = envelope.attached.value_key else { return Ok(None) };
            let value_key = self.keys.read(named.slot)?;
            if let Some(value_key) = value_key.filter(|key| key.check() == sealed.check) {
                return sealed.open(key, &value_key).map(Some);
            }
        }
        Err(NOT_THE_KEY)
    }

    /// Finds the keys of the sealed ones among these records.
    fn find_keys<R: Record>(
        &mut self,
        records: &[(&Key, &Envelope<'_>)],
    ) -> Result<(), StoreError> {
        let mut others = BTreeSet::new();
        for (key, envelope) in records {
            if SealedValue::of(envelope.raw_value()).is_some() {
                let by = sealing_record::<R>(key)?;
                if self.known.contains_key(&by) {
                    continue;
                }
                if by == **key {
                    let found = self.key_of(&by, envelope.attached.value_key)?;
                    self.known.insert(by, found);
                } else {
                    others.insert(by);
                }
            }
        }
        let others: Vec<Key> = others.into_iter().collect();
        if others.is_empty() {
            return Ok(());
        }
        for (by, stored) in others.iter().zip(self.engine.get_many(&others)?) {
            let found = self.key_of(by, named_in(by, stored.as_ref())?)?;
            self.known.insert(by.clone(), found);
        }
        Ok(())
    }

    /// The key that the record at `by` names, which named `named` a moment ago.
    ///
    /// A record is deleted before its slot is wiped, so a slot with another key belongs to a record that has
    /// changed meanwhile.
    fn key_of(
        &self,
        by: &Key,
        mut named: Option<ValueKeyRef>,
    ) -> Result<Option<(ValueKeyRef, SlotKey)>, StoreError> {
        for _ in 0..MAX_LOOKS {
            let Some(reference) = named else { return Ok(None) };
            let found = self.keys.read(reference.slot)?;
            if let Some(found) = found.filter(|key| key.check() == reference.check) {
                return Ok(Some((reference, found)));
            }
            named = named_in(by, self.engine.get(by)?.as_ref())?;
        }
        Err(NOT_THE_KEY)
    }
}

fn decoded<'b>(key: &Key, stored: Option<&'b Stored>) -> Result<Option<Envelope<'b>>, StoreError> {
    stored.map(|stored| Envelope::decode(key, &stored.bytes)).transpose()
}

/// The key of values that a record names.
fn named_in(key: &Key, stored: Option<&Stored>) -> Result<Option<ValueKeyRef>, StoreError> {
    Ok(decoded(key, stored)?.and_then(|envelope| envelope.attached.value_key))
}
