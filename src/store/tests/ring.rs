//! Turns of the ring: what older copies of a directory open afterwards.

use std::collections::BTreeSet;

use super::*;
use crate::store::local::{
    bucket_table::BUCKETS,
    ring::{RING_BYTES, RingError},
    slot_form::{SLOTS, SlotLayout},
    slots::OpenKeysError,
};

pub(super) const NOW: UnixSeconds = UnixSeconds(1_800_000_000);

/// Copies of the files that have keys.
struct KeyCopy {
    ring: Vec<u8>,
    slots: Vec<u8>,
    buckets: Vec<u8>,
}

impl KeyCopy {
    fn of(home: &Home) -> Self {
        let read = |path: &str| fs::read(home.path(path)).unwrap();
        Self {
            ring: read("ring"),
            slots: read(&format!("store/{SLOTS}")),
            buckets: read(&format!("store/{BUCKETS}")),
        }
    }

    /// The keys that these slots and buckets give with a ring.
    fn keys_with(&self, ring: &[u8]) -> BTreeSet<[u8; 32]> {
        let dir = tempfile::tempdir().unwrap();
        let store = dir.path().join("store");
        fs::create_dir(&store).unwrap();
        fs::write(dir.path().join("ring"), ring).unwrap();
        fs::write(store.join(SLOTS), &self.slots).unwrap();
        fs::write(store.join(BUCKETS), &self.buckets).unwrap();
        let ring = RingFile::open(Box::new(open_in_place(&dir.path().join("ring")).unwrap()), None);
        let files = Box::new(KeyDirectory::new(&store));
        let random = Arc::new(SystemRandom);
        match SlotFile::open(files, ring.unwrap(), random, SlotLayout::USUAL) {
            Ok(_) => slots_with_keys(&store).into_values().collect(),
            Err(OpenKeysError::Ring(RingError::OtherStore)) => BTreeSet::new(),
            Err(error) => panic!("{error}"),
        }
    }

    /// The same, but with each page of these slots under each key of the buckets of `newer`: for somebody who
    /// has both copies and takes them apart.
    fn keys_mixed_with(&self, newer: &Self) -> BTreeSet<[u8; 32]> {
        let mut found = BTreeSet::new();
        let page_bytes = SlotLayout::USUAL.bucket_slots as usize * 32;
        let pages = (newer.slots.len() - 4096) / page_bytes;
        for shift in 0..pages {
            let mut slots = self.slots.clone();
            slots.resize(newer.slots.len(), 0);
            slots[4096..].rotate_left(shift * page_bytes);
            let mixed = Self { slots, buckets: newer.buckets.clone(), ring: Vec::new() };
            found.extend(mixed.keys_with(&newer.ring));
        }
        found
    }
}

fn key_of(home: &Home, store: &Store, name: &str) -> [u8; 32] {
    slots_with_keys(&home.path("store"))[&slot(store, name).unwrap()]
}

#[test]
fn after_a_turn_no_older_copy_opens_what_was_burned() {
    let (home, store) = Home::new();
    for name in ["burned", "replaced", "live", "in the next epoch"] {
        put_sealed(&store, name, b"secret").wait().unwrap();
    }
    let burned = ["burned", "replaced"].map(|name| key_of(&home, &store, name));
    let live = key_of(&home, &store, "live");
    let older = KeyCopy::of(&home);
    assert_eq!(older.keys_with(&older.ring).len(), 4);
    delete(&store, "burned").wait().unwrap();
    let payload = store.seal(&SystemRandom, b"replaced", b"new".to_vec()).unwrap();
    let replace = store.change(move |transaction| {
        transaction.burn_last();
        transaction.put_sealed(&key("replaced"), &note(""), &payload)
    });
    replace.wait().unwrap();
    let between = KeyCopy::of(&home);
    // Until the turn, whoever has both copies opens it.
    assert!(older.keys_with(&between.ring).is_superset(&burned.into()));

    store.turn_ring(NOW).unwrap();
    assert_eq!(store.ring_turned_at(), Some(NOW));
    let today = KeyCopy::of(&home);
    for copy in [&older, &between] {
        assert_eq!(copy.keys_with(&today.ring), BTreeSet::new(), "the epoch of the copy is over");
        let mixed = copy.keys_mixed_with(&today);
        assert!(burned.iter().all(|key| !mixed.contains(key)), "a burned key is in an older copy");
    }
    let keys = today.keys_with(&today.ring);
    assert!(keys.contains(&live) && keys.len() == 3);

    // A bucket without burns keeps its key: a turn costs as much as was burned.
    store.turn_ring(NOW).unwrap();
    assert_eq!(KeyCopy::of(&home).slots, today.slots);
    assert!(today.keys_mixed_with(&KeyCopy::of(&home)).contains(&live));

    delete(&store, "in the next epoch").wait().unwrap();
    store.turn_ring(NOW).unwrap();
    let store = home.reopen(store);
    assert_eq!(opened(&store, "live").unwrap(), b"secret");
    assert_eq!(opened(&store, "replaced").unwrap(), b"new");
    store.close();
}

