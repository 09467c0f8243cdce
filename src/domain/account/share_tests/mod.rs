//! Several processes create and delete secrets of one account: never more than the allowance, whatever fails,
//! and no part of it is lost.

mod model;

use std::{collections::BTreeSet, num::NonZeroU8, sync::Arc, thread};

use super::{Account, AccountCounts, Metadata, share::AccountShare};
use crate::{
    clock::UnixSeconds,
    crypto::{SeededRandom, random_array},
    domain::{
        lifetime::{Lifetime, LifetimeRules},
        numbers::{AccountNumber, SecretId, SecretNumber},
        operator,
        page::PageStart,
        schema,
        secret::{
            self, MessageShown, NewSecret, SecretError,
            attachment::{AttachmentLimits, NewAttachments},
            list::list,
        },
    },
    store::{
        Key, Store, StoreError, Transaction,
        faulty::{Fault, MemoryDisk, Sharing},
    },
};

const NOW: UnixSeconds = UnixSeconds(1_793_577_600);
const MONTH_SECONDS: u64 = 31 * 24 * 3600;
const ACCOUNT: AccountNumber = AccountNumber::FIRST;
const PROCESSES: usize = 3;

/// Processes that serve one account.
struct Processes {
    disk: MemoryDisk,
    stores: Vec<Store>,
    random: Arc<SeededRandom>,
}

impl Processes {
    fn new(allowance: u64, seed: u64) -> Self {
        let disk = MemoryDisk::new(Sharing::Shared, seed);
        let stores = (0..PROCESSES).map(|_| Store::in_memory(&disk).unwrap()).collect();
        let processes = Self { disk, stores, random: Arc::new(SeededRandom::new(seed)) };
        let store = &processes.stores[0];
        operator::create_account(store, "alice", allowance, &*processes.random, NOW).unwrap();
        processes
    }

    /// The process ends, and another one begins.
    fn replace(&mut self, process: usize) {
        self.stores[process].close();
        self.stores[process] = Store::in_memory(&self.disk).unwrap();
    }

    fn create(&self, process: usize, now: UnixSeconds) -> Result<SecretId, SecretError> {
        create(&self.stores[process], &self.random, false, now)
    }

    /// Creates secrets through all processes in turn until the allowance is used. Returns how many.
    fn use_up(&self, now: UnixSeconds) -> u64 {
        let mut created = 0;
        let mut refused = 0;
        for process in (0..PROCESSES).cycle() {
            match self.create(process, now) {
                Ok(_) => (created, refused) = (created + 1, 0),
                Err(SecretError::OverAllowance(_)) => refused += 1,
                Err(error) => panic!("{error}"),
            }
            assert!(created <= 1000, "the allowance does not end");
            if refused == PROCESSES {
                break;
            }
        }
        created
    }

    fn set_allowance(&self, allowance: u64) {
        let set = move |transaction: &mut Transaction<'_, '_>| {
            let key = schema::account(ACCOUNT);
            let account = transaction.get::<Account>(&key)?.unwrap();
            transaction.put(&key, &Account { allowance, ..account })
        };
        self.stores[0].change(set).wait().unwrap();
    }

    fn figures(&self, process: usize, now: UnixSeconds) -> Metadata {
        let store = &self.stores[process];
        let account = store.get::<Account>(&schema::account(ACCOUNT)).unwrap().unwrap();
        AccountCounts::read(store, ACCOUNT, &account).unwrap().metadata(&account, now)
    }

    /// The numbers in the list and of the month.
    fn counts(&self, now: UnixSeconds) -> (u64, u64) {
        let figures = self.figures(0, now);
        (figures.secrets_total, figures.secrets_usage)
    }

    fn listed(&self) -> u64 {
        self.stores[0].keys(&schema::secrets(ACCOUNT)).count() as u64
    }

    fn record(&self) -> AccountCounts {
        self.stores[0].get(&schema::account_counts(ACCOUNT)).unwrap().unwrap()
    }
}

fn create(
    store: &Store,
    random: &SeededRandom,
    is_draft: bool,
    now: UnixSeconds,
) -> Result<SecretId, SecretError> {
    let bits: [u8; 15] = random_array(random);
    let limits = AttachmentLimits {
        max_bytes: None,
        max_count: 1,
        max_account_bytes: None,
        max_storage_bytes: None,
    };
    let attachments = NewAttachments { items: vec![None], token_hash: [9; 32], limits };
    let new = NewSecret {
        random: bits,
        payload: store.seal(random, &bits, b"text".to_vec()).map_err(SecretError::Store)?,
        description: None,
        message: None,
        message_shown: MessageShown::With,
        is_from_owner: true,
        lifetime: Lifetime::new(None, LifetimeRules { min: 1, max: 350, default: 24 }).unwrap(),
        view_button: false,
        captcha: false,
        password: None,
        max_views: NonZeroU8::MIN,
        attachments: is_draft.then_some(attachments),
        reply_key: None,
    };
    let (number, secret, figures) = store.change(secret::create(ACCOUNT, new, now)).wait()?;
    assert!(figures.secrets_usage <= figures.secrets_allowance, "{figures:?}");
    Ok(secret.id(number))
}

