//! Several processes on one shared engine, and changes that are run again.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
};

use super::{
    sealed_values::{own, tell, told},
    *,
};
use crate::store::{
    faulty::{Fault, MemoryDisk, Sharing, disks_in_memory},
    group::Group,
};

fn two_stores() -> (MemoryDisk, Store, Store) {
    let disk = MemoryDisk::new(Sharing::Shared, 1);
    let [one, other] = [(), ()].map(|()| Store::in_memory(&disk).unwrap());
    (disk, one, other)
}

fn count_up(store: &Store) -> PendingChange<usize, StoreError> {
    store.change(|transaction| {
        let Note(count) = transaction.get::<Note>(&key("count"))?.unwrap_or(note(""));
        transaction.put(&key("count"), &Note(count.clone() + "i"))?;
        Ok(count.len() + 1)
    })
}

#[test]
fn a_change_that_has_read_an_old_record_is_run_again() {
    let (disk, one, other) = two_stores();
    for round in 0..5 {
        let rival = other.clone();
        disk.before_next_commit(move || assert!(count_up(&rival).wait().is_ok()));
        assert_eq!(count_up(&one).wait().unwrap(), 2 * round + 2);
    }
}

#[test]
fn a_record_that_was_missing_is_noticed() {
    let (disk, one, other) = two_stores();
    let create = |store: &Store, text: &'static str| {
        store.change(move |transaction| match transaction.get::<Note>(&key("name"))? {
            Some(_) => Ok(false),
            None => transaction.put(&key("name"), &note(text)).map(|()| true),
        })
    };
    disk.before_next_commit(move || {
        assert!(create(&other, "other").wait().unwrap());
    });
    assert!(!create(&one, "one").wait().unwrap());
    assert_eq!(one.get(&key("name")).unwrap(), Some(note("other")));
}

#[test]
fn a_list_of_keys_that_has_changed_is_noticed() {
    let (disk, one, other) = two_stores();
    let add = |store: &Store, name: &'static str| {
        store.change(move |transaction| {
            let has_room = transaction.keys(&Key::new(b't'), 10)?.len() < 2;
            if has_room {
                transaction.put(&key(name), &note(name))?;
            }
            Ok::<_, StoreError>(has_room)
        })
    };
    assert!(add(&one, "first").wait().unwrap());
    disk.before_next_commit(move || {
        assert!(add(&other, "other").wait().unwrap());
    });
    assert!(!add(&one, "one").wait().unwrap());
    assert_eq!(all_keys(&one), ["first", "other"].map(key));
}

/// A change that writes nothing tells what it has read, too.
#[test]
fn what_is_only_read_is_of_one_moment() {
    let (disk, one, other) = two_stores();
    let put_both = |store: &Store, text: &'static str| {
        store.change(move |transaction| {
            transaction.put(&key("a"), &note(text))?;
            transaction.put(&key("b"), &note(text))
        })
    };
    put_both(&one, "old").wait().unwrap();
    disk.before_next_commit(move || put_both(&other, "new").wait().unwrap());
    let read = one.change(|transaction| {
        let a = transaction.get::<Note>(&key("a"))?;
        Ok::<_, StoreError>((a, transaction.get::<Note>(&key("b"))?))
    });
    assert_eq!(read.wait().unwrap(), (Some(note("new")), Some(note("new"))));
}

#[test]
fn a_payload_is_given_once_to_two_processes() {
    let (disk, one, other) = two_stores();
    put_sealed(&one, "one", b"secret").wait().unwrap();
    let take = |store: &Store| {
        store.change(|transaction| {
            let found = transaction.payload(&key("one"))?;
            transaction.burn(&key("one"))?;
            Ok::<_, StoreError>(found)
        })
    };
    disk.before_next_commit(move || {
        let found = take(&other).wait().unwrap().unwrap();
        assert_eq!(found.open(b"one").unwrap().expose_secret(), b"secret");
    });
    assert!(take(&one).wait().unwrap().is_none());
    assert_eq!(disk.keys_and_files(), (0, 0));
}

#[test]
fn a_value_is_not_sealed_under_a_key_that_another_process_wipes() {
    let (disk, one, other) = two_stores();
    own(&one, "a").unwrap();
    tell(&one, "a/1", "early").unwrap();
    disk.before_next_commit(move || delete(&other, "a").wait().unwrap());
    assert!(matches!(tell(&one, "a/2", "late"), Err(StoreError::Damaged(_))));
    assert_eq!((told(&one, "a/1"), told(&one, "a/2")), (None, None));
    assert_eq!(disk.keys_and_files(), (0, 0));
}

/// The other changes of the group are not harmed.
#[test]
fn a_group_is_run_again_as_a_whole() {
    let (disk, one, other) = two_stores();
    let held = hold(&one);
    let changes: Vec<_> = (0..20).map(|_| count_up(&one)).collect();
    disk.before_next_commit(move || assert!(count_up(&other).wait().is_ok()));
    drop(held);
    let counts: Vec<usize> = changes.into_iter().map(|change| change.wait().unwrap()).collect();
    assert_eq!(counts, (2..=21).collect::<Vec<_>>());
}