/// The copies of each moment of many changes, taken apart with all that is known at the end.
#[test]
fn many_turns_leave_nothing_of_what_was_burned() {
    let (home, store) = Home::new();
    let (mut copies, mut burned) = (Vec::new(), BTreeSet::new());
    for round in 0..6 {
        for n in 0..40 {
            put_sealed(&store, &format!("{round}-{n:02}"), b"secret").wait().unwrap();
        }
        copies.push(KeyCopy::of(&home));
        for n in (0..40).filter(|n| n % (round + 2) == 0) {
            let name = format!("{round}-{n:02}");
            burned.insert(key_of(&home, &store, &name));
            delete(&store, &name).wait().unwrap();
        }
        copies.push(KeyCopy::of(&home));
        store.turn_ring(NOW.plus(round)).unwrap();
    }
    let today = KeyCopy::of(&home);
    let live: BTreeSet<_> = slots_with_keys(&home.path("store")).into_values().collect();
    assert_eq!(live.len() + burned.len(), 240);
    for copy in &copies {
        let found = copy.keys_mixed_with(&today);
        assert!(found.is_disjoint(&burned));
        assert_eq!(copy.keys_with(&today.ring), BTreeSet::new());
    }
    let store = home.reopen(store);
    assert_eq!(opened(&store, "5-39").unwrap(), b"secret");
    store.close();
}

#[test]
fn a_full_directory_turns_while_it_is_in_use() {
    let (home, store) = Home::new();
    let names: Vec<String> = (0..3000).map(|n| format!("{n:04}")).collect();
    let pending: Vec<_> = names.iter().map(|name| put_sealed(&store, name, b"secret")).collect();
    pending.into_iter().for_each(|pending| pending.wait().unwrap());
    let other = store.clone();
    let turns = std::thread::spawn(move || {
        for n in 0..8 {
            other.turn_ring(NOW.plus(n)).unwrap();
        }
    });
    for (burned, made) in names.iter().step_by(3).zip(3000..) {
        delete(&store, burned).wait().unwrap();
        put_sealed(&store, &format!("{made:04}"), b"later").wait().unwrap();
    }
    turns.join().unwrap();
    let store = home.reopen(store);
    for name in names.iter().skip(1).step_by(3) {
        assert_eq!(opened(&store, name).unwrap(), b"secret");
    }
    assert_eq!(opened(&store, "3999").unwrap(), b"later");
    assert_eq!(slots_with_keys(&home.path("store")).len(), 3000);
    store.close();
}

/// Burns in other buckets each time, so that pages pass from bucket to bucket.
#[test]
fn pages_belong_to_one_bucket_each() {
    let (home, store) = Home::new();
    let names: Vec<String> = (0..3000).map(|n| format!("{n:04}")).collect();
    let pending: Vec<_> = names.iter().map(|name| put_sealed(&store, name, b"secret")).collect();
    pending.into_iter().for_each(|pending| pending.wait().unwrap());
    let burned = [10, 1100, 2100, 11, 2101, 1101, 2102, 12];
    for (n, place) in (0..).zip(burned) {
        delete(&store, &names[place]).wait().unwrap();
        store.turn_ring(NOW.plus(n)).unwrap();
    }
    let store = home.reopen(store);
    for (place, name) in names.iter().enumerate() {
        assert_eq!(found(&store, name).is_some(), !burned.contains(&place), "{name}");
    }
    assert_eq!(opened(&store, "0013").unwrap(), b"secret");
    assert_eq!(slots_with_keys(&home.path("store")).len(), 2992);
    store.close();
}

/// A copy in a file, and what it had at each moment.
#[derive(Clone, Default)]
struct KeptCopies(Arc<Mutex<(Vec<Vec<u8>>, bool)>>);

impl RingCopy for KeptCopies {
    fn write(&self, content: &[u8; RING_BYTES]) -> io::Result<()> {
        let mut kept = self.0.lock().unwrap();
        if kept.1 {
            return Err(io::Error::other("the other disk is gone"));
        }
        kept.0.push(content.to_vec());
        Ok(())
    }
}