fn is_refused<T>(outcome: &Result<T, SecretError>) -> bool {
    matches!(outcome, Err(SecretError::OverAllowance(_)))
}

/// Whatever happens at one step of creations and deletions of several processes, the counts are those of what
/// is there, and the rest of the allowance can be used.
#[test]
fn nothing_is_lost_or_used_twice_if_a_step_fails() {
    const ALLOWANCE: u64 = 12;
    let faults = [
        Fault::Conflict,
        Fault::LostAnswer,
        Fault::LostCommit,
        Fault::CrashBefore,
        Fault::CrashAfter,
    ];
    let run = |processes: &Processes| {
        let mut ids = Vec::new();
        for at in 0..ALLOWANCE + 1 {
            let process = usize::try_from(at).unwrap() % PROCESSES;
            let store = &processes.stores[process];
            ids.extend(create(store, &processes.random, false, NOW));
            if let (Some(id), 5) = (ids.first(), at) {
                drop(processes.stores[1].change(secret::delete(ACCOUNT, *id, NOW)).wait());
            }
        }
    };
    let untouched = Processes::new(ALLOWANCE, 1);
    let before = untouched.disk.steps();
    run(&untouched);
    assert_eq!(untouched.counts(NOW), (ALLOWANCE - 1, ALLOWANCE));
    let after = untouched.disk.steps();
    assert!(after - before > ALLOWANCE);
    for step in before + 1..=after {
        for fault in faults {
            let mut processes = Processes::new(ALLOWANCE, 1);
            processes.disk.fail_at(step, fault);
            run(&processes);
            assert!(processes.disk.has_failed(), "step {step} is not reached");
            (0..PROCESSES).for_each(|process| processes.replace(process));
            let (total, usage) = processes.counts(NOW);
            assert_eq!(total, processes.listed(), "{fault:?} at step {step}");
            assert!((total..=total + 1).contains(&usage), "{fault:?} at step {step}");
            let rest = processes.use_up(NOW);
            assert_eq!(usage + rest, ALLOWANCE, "{fault:?} at step {step}");
            assert_eq!(processes.counts(NOW), (total + rest, ALLOWANCE));
        }
    }
}

