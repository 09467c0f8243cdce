//! The table of buckets. A bucket is a number of slots with a key of its own, which encrypts the keys in
//! them; the table has the keys of the buckets, encrypted under the key of an epoch.
//!
//! ```text
//! offset 0      name and version, 32 ‖ number of the epoch, 8 ‖ time of the turn, 8 ‖ zeros, 8 ‖ checksum, 8
//! offset 4096   for each bucket two places of 64 bytes:
//!               version, 8 ‖ page, 4 ‖ zeros, 4 ‖ wrapped key, 40 ‖ checksum, 8
//! ```
//!
//! Numbers are little endian. A turn of the ring replaces the file. Between two turns, a bucket that gets a
//! new key and a new page is written into the other of its two places, and the higher version counts: so a
//! crash leaves the old or the new one.

use std::io;

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::{
    key_files::{InPlaceFile, KeyFiles},
    ring::EpochKey,
};
use crate::{
    clock::UnixSeconds,
    crypto::{WRAPPED_KEY_BYTES, WrappingKey},
};

/// The name of the file.
pub(in crate::store) const BUCKETS: &str = "buckets";
const NEW_BUCKETS: &str = "buckets.new";
const MAGIC: &[u8; 32] = b"sealdrop buckets, format 2\n\0\0\0\0\0";
const HEADER_BYTES: usize = 64;
/// Where the number of the epoch is.
pub(super) const EPOCH_OFFSET: usize = 32;
const ENTRIES_OFFSET: u64 = 4096;
const PLACE_BYTES: usize = 64;
const ENTRY_BYTES: usize = 2 * PLACE_BYTES;

/// A bucket of slots.
pub(super) struct Bucket {
    /// The page of the slot file with its slots.
    pub(super) page: u32,
    pub(super) key: WrappingKey,
    /// Counts the keys of this bucket.
    pub(super) version: u64,
}

/// An entry, still encrypted.
struct TableEntry {
    version: u64,
    page: u32,
    wrapped: [u8; WRAPPED_KEY_BYTES],
}

/// The file, open.
pub(super) struct BucketTable {
    file: Box<dyn InPlaceFile>,
    /// The time of the turn that has made it.
    pub(super) turned_at: UnixSeconds,
}

/// A table that was read, before the key of its epoch is known.
pub(super) struct FoundTable {
    table: BucketTable,
    pub(super) epoch: u64,
    entries: Vec<TableEntry>,
}

impl FoundTable {
    pub(super) fn open(files: &dyn KeyFiles) -> io::Result<Self> {
        let file = files.open(BUCKETS)?;
        let mut header = [0; HEADER_BYTES];
        file.read_exact_at(&mut header, 0)?;
        let (fields, checksum) = header.split_at(HEADER_BYTES - 8);
        if !fields.starts_with(MAGIC) {
            return Err(io::Error::other("it is not a table of buckets of format 2"));
        }
        if checksum != xxh3_64(fields).to_le_bytes() {
            return Err(io::Error::other("the head of the table of buckets is damaged"));
        }
        let length = file.bytes()?.saturating_sub(ENTRIES_OFFSET);
        let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        file.read_exact_at(&mut bytes, ENTRIES_OFFSET)?;
        let entries: Vec<TableEntry> = (0..)
            .zip(bytes.as_chunks::<ENTRY_BYTES>().0)
            // A crash while the file grew has left no entry, or a torn one, at its end.
            .map_while(|(number, entry)| newest(number, entry))
            .collect();
        let turned_at = UnixSeconds(u64_at(fields, 40));
        let epoch = u64_at(fields, EPOCH_OFFSET);
        Ok(Self { table: BucketTable { file, turned_at }, epoch, entries })
    }

    /// Decrypts the keys.
    pub(super) fn open_with(self, epoch: &EpochKey) -> io::Result<(BucketTable, Vec<Bucket>)> {
        let open = |TableEntry { version, page, wrapped }: TableEntry| {
            let key = epoch.key.unwrap(&wrapped).map_err(|_| {
                io::Error::other(
                    "the key of a bucket is damaged, or the ring belongs to another store",
                )
            })?;
            Ok(Bucket { page, key, version })
        };
        let buckets: io::Result<_> = self.entries.into_iter().map(open).collect();
        Ok((self.table, buckets?))
    }
}

