//! Random operations on secrets, checked against a simple model.

pub(crate) mod attachments;
pub(crate) mod changes;
pub(crate) mod expected;

use std::{cmp::Reverse, collections::BTreeSet, net::IpAddr, num::NonZeroU8, sync::Arc};

use proptest::prelude::*;

use self::expected::{BY_KEY, Expected};
use super::{
    MessageShown, NewSecret, SecretError, attachment,
    event::SecretEventKind,
    gaps,
    lease::LEASE_SECONDS,
    list::{SecretPage, list},
    viewing::{self, Proofs},
};
use crate::{
    clock::UnixSeconds,
    crypto::{SeededRandom, random_array},
    domain::{
        account::display_name::{DisplayName, set_display_name},
        lifetime::{Lifetime, LifetimeRules},
        numbers::{AccountNumber, LeaseToken, SecretId, SecretNumber},
        operator,
        page::PageStart,
        schema, secret,
        sweep::sweep,
        text::Text,
        view::View,
    },
    store::{
        Key, MAX_INLINE_BYTES, Scan, Store, StoreError, Transaction,
        faulty::{MemoryDisk, ModelEngine, ModelStore, Sharing, over_engines},
    },
};

/// 2026-11-02T00:00:00Z, so that no run of operations leaves the month.
const START: u64 = 1_793_577_600;
const HOUR: u64 = 3600;
const KEEP_LOG: u64 = 3 * HOUR;
const FIRST_PAGE: PageStart<SecretNumber> = PageStart::Offset(0);

#[derive(Clone, Debug)]
enum Operation {
    Create { large: bool, max_views: u8, hours: u64, message: bool, attachments: u8 },
    Upload(prop::sample::Index, u64),
    Fetch(prop::sample::Index, u8, u8),
    DropDraft(prop::sample::Index),
    View(prop::sample::Index),
    Lease(prop::sample::Index, u8),
    Burn(prop::sample::Index, u8),
    Look(prop::sample::Index),
    TryAfter(prop::sample::Index),
    Delete(prop::sample::Index),
    Change(prop::sample::Index, changes::Wanted),
    Wait { seconds: u64 },
    Sweep,
    Reopen,
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let attachments = prop_oneof![3 => Just(0), 2 => 1..3_u8];
    let create = (any::<bool>(), 1..4_u8, 0..4_u64, any::<bool>(), attachments).prop_map(
        |(large, max_views, hours, message, attachments)| Operation::Create {
            large,
            max_views,
            hours,
            message,
            attachments,
        },
    );
    let bytes = prop_oneof![0..100_u64, Just(65_559), Just(u64::MAX), Just(u64::MAX)];
    let operation = prop_oneof![
        6 => create,
        6 => any::<prop::sample::Index>().prop_map(Operation::View),
        12 => (any::<prop::sample::Index>(), 0..4_u8).prop_map(|(i, n)| Operation::Lease(i, n)),
        4 => (any::<prop::sample::Index>(), 0..4_u8).prop_map(|(i, n)| Operation::Burn(i, n)),
        2 => any::<prop::sample::Index>().prop_map(Operation::Look),
        2 => any::<prop::sample::Index>().prop_map(Operation::TryAfter),
        2 => any::<prop::sample::Index>().prop_map(Operation::Delete),
        6 => (any::<prop::sample::Index>(), changes::wanted()).prop_map(|(i, w)| Operation::Change(i, w)),
        3 => (0..200_u64).prop_map(|minutes| Operation::Wait { seconds: minutes * 60 }),
        3 => (0..90_u64).prop_map(|seconds| Operation::Wait { seconds }),
        4 => Just(Operation::Sweep),
        8 => (any::<prop::sample::Index>(), bytes).prop_map(|(i, n)| Operation::Upload(i, n)),
        6 => (any::<prop::sample::Index>(), 0..4_u8, 1..3_u8)
            .prop_map(|(i, holder, n)| Operation::Fetch(i, holder, n)),
        1 => any::<prop::sample::Index>().prop_map(Operation::DropDraft),
        1 => Just(Operation::Reopen),
    ];
    prop::collection::vec(operation, 1..60)
}

fn token(holder: u8) -> LeaseToken {
    LeaseToken::new(&format!("the token of lease holder {holder}").replace(' ', "-")).unwrap()
}

