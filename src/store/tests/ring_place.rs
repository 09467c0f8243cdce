//! Where the ring is, and rings that are refused.

use std::os::unix::fs::FileExt;

use super::{master_key::cells, ring::NOW, *};

/// Opens with a ring outside of the directory.
fn open_with_ring(home: &Home, ring: &Path) -> Result<Store, StoreOpenError> {
    let options = StoreOptions { ring: Some(ring.to_path_buf()), ..StoreOptions::new(8 << 20) };
    Store::open_with(home.0.path(), options)
}

#[test]
fn a_ring_is_moved_where_it_is_wanted() {
    let (home, store) = Home::new();
    put_sealed(&store, "one", b"secret").wait().unwrap();
    store.close();
    drop(store);
    let elsewhere = tempfile::tempdir().unwrap();
    let [first, second] = ["first", "second"].map(|name| elsewhere.path().join(name));
    let inside = fs::File::open(home.path("ring")).unwrap();
    let content = fs::read(home.path("ring")).unwrap();
    for place in [&first, &second] {
        let store = open_with_ring(&home, place).unwrap();
        assert_eq!(opened(&store, "one").unwrap(), b"secret");
        store.turn_ring(NOW).unwrap();
        store.close();
        drop(store);
        assert_eq!(fs::read_link(home.path("ring")).unwrap(), *place);
        // Without the setting, the link is followed.
        home.open().close();
    }
    assert!(!first.exists());
    let mut left = vec![1; RING_BYTES];
    inside.read_exact_at(&mut left, 0).unwrap();
    assert!(left.iter().all(|byte| *byte == 0), "the ring is overwritten where it was");
    assert_ne!(fs::read(&second).unwrap(), content);

    fs::write(&first, "something else").unwrap();
    let refused = open_with_ring(&home, &first).err().unwrap().to_string();
    assert!(refused.contains("there is another file"), "{refused}");
    assert_eq!(fs::read(&first).unwrap(), b"something else");

    // A copy of the directory has no ring.
    fs::rename(&second, elsewhere.path().join("away")).unwrap();
    let refused = home.try_open().err().unwrap().to_string();
    assert!(refused.contains("is not there"), "{refused}");
    // Somebody has moved it by hand.
    let store = open_with_ring(&home, &elsewhere.path().join("away"));
    assert!(store.is_err(), "the link leads to a file that is missing");
    fs::remove_file(home.path("ring")).unwrap();
    let store = open_with_ring(&home, &elsewhere.path().join("away")).unwrap();
    assert_eq!(opened(&store, "one").unwrap(), b"secret");
    store.close();
}

#[test]
fn a_ring_that_is_damaged_or_of_another_store_is_refused() {
    let (home, store) = Home::new();
    put_sealed(&store, "one", b"secret").wait().unwrap();
    store.turn_ring(NOW).unwrap();
    store.close();
    drop(store);
    let (other, stranger) = Home::new();
    for _ in 0..3 {
        stranger.turn_ring(NOW).unwrap();
    }
    stranger.close();
    let ring = fs::read(home.path("ring")).unwrap();
    let used = if cells(&ring)[0] == [0; 64] { 8192 } else { 4096 };
    let flipped = |place: usize| {
        let mut ring = ring.clone();
        ring[place] ^= 1;
        ring
    };
    let cases = [
        (fs::read(other.path("ring")).unwrap(), "it belongs to another one or is an older copy"),
        (flipped(3), "it is not a ring of sealdrop"),
        (flipped(used + 20), "it is damaged"),
        (flipped(used), "it is damaged"),
        (ring[..4000].to_vec(), "it is not a ring of sealdrop"),
        (Vec::new(), "it is not a ring of sealdrop"),
    ];
    let elsewhere = tempfile::tempdir().unwrap();
    for (bytes, text) in cases {
        fs::write(home.path("ring"), &bytes).unwrap();
        for wanted in [None, Some(elsewhere.path().join("ring"))] {
            let before = home.files();
            let is_moved = wanted.is_some();
            let options = StoreOptions { ring: wanted, ..StoreOptions::new(8 << 20) };
            let refused = Store::open_with(home.0.path(), options).err().unwrap().to_string();
            // A ring of another store is only known as such when the data is read.
            if is_moved && text.contains("another one") {
                continue;
            }
            assert!(refused.contains(text), "{text:?} is not in {refused:?}");
            let changed = |(path, bytes): &(PathBuf, Vec<u8>)| {
                !path.to_string_lossy().contains("/db/snap.") && before.get(path) != Some(bytes)
            };
            let changed: Vec<_> =
                home.files().into_iter().filter(changed).map(|(p, _)| p).collect();
            assert_eq!(changed, [] as [PathBuf; 0]);
        }
        let _ = fs::remove_file(elsewhere.path().join("ring"));
        let _ = fs::remove_file(home.path("ring"));
        let _ = fs::remove_file(home.path("ring.old"));
    }
    fs::write(home.path("ring"), &ring).unwrap();
    let store = home.open();
    assert_eq!(opened(&store, "one").unwrap(), b"secret");
    store.close();
}
