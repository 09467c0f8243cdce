//! The manifest: a record about all other records, written in every batch.
//!
//! The scan at start compares it with the records. This detects records that sled has lost or restored
//! without an error, before any request is served.

use serde::{Deserialize, Serialize};

use crate::{
    clock::TimeRecord,
    store::{Key, Record},
};

/// The number of other records and the sum of their checksums; and the stored time, which costs nothing here
/// because every commit writes the manifest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::store) struct Manifest {
    /// The number of commits since the store was created.
    pub(in crate::store) batch: u64,
    pub(in crate::store) records: u64,
    /// The wrapping sum of the records' checksums, from which each checksum can be subtracted again.
    pub(in crate::store) checksums: u64,
    /// See [`crate::store::Store::keep_time`].
    pub(in crate::store) time: TimeRecord,
}

impl Record for Manifest {
    const VERSION: u8 = 2;
}

impl Manifest {
    /// The key of the manifest. Prefix 0 is reserved for the store.
    pub(in crate::store) fn key() -> Key {
        Key::new(0).with(b"manifest")
    }

    /// Adds a record.
    pub(in crate::store) fn add(&mut self, checksum: u64) {
        self.records = self.records.wrapping_add(1);
        self.checksums = self.checksums.wrapping_add(checksum);
    }

    /// Subtracts a record.
    pub(in crate::store) fn subtract(&mut self, checksum: u64) {
        self.records = self.records.wrapping_sub(1);
        self.checksums = self.checksums.wrapping_sub(checksum);
    }
}
