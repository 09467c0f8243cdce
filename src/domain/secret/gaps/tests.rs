//! Lists with gaps: pages, and counting again.

use std::collections::BTreeSet;

use super::*;
use crate::{
    clock::UnixSeconds,
    crypto::SeededRandom,
    domain::{account, operator, schema::Due},
};

const NOW: UnixSeconds = UnixSeconds(1_793_577_600);
const ACCOUNT: AccountNumber = AccountNumber::FIRST;
/// The secrets at first: more than a large block.
const CREATED: u64 = 67_000;

/// A store with an account, and the numbers of its secrets. Their records are only keys.
struct World {
    store: Store,
    numbers: BTreeSet<u64>,
    created: u64,
    _dir: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), 8 << 20).unwrap();
        operator::create_account(&store, "ops", u64::MAX, &SeededRandom::new(1), NOW).unwrap();
        Self { store, numbers: BTreeSet::new(), created: 0, _dir: dir }
    }

    fn create(&mut self, secrets: u64) {
        let first = self.created;
        self.created += secrets;
        let create = move |transaction: &mut Transaction<'_, '_>| {
            let owner = transaction.get::<Account>(&schema::account(ACCOUNT))?.unwrap();
            for expected in first..first + secrets {
                let counted = account::count_secret(transaction, ACCOUNT, &owner, NOW)?;
                assert_eq!(counted.unwrap().0, expected);
                transaction.put(&schema::secret(number(expected)), &Due)?;
            }
            Ok::<_, StoreError>(())
        };
        self.store.change(create).wait().unwrap();
        self.numbers.extend(first..first + secrets);
    }

    /// As [`super::super::remove`] does it. An earlier version did not count.
    fn delete(&mut self, gone: Vec<u64>, is_counted: bool) {
        for sequence in &gone {
            assert!(self.numbers.remove(sequence));
        }
        let delete = move |transaction: &mut Transaction<'_, '_>| {
            for sequence in &gone {
                transaction.delete(&schema::secret(number(*sequence)))?;
                if is_counted {
                    count(transaction, number(*sequence))?;
                }
                account::recount(transaction, ACCOUNT, |counts| counts.secrets_total -= 1)?;
            }
            Ok::<_, StoreError>(())
        };
        self.store.change(delete).wait().unwrap();
    }

    fn is_counted(&self) -> bool {
        self.store.get::<GapsCounted>(&schema::gaps_counted()).unwrap().is_some()
    }

    fn is_exact(&self) -> bool {
        self.store.change(|transaction| is_exact(transaction, ACCOUNT)).wait().unwrap()
    }

    /// The records of small blocks.
    fn small_counts(&self) -> u64 {
        let all = self.store.scan_keys(&Scan::of(&schema::all_gaps(ACCOUNT))).unwrap();
        let large = schema::gaps_within(GapLevel::Large, number(0));
        let is_small = |key: &&Key| !key.as_bytes().starts_with(large.as_bytes());
        all.iter().filter(is_small).count() as u64
    }

    /// Pages at many offsets. Returns the longest walk.
    fn check_pages(&self) -> usize {
        let owner = self.store.get::<Account>(&schema::account(ACCOUNT)).unwrap().unwrap();
        let counts = AccountCounts::read(&self.store, ACCOUNT, &owner).unwrap();
        let next = counts.next_secret();
        let newest_first: Vec<u64> = self.numbers.iter().rev().copied().collect();
        let mut longest = 0;
        let length = newest_first.len();
        let edges = [255, 256, 257, 65_535, 65_536, 65_537, length - 1, length, length + 1];
        for offset in (0..length + 40).step_by(499).chain(edges) {
            let start = PageStart::Offset(offset);
            let scan = scan_from(&self.store, ACCOUNT, start, next).unwrap();
            longest = longest.max(scan.skipped());
            let found = self.store.scan_keys(&scan.limit(3)).unwrap();
            let expected = newest_first.iter().skip(offset).take(3);
            let expected: Vec<Key> = expected.map(|it| schema::secret(number(*it))).collect();
            assert_eq!(found, expected, "{offset}");
        }
        longest
    }
}