#[test]
fn a_copy_has_the_next_key_before_it_is_used_and_the_old_one_no_longer() {
    let (home, store) = Home::new();
    put_sealed(&store, "one", b"secret").wait().unwrap();
    store.close();
    drop(store);
    let copies = KeptCopies::default();
    let ring_copies: Vec<Box<dyn RingCopy>> = vec![Box::new(copies.clone())];
    let options = StoreOptions { ring_copies, ..StoreOptions::new(8 << 20) };
    let store = Store::open_with(home.0.path(), options).unwrap();
    let before = KeyCopy::of(&home);
    store.turn_ring(NOW).unwrap();
    let after = KeyCopy::of(&home);
    let kept = copies.0.lock().unwrap().0.clone();
    let opens = |copy: &KeyCopy| -> Vec<bool> {
        kept.iter().map(|ring| !copy.keys_with(ring).is_empty()).collect()
    };
    let (old, new) = (opens(&before), opens(&after));
    assert!(new.starts_with(&[false]) && new.ends_with(&[true, true]), "{new:?}");
    assert!(old.ends_with(&[true, false]), "{old:?}");
    assert_eq!(kept.last(), Some(&after.ring));

    copies.0.lock().unwrap().1 = true;
    let failed = store.turn_ring(NOW).unwrap_err().to_string();
    assert!(failed.contains("the other disk is gone"), "{failed}");
    // Nothing was turned, and everything works.
    assert!(!after.keys_with(&fs::read(home.path("ring")).unwrap()).is_empty());
    put_sealed(&store, "two", b"secret").wait().unwrap();
    copies.0.lock().unwrap().1 = false;
    store.turn_ring(NOW).unwrap();
    assert!(after.keys_with(&fs::read(home.path("ring")).unwrap()).is_empty());
    let store = home.reopen(store);
    assert_eq!(opened(&store, "two").unwrap(), b"secret");
    store.close();
}

#[test]
fn a_store_is_copied_and_compacted() {
    let (home, store) = Home::new();
    let names: Vec<String> = (0..300).map(|n| format!("{n:03}")).collect();
    for _ in 0..8 {
        let pending: Vec<_> =
            names.iter().map(|name| put_sealed(&store, name, &[7; 3000])).collect();
        pending.into_iter().for_each(|pending| pending.wait().unwrap());
    }
    names.iter().skip(10).for_each(|name| delete(&store, name).wait().unwrap());
    put_sealed(&store, "large", &LARGE).wait().unwrap();
    store.turn_ring(NOW).unwrap();
    store.close();
    drop(store);
    let options = || StoreOptions {
        master_key: Some(WrappingKey::from_bytes([1; 32])),
        ..StoreOptions::new(8 << 20)
    };
    let assert_whole = |root: &Path| {
        let store = Store::open_with(root, options()).unwrap();
        assert_eq!(opened(&store, "009").unwrap(), [7; 3000]);
        assert_eq!(opened(&store, "large").unwrap(), LARGE);
        assert!(found(&store, "010").is_none());
        store.turn_ring(NOW).unwrap();
        store.close();
    };
    assert_whole(home.0.path());

    let other = tempfile::tempdir().unwrap();
    let to = other.path().join("copy");
    backup::copy_store(home.0.path(), &to, options(), NOW).unwrap();
    assert_whole(&to);
    assert_whole(home.0.path());
    assert_ne!(fs::read(to.join("ring")).unwrap(), fs::read(home.path("ring")).unwrap());
    let again = backup::copy_store(home.0.path(), &to, options(), NOW);
    assert!(matches!(again, Err(backup::CopyError::Write(backup::RestoreError::NotEmpty(_)))));

    // What an attempt that was killed has left is no obstacle, and its link leads to the ring in use.
    fs::create_dir_all(home.path("compacting/restoring")).unwrap();
    std::os::unix::fs::symlink(home.path("ring"), home.path("compacting/restoring/ring")).unwrap();
    std::os::unix::fs::symlink(home.path("ring"), home.path("compacting/ring")).unwrap();
    let ring = fs::read(home.path("ring")).unwrap();
    let compacted = backup::compact(home.0.path(), options(), NOW).unwrap();
    assert_eq!(fs::read(home.path("ring")).unwrap(), ring);
    let (before, after) = (compacted.before, compacted.after);
    assert!(after.database * 2 < before.database, "{before:?} {after:?}");
    assert!(!home.path("compacting").exists());
    assert_whole(home.0.path());

    let running = Store::open_with(home.0.path(), options()).unwrap();
    let locked = backup::compact(home.0.path(), options(), NOW);
    assert!(matches!(locked, Err(backup::CopyError::Open(StoreOpenError::Locked(_)))));
    running.close();
}