#[test]
fn threads_of_several_processes_use_exactly_the_allowance() {
    const ALLOWANCE: u64 = 100;
    let processes = Processes::new(ALLOWANCE, 1);
    let attempts = |seed: u64, store: &Store| {
        let random = SeededRandom::new(seed);
        let mut created = 0;
        while created <= ALLOWANCE {
            match create(store, &random, false, NOW) {
                Ok(_) => created += 1,
                // Others were faster ten times.
                Err(SecretError::Store(StoreError::Unavailable)) => (),
                Err(SecretError::OverAllowance(_)) => break,
                Err(error) => panic!("{error}"),
            }
        }
        created
    };
    let created: u64 = thread::scope(|scope| {
        let stores = processes.stores.iter().cycle().take(2 * PROCESSES);
        let threads: Vec<_> = (2..)
            .zip(stores)
            .map(|(seed, store)| scope.spawn(move || attempts(seed, store)))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(created, ALLOWANCE);
    assert_eq!(processes.counts(NOW), (ALLOWANCE, ALLOWANCE));
}

#[test]
fn a_process_borrows_an_eighth_of_the_rest() {
    // allowance -> what one creation takes from the record of the account
    let cases = [
        (1, 1),
        (7, 1),
        (8, 1),
        (16, 2),
        (800, 100),
        (8000, 1000),
        (1_000_000, 1000),
        (u64::MAX, 1000),
    ];
    for (allowance, taken) in cases {
        let processes = Processes::new(allowance, 1);
        processes.create(0, NOW).unwrap();
        assert_eq!(processes.record().usage, taken, "{allowance}");
        assert_eq!(processes.counts(NOW), (1, 1));
    }
}

/// Two processes with shares of their own, of which the second one has borrowed 10.
fn with_borrowed(allowance: u64) -> Processes {
    let mut processes = Processes::new(allowance, 1);
    let key = |processes: &Processes, process: usize| -> Key {
        schema::account_share(ACCOUNT, processes.stores[process].process())
    };
    while key(&processes, 0) == key(&processes, 1) {
        processes.replace(1);
    }
    processes.create(1, NOW).unwrap();
    processes.create(0, NOW).unwrap();
    let share = processes.stores[0].get::<AccountShare>(&key(&processes, 1)).unwrap();
    assert_eq!(share.map(|share| share.left), Some(9));
    processes
}

#[test]
fn what_an_ended_process_has_borrowed_is_not_lost() {
    let mut processes = with_borrowed(80);
    processes.replace(1);
    let created = (0..1000).take_while(|_| processes.create(0, NOW).is_ok()).count();
    assert_eq!(created, 78);
    assert!(is_refused(&processes.create(1, NOW)) && is_refused(&processes.create(2, NOW)));
}

#[test]
fn a_lower_allowance_holds_at_once() {
    let processes = with_borrowed(80);
    processes.set_allowance(4);
    assert_eq!(processes.figures(0, NOW).secrets_usage, 2);
    assert_eq!(processes.use_up(NOW), 2);
    processes.set_allowance(1);
    assert!(is_refused(&processes.create(1, NOW)));
    processes.set_allowance(80);
    assert_eq!(processes.use_up(NOW), 76);
}

#[test]
fn what_was_borrowed_is_void_in_the_next_month() {
    let processes = with_borrowed(80);
    let next = NOW.plus(MONTH_SECONDS);
    assert_eq!(processes.counts(next), (2, 0));
    processes.create(0, next).unwrap();
    assert_eq!(processes.counts(next), (3, 1));
    // A process whose clock is behind uses what it has borrowed, and then counts in the new month.
    let created = (0..1000).take_while(|_| processes.create(1, NOW).is_ok()).count();
    assert_eq!(created, 9 + 79);
    assert_eq!(processes.counts(next), (3 + 88, 80));
    assert!(is_refused(&processes.create(0, next)));
}

/// What one process has counted before the store was shared.
#[test]
fn counts_of_a_single_process_go_on() {
    let processes = Processes::new(20, 1);
    let counts = AccountCounts {
        secrets_total: 4,
        month: NOW.month(),
        usage: 6,
        next_sequence: 9,
        requests_total: 2,
        next_request: 5,
    };
    let put = move |transaction: &mut Transaction<'_, '_>| {
        transaction.put(&schema::account_counts(ACCOUNT), &counts)
    };
    processes.stores[0].change(put).wait().unwrap();
    assert_eq!(processes.counts(NOW), (4, 6));
    assert_eq!(processes.create(1, NOW).unwrap().number.sequence, 9);
    assert_eq!(processes.counts(NOW), (5, 7));
    assert_eq!(processes.use_up(NOW), 13);
    let AccountCounts { requests_total, next_request, .. } = processes.record();
    assert_eq!((requests_total, next_request), (2, 5));
}

/// The only process of a store counts in one record, with numbers without gaps.
#[test]
fn the_only_process_has_no_share() {
    let disk = MemoryDisk::new(Sharing::Exclusive, 1);
    let (store, random) = (Store::in_memory(&disk).unwrap(), SeededRandom::new(1));
    operator::create_account(&store, "alice", 80, &random, NOW).unwrap();
    let created: Vec<SecretId> =
        (0..3).map(|_| create(&store, &random, false, NOW).unwrap()).collect();
    let sequences: Vec<u64> = created.iter().map(|id| id.number.sequence).collect();
    assert_eq!(sequences, [0, 1, 2]);
    store.change(secret::delete(ACCOUNT, created[1], NOW)).wait().unwrap();
    let counts = schema::account_counts(ACCOUNT);
    let keys: Vec<Key> = store.keys(&counts).map(Result::unwrap).collect();
    assert_eq!(keys, std::slice::from_ref(&counts));
    assert_eq!(store.keys(&schema::secrets_of_account(ACCOUNT)).count(), 0);
    let expected = AccountCounts {
        secrets_total: 2,
        month: NOW.month(),
        usage: 3,
        next_sequence: 3,
        ..AccountCounts::default()
    };
    assert_eq!(store.get::<AccountCounts>(&counts).unwrap(), Some(expected));
}

#[test]
fn a_deleted_account_leaves_no_counts() {
    let processes = Processes::new(20, 1);
    (0..PROCESSES).for_each(|process| assert!(processes.create(process, NOW).is_ok()));
    let store = &processes.stores[0];
    let counts = || {
        let prefixes = [schema::account_counts(ACCOUNT), schema::secrets_of_account(ACCOUNT)];
        prefixes.map(|prefix| store.keys(&prefix).count())
    };
    assert!(counts()[0] > 1 && counts()[1] == 1);
    assert_eq!(operator::delete_account(store, "alice", NOW).unwrap(), 3);
    assert_eq!(counts(), [0, 0]);
}

/// The numbers of the processes interleave.
#[test]
fn pages_have_what_exists_all_the_time_once() {
    let processes = Processes::new(1000, 1);
    let create = |at: usize| processes.create(at % PROCESSES, NOW).unwrap().number;
    let kept: BTreeSet<SecretNumber> = (0..150).map(create).collect();
    let (mut start, mut listed) = (PageStart::Offset(0), Vec::new());
    loop {
        let page = list(&processes.stores[0], ACCOUNT, start, NOW).unwrap();
        listed.extend(page.entries.iter().map(|entry| entry.number));
        let created: BTreeSet<SecretNumber> = (0..PROCESSES).map(create).collect();
        assert!(created.is_disjoint(&kept));
        match page.next {
            Some(last) => start = PageStart::After(last),
            None => break,
        }
    }
    let once: BTreeSet<SecretNumber> = listed.iter().copied().collect();
    assert_eq!(once.len(), listed.len());
    assert!(once.is_superset(&kept));
}
