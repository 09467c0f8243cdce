//! Values that are sealed in their records, and the keys of these.

use std::thread;

use super::*;
use crate::store::backup::{BackupOrder, BackupReader, restore};

/// The owner of [`Told`] values; its key seals them.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Owner(String);
impl Record for Owner {
    const VERSION: u8 = 1;

    fn sealed_by(key: &Key) -> Option<Key> {
        Some(key.clone())
    }
}

/// A value below an owner: `t owner /…`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Told(String);
impl Record for Told {
    const VERSION: u8 = 1;

    fn sealed_by(key: &Key) -> Option<Key> {
        let owner = key.as_bytes().split(|byte| *byte == b'/').next()?;
        Some(Key::new(b't').with(owner.get(1..)?))
    }
}

pub(super) fn own(store: &Store, name: &str) -> Result<(), StoreError> {
    let (key, owner) = (key(name), Owner(format!("planted owner {name}")));
    store.change(move |transaction| transaction.put(&key, &owner)).wait()
}

pub(super) fn tell(store: &Store, at: &str, text: &str) -> Result<(), StoreError> {
    let (key, told) = (key(at), Told(text.into()));
    store.change(move |transaction| transaction.put(&key, &told)).wait()
}

pub(super) fn told(store: &Store, at: &str) -> Option<String> {
    let key = key(at);
    let outside = store.get::<Told>(&key).unwrap();
    let inside = store.change(move |transaction| transaction.get::<Told>(&key)).wait();
    assert_eq!(outside, inside.unwrap());
    outside.map(|Told(text)| text)
}

fn value_slot(store: &Store, name: &str) -> Option<u32> {
    let key = key(name);
    let bytes = store.shared.disks.engine.get(&key).unwrap()?.bytes;
    Envelope::decode(&key, &bytes).unwrap().attached.value_key.map(|key| key.slot)
}

fn keys(home: &Home) -> Vec<[u8; 32]> {
    slots_with_keys(&home.path("store")).into_values().collect()
}

#[test]
fn a_sealed_value_is_on_disk_in_no_other_form() {
    let (home, store) = Home::new();
    put(&store, "plain", "planted and not sealed").wait().unwrap();
    own(&store, "a").unwrap();
    tell(&store, "a/1", "planted below").unwrap();
    let has = |what: &str| {
        let in_file =
            |bytes: &Vec<u8>| bytes.windows(what.len()).any(|part| part == what.as_bytes());
        home.files().values().any(in_file)
    };
    assert!(has("planted and not sealed") && !has("planted owner") && !has("planted below"));
    let store = home.reopen(store);
    assert_eq!(told(&store, "a/1").unwrap(), "planted below");
    assert_eq!(store.get(&key("a")).unwrap(), Some(Owner("planted owner a".into())));
}

#[test]
fn what_belongs_together_has_one_key_until_it_is_deleted() {
    let (home, store) = Home::new();
    own(&store, "a").unwrap();
    own(&store, "b").unwrap();
    for (at, text) in [("a/1", "one"), ("a/2", "two"), ("a/1", "another one"), ("b/1", "of b")] {
        tell(&store, at, text).unwrap();
    }
    assert_eq!(keys(&home).len(), 2);
    let found = store.reader().get_many::<Told>(&[key("a/1"), key("b/1"), key("c/1")]).unwrap();
    assert_eq!(found, [Some(Told("another one".into())), Some(Told("of b".into())), None]);
    let listed: Vec<_> = store.range::<Owner>(&key("")).take(1).collect::<Result<_, _>>().unwrap();
    assert_eq!(listed, [(key("a"), Owner("planted owner a".into()))]);

    // What is left below a deleted record cannot be read.
    delete(&store, "a").wait().unwrap();
    assert_eq!((keys(&home).len(), told(&store, "a/1"), told(&store, "a/2")), (1, None, None));
    assert_eq!(told(&store, "b/1").unwrap(), "of b");
    let scanned = store.scan::<Told>(&Scan::of(&key("a/"))).unwrap();
    assert_eq!(scanned, [(key("a/1"), None), (key("a/2"), None)]);

    // The next owner of the same name has another key.
    own(&store, "a").unwrap();
    assert_eq!(told(&store, "a/1"), None);
    tell(&store, "a/1", "new").unwrap();
    assert_eq!((told(&store, "a/1").unwrap(), told(&store, "a/2")), ("new".into(), None));
    home.reopen(store);
}

#[test]
fn a_record_keeps_its_payload_and_its_key_apart() {
    let (home, store) = Home::new();
    put_sealed(&store, "a", b"payload").wait().unwrap();
    tell(&store, "a/1", "below").unwrap();
    assert_ne!(slot(&store, "a"), value_slot(&store, "a"));
    // New content of the record, and then none.
    put(&store, "a", "changed").wait().unwrap();
    put_sealed(&store, "a", b"another payload").wait().unwrap();
    assert_eq!((opened(&store, "a").unwrap(), keys(&home).len()), (b"another payload".to_vec(), 2));
    let burned = key("a");
    store.change(move |transaction| transaction.burn(&burned)).wait().unwrap();
    let store = home.reopen(store);
    assert_eq!((opened(&store, "a"), told(&store, "a/1").unwrap()), (None, "below".into()));
    delete(&store, "a").wait().unwrap();
    assert_eq!(keys(&home).len(), 0);
}

