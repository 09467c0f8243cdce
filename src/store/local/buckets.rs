//! The buckets of an open slot file.

use std::{io, sync::atomic::AtomicBool};

use super::{
    bucket_table::{Bucket, BucketTable},
    ring::EpochKey,
    slot_form::{SLOT_BYTES, SlotLayout},
};

/// A bucket in use.
pub(super) struct OpenBucket {
    pub(super) bucket: Bucket,
    /// Whether a key was burned under the present key of the bucket. Unknown after a start, so `true` then.
    pub(super) is_dirty: AtomicBool,
}

/// The buckets, and the epoch under whose key the table has them.
pub(super) struct Buckets {
    pub(super) table: BucketTable,
    pub(super) epoch: EpochKey,
    pub(super) list: Vec<OpenBucket>,
    /// Pages that no bucket has.
    pub(super) spare: Vec<u32>,
    /// The number of pages of the file.
    pub(super) pages: u32,
}

impl Buckets {
    /// The bucket of a slot, and the offset of the slot in the file.
    pub(super) fn place(&self, slot: u32, layout: SlotLayout) -> io::Result<(&OpenBucket, u64)> {
        let number = (slot / layout.bucket_slots) as usize;
        let bucket = self.list.get(number).ok_or_else(|| {
            io::Error::other("a record names a key slot behind the end of the slot file")
        })?;
        let within = u64::from(slot % layout.bucket_slots) * SLOT_BYTES as u64;
        Ok((bucket, layout.page_offset(bucket.bucket.page) + within))
    }
}