fn late_try(
    id: SecretId,
    visitor: View,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<bool, StoreError> + Send + 'static {
    let (at, what) = (visitor.at, viewing::Visit::WithKey);
    viewing::tried_after(vec![viewing::LateTry { id, visitor, what }], 0, at, KEEP_LOG)
}

struct World {
    home: ModelStore,
    account: AccountNumber,
    now: u64,
    secrets: Vec<Expected>,
}

impl World {
    fn new() -> Self {
        Self::over(ModelStore::in_directory(0))
    }

    fn over(home: ModelStore) -> Self {
        let (store, random) = (home.store(), home.random());
        let start = UnixSeconds(START);
        operator::create_account(&store, "model", 1000, &*random, start).unwrap();
        let account = store.get(&schema::account_name("model")).unwrap().unwrap();
        Self { home, account, now: START, secrets: Vec::new() }
    }

    fn store(&self) -> Store {
        self.home.store()
    }

    fn random(&self) -> Arc<SeededRandom> {
        self.home.random()
    }

    fn now(&self) -> UnixSeconds {
        UnixSeconds(self.now)
    }

    fn run(&mut self, operation: Operation) {
        match operation {
            Operation::Create { large, max_views, hours, message, attachments } => {
                self.create((large, max_views, hours, message), attachments);
            }
            Operation::View(_)
            | Operation::Lease(..)
            | Operation::Burn(..)
            | Operation::Look(_)
            | Operation::TryAfter(_)
            | Operation::Delete(_)
            | Operation::Change(..)
            | Operation::Upload(..)
            | Operation::Fetch(..)
            | Operation::DropDraft(_)
                if self.secrets.is_empty() => {}
            Operation::View(index) => self.view(index.index(self.secrets.len())),
            Operation::Lease(index, holder) => self.lease(index.index(self.secrets.len()), holder),
            Operation::Burn(index, holder) => self.burn(index.index(self.secrets.len()), holder),
            Operation::Look(index) => self.look(index.index(self.secrets.len())),
            Operation::TryAfter(index) => self.try_after(index.index(self.secrets.len())),
            Operation::Delete(index) => self.delete(index.index(self.secrets.len())),
            Operation::Change(index, wanted) => {
                self.change(index.index(self.secrets.len()), wanted);
            }
            Operation::Upload(index, bytes) => {
                self.upload(index.index(self.secrets.len()), bytes);
            }
            Operation::Fetch(index, holder, n) => {
                self.fetch(index.index(self.secrets.len()), holder, n);
            }
            Operation::DropDraft(index) => self.drop_draft(index.index(self.secrets.len())),
            Operation::Wait { seconds } => self.now += seconds,
            Operation::Sweep => {
                sweep(&self.store(), self.now(), KEEP_LOG).unwrap();
                let now = self.now;
                self.secrets.iter_mut().for_each(|secret| secret.sweep(now));
            }
            Operation::Reopen => self.home.reopen(),
        }
        self.check_list();
    }

    fn create(
        &mut self,
        (large, max_views, hours, message): (bool, u8, u64, bool),
        attachments: u8,
    ) {
        let count = self.secrets.len();
        let mut text = format!("secret {count}").into_bytes();
        text.resize(if large { MAX_INLINE_BYTES + 1 } else { 100 }, b'.');
        let message = message.then(|| format!("message {count}"));
        let random: [u8; 15] = random_array(&*self.random());
        let rules = LifetimeRules { min: 1, max: 350, default: 0 };
        let new = NewSecret {
            random,
            payload: self.store().seal(&*self.random(), &random, text.clone()).unwrap(),
            description: Text::new("ö".repeat(Text::MAX_CHARS)),
            message: message.clone().and_then(Text::new),
            message_shown: MessageShown::With,
            is_from_owner: true,
            lifetime: Lifetime::new(Some(hours), rules).unwrap(),
            view_button: false,
            captcha: false,
            password: None,
            max_views: NonZeroU8::new(max_views).unwrap(),
            attachments: attachments::new(attachments),
            reply_key: None,
        };
        let create = secret::create(self.account, new, self.now());
        let (number, secret, metadata) = self.store().change(create).wait().unwrap();
        self.secrets.push(Expected {
            id: secret.id(number),
            text,
            message,
            max_views,
            views: Vec::new(),
            leases: Vec::new(),
            seen_by: BTreeSet::new(),
            events: Vec::new(),
            expires_at: (hours > 0 && attachments == 0).then(|| self.now + hours * HOUR),
            gone_at: None,
            listed: true,
            received: vec![0; attachments.into()],
            draft_until: (attachments > 0).then(|| self.now + HOUR),
            hours,
            fetched: BTreeSet::new(),
        });
        assert_eq!(metadata.secrets_usage, self.usage());
    }

