//! The bytes of the slot file: its head with the commit mark, its pages, and wiped slots.

use std::{io, ops::Range};

use xxhash_rust::xxh3::xxh3_64;

use super::key_files::InPlaceFile;
use crate::{
    crypto::{SlotKey, WrappingKey},
    store::payload_keys::CommitMark,
};

/// The name of the file.
pub(in crate::store) const SLOTS: &str = "slots";
/// The size of a slot, in bytes.
pub(in crate::store) const SLOT_BYTES: usize = 32;
pub(super) const SLOTS_MAGIC: &[u8; SLOT_BYTES] = b"sealdrop slots, format 2\n\0\0\0\0\0\0\0";
pub(super) const MARK_OFFSET: u64 = 32;
const PAGES_OFFSET: u64 = 4096;
/// The content of a wiped slot, followed by the number of the commit that wiped it.
const BURNED: &[u8; 16] = b"burned by commit";

/// The sizes of a slot file.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct SlotLayout {
    /// The number of slots with one key. A turn of the ring writes as many for each burn, at most.
    pub(in crate::store) bucket_slots: u32,
    /// The number of buckets by which the file grows. Their slots are a multiple of 64.
    pub(in crate::store) growth: u32,
}

impl SlotLayout {
    /// Buckets of 32 KiB, and 1 MiB at a time, so that growth is rare and short.
    pub(in crate::store) const USUAL: Self = Self { bucket_slots: 1024, growth: 32 };

    pub(super) fn page_bytes(self) -> usize {
        self.bucket_slots as usize * SLOT_BYTES
    }

    pub(super) fn page_offset(self, page: u32) -> u64 {
        PAGES_OFFSET + u64::from(page) * self.page_bytes() as u64
    }

    pub(super) fn growth_words(self) -> usize {
        (self.bucket_slots * self.growth) as usize / 64
    }
}

/// Writes the head of a slot file.
pub(super) fn write_head(file: &dyn InPlaceFile, mark: CommitMark) -> io::Result<()> {
    file.write_all_at(SLOTS_MAGIC, 0)?;
    file.write_all_at(&mark_bytes(mark), MARK_OFFSET)
}

/// Writes pages of empty slots, so that the blocks of the file exist before keys are written.
pub(super) fn write_empty_pages(
    file: &dyn InPlaceFile,
    layout: SlotLayout,
    pages: Range<u32>,
) -> io::Result<()> {
    let zeros = vec![0; pages.len() * layout.page_bytes()];
    file.write_all_at(&zeros, layout.page_offset(pages.start))
}

/// Encrypts the keys in the slots of a page under the key `new` of its bucket. Without an `old` one, they are
/// as they are.
pub(super) fn rewrap(page: &mut [u8], old: Option<&WrappingKey>, new: &WrappingKey) {
    let (old, new) = (old.map(WrappingKey::for_slots), new.for_slots());
    for slot in page.as_chunks_mut::<SLOT_BYTES>().0 {
        if !is_empty(slot) {
            let key = match &old {
                Some(old) => old.unwrap(slot),
                None => SlotKey::from_bytes(*slot),
            };
            *slot = new.wrap(&key);
        }
    }
}

pub(super) fn mark_bytes(mark: CommitMark) -> [u8; SLOT_BYTES] {
    let mut bytes = [0; SLOT_BYTES];
    bytes[..8].copy_from_slice(&mark.batch.to_le_bytes());
    bytes[8] = u8::from(mark.finished);
    with_checksum(bytes)
}

/// The commit mark of a slot file; `None` if it is damaged.
pub(in crate::store) fn commit_mark_in(file: &dyn InPlaceFile) -> io::Result<Option<CommitMark>> {
    let mut bytes = [0; SLOT_BYTES];
    file.read_exact_at(&mut bytes, MARK_OFFSET)?;
    Ok(mark_of(&bytes))
}

/// The mark in its slot; `None` if it is damaged.
pub(super) fn mark_of(bytes: &[u8; SLOT_BYTES]) -> Option<CommitMark> {
    let batch = bytes.first_chunk::<8>().map_or(0, |b| u64::from_le_bytes(*b));
    let mark = CommitMark { batch, finished: bytes.get(8) == Some(&1) };
    (*bytes == mark_bytes(mark)).then_some(mark)
}

/// Whether a slot has no key.
pub(super) fn is_empty(bytes: &[u8; SLOT_BYTES]) -> bool {
    *bytes == [0; SLOT_BYTES] || burned_by(bytes).is_some()
}

/// The content of a slot that the commit `batch` has wiped. It distinguishes a wiped key from a lost one. It
/// is never a valid key, because no payload is sealed under it.
pub(super) fn burned_bytes(batch: u64) -> [u8; SLOT_BYTES] {
    let mut bytes = [0; SLOT_BYTES];
    bytes[..16].copy_from_slice(BURNED);
    bytes[16..24].copy_from_slice(&batch.to_le_bytes());
    with_checksum(bytes)
}

/// The commit that has wiped a slot; `None` if the slot is not wiped.
pub(super) fn burned_by(bytes: &[u8; SLOT_BYTES]) -> Option<u64> {
    let batch = u64::from_le_bytes(*bytes[16..].first_chunk()?);
    (*bytes == burned_bytes(batch)).then_some(batch)
}

fn with_checksum(mut bytes: [u8; SLOT_BYTES]) -> [u8; SLOT_BYTES] {
    let checksum = xxh3_64(&bytes[..24]);
    bytes[24..].copy_from_slice(&checksum.to_le_bytes());
    bytes
}