#[test]
fn a_value_without_the_record_that_seals_it_is_refused() {
    let (home, store) = Home::new();
    assert!(matches!(tell(&store, "a/1", "lost"), Err(StoreError::Damaged(_))));
    assert_eq!((store.get::<Told>(&key("a/1")).unwrap(), keys(&home).len()), (None, 0));
    // A failed change gives its slot back.
    own(&store, "first").unwrap();
    let slot = value_slot(&store, "first");
    delete(&store, "first").wait().unwrap();
    let twice = store.change(|transaction| {
        transaction.put(&key("a"), &Owner("a".into()))?;
        Err::<(), _>(StoreError::Damaged("on purpose"))
    });
    assert!(twice.wait().is_err());
    own(&store, "a").unwrap();
    assert_eq!((keys(&home).len(), value_slot(&store, "a")), (1, slot));
}

#[test]
fn a_part_that_fails_gives_its_key_back() {
    let (home, store) = Home::new();
    let change = store.change(|transaction| {
        transaction.put(&key("a"), &Owner("a".into()))?;
        let failed = transaction.part(|transaction| {
            transaction.put(&key("b"), &Owner("b".into()))?;
            Err::<(), _>(StoreError::Damaged("on purpose"))
        });
        assert!(failed.is_err());
        transaction.put(&key("c"), &Owner("c".into()))
    });
    change.wait().unwrap();
    let store = home.reopen(store);
    let found = ["a", "b", "c"].map(|name| store.get::<Owner>(&key(name)).unwrap());
    assert_eq!(found, [Some(Owner("a".into())), None, Some(Owner("c".into()))]);
    assert_eq!(keys(&home).len(), 2);
}

#[test]
fn a_value_of_an_earlier_version_is_read_as_it_is() {
    #[derive(Serialize, Deserialize)]
    struct Before(String);
    impl Record for Before {
        const VERSION: u8 = 1;
    }
    let (home, store) = Home::new();
    put(&store, "a", "an owner").wait().unwrap();
    let clear = store.change(|transaction| {
        transaction.put(&key("a/1"), &Before("old".into()))?;
        transaction.put(&key("b"), &Before("old owner".into()))
    });
    clear.wait().unwrap();
    assert_eq!((told(&store, "a/1").unwrap(), keys(&home).len()), ("old".into(), 0));
    assert_eq!(store.get(&key("b")).unwrap(), Some(Owner("old owner".into())));
    // Writing seals it.
    tell(&store, "a/1", "new").unwrap();
    assert_eq!((told(&store, "a/1").unwrap(), keys(&home).len()), ("new".into(), 1));
}

#[test]
fn a_backup_has_the_keys_of_values() {
    let (_home, store) = Home::new();
    own(&store, "a").unwrap();
    tell(&store, "a/1", "told").unwrap();
    let mut backup = Vec::new();
    let order = BackupOrder::full(true);
    store.back_up(&mut backup, order, &SystemRandom, &|| UnixSeconds(1), &|| false).unwrap();
    let dir = tempfile::tempdir().unwrap();
    restore(&mut BackupReader::begin(&backup[..]).unwrap(), dir.path(), 8 << 20).unwrap();
    let restored = Home(dir);
    let copy = restored.open();
    assert_eq!(told(&copy, "a/1").unwrap(), "told");
    copy.close();
}

#[test]
fn readers_get_a_value_or_none_while_others_delete_it() {
    let (_home, store) = Home::new();
    let is_done = std::sync::atomic::AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = || {
            let mut counts = [0, 0];
            while !is_done.load(std::sync::atomic::Ordering::Relaxed) {
                let found = store.get::<Told>(&key("a/1")).unwrap();
                let owner = store.get::<Owner>(&key("a")).unwrap();
                assert!(owner.is_none_or(|Owner(text)| text == "planted owner a"));
                let is_there = found.is_some();
                assert!(found.is_none_or(|Told(text)| text == "here"));
                counts[usize::from(is_there)] += 1;
            }
            counts
        };
        let readers = [scope.spawn(reader), scope.spawn(reader)];
        for _ in 0..300 {
            own(&store, "a").unwrap();
            tell(&store, "a/1", "here").unwrap();
            delete(&store, "a").wait().unwrap();
            // Takes the slot over.
            put_sealed(&store, "other", b"payload").wait().unwrap();
            delete(&store, "other").wait().unwrap();
        }
        store.turn_ring(UnixSeconds(1)).unwrap();
        is_done.store(true, std::sync::atomic::Ordering::Relaxed);
        for reader in readers {
            let [gone, there] = reader.join().unwrap();
            assert!(gone > 0 && there > 0, "{gone} {there}");
        }
    });
}