    fn view(&mut self, index: usize) {
        let (view, expected) = (self.visitor(index), &self.secrets[index]);
        let lease = token(BY_KEY);
        let change =
            secret::viewing::view(self.account, expected.id, view.clone(), None, lease, KEEP_LOG);
        let outcome = self.store().change(change).wait();
        let now = self.now;
        let expected = &mut self.secrets[index];
        if !expected.is_live(now) {
            assert!(matches!(outcome, Err(SecretError::NotFound)), "a view succeeds after the end");
            return;
        }
        let viewed = outcome.unwrap().unwrap();
        assert_eq!(viewed.message, expected.message);
        let opened = viewed.payload.open(&expected.id.random).unwrap();
        assert!(opened.expose_secret() == expected.text);
        if !expected.received.is_empty() {
            let end = expected.lease_end(now);
            assert_eq!(viewed.lease_ends.map(|end| end.0), Some(end));
            // The token is always the same here, so the last end is the end of its lease.
            expected.leases.retain(|(holder, _)| *holder != BY_KEY);
            expected.leases.push((BY_KEY, end));
            expected.fetched.retain(|(holder, _)| *holder != BY_KEY);
        }
        expected.spend(view, BY_KEY);
    }

    fn visitor(&self, index: usize) -> View {
        let views = u8::try_from(self.secrets[index].views.len()).unwrap();
        View::new(self.now(), Some(IpAddr::from([192, 0, 2, views])), Some("a browser"))
    }

    fn lease(&mut self, index: usize, holder: u8) {
        let (view, id) = (self.visitor(index), self.secrets[index].id);
        let proofs = Proofs::default();
        let change = viewing::view_with_lease(id, view.clone(), token(holder), proofs, KEEP_LOG);
        let outcome = self.store().change(change).wait();
        let now = self.now;
        let expected = &mut self.secrets[index];
        let known = expected.lease(holder).map(|(_, end)| *end);
        let is_shown = match known {
            Some(end) => expected.has_payload(now) && now < end,
            None => expected.is_live(now),
        };
        if !is_shown {
            assert!(
                matches!(outcome, Err(SecretError::NotFound)),
                "a lease shows the payload after the end"
            );
            return;
        }
        let leased = outcome.unwrap().unwrap();
        assert_eq!(leased.message, expected.message);
        let opened = leased.payload.open(&expected.id.random).unwrap();
        assert!(opened.expose_secret() == expected.text);
        let end = known.unwrap_or_else(|| {
            let end = expected.lease_end(now);
            expected.leases.push((holder, end));
            expected.spend(view, holder);
            end
        });
        assert_eq!(leased.ends_at.0, end);
        assert!(expected.seen_by.len() <= usize::from(expected.max_views));
    }

    fn burn(&mut self, index: usize, holder: u8) {
        let (visitor, id) = (self.visitor(index), self.secrets[index].id);
        let outcome =
            self.store().change(viewing::burn(id, visitor, token(holder), KEEP_LOG)).wait();
        let now = self.now;
        let expected = &mut self.secrets[index];
        let has_payload = expected.has_payload(now);
        let lease = expected.lease(holder).filter(|(_, end)| has_payload && now < *end);
        assert_eq!(outcome.is_ok(), lease.is_some());
        let Some((_, end)) = lease else { return };
        *end = now;
        if expected.is_used_up() {
            expected.gone_at = Some(now);
            expected.events.push((SecretEventKind::Burned, now));
        }
    }

    fn look(&mut self, index: usize) {
        let (visitor, id) = (self.visitor(index), self.secrets[index].id);
        let outcome = self.store().change(viewing::look(id, visitor)).wait();
        let now = self.now;
        let expected = &mut self.secrets[index];
        assert_eq!(outcome.is_ok(), expected.is_live(now));
        if outcome.is_ok() {
            expected.events.push((SecretEventKind::Opened, now));
        }
    }

    fn try_after(&mut self, index: usize) {
        let (visitor, id) = (self.visitor(index), self.secrets[index].id);
        let outcome = self.store().change(late_try(id, visitor)).wait();
        let now = self.now;
        let expected = &mut self.secrets[index];
        let is_late = expected.listed && !expected.is_live(now) && expected.draft_until.is_none();
        assert_eq!(outcome.unwrap(), is_late);
        if is_late {
            expected.end_leases(now);
            expected.events.push((SecretEventKind::TriedAfter, now));
        }
    }

