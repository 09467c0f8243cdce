//! The manifest: a record about all other records, written in every batch.
//!
//! The scan at start compares it with the records. This detects records that sled has lost or restored
//! without an error, before any request is served. Only exclusive engines have one.

use serde::{Deserialize, Serialize};

use super::{
    Key, Record,
    engine::Writes,
    record::{Attached, Envelope, encode_value},
};
use crate::clock::TimeRecord;

/// The number of other records and the sum of their checksums; and the stored time, which costs nothing here
/// because every commit writes the manifest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// The number of commits since the store was created.
    pub(super) batch: u64,
    pub(super) records: u64,
    /// The wrapping sum of the records' checksums, from which each checksum can be subtracted again.
    pub(super) checksums: u64,
    /// See [`crate::store::Store::keep_time`].
    pub(super) time: TimeRecord,
}

impl Record for Manifest {
    const VERSION: u8 = 2;
}

impl Manifest {
    /// The key of the manifest. Prefix 0 is reserved for the store.
    pub(super) fn key() -> Key {
        Key::new(0).with(b"manifest")
    }

    /// Adds a record.
    pub(super) fn add(&mut self, checksum: u64) {
        self.records = self.records.wrapping_add(1);
        self.checksums = self.checksums.wrapping_add(checksum);
    }

    /// Subtracts a record.
    pub(super) fn subtract(&mut self, checksum: u64) {
        self.records = self.records.wrapping_sub(1);
        self.checksums = self.checksums.wrapping_sub(checksum);
    }

    /// Adds the manifest to the writes of a commit.
    pub(super) fn write(self, writes: &mut Writes) {
        let key = Self::key();
        let bytes = encode_value(&self)
            .and_then(|value| Envelope::encode(&key, &value, Attached::default()));
        writes.insert(key, Some(bytes.expect("a few numbers fit in a record")));
    }
}
