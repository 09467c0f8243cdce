//! The store through its public functions, and its files on disk. [`opening`] tests directories that a crash
//! or another program has changed, [`backups`], [`backups_since`] and [`keyless`] backups, [`payloads`] sealed payloads and their
//! files, [`ring`] its turns, [`ring_crashes`] turns that are interrupted, [`ring_place`] where it is,
//! [`master_key`] how it is encrypted, [`upgrade`] directories of an older format, and [`sharing`] several
//! processes on one engine.

mod backups;
mod backups_since;
mod keyless;
mod master_key;
mod opening;
mod payloads;
mod ring;
mod ring_crashes;
mod ring_place;
mod sealed_values;
mod sharing;
mod upgrade;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use super::{
    local::{
        key_files::{KeyDirectory, open_in_place},
        ring::RingFile,
        slot_form::SlotLayout,
        slots::SlotFile,
    },
    manifest::Manifest,
    payload_keys::PayloadKeys,
    *,
};
use crate::{
    clock::UnixSeconds,
    crypto::{SystemRandom, WrappingKey, random_array},
};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Note(String);

impl Record for Note {
    const VERSION: u8 = 1;
}

/// A data directory. Checks `blobs/` when it is dropped.
struct Home(TempDir);

impl Home {
    fn new() -> (Self, Store) {
        let home = Self(tempfile::tempdir().unwrap());
        let store = home.open();
        (home, store)
    }

    fn open(&self) -> Store {
        self.try_open().unwrap_or_else(|error| panic!("{error}"))
    }

    fn try_open(&self) -> Result<Store, StoreOpenError> {
        Store::open(self.0.path(), 8 << 20)
    }

    fn reopen(&self, store: Store) -> Store {
        store.close();
        drop(store);
        self.open()
    }

    fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(below)
    }

    fn payload_files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path("store/payloads")).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    /// All files except the ballast.
    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        fn collect(dir: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
            for entry in fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    collect(&path, found);
                } else if !path.ends_with("ballast") {
                    found.insert(path.clone(), fs::read(path).unwrap());
                }
            }
        }
        let mut found = BTreeMap::new();
        collect(self.0.path(), &mut found);
        found
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let blobs = fs::read_dir(self.path("store/db/blobs"));
        let empty = blobs.is_ok_and(|mut entries| entries.next().is_none());
        assert!(empty || thread::panicking(), "blobs/ is not empty");
    }
}

fn key(name: &str) -> Key {
    Key::new(b't').with(name.as_bytes())
}

fn note(text: &str) -> Note {
    Note(text.into())
}

fn put(store: &Store, name: &str, text: &str) -> PendingChange<(), StoreError> {
    let (key, note) = (key(name), note(text));
    store.change(move |transaction| transaction.put(&key, &note))
}

fn put_sealed(store: &Store, name: &str, secret: &[u8]) -> PendingChange<(), StoreError> {
    let payload = store.seal(&SystemRandom, name.as_bytes(), secret.to_vec()).unwrap();
    let (key, note) = (key(name), note(name));
    store.change(move |transaction| transaction.put_sealed(&key, &note, &payload))
}

fn found(store: &Store, name: &str) -> Option<FoundPayload> {
    let key = key(name);
    store.change(move |transaction| transaction.payload(&key)).wait().unwrap()
}

fn opened(store: &Store, name: &str) -> Option<Vec<u8>> {
    let found = found(store, name)?;
    Some(found.open(name.as_bytes()).unwrap().expose_secret().to_vec())
}

fn delete(store: &Store, name: &str) -> PendingChange<(), StoreError> {
    let key = key(name);
    store.change(move |transaction| transaction.delete(&key))
}

fn slot(store: &Store, name: &str) -> Option<u32> {
    let key = key(name);
    let bytes = store.shared.disks.engine.get(&key).unwrap()?.bytes;
    Envelope::decode(&key, &bytes).unwrap().attached.payload.map(|payload| payload.slot)
}

fn batch(store: &Store) -> u64 {
    store.get::<Manifest>(&Manifest::key()).unwrap().unwrap().batch
}

/// Blocks the writer until the result is dropped, so that changes sent meanwhile form one group.
fn hold(store: &Store) -> Sender<()> {
    let (sender, held) = mpsc::channel();
    drop(store.change(move |_| {
        let _ = held.recv();
        Ok::<_, StoreError>(())
    }));
    sender
}

fn all_keys(store: &Store) -> Vec<Key> {
    store.scan_keys(&Scan::of(&Key::new(b't'))).unwrap()
}

/// Longer than [`MAX_INLINE_BYTES`].
const LARGE: [u8; 10_000] = [7; 10_000];