/// In a thread of its own, because the writer's panic would end the process.
#[test]
#[should_panic(expected = "is not pure: a second run does something else")]
fn a_change_that_is_not_pure_is_found() {
    let disks = disks_in_memory(&MemoryDisk::new(Sharing::Exclusive, 1)).unwrap();
    let (runs, ranges) = (Cell::new(0), RefCell::default());
    let impure = |transaction: &mut Transaction<'_, '_>| {
        runs.set(runs.get() + 1);
        transaction.put(&key("runs"), &Note(runs.get().to_string()))
    };
    let _ = Group::new(&disks, &ranges, &SystemRandom).run(&impure, Location::caller());
}

#[test]
fn a_change_that_goes_on_after_a_failed_read_fails() {
    let disk = MemoryDisk::new(Sharing::Shared, 1);
    let (disks, ranges) = (disks_in_memory(&disk).unwrap(), RefCell::default());
    let swallows = |transaction: &mut Transaction<'_, '_>| {
        let found = transaction.get::<Note>(&key("one")).unwrap_or(Some(note("a guess")));
        Ok::<_, StoreError>(found)
    };
    let mut group = Group::new(&disks, &ranges, &SystemRandom);
    assert_eq!(group.run(&swallows, Location::caller()).unwrap(), None);
    disk.crash();
    let mut group = Group::new(&disks, &ranges, &SystemRandom);
    let outcome = group.run(&swallows, Location::caller());
    assert!(matches!(outcome, Err(StoreError::Unavailable)));
}

#[test]
fn a_part_that_fails_leaves_nothing() {
    let (disk, one, _) = two_stores();
    put_sealed(&one, "kept", b"secret").wait().unwrap();
    let change = one.change(|transaction| {
        transaction.put(&key("before"), &note("before"))?;
        let failed = transaction.part(|transaction| {
            transaction.put(&key("before"), &note("changed"))?;
            transaction.delete(&key("kept"))?;
            Err::<(), _>(StoreError::Damaged("on purpose"))
        });
        assert!(failed.is_err());
        transaction.part(|transaction| transaction.put(&key("after"), &note("after")))
    });
    change.wait().unwrap();
    assert_eq!(one.get(&key("before")).unwrap(), Some(note("before")));
    assert_eq!(one.get(&key("after")).unwrap(), Some(note("after")));
    assert_eq!(opened(&one, "kept").unwrap(), b"secret");
    assert_eq!(disk.keys_and_files(), (1, 0));
}

fn take_number(store: &Store) -> PendingChange<u64, StoreError> {
    store.change(|transaction| {
        let number = transaction.number(&key("counter"), |_| Ok(7))?;
        transaction.put(&key(&format!("number {number}")), &note("taken"))?;
        Ok(number)
    })
}

#[test]
fn processes_take_different_numbers_and_rarely_meet() {
    let (disk, one, other) = two_stores();
    let mut taken = BTreeSet::new();
    for _ in 0..300 {
        for store in [&one, &other] {
            assert!(taken.insert(take_number(store).wait().unwrap()));
        }
    }
    assert_eq!(taken.first(), Some(&7));
    // Each process was alone in its range, so that the other one is not in the way of its commit.
    let commits = disk.commits();
    let rival = other.clone();
    disk.before_next_commit(move || assert!(take_number(&rival).wait().is_ok()));
    let mine = take_number(&one).wait().unwrap();
    assert!(!taken.contains(&mine));
    assert_eq!(disk.commits() - commits, 2);
}

/// A number of a change that has failed is given to the next one, unless the commit was applied.
#[test]
fn numbers_of_lost_commits_are_given_again() {
    let (disk, one, _) = two_stores();
    let mut taken = BTreeSet::from([take_number(&one).wait().unwrap()]);
    let failed = one.change(|transaction| {
        transaction.number(&key("counter"), |_| Ok(7))?;
        Err::<(), _>(StoreError::Full)
    });
    assert!(failed.wait().is_err());
    for fault in [Fault::LostAnswer, Fault::LostCommit, Fault::Conflict] {
        disk.fail_at(disk.steps() + 1, fault);
        assert!(taken.insert(take_number(&one).wait().unwrap()), "{fault:?}");
    }
    assert_eq!(taken.into_iter().collect::<Vec<_>>(), [7, 8, 9, 10]);
}

#[test]
fn a_restarted_process_leaves_out_the_rest_of_its_range() {
    let (home, store) = Home::new();
    assert_eq!(take_number(&store).wait().unwrap(), 7);
    assert_eq!(take_number(&store).wait().unwrap(), 8);
    let store = home.reopen(store);
    assert_eq!(take_number(&store).wait().unwrap(), 7 + 256);
}
