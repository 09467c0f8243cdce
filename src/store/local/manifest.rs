//! The manifest: a record about all the others, part of every batch.
//!
//! A scan at start compares it with what is there, so that records which vanish or come back without
//! an error of sled are noticed before anything is served.

use serde::{Deserialize, Serialize};

use crate::{
    clock::TimeRecord,
    store::{Key, Record},
};

/// How many records there are besides this one, and the sum of their checksums; and what is known of the
/// time, which costs nothing here, as the manifest is written with every commit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::store) struct Manifest {
    /// Counts the commits since the store was made.
    pub(in crate::store) batch: u64,
    pub(in crate::store) records: u64,
    /// Wrapping sum of the records' checksums: each can be taken out again.
    pub(in crate::store) checksums: u64,
    /// See [`crate::store::Store::keep_time`].
    pub(in crate::store) time: TimeRecord,
}

impl Record for Manifest {
    const VERSION: u8 = 2;
}

impl Manifest {
    /// Prefix 0 is the store's own.
    pub(in crate::store) fn key() -> Key {
        Key::new(0).with(b"manifest")
    }

    /// Counts a record in.
    pub(in crate::store) fn add(&mut self, checksum: u64) {
        self.records = self.records.wrapping_add(1);
        self.checksums = self.checksums.wrapping_add(checksum);
    }

    /// Counts a record out.
    pub(in crate::store) fn subtract(&mut self, checksum: u64) {
        self.records = self.records.wrapping_sub(1);
        self.checksums = self.checksums.wrapping_sub(checksum);
    }
}