#[test]
fn a_change_sees_those_before_it_in_its_group_and_its_own() {
    let (_home, store) = Home::new();
    let before = batch(&store);
    let held = hold(&store);
    let count = |_| {
        store.change(|transaction| {
            let key = key("count");
            let Note(count) = transaction.get::<Note>(&key)?.unwrap_or(note(""));
            transaction.put(&key, &Note(count + "i"))?;
            let own = transaction.get::<Note>(&key)?;
            Ok::<_, StoreError>(own.map_or(0, |note| note.0.len()))
        })
    };
    let pending: Vec<_> = (0..100).map(count).collect();
    drop(held);
    let counts: Vec<usize> = pending.into_iter().map(|pending| pending.wait().unwrap()).collect();
    assert_eq!(counts, (1..=100).collect::<Vec<_>>());
    assert_eq!(batch(&store), before + 1, "the group is one commit");
}

#[test]
fn keys_count_what_the_group_has_put_and_deleted() {
    let (_home, store) = Home::new();
    for name in ["a", "b", "c", "d", "e"] {
        put(&store, name, name).wait().unwrap();
    }
    let held = hold(&store);
    let before = ["a", "b", "d"].map(|name| delete(&store, name));
    let added = put(&store, "f", "f");
    let listed = store.change(|transaction| {
        transaction.put(&key("aa"), &note("own"))?;
        transaction.delete(&key("e"))?;
        let all = transaction.keys(&Key::new(b't'), 10)?;
        let first = transaction.keys(&Key::new(b't'), 2)?;
        // The engine is not asked again: its keys are the same in the whole group.
        transaction.delete(&key("f"))?;
        Ok::<_, StoreError>((all, first, transaction.keys(&Key::new(b't'), 10)?))
    });
    drop(held);
    for pending in before.into_iter().chain([added]) {
        pending.wait().unwrap();
    }
    let (all, first, left) = listed.wait().unwrap();
    assert_eq!(all, ["aa", "c", "f"].map(key));
    assert_eq!(first, ["aa", "c"].map(key));
    assert_eq!(left, ["aa", "c"].map(key));
    assert_eq!(all_keys(&store), left);
}

#[test]
fn a_change_that_fails_leaves_nothing() {
    let (home, store) = Home::new();
    put_sealed(&store, "kept", b"kept").wait().unwrap();
    let before = batch(&store);
    for secret in [&b"small"[..], &LARGE] {
        let payload = store.seal(&SystemRandom, b"", secret.to_vec()).unwrap();
        let failed = store.change(move |transaction| {
            transaction.put_sealed(&key("new"), &note("new"), &payload)?;
            transaction.put(&key("other"), &note("other"))?;
            transaction.delete(&key("kept"))?;
            Err::<(), _>(StoreError::Damaged("on purpose"))
        });
        assert!(matches!(failed.wait(), Err(StoreError::Damaged("on purpose"))));
    }
    assert_eq!(all_keys(&store), [key("kept")]);
    assert_eq!(batch(&store), before, "nothing was committed");
    assert_eq!(home.payload_files(), [] as [PathBuf; 0]);
    assert_eq!(opened(&store, "kept").unwrap(), b"kept");

    put_sealed(&store, "next", b"next").wait().unwrap();
    assert_eq!(slot(&store, "next"), slot(&store, "kept").map(|slot| slot + 1));
}

#[test]
fn everything_is_there_after_reopening() {
    let (home, mut store) = Home::new();
    let secrets: Vec<(String, Vec<u8>)> =
        (0_u8..40).map(|n| (format!("secret {n}"), vec![n; usize::from(n) * 200])).collect();
    for (name, secret) in &secrets {
        put_sealed(&store, name, secret).wait().unwrap();
    }
    for round in 0..3 {
        store = home.reopen(store);
        let there: Vec<Key> =
            store.range::<Note>(&Key::new(b't')).map(|item| item.unwrap().0).collect();
        assert_eq!(there.len(), secrets.len() - round);
        for (name, secret) in &secrets[round..] {
            assert_eq!(&opened(&store, name).unwrap(), secret, "{name}");
        }
        delete(&store, &secrets[round].0).wait().unwrap();
    }
}

#[test]
fn keys_and_values_past_the_limits_are_refused() {
    let (_home, store) = Home::new();
    let refused = |pending: PendingChange<(), StoreError>| {
        assert!(matches!(pending.wait(), Err(StoreError::TooLarge(_))));
    };
    refused(put(&store, &"k".repeat(Key::MAX_BYTES), "text"));
    refused(put(&store, "one", &"v".repeat(MAX_VALUE_BYTES)));
    refused(put_sealed(&store, &"k".repeat(Key::MAX_BYTES), b"secret"));
    // The longest inline payload in a record, and a value that would fit without a payload.
    put_sealed(&store, "one", &[7; MAX_INLINE_BYTES - crate::crypto::seal::SEAL_BYTES])
        .wait()
        .unwrap();
    refused(put(&store, "one", &"v".repeat(1000)));
    assert_eq!(store.get(&key("one")).unwrap(), Some(note("one")));

    put(&store, &"k".repeat(Key::MAX_BYTES - 1), &"v".repeat(4000)).wait().unwrap();
}