fn number(sequence: u64) -> SecretNumber {
    SecretNumber { account: ACCOUNT, sequence }
}

#[test]
fn pages_begin_at_their_offset_without_a_long_walk() {
    let mut world = World::new();
    check(&world.store).unwrap();
    assert!(world.is_counted());
    for _ in 0..67 {
        world.create(CREATED / 67);
    }
    assert!(world.check_pages() < 256);
    // Single ones, and whole blocks of both sizes.
    world.delete((0..CREATED).step_by(7).collect(), true);
    assert!(world.check_pages() < 256);
    let whole = world.numbers.range(256 * 40..256 * 60).copied().collect();
    world.delete(whole, true);
    world.create(300);
    assert!(world.check_pages() < 256);
    let large = world.numbers.range(..65_536).copied().collect();
    world.delete(large, true);
    assert!(world.check_pages() < 256);
    // Of a large block without secrets, only the count of all is left. The newest block has no gaps.
    assert_eq!(world.small_counts(), (CREATED + 300 - 1) / 256 - 256);
    world.delete(world.numbers.iter().rev().take(400).copied().collect(), true);
    assert!(world.check_pages() < 256);
    assert!(world.is_exact());
}

#[test]
fn what_was_not_counted_is_counted_again() {
    let mut world = World::new();
    for _ in 0..67 {
        world.create(CREATED / 67);
    }
    world.delete((0..CREATED).step_by(11).collect(), false);
    // Until then, pages are found by a walk.
    assert!(!world.is_counted() && world.check_pages() > 60_000);
    check(&world.store).unwrap();
    assert!(world.is_counted() && world.check_pages() < 256);
    world.delete(world.numbers.range(500..700).copied().collect(), false);
    check(&world.store).unwrap();
    assert!(world.is_counted() && world.check_pages() < 256);
    distrust(&world.store).unwrap();
    assert!(!world.is_counted() && world.check_pages() > 60_000);
    forget_account(&world.store, ACCOUNT).unwrap();
    let left = world.store.scan_keys(&Scan::of(&schema::all_gaps(ACCOUNT))).unwrap();
    assert!(left.is_empty());
}

/// Deletions and creations between the changes that count, in blocks that are counted and in others.
#[test]
fn the_list_may_change_while_it_is_counted() {
    let mut world = World::new();
    world.create(3000);
    world.delete((0..3000).step_by(5).collect(), false);
    world.delete((256..768).filter(|number| number % 5 != 0).collect(), false);
    let (mut next, mut changes) = (Some(0), 0);
    while let Some(sequence) = next {
        next = world
            .store
            .change(move |transaction| count_blocks(transaction, ACCOUNT, sequence))
            .wait()
            .unwrap();
        let gone: Vec<u64> = world.numbers.iter().step_by(97).copied().collect();
        world.delete(gone, true);
        if changes < 6 {
            world.create(100);
        }
        changes += 1;
    }
    assert!(changes > 6 && world.is_exact());
    check(&world.store).unwrap();
    let next = world.created;
    let start = PageStart::Offset(700);
    let scan = scan_from(&world.store, ACCOUNT, start, next).unwrap();
    let found = world.store.scan_keys(&scan.limit(1)).unwrap();
    let expected = *world.numbers.iter().rev().nth(700).unwrap();
    assert_eq!(found, [schema::secret(number(expected))]);
}

/// A page that begins in a block whose last secrets are deleted between the reads of both levels.
#[test]
fn a_block_with_less_than_expected_is_left_for_the_next_one() {
    let mut world = World::new();
    world.create(1000);
    let mut newer = 1000;
    let found = block_after(&world.store, (GapLevel::Small, ACCOUNT), 0..1000, &mut newer);
    assert_eq!((found.unwrap(), newer), (None, 0));
}
