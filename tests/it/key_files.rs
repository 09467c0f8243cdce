//! Reads the keys of payloads and values from the files of a data directory, as docs/store.md describes them.
//! Written apart from the store, so that both must agree on the format.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use sealdrop::{crypto::WrappingKey, store::Key};

use crate::server::TestServer;

/// Files and their contents.
pub(crate) type Files = Vec<(PathBuf, Vec<u8>)>;

const PAGE_BYTES: usize = 32 << 10;
const HEAD_BYTES: usize = 4096;

/// The keys of the epochs in a ring that is not encrypted, by their numbers.
pub(crate) fn epochs(ring: &[u8]) -> BTreeMap<u64, WrappingKey> {
    assert!(ring.starts_with(b"sealdrop ring, format 1\n"));
    let cells = [4096, 8192].map(|offset| &ring[offset..offset + 64]);
    let used = cells.into_iter().filter(|cell| cell.iter().any(|byte| *byte != 0));
    used.map(|cell| {
        assert_eq!(cell[8], 0, "the ring is encrypted");
        (number(&cell[..8]), WrappingKey::from_bytes(cell[16..48].try_into().expect("a key")))
    })
    .collect()
}

fn number(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes.try_into().expect("eight bytes"))
}

/// The buckets of a table: page and key, in their order, as far as the keys of epochs open them.
fn buckets(table: &[u8], epochs: &BTreeMap<u64, WrappingKey>) -> Vec<(usize, WrappingKey)> {
    assert!(table.starts_with(b"sealdrop buckets, format 2\n"));
    let Some(epoch) = epochs.get(&number(&table[32..40])) else { return Vec::new() };
    let newest = |entry: &[u8]| {
        let places = entry.as_chunks::<64>().0.iter();
        let place = *places.max_by_key(|place| number(&place[..8])).expect("two places");
        let page = u32::from_le_bytes(place[8..12].try_into().expect("four bytes"));
        let key = epoch.unwrap(place[16..56].try_into().expect("a wrapped key"));
        (page as usize, key.expect("a key of a bucket"))
    };
    table[HEAD_BYTES..].chunks_exact(128).map(newest).collect()
}

fn page(slots: &[u8], page: usize) -> &[[u8; 32]] {
    assert!(slots.starts_with(b"sealdrop slots, format 2\n"));
    let start = HEAD_BYTES + page * PAGE_BYTES;
    slots.get(start..start + PAGE_BYTES).unwrap_or_default().as_chunks().0
}

fn keys_in_page(slots: &[[u8; 32]], key: &WrappingKey) -> Vec<[u8; 32]> {
    let is_key = |slot: &&[u8; 32]| **slot != [0; 32] && !slot.starts_with(b"burned by commit");
    let wrap = key.for_slots();
    slots.iter().filter(is_key).map(|slot| *wrap.unwrap(slot).expose_secret()).collect()
}

/// The number of keys of payloads of a server: of all keys but those of values, of which each of these records
/// has one.
pub(crate) fn payload_keys(server: &TestServer) -> usize {
    let records = b"srDojc".map(Key::new).into_iter();
    let daemon = [
        &b"late tries"[..],
        b"stand-in secret",
        b"captcha key",
        b"address key 1",
        b"address key 2",
    ]
    .map(|name| Key::new(b'm').with(name));
    let records = records.chain(daemon);
    let of_values = records.map(|prefix| server.app.store.keys(&prefix).count()).sum::<usize>();
    keys(server.dir()).len() - of_values
}

/// The keys in a data directory.
pub(crate) fn keys(data: &Path) -> Vec<[u8; 32]> {
    let read = |name: &str| std::fs::read(data.join(name)).expect(name);
    opened(&read("store/slots"), &read("store/buckets"), &epochs(&read("ring")))
}

fn opened(slots: &[u8], table: &[u8], epochs: &BTreeMap<u64, WrappingKey>) -> Vec<[u8; 32]> {
    let buckets = buckets(table, epochs);
    buckets.iter().flat_map(|(number, key)| keys_in_page(page(slots, *number), key)).collect()
}

/// The keys in the files of a data directory.
pub(crate) fn keys_in(files: &Files) -> Vec<[u8; 32]> {
    opened(file(files, "slots"), file(files, "buckets"), &epochs(file(files, "ring")))
}

/// What somebody finds who has an older copy of a data directory without its ring, and all of the present
/// one: each page of the copy under each key of a bucket that can be opened.
pub(crate) fn keys_of_both(copy: &Files, today: &Files) -> Vec<[u8; 32]> {
    let epochs = epochs(file(today, "ring"));
    let mut known = buckets(file(copy, "buckets"), &epochs);
    known.extend(buckets(file(today, "buckets"), &epochs));
    let mut found = Vec::new();
    for slots in [file(copy, "slots"), file(today, "slots")] {
        for number in 0..slots.len() / PAGE_BYTES {
            let page = page(slots, number);
            found.extend(known.iter().flat_map(|(_, key)| keys_in_page(page, key)));
        }
    }
    found
}

fn file<'a>(files: &'a Files, name: &str) -> &'a [u8] {
    let (_, bytes) = files.iter().find(|(path, _)| path.ends_with(name)).expect(name);
    bytes
}