/// sled writes a leaf as a whole; none may become so large that it is stored in `blobs/`.
#[test]
fn the_longest_records_need_no_blobs() {
    let (home, store) = Home::new();
    let name = |n: u64| {
        let random = u128::from_be_bytes(random_array(&SystemRandom));
        format!("{:03} {random:032x}", n * 7919 % 1000) + &"k".repeat(Key::MAX_BYTES - 37)
    };
    let names: Vec<String> = (0..1000).map(name).collect();
    let value = "v".repeat(MAX_VALUE_BYTES - 20);
    let wait = |pending: Vec<PendingChange<(), StoreError>>| {
        pending.into_iter().for_each(|pending| pending.wait().unwrap());
    };
    wait(names.iter().map(|name| put(&store, name, &value)).collect());
    wait(names.iter().step_by(3).map(|name| delete(&store, name)).collect());
    wait(names.iter().step_by(2).map(|name| put(&store, name, "short")).collect());
    wait(names.iter().step_by(5).map(|name| put(&store, name, &value)).collect());
    let store = home.reopen(store);
    assert_eq!(all_keys(&store).len(), 1000 - 334 + 167 + 33);
}

#[test]
fn a_closed_store_refuses_changes() {
    let (home, store) = Home::new();
    let held = hold(&store);
    let waiting = put(&store, "before", "close");
    let other = store.clone();
    let closing = thread::spawn(move || other.close());
    drop(held);
    closing.join().unwrap();
    waiting.wait().unwrap();
    assert!(matches!(put(&store, "after", "close").wait(), Err(StoreError::Closed)));
    assert!(matches!(put_sealed(&store, "after", &LARGE).wait(), Err(StoreError::Closed)));
    assert_eq!(home.payload_files(), [] as [PathBuf; 0]);
    store.close();
}

#[test]
fn each_commit_keeps_the_time() {
    let (home, store) = Home::new();
    assert_eq!(store.time(), TimeRecord::default());
    put(&store, "a", "before there was a clock").wait().unwrap();
    let store = home.reopen(store);
    let floor = |seconds| TimeRecord { floor: UnixSeconds(seconds), leap: None };
    let clock = Clock::manual(UnixSeconds(5000));
    store.keep_time(&clock);
    assert_eq!(store.time(), TimeRecord::default());
    put(&store, "a", "1").wait().unwrap();
    // After a kill, the time is that of the last commit; a close also stores the time since then.
    clock.advance(10);
    let bytes = store.shared.disks.engine.get(&Manifest::key()).unwrap().unwrap().bytes;
    let kept = Envelope::decode(&Manifest::key(), &bytes).unwrap();
    assert_eq!(kept.value::<Manifest>().unwrap().time, floor(5000));
    let store = home.reopen(store);
    assert_eq!(store.time(), floor(5010));
    let store = home.reopen(store);
    assert_eq!(store.time(), floor(5010), "also without a reader of the clock");
}

/// The slots in a directory of a store, decrypted: those with a key.
pub(in crate::store) fn slots_with_keys(store: &Path) -> BTreeMap<u32, [u8; 32]> {
    let slots = open_slots(store);
    let (keys, next) = slots.read_many(0, u32::MAX).unwrap();
    assert_eq!(next, None);
    keys.into_iter().map(|(slot, key)| (slot, *key.expose_secret())).collect()
}

/// The keys in a directory of a store, which is not changed.
fn open_slots(store: &Path) -> SlotFile {
    let ring = open_in_place(&store.with_file_name("ring")).unwrap();
    let ring = RingFile::open(Box::new(ring), None).unwrap();
    let files = Box::new(KeyDirectory::new(store));
    SlotFile::open(files, ring, Arc::new(SystemRandom), SlotLayout::USUAL).unwrap()
}

/// The bytes of a slot on disk, which are those of the first page if its bucket got no other one.
fn raw_slot(home: &Home, slot: u32) -> [u8; 32] {
    let slots = fs::read(home.path("store/slots")).unwrap();
    slots[slot_offset(slot)..][..32].try_into().unwrap()
}

/// The offset of a slot in a file whose buckets have their first pages.
fn slot_offset(slot: u32) -> usize {
    4096 + slot as usize * 32
}
