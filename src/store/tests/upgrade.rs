//! Directories of format 1.

use std::os::unix::fs::FileExt;

use super::*;

/// A directory of format 1: keys as they are in the slot file, and no ring.
fn of_format_1() -> Home {
    let (home, store) = Home::new();
    for name in ["small", "burned", "another"] {
        put_sealed(&store, name, b"secret").wait().unwrap();
    }
    put_sealed(&store, "large", &LARGE).wait().unwrap();
    delete(&store, "burned").wait().unwrap();
    store.close();
    drop(store);
    let keys = slots_with_keys(&home.path("store"));
    let new = fs::read(home.path("store/slots")).unwrap();
    let mut slots = vec![0; 1 << 20];
    slots[..32].copy_from_slice(b"sealdrop slots, format 1\n\0\0\0\0\0\0\0");
    slots[32..64].copy_from_slice(&new[32..64]);
    for (slot, bytes) in (0..).zip(new[4096..].as_chunks::<32>().0).skip(2) {
        let old = keys.get(&slot).unwrap_or(bytes);
        slots[slot as usize * 32..][..32].copy_from_slice(old);
    }
    fs::write(home.path("store/slots"), slots).unwrap();
    fs::write(home.path("store/format"), "sealdrop store, format 1\n").unwrap();
    fs::remove_file(home.path("store/buckets")).unwrap();
    fs::remove_file(home.path("ring")).unwrap();
    home
}

fn upgraded(home: &Home) -> Store {
    let options = StoreOptions { upgrade: true, ..StoreOptions::new(8 << 20) };
    Store::open_with(home.0.path(), options).unwrap_or_else(|error| panic!("{error}"))
}

fn assert_upgraded(home: &Home) {
    upgraded(home).close();
    let store = home.open();
    assert_eq!(opened(&store, "small").unwrap(), b"secret");
    assert_eq!(opened(&store, "another").unwrap(), b"secret");
    assert_eq!(opened(&store, "large").unwrap(), LARGE);
    put_sealed(&store, "new", b"secret").wait().unwrap();
    store.turn_ring(UnixSeconds(1)).unwrap();
    let store = home.reopen(store);
    assert_eq!(opened(&store, "new").unwrap(), b"secret");
    store.close();
    let mut names: Vec<_> =
        fs::read_dir(home.path("store")).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["buckets", "db", "format", "payloads", "slots"]);
}

#[test]
fn an_older_format_is_upgraded_only_if_that_is_asked_for() {
    let home = of_format_1();
    let before = home.files();
    let refused = home.try_open().err().unwrap();
    assert!(matches!(refused, StoreOpenError::Upgrade(_)), "{refused}");
    assert!(refused.to_string().contains("start once with --upgrade"), "{refused}");
    assert_eq!(home.files(), before);

    let old = fs::File::open(home.path("store/slots")).unwrap();
    let keys = before[&home.path("store/slots")][64..192].to_vec();
    assert_ne!(keys, [0; 128]);
    assert_upgraded(&home);
    let mut left = vec![1; 1 << 20];
    old.read_exact_at(&mut left, 0).unwrap();
    assert!(left.iter().all(|byte| *byte == 0), "the old file is overwritten");
    // Asked for once more, there is nothing to do.
    assert_upgraded(&home);
}

/// The states after a crash between the steps.
#[test]
fn an_upgrade_that_was_interrupted_goes_on() {
    let slots = |home: &Home| home.path("store/slots");
    let old_format = "sealdrop store, format 1\n";
    for state in 0..6 {
        let home = of_format_1();
        let old_slots = fs::read(slots(&home)).unwrap();
        let format = home.path("store/format");
        match state {
            // The ring alone; it has turned, as one that belonged to another store.
            0 => {
                let (other, store) = Home::new();
                store.turn_ring(UnixSeconds(1)).unwrap();
                store.close();
                fs::copy(other.path("ring"), home.path("ring")).unwrap();
            }
            // Half of the new files.
            1 => {
                fs::write(home.path("store/slots.new"), "half").unwrap();
                fs::write(home.path("store/buckets.new"), "half").unwrap();
            }
            // The old file, which was growing when its daemon ended.
            2 => {
                let file = fs::File::options().write(true).open(slots(&home)).unwrap();
                file.write_all_at(&[0; 100_001], 1 << 20).unwrap();
            }
            // All new files, before the new slot file has its name.
            3 => {
                upgraded(&home).close();
                fs::rename(slots(&home), home.path("store/slots.new")).unwrap();
                fs::write(slots(&home), &old_slots).unwrap();
                fs::hard_link(slots(&home), home.path("store/slots.old")).unwrap();
                fs::write(&format, old_format).unwrap();
            }
            // Before the format was changed.
            4 => {
                upgraded(&home).close();
                fs::write(home.path("store/slots.old"), &old_slots).unwrap();
                fs::write(&format, old_format).unwrap();
            }
            // Before the old file was deleted.
            _ => {
                upgraded(&home).close();
                fs::write(home.path("store/slots.old"), &old_slots).unwrap();
            }
        }
        assert_upgraded(&home);
    }
}
