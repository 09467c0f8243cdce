use super::*;
use crate::{crypto::SeededRandom, store::local::key_files::KeyDirectory};

const STEP_SLOTS: u32 = 32_768;

fn key(byte: u8) -> SlotKey {
    SlotKey::from_bytes([byte; 32])
}

/// The key of the only epoch of a ring that is made anew each time.
fn ring() -> RingFile {
    let file = Box::new(tempfile::tempfile().unwrap());
    RingFile::create(file, None, &SeededRandom::new(1)).unwrap()
}

fn fresh() -> (tempfile::TempDir, SlotFile) {
    let dir = tempfile::tempdir().unwrap();
    let files = || Box::new(KeyDirectory::new(dir.path()));
    let (random, ring) = (Arc::new(SeededRandom::new(2)), ring());
    SlotFile::create(&*files(), ring.newest().unwrap(), &*random, SlotLayout::USUAL).unwrap();
    let slots = SlotFile::open(files(), ring, random, SlotLayout::USUAL).unwrap();
    (dir, slots)
}

#[test]
fn keys_are_kept_and_wiped_in_place() {
    let (dir, slots) = fresh();
    let taken: Vec<u32> = (0..5).map(|_| slots.reserve().unwrap()).collect();
    assert_eq!(taken, [2, 3, 4, 5, 6]);
    slots
        .write(&taken.iter().map(|slot| (*slot, u8::try_from(*slot).ok().map(key))).collect(), 1)
        .unwrap();
    slots.write(&[(3, None), (6, None)].into(), 2).unwrap();
    assert!(slots.read(3).unwrap().is_none());
    assert_eq!(slots.read(5).unwrap().unwrap().expose_secret(), &[5; 32]);
    let raw = std::fs::read(dir.path().join(SLOTS)).unwrap();
    let count = |wanted: &dyn Fn(&[u8; 32]) -> bool| {
        raw[4096..].as_chunks::<32>().0.iter().filter(|slot| wanted(slot)).count()
    };
    assert_eq!(count(&|slot| slot.starts_with(b"burned by commit")), 2);
    assert_eq!(count(&|slot| !is_empty(slot)), 3);
    let is_plain = |slot: &[u8; 32]| !is_empty(slot) && slot.iter().all(|byte| *byte == slot[0]);
    assert_eq!(count(&is_plain), 0, "a key is in the file as it is");
    slots.release(&mut [3].into_iter());
    assert_eq!(slots.reserve().unwrap(), 3);
}

#[test]
fn the_file_grows_when_all_slots_are_taken() {
    let (dir, slots) = fresh();
    let last = (0..STEP_SLOTS).map(|_| slots.reserve().unwrap()).last().unwrap();
    assert_eq!(last, STEP_SLOTS + 1);
    assert_eq!(std::fs::metadata(dir.path().join(SLOTS)).unwrap().len(), (2 << 20) + 4096);
}

#[test]
fn verifying_wipes_strays_finds_burned_ones_and_refuses_what_is_not_the_key() {
    let (_dir, slots) = fresh();
    slots.write(&[(2, Some(key(2))), (3, Some(key(3)))].into(), 7).unwrap();
    slots.write(&[(9, None)].into(), 8).unwrap();
    let named = [(2, key(2).check()), (9, 1)].into();
    assert_eq!(slots.verify(&named, 7).unwrap(), Ok([9].into()));
    assert!(slots.read(3).unwrap().is_none(), "a slot without a record stays filled");
    let refused = [
        ((2, 77), 7),         // another key
        ((9, 1), 8),          // wiped by a commit that the database knows
        ((10, 1), 7),         // empty
        ((STEP_SLOTS, 1), 7), // after the end
    ];
    for (named, batch) in refused {
        assert!(slots.verify(&[named].into(), batch).unwrap().is_err(), "{named:?}");
    }
}

#[test]
fn a_flipped_bit_in_the_commit_mark_is_noticed() {
    let (_dir, slots) = fresh();
    let mark = CommitMark { batch: 77, finished: false };
    slots.mark(mark).unwrap();
    assert_eq!(slots.commit_mark().unwrap(), Some(mark));
    slots.file.write_all_at(&[78], 32).unwrap();
    assert_eq!(slots.commit_mark().unwrap(), None);
}