    fn delete(&mut self, index: usize) {
        let id = self.secrets[index].id;
        let outcome = self.store().change(secret::delete(self.account, id, self.now())).wait();
        let listed = std::mem::replace(&mut self.secrets[index].listed, false);
        assert_eq!(outcome.is_ok(), listed);
    }

    fn check_list(&self) {
        self.check_dues();
        let store = self.store();
        let page = list(&store, self.account, FIRST_PAGE, self.now()).unwrap();
        let SecretPage { entries: listed, metadata, .. } = page;
        let mut expected: Vec<&Expected> =
            self.secrets.iter().rev().filter(|secret| secret.listed).collect();
        if store.process() != 0 {
            // The numbers of several processes interleave.
            expected.sort_by_key(|secret| Reverse(secret.id.number));
        }
        if store.process() == 0 {
            let account = self.account;
            let exact = store.change(move |transaction| gaps::is_exact(transaction, account));
            assert!(exact.wait().unwrap());
        }
        assert_eq!(metadata.secrets_total, expected.len() as u64);
        assert_eq!(metadata.secrets_usage, self.usage());
        assert_eq!(listed.len(), expected.len());
        for (listed, expected) in listed.iter().zip(expected) {
            assert_eq!(listed.secret.id(listed.number), expected.id);
            assert_eq!(listed.views, expected.views);
            let events: Vec<_> =
                listed.events.iter().map(|event| (event.kind, event.at.0)).collect();
            assert_eq!(events, expected.events);
            assert_eq!(usize::from(listed.secret.view_times), expected.views.len());
            assert_eq!(listed.message, expected.message);
            assert_eq!(listed.secret.is_live(self.now()), expected.is_live(self.now));
        }
    }

    /// Checks that the disk holds the keys and files of live secrets and no others.
    fn check_files(&self) {
        let there = |secret: &&Expected| secret.listed && secret.gone_at.is_none();
        let live: Vec<&Expected> = self.secrets.iter().filter(there).collect();
        let large = live.iter().filter(|secret| secret.text.len() > MAX_INLINE_BYTES).count();
        let (mut keys, files) = self.expected_attachments();
        // The texts, views and events of a secret are sealed under one key as long as the secret is listed.
        keys += self.secrets.iter().filter(|secret| secret.listed).count();
        keys += self.store().keys(&attachments::keys_of_drafts(self.account)).count();
        // The count of late attempts gets a new key with each.
        keys += self.store().keys(&schema::late_tries(0)).count();
        assert_eq!(self.home.keys_and_files(), (live.len() + keys, large + files));
    }
}

fn check(operations: Vec<Operation>, home: ModelStore) {
    let mut world = World::over(home);
    for operation in operations {
        world.run(operation);
    }
    world.run(Operation::Reopen);
    world.check_files();

    let name = DisplayName::new("A Model").unwrap();
    set_display_name(&world.store(), world.account, Some(name)).unwrap();
    let live = world.secrets.iter().filter(|secret| secret.is_live(world.now)).count() as u64;
    let deleted = operator::delete_account(&world.store(), "model", world.now()).unwrap();
    let counts = world.store().scan_keys(&Scan::of(&schema::all_gaps(world.account))).unwrap();
    assert!(counts.is_empty());
    assert_eq!(deleted, live);
    world.secrets.clear();
    world.home.reopen();
    world.check_files();
    assert_eq!(attachment::stored_bytes(&world.store()).unwrap(), 0);
    for records in [
        schema::secrets,
        schema::display_name,
        keys_of_events,
        keys_of_leases,
        attachments::keys_of_drafts,
    ] {
        assert_eq!(world.store().keys(&records(world.account)).count(), 0);
    }
}

over_engines!(operations(), check);

fn keys_of_events(_: AccountNumber) -> Key {
    Key::new(b'h')
}

fn keys_of_leases(_: AccountNumber) -> Key {
    Key::new(b'l')
}

