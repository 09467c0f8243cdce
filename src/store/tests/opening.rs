//! Opening of a directory: the store is either served completely, or refused without changing it.

use std::os::unix::fs::FileExt;

use super::*;

/// A closed store with an inline payload and a payload file.
fn closed() -> Home {
    let (home, store) = Home::new();
    put_sealed(&store, "small", b"small").wait().unwrap();
    put_sealed(&store, "large", &LARGE).wait().unwrap();
    store.close();
    home
}

fn assert_whole(home: &Home) {
    let store = home.open();
    assert_eq!(opened(&store, "small").unwrap(), b"small");
    assert_eq!(opened(&store, "large").unwrap(), LARGE);
    store.close();
}

/// Checks that opening fails with `text` and does not change, create or delete any file, except sled's
/// snapshot, which sled rewrites at each opening.
fn assert_refused(home: &Home, text: &str) {
    let files = || {
        let mut files = home.files();
        files.retain(|path, _| !path.to_string_lossy().contains("/db/snap."));
        files
    };
    let before = files();
    let refused = home.try_open().err().map(|error| error.to_string()).unwrap_or_default();
    assert!(refused.contains(text), "{text:?} is not in {refused:?}");
    let after = files();
    assert_eq!(after.keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
    for (path, bytes) in after {
        assert!(bytes == before[&path], "{} was changed", path.display());
    }
}

fn write_at(home: &Home, file: &str, offset: u64, bytes: &[u8]) {
    let file = fs::File::options().write(true).open(home.path(file)).unwrap();
    file.write_all_at(bytes, offset).unwrap();
}

#[test]
fn an_unknown_format_is_refused() {
    for format in ["sealdrop store, format 3\n", "sealdrop store, format 2", ""] {
        let home = closed();
        fs::write(home.path("store/format"), format).unwrap();
        assert_refused(&home, "and this sealdrop knows only \"sealdrop store, format 2\"");
    }
    let home = closed();
    write_at(&home, "store/slots", 23, b"3");
    assert_refused(&home, "it is not a slot file of format 2");
}

#[test]
fn a_second_opener_is_refused() {
    let (home, store) = Home::new();
    assert!(matches!(home.try_open(), Err(StoreOpenError::Locked(_))));
    put(&store, "one", "still works").wait().unwrap();
    store.close();
}

#[test]
fn what_is_missing_is_refused() {
    for missing in ["store/slots", "store/buckets", "store/format", "store/payloads", "ring"] {
        let home = closed();
        let path = home.path(missing);
        if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) }.unwrap();
        assert!(home.try_open().is_err(), "{missing}");
    }
    let home = closed();
    fs::remove_file(&home.payload_files()[0]).unwrap();
    assert_refused(&home, "a payload file cannot be read");
    let home = closed();
    fs::write(&home.payload_files()[0], "short").unwrap();
    assert_refused(&home, "a payload file has 5 bytes instead of 10016");
}

#[test]
fn a_database_that_lost_everything_is_refused() {
    let home = closed();
    fs::remove_dir_all(home.path("store/db")).unwrap();
    let refused = home.try_open().err().unwrap().to_string();
    assert!(refused.contains("the manifest is missing"), "{refused}");
    assert!(refused.contains("put the newest backup in its place"), "{refused}");
}

/// An older copy of the database is consistent, but lacks acknowledged changes.
#[test]
fn an_older_database_is_refused() {
    let (home, store) = Home::new();
    put(&store, "one", "first").wait().unwrap();
    store.close();
    drop(store);
    let older: Vec<_> = home
        .files()
        .into_iter()
        .filter(|(path, _)| path.starts_with(home.path("store/db")))
        .collect();
    let store = home.open();
    put(&store, "two", "second").wait().unwrap();
    store.close();
    drop(store);
    fs::remove_dir_all(home.path("store/db")).unwrap();
    fs::create_dir_all(home.path("store/db/blobs")).unwrap();
    older.iter().for_each(|(path, bytes)| fs::write(path, bytes).unwrap());
    let refused = home.try_open().err().unwrap().to_string();
    assert!(refused.contains("and has lost those up to"), "{refused}");
}

#[test]
fn keys_that_vanished_are_refused() {
    for damage in [&[0; 32][..], &[1; 8]] {
        let home = closed();
        write_at(&home, "store/slots", slot_offset(2) as u64, damage);
        assert_refused(&home, "a key slot does not hold the key of its record");
    }
}

#[test]
fn an_unfinished_snapshot_is_removed() {
    let home = closed();
    let snapshot = home.path("store/db/snap.00000000000000F1.generating");
    fs::write(&snapshot, "half a snapshot").unwrap();
    assert_whole(&home);
    assert!(!snapshot.exists());
}

#[test]
fn a_first_start_that_crashed_is_begun_again() {
    let home = Home(tempfile::tempdir().unwrap());
    for left in ["db", "payloads"] {
        fs::create_dir_all(home.path("store.creating").join(left)).unwrap();
    }
    fs::write(home.path("store.creating/slots"), "half").unwrap();
    fs::write(home.path("store.creating/db/db"), "half").unwrap();
    let store = home.open();
    assert!(!home.path("store.creating").exists());
    put_sealed(&store, "one", b"secret").wait().unwrap();
    let store = home.reopen(store);
    assert_eq!(opened(&store, "one").unwrap(), b"secret");
}

/// `kill -9` and power cuts can interrupt the growth of the slot file at any point.
#[test]
fn a_slot_file_that_has_half_grown_opens() {
    for tail in [1, 31, 4096, 300_000, 1 << 20] {
        let home = closed();
        write_at(&home, "store/slots", (1 << 20) + 4096 + tail - 1, &[0]);
        assert_whole(&home);
    }
}

/// The pages of the slot file are written in any order during a sync. A power cut can therefore leave wiped
/// keys on disk together with the old commit mark.
#[test]
fn a_burn_that_reached_the_disk_before_its_commit_mark_is_finished() {
    let (home, store) = Home::new();
    let pending: Vec<_> =
        (0..200).map(|n| put_sealed(&store, &format!("{n:03}"), b"secret")).collect();
    pending.into_iter().for_each(|pending| pending.wait().unwrap());
    let before = home.files();
    delete(&store, "199").wait().unwrap();
    store.close();
    drop(store);

    // The database from before the deletion, with the slots from the middle of it.
    let deleted = fs::read(home.path("store/slots")).unwrap();
    for (path, bytes) in &before {
        fs::write(path, bytes).unwrap();
    }
    write_at(&home, "store/slots", 4096, &deleted[4096..]);
    // Opened more than once, and with the slot in use again.
    let mut store = home.open();
    for name in ["new", "newer"] {
        assert!(found(&store, "199").is_none(), "the deletion has begun, so the payload is gone");
        assert_eq!(store.get(&key("199")).unwrap(), Some(note("199")));
        assert_eq!(opened(&store, "198").unwrap(), b"secret");
        put_sealed(&store, name, b"secret").wait().unwrap();
        store = home.reopen(store);
    }
}
