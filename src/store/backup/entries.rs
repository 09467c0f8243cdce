//! The entries in frames of records and of keys.

use zeroize::Zeroizing;

use crate::{
    crypto::SlotKey,
    store::{Key, MAX_VALUE_BYTES},
};

/// A frame of records or keys in the making. Wiped on drop.
pub(super) struct EntryBuffer(Zeroizing<Vec<u8>>);

impl EntryBuffer {
    /// A buffer is sent when it has this many bytes.
    pub(super) const FULL_BYTES: usize = 64 << 10;

    pub(super) fn new() -> Self {
        // Never grows, so no copy of a key is left in memory.
        Self(Zeroizing::new(Vec::with_capacity(
            Self::FULL_BYTES + Key::MAX_BYTES + MAX_VALUE_BYTES + 3,
        )))
    }

    /// Adds a record; `None` for a deleted one.
    pub(super) fn add_record(&mut self, key: &Key, value: Option<&[u8]>) {
        let key = key.as_bytes();
        let key_length = u8::try_from(key.len()).expect("a key has at most 64 bytes");
        let length =
            u16::try_from(value.map_or(0, <[u8]>::len)).expect("a value has 4,096 at most");
        self.0.push(key_length);
        self.0.extend_from_slice(key);
        self.0.extend_from_slice(&length.to_be_bytes());
        self.0.extend_from_slice(value.unwrap_or_default());
    }

    pub(super) fn add_key(&mut self, slot: u32, key: &SlotKey) {
        self.0.extend_from_slice(&slot.to_be_bytes());
        self.0.extend_from_slice(key.expose_secret());
    }

    pub(super) fn is_full(&self) -> bool {
        self.0.len() >= Self::FULL_BYTES
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

/// The records of a frame: each is a key and a value, or `None` for a deleted record. `Err` ends them: the
/// frame does not consist of entries.
pub struct RecordEntries<'a>(pub(super) &'a [u8]);

impl<'a> RecordEntries<'a> {
    fn entry(&mut self) -> Option<(Key, Option<&'a [u8]>)> {
        let (key_length, rest) = self.0.split_first()?;
        let (key, rest) = rest.split_at_checked(usize::from(*key_length))?;
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let (value, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        let fits = (1..=Key::MAX_BYTES).contains(&key.len()) && value.len() <= MAX_VALUE_BYTES;
        self.0 = rest;
        fits.then(|| (Key::from_disk(key), Some(value).filter(|value| !value.is_empty())))
    }
}

impl<'a> Iterator for RecordEntries<'a> {
    type Item = Result<(Key, Option<&'a [u8]>), &'static str>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let entry = self.entry();
        if entry.is_none() {
            self.0 = &[];
        }
        Some(entry.ok_or("an entry of a record is incomplete"))
    }
}

/// The keys of a frame, each with its slot.
pub struct KeyEntries<'a>(pub(super) &'a [u8]);

impl KeyEntries<'_> {
    pub(super) const ENTRY_BYTES: usize = 36;
}

impl Iterator for KeyEntries<'_> {
    type Item = (u32, SlotKey);

    fn next(&mut self) -> Option<Self::Item> {
        let (slot, rest) = self.0.split_first_chunk::<4>()?;
        let (key, rest) = rest.split_first_chunk::<32>()?;
        self.0 = rest;
        Some((u32::from_be_bytes(*slot), SlotKey::from_bytes(*key)))
    }
}