/// The state after a crash in a last view or a deletion: the key is wiped and the record exists.
#[test]
fn a_secret_whose_burning_was_interrupted_leaves_the_list_in_time() {
    for hours in [0, 1] {
        let mut world = World::new();
        world.create((false, 1, hours, false), 0);
        let id = world.secrets[0].id;
        let key = schema::secret(id.number);
        world.store().change(move |transaction| transaction.burn(&key)).wait().unwrap();
        let view = View::new(world.now(), None, None);
        let viewed = secret::viewing::view(world.account, id, view, None, token(0), KEEP_LOG);
        assert!(world.store().change(viewed).wait().unwrap().is_none());
        world.now += KEEP_LOG;
        sweep(&world.store(), world.now(), KEEP_LOG).unwrap();
        let page = list(&world.store(), world.account, FIRST_PAGE, world.now()).unwrap();
        let SecretPage { entries: listed, metadata, .. } = page;
        assert_eq!((listed.len(), metadata.secrets_total), (0, 0), "{hours} hours");
    }
}

/// The state after a crash in a burn during a lease: no lease shows the payload, and the log tells why.
#[test]
fn a_lease_whose_burning_was_interrupted_shows_nothing() {
    let mut world = World::new();
    world.create((false, 1, 0, false), 0);
    world.lease(0, 1);
    let (id, visitor) = (world.secrets[0].id, world.visitor(0));
    let key = schema::secret(id.number);
    world.store().change(move |transaction| transaction.burn(&key)).wait().unwrap();
    let again = viewing::view_with_lease(id, visitor, token(1), Proofs::default(), KEEP_LOG);
    assert!(world.store().change(again).wait().unwrap().is_none());
    world.now += KEEP_LOG;
    sweep(&world.store(), world.now(), KEEP_LOG).unwrap();
    assert!(
        list(&world.store(), world.account, FIRST_PAGE, world.now()).unwrap().entries.is_empty()
    );
}

#[test]
fn fifty_events_of_a_kind_are_kept() {
    let mut world = World::new();
    world.create((false, 1, 0, false), 0);
    for seconds in 0..60 {
        world.now = START + seconds;
        let look = viewing::look(world.secrets[0].id, world.visitor(0));
        world.store().change(look).wait().unwrap();
    }
    world.lease(0, 1);
    for _ in 0..60 {
        let try_after = late_try(world.secrets[0].id, world.visitor(0));
        world.store().change(try_after).wait().unwrap();
    }
    let listed = list(&world.store(), world.account, FIRST_PAGE, world.now()).unwrap().entries;
    let kinds: Vec<_> = listed[0].events.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [[SecretEventKind::Opened; 50], [SecretEventKind::TriedAfter; 50]].concat());
    let last = listed[0].events.get(49).map(|event| event.at.0);
    assert_eq!(last, Some(START + 49), "the first events are kept");
}

/// Three processes deliver a secret exactly as often as promised, whatever they do at the same time.
#[test]
fn processes_share_the_views_of_a_secret() {
    const VIEWS: u8 = 5;
    for seed in 0..40 {
        let home = ModelEngine::Restless.store(seed);
        let mut world = World::over(home);
        world.create((false, VIEWS, 0, false), 0);
        let (account, id) = (world.account, world.secrets[0].id);
        let viewers: Vec<_> = (0..16)
            .map(|viewer| {
                let store = world.store();
                std::thread::spawn(move || {
                    let view = View::new(UnixSeconds(START), None, None);
                    let change = viewing::view(account, id, view, None, token(viewer), KEEP_LOG);
                    store.change(change).wait().is_ok_and(|viewed| viewed.is_some())
                })
            })
            .collect();
        let delivered: Vec<bool> =
            viewers.into_iter().map(|viewer| viewer.join().unwrap()).collect();
        let delivered = delivered.into_iter().filter(|is_delivered| *is_delivered).count();
        assert_eq!(delivered, usize::from(VIEWS), "seed {seed}");
    }
}

#[test]
fn a_page_of_secrets_takes_a_handful_of_reads() {
    let disk = MemoryDisk::new(Sharing::Exclusive, 1);
    let mut world = World::over(ModelStore::in_memory(disk.clone(), 1, 1));
    for _ in 0..50 {
        world.create((false, 3, 0, true), 0);
    }
    for index in 0..50 {
        world.look(index);
        world.view(index);
    }
    let before = disk.reads();
    let page = list(&world.store(), world.account, FIRST_PAGE, world.now()).unwrap();
    assert_eq!(page.entries.len(), 50);
    assert!(page.entries.iter().all(|entry| entry.views.len() == 1 && entry.events.len() == 1));
    assert!(disk.reads() - before <= 10, "{} reads", disk.reads() - before);
}
