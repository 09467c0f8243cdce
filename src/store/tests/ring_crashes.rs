//! Turns of the ring on a disk in memory that fails at each of their steps, twice in a row.

use super::*;
use crate::store::faulty::{Fault, MemoryDisk, Sharing};

const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
/// Burned between two turns.
const BURNED: [&str; 2] = ["b", "e"];
const LIVE: [&str; 4] = ["a", "c", "d", "f"];

/// A disk with secrets, a turn, and burns since.
fn disk_with_burns(seed: u64) -> (MemoryDisk, Store) {
    let disk = MemoryDisk::new(Sharing::Exclusive, seed);
    let store = Store::in_memory(&disk).unwrap();
    for name in NAMES {
        put_sealed(&store, name, name.as_bytes()).wait().unwrap();
    }
    store.turn_ring(UnixSeconds(1)).unwrap();
    for name in BURNED {
        delete(&store, name).wait().unwrap();
    }
    (disk, store)
}

/// Opens the store after a fault. All that lives is there, and nothing else.
fn reopened(disk: &MemoryDisk, what: &str) -> Store {
    let store = Store::in_memory(disk).unwrap_or_else(|error| panic!("{what}: {error}"));
    for name in LIVE {
        assert_eq!(opened(&store, name).unwrap(), name.as_bytes(), "{what}");
    }
    for name in BURNED {
        assert!(found(&store, name).is_none(), "{what}");
    }
    store
}

#[test]
fn a_turn_that_is_interrupted_twice_loses_nothing() {
    let (disk, store) = disk_with_burns(1);
    let before = disk.steps();
    store.turn_ring(UnixSeconds(2)).unwrap();
    let steps = disk.steps() - before;
    store.close();
    assert!(steps > 8, "{steps}");
    let faults = [Fault::CrashBefore, Fault::CrashAfter, Fault::DiskError];
    let mut failed = 0;
    for first in 1..=steps {
        for second in 1..=steps + 1 {
            let fault = |number: u64| faults[usize::try_from(number % 3).unwrap()];
            let (one, other) = (fault(first + second), fault(first));
            let what = format!("{one:?} at step {first}, {other:?} at step {second} of {steps}");
            let (disk, store) = disk_with_burns(first * 1000 + second);
            let copy = disk.copy_files();
            disk.fail_at(disk.steps() + first, one);
            let turned = store.turn_ring(UnixSeconds(2));
            store.close();
            failed += u32::from(turned.is_err());
            let store = reopened(&disk, &what);
            disk.fail_at(disk.steps() + second, other);
            // What the first attempt has left is finished, or the whole turn is done again.
            let turned = store.turn_ring(UnixSeconds(3));
            failed += u32::from(turned.is_err());
            store.close();
            disk.crash();
            let store = reopened(&disk, &what);
            store.turn_ring(UnixSeconds(4)).unwrap();
            assert!(!disk.opens(&copy), "{what}: an older copy opens");
            store.close();
            let store = reopened(&disk, &what);
            put_sealed(&store, "new", b"new").wait().unwrap();
            assert_eq!(opened(&store, "new").unwrap(), b"new");
            store.close();
        }
    }
    assert!(failed > 2 * u32::try_from(steps).unwrap(), "most of them are interrupted: {failed}");
}

/// A key that is written between the steps of a turn is in the new page of its bucket.
#[test]
fn what_is_made_during_a_turn_survives_a_crash() {
    for seed in 0..20 {
        let (disk, store) = disk_with_burns(seed);
        let rekeyed = |group: &mut crate::store::group::Group<'_>| {
            group.disks().keys.ring().is_some_and(|ring| ring.rekey().is_ok())
        };
        assert!(store.between_commits(rekeyed).unwrap());
        put_sealed(&store, "later", b"later").wait().unwrap();
        delete(&store, "a").wait().unwrap();
        disk.crash();
        store.close();
        let store = Store::in_memory(&disk).unwrap();
        assert_eq!(opened(&store, "later").unwrap(), b"later");
        assert!(found(&store, "a").is_none());
        store.turn_ring(UnixSeconds(2)).unwrap();
        assert_eq!(opened(&store, "later").unwrap(), b"later");
        store.close();
    }
}
