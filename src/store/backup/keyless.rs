//! A backup without keys gets those of a key table: of the secrets that live in both.

use std::{io, path::Path};

use crate::{
    crypto::WrappingKey,
    store::{
        engine::Writes,
        local::{
            key_table::open_key_table,
            sled_engine::Database,
            slots::{OpenKeysError, SlotFile},
        },
        manifest::Manifest,
        payload_keys::SlotWrites,
        record::{Envelope, stored_checksum},
    },
};

/// The most records that are changed together.
const BATCH: usize = 128;

/// Where the keys for a backup without keys are.
#[derive(Clone, Copy)]
pub struct KeySource<'a> {
    /// The key table.
    pub table: &'a Path,
    /// The ring, or a copy of it.
    pub ring: &'a Path,
    /// The key that encrypts the ring.
    pub master_key: Option<&'a WrappingKey>,
}

impl KeySource<'_> {
    /// Opens the keys, with the files of the table in `dir`.
    pub(super) fn open(&self, dir: &Path) -> Result<SlotFile, OpenKeysError> {
        open_key_table(self.table, self.ring, self.master_key.map(WrappingKey::copy), dir)
    }
}

/// Puts the keys of all payloads and values in `database` from `source` into `slots`. A payload whose key is
/// not there any more was burned since the backup: it is removed from its record. The same for the key of
/// values, whose records were deleted. Returns the number of payloads without a key.
pub(super) fn fill_keys(
    database: &Database,
    source: &SlotFile,
    slots: &SlotFile,
) -> Result<u64, String> {
    let failed = |error: io::Error| error.to_string();
    let manifest_key = Manifest::key();
    let stored = database.get(&manifest_key).ok_or("the manifest is missing")?;
    let mut manifest = Envelope::decode(&manifest_key, &stored.bytes)
        .and_then(|envelope| envelope.value::<Manifest>())
        .map_err(|error| error.to_string())?;
    let (mut keys, mut writes, mut burned) = (SlotWrites::new(), Writes::new(), 0);
    for record in database.records() {
        let (key, bytes) = record?;
        let envelope = Envelope::decode(&key, &bytes).map_err(|error| error.to_string())?;
        let mut left = envelope.attached;
        for (slot, check) in envelope.attached.slots() {
            let found = source.find(slot).map_err(failed)?;
            if let Some(found) = found.filter(|found| found.check() == check) {
                keys.insert(slot, Some(found));
                continue;
            }
            left.payload = left.payload.filter(|payload| payload.slot != slot);
            left.value_key = left.value_key.filter(|key| key.slot != slot);
        }
        if left != envelope.attached {
            let new = Envelope::encode(&key, envelope.raw_value(), left)
                .map_err(|error| error.to_string())?;
            manifest.subtract(stored_checksum(&bytes));
            manifest.add(stored_checksum(&new));
            burned += u64::from(left.payload != envelope.attached.payload);
            writes.insert(key, Some(new));
        }
        if keys.len() >= BATCH {
            slots.restore(&std::mem::take(&mut keys)).map_err(failed)?;
        }
        if writes.len() >= BATCH {
            database.commit(&std::mem::take(&mut writes)).map_err(|failure| failure.0)?;
        }
    }
    if !keys.is_empty() {
        slots.restore(&keys).map_err(failed)?;
    }
    manifest.write(&mut writes);
    database.commit(&writes).map_err(|failure| failure.0)?;
    Ok(burned)
}