impl BucketTable {
    /// Writes a table for an epoch beside the present one, and syncs it. [`BucketTable::put_in_place`] makes
    /// it the present one.
    pub(super) fn write_new<'a>(
        files: &dyn KeyFiles,
        epoch: &EpochKey,
        turned_at: UnixSeconds,
        buckets: impl Iterator<Item = &'a Bucket>,
    ) -> io::Result<Self> {
        let mut header = [0; HEADER_BYTES];
        header[..32].copy_from_slice(MAGIC);
        header[32..40].copy_from_slice(&epoch.number.to_le_bytes());
        header[40..48].copy_from_slice(&turned_at.0.to_le_bytes());
        let checksum = xxh3_64(&header[..HEADER_BYTES - 8]);
        header[HEADER_BYTES - 8..].copy_from_slice(&checksum.to_le_bytes());
        let mut bytes = Vec::new();
        for (number, bucket) in (0..).zip(buckets) {
            let place = encode(number, bucket, &epoch.key);
            let other = [0; PLACE_BYTES];
            let pair = if bucket.version % 2 == 0 { [place, other] } else { [other, place] };
            bytes.extend_from_slice(pair.as_flattened());
        }
        let file = files.create(NEW_BUCKETS)?;
        file.write_all_at(&header, 0)?;
        file.set_len(ENTRIES_OFFSET)?;
        file.write_all_at(&bytes, ENTRIES_OFFSET)?;
        file.sync()?;
        Ok(Self { file, turned_at })
    }

    /// Gives the file of [`BucketTable::write_new`] its name.
    pub(super) fn put_in_place(files: &dyn KeyFiles) -> io::Result<()> {
        files.rename(NEW_BUCKETS, BUCKETS)
    }

    /// Writes the newest version of a bucket into the place of the last but one. Not durable before
    /// [`BucketTable::sync`].
    pub(super) fn write(&self, number: u32, bucket: &Bucket, epoch: &EpochKey) -> io::Result<()> {
        let place = bucket.version % 2 * PLACE_BYTES as u64;
        let offset = ENTRIES_OFFSET + u64::from(number) * ENTRY_BYTES as u64 + place;
        // The last entry is whole only with both of its places.
        let end = offset - place + ENTRY_BYTES as u64;
        if self.file.bytes()? < end {
            self.file.set_len(end)?;
        }
        self.file.write_all_at(&encode(number, bucket, &epoch.key), offset)
    }

    /// Cuts entries behind the first `count` off, and syncs.
    pub(super) fn cut(&self, count: usize) -> io::Result<()> {
        self.file.set_len(ENTRIES_OFFSET + count as u64 * ENTRY_BYTES as u64)?;
        self.file.sync()
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }
}

fn encode(number: u32, bucket: &Bucket, epoch: &WrappingKey) -> [u8; PLACE_BYTES] {
    let mut place = [0; PLACE_BYTES];
    place[..8].copy_from_slice(&bucket.version.to_le_bytes());
    place[8..12].copy_from_slice(&bucket.page.to_le_bytes());
    place[16..56].copy_from_slice(&epoch.wrap(&bucket.key));
    let checksum = xxh3_64_with_seed(&place[..56], number.into());
    place[56..].copy_from_slice(&checksum.to_le_bytes());
    place
}

/// The entry with the higher version; `None` if neither place has one.
fn newest(number: u32, entry: &[u8; ENTRY_BYTES]) -> Option<TableEntry> {
    let places = entry.as_chunks::<PLACE_BYTES>().0.iter();
    let whole = places.filter(|place| {
        place[56..] == xxh3_64_with_seed(&place[..56], number.into()).to_le_bytes()
    });
    let decoded = whole.map(|place| {
        let mut wrapped = [0; WRAPPED_KEY_BYTES];
        wrapped.copy_from_slice(&place[16..56]);
        let mut page = [0; 4];
        page.copy_from_slice(&place[8..12]);
        TableEntry { version: u64_at(place, 0), page: u32::from_le_bytes(page), wrapped }
    });
    decoded.max_by_key(|entry| entry.version)
}

/// The number at `offset`; 0 behind the end.
fn u64_at(bytes: &[u8], offset: usize) -> u64 {
    let found = bytes.get(offset..).and_then(|rest| rest.first_chunk::<8>());
    found.map_or(0, |bytes| u64::from_le_bytes(*bytes))
}
