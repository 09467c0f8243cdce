//! Random operations on the outbox and on webhooks, checked against a simple model. Each operation is one of
//! another process, if there are several.

use std::sync::Arc;

use proptest::prelude::*;

use super::{queue::MAX_AGE_SECONDS, *};
use crate::{
    crypto::SeededRandom,
    domain::{
        account::{api_key::AskedBy, find_account},
        notify::{
            event::WebhookEventKind,
            webhook::{self, WebhookUrl},
        },
        numbers::{OutboxNumber, SecretNumber},
        operator, schema,
    },
    store::{
        Store, Transaction,
        faulty::{ModelStore, over_engines},
    },
};

const START: u64 = 1_800_000_000;
const HOUR: u64 = 3600;
const LANES: [Lane; 2] = [Lane::Mail, Lane::Webhook];

#[derive(Clone, Debug)]
enum Operation {
    /// A mail to one of a few addresses, with a sealed part or without.
    Mail(u8, bool),
    /// An event of the account, which calls its webhooks.
    Event,
    AddWebhook,
    RemoveWebhook(Picked),
    Claim(Picked),
    Fail(Picked, Verdict),
    Deliver(Picked),
    Retry(Picked),
    Remove(Picked),
    GiveUpOld,
    SweepGivenUp,
    Wait(u64),
    Reopen,
}

#[derive(Clone, Copy, Debug)]
enum Verdict {
    Retry,
    Wait(u64),
    GiveUp,
}

type Picked = prop::sample::Index;

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let one = any::<Picked>;
    let verdict = prop_oneof![
        3 => Just(Verdict::Retry),
        1 => (0..2 * HOUR).prop_map(Verdict::Wait),
        1 => Just(Verdict::GiveUp),
    ];
    let wait = prop_oneof![
        3 => 1..400_u64,
        2 => Just(CLAIM_SECONDS),
        2 => Just(HOUR),
        1 => Just(MAX_AGE_SECONDS),
        1 => Just(7 * 24 * HOUR),
    ];
    let operation = prop_oneof![
        4 => (0..2_u8, any::<bool>()).prop_map(|(to, sealed)| Operation::Mail(to, sealed)),
        3 => Just(Operation::Event),
        2 => Just(Operation::AddWebhook),
        1 => one().prop_map(Operation::RemoveWebhook),
        7 => one().prop_map(Operation::Claim),
        6 => (one(), verdict).prop_map(|(which, verdict)| Operation::Fail(which, verdict)),
        2 => one().prop_map(Operation::Deliver),
        2 => one().prop_map(Operation::Retry),
        1 => one().prop_map(Operation::Remove),
        1 => Just(Operation::GiveUpOld),
        1 => Just(Operation::SweepGivenUp),
        5 => wait.prop_map(Operation::Wait),
        1 => Just(Operation::Reopen),
    ];
    prop::collection::vec(operation, 1..30)
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct ExpectedItem {
    number: OutboxNumber,
    lane: Lane,
    webhook: Option<WebhookNumber>,
    queued_at: u64,
    next_at: u64,
    attempts: u32,
    is_given_up: bool,
    is_sealed: bool,
    /// The process, and the end of its claim.
    claim: Option<(u64, u64)>,
}

impl ExpectedItem {
    fn is_claimed(&self, now: u64) -> bool {
        self.claim.is_some_and(|(_, until)| now < until)
    }

    fn is_old(&self, now: u64) -> bool {
        now >= self.queued_at + MAX_AGE_SECONDS
    }

    fn give_up(&mut self, now: u64) {
        (self.claim, self.is_sealed, self.is_given_up) = (None, false, true);
        self.next_at = now + 7 * 24 * HOUR;
        self.attempts += 1;
    }
}

struct World {
    home: ModelStore,
    account: AccountNumber,
    now: u64,
    /// In the order of their numbers.
    items: Vec<ExpectedItem>,
    /// The webhooks that were added, and whether they are there.
    webhooks: Vec<(WebhookNumber, bool)>,
    /// The address of each mail that was queued, and the time.
    sent: Vec<(u8, u64)>,
}

impl World {
    fn new(home: ModelStore) -> Self {
        let store = home.store();
        let now = UnixSeconds(START);
        operator::create_account(&store, "model", 10, &*home.random(), now).unwrap();
        let account = find_account(&store, "model").unwrap();
        let (items, webhooks, sent) = (Vec::new(), Vec::new(), Vec::new());
        Self { home, account, now: START, items, webhooks, sent }
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

    fn secret(&self) -> SecretId {
        let number = SecretNumber { account: self.account, sequence: 0 };
        SecretId { number, random: [7; 15] }
    }

    fn run(&mut self, operation: Operation) {
        if matches!(operation, Operation::Reopen) {
            return self.home.reopen();
        }
        let (store, now) = (self.store(), self.now());
        let len = self.items.len();
        let picked = |index: Picked| (len > 0).then(|| index.index(len));
        match operation {
            Operation::Mail(to, is_sealed) => self.mail(&store, to, is_sealed),
            Operation::Event => self.event(&store),
            Operation::AddWebhook => self.add_webhook(&store),
            Operation::RemoveWebhook(which) => {
                if !self.webhooks.is_empty() {
                    let at = which.index(self.webhooks.len());
                    let (number, is_there) = &mut self.webhooks[at];
                    let removed = webhook::remove(&store, *number, AskedBy::Operator);
                    assert_eq!(removed.is_ok(), std::mem::take(is_there));
                }
            }
            Operation::Claim(which) => {
                picked(which).into_iter().for_each(|at| self.claim(&store, at));
            }
            Operation::Fail(which, verdict) => {
                picked(which).into_iter().for_each(|at| self.fail(&store, at, verdict));
            }
            Operation::Deliver(which) => {
                if let Some(at) = picked(which) {
                    let item = self.items.remove(at);
                    store.change(delivered(item.number)).wait().unwrap();
                    let again = store.change(claim(item.number, store.process(), now)).wait();
                    assert!(matches!(again.ok(), Some(ClaimedItem::Gone)));
                }
            }
            Operation::Retry(which) => {
                if let Some(at) = picked(which) {
                    let item = &mut self.items[at];
                    let retried = store.change(retry(item.number, now)).wait().unwrap();
                    assert_eq!(retried, !item.is_given_up);
                    if retried && !item.is_claimed(now.0) {
                        item.next_at = now.0;
                    }
                }
            }
            Operation::Remove(which) => {
                if let Some(at) = picked(which) {
                    let item = self.items.remove(at);
                    assert!(store.change(remove(item.number)).wait().unwrap());
                    assert!(!store.change(remove(item.number)).wait().unwrap());
                }
            }
            Operation::GiveUpOld => self.give_up_old(&store),
            Operation::SweepGivenUp => {
                sweep_given_up(&store, now).unwrap();
                self.items.retain(|item| !item.is_given_up || now.0 < item.next_at);
            }
            Operation::Wait(seconds) => self.now += seconds,
            Operation::Reopen => unreachable!("done above"),
        }
        self.check();
    }

    fn mail(&mut self, store: &Store, to: u8, is_sealed: bool) {
        let sealed = SealedLinkHalf { password_part_public: "cHVibGlj".into() }.to_payload();
        let payload = is_sealed
            .then(|| store.seal(&*self.random(), SealedLinkHalf::CONTEXT, sealed).unwrap());
        let mail = NewMail {
            account: Some(self.account),
            to: Mailbox::new(&format!("{to}@example.org")).unwrap(),
            language: None,
            payload,
        };
        let (letter, now) = (Letter::Secret { secret: self.secret() }, self.now());
        let put = move |transaction: &mut Transaction<'_, '_>| {
            put_mail(transaction, &mail, letter.clone(), now)
        };
        let queued = store.change(put).wait();
        let is_counted = |sent: &&(u8, u64)| sent.0 == to && sent.1 + HOUR > now.0;
        if self.sent.iter().filter(is_counted).count() == MAX_PER_ADDRESS {
            assert!(matches!(queued, Err(OutboxError::TooMany { .. })));
            return;
        }
        queued.map_err(|error| error.to_string()).unwrap();
        self.sent.push((to, now.0));
        self.expect_new(store, &[(Lane::Mail, None)], is_sealed);
    }

    fn event(&mut self, store: &Store) {
        let (account, secret) = (self.account, self.secret());
        let kind = WebhookEventKind::SecretViewed;
        let event = WebhookEvent { kind, at: self.now(), secret, request: None };
        let queue = move |transaction: &mut Transaction<'_, '_>| {
            webhook::queue(transaction, account, &event)
        };
        store.change(queue).wait().unwrap();
        let live = self.webhooks.iter().filter(|(_, is_there)| *is_there);
        let expected: Vec<_> = live.map(|(number, _)| (Lane::Webhook, Some(*number))).collect();
        self.expect_new(store, &expected, false);
    }

    /// The items that a change has just queued.
    fn expect_new(
        &mut self,
        store: &Store,
        expected: &[(Lane, Option<WebhookNumber>)],
        is_sealed: bool,
    ) {
        let (all, _) = list(store, OutboxNumber(0), usize::MAX).unwrap();
        let is_known = |number| self.items.iter().any(|item| item.number == number);
        let new: Vec<OutboxNumber> =
            all.into_iter().map(|(number, _)| number).filter(|number| !is_known(*number)).collect();
        assert_eq!(new.len(), expected.len());
        for (number, (lane, webhook)) in new.into_iter().zip(expected) {
            self.items.push(ExpectedItem {
                number,
                lane: *lane,
                webhook: *webhook,
                queued_at: self.now,
                next_at: self.now,
                attempts: 0,
                is_given_up: false,
                is_sealed,
                claim: None,
            });
        }
        self.items.sort_by_key(|item| item.number);
    }

    fn add_webhook(&mut self, store: &Store) {
        let there = self.webhooks.iter().filter(|(_, is_there)| *is_there).count();
        if there == 3 {
            return;
        }
        let url = WebhookUrl::parse("https://example.org/hook", false).unwrap();
        let (random, now) = (self.random(), self.now());
        let added = webhook::add(store, self.account, &url, &[], AskedBy::Operator, &*random, now);
        let number = webhook::find(store, Some(self.account), &added.ok().unwrap().id).unwrap();
        self.webhooks.push((number, true));
    }

    fn claim(&mut self, store: &Store, at: usize) {
        let (now, process) = (self.now, store.process());
        let claimed = store.change(claim(self.items[at].number, process, self.now())).wait();
        let item = &mut self.items[at];
        if item.is_given_up {
            assert!(matches!(claimed.ok(), Some(ClaimedItem::Gone)));
            return;
        }
        if process != 0 && (item.is_claimed(now) || now < item.next_at) {
            assert!(matches!(claimed.ok(), Some(ClaimedItem::Elsewhere)));
            return;
        }
        let Ok(ClaimedItem::Ours(outgoing, payload)) = claimed else { panic!("it is free") };
        assert_eq!(outgoing.attempts, item.attempts);
        assert_eq!(payload.is_some(), item.is_sealed);
        if let Some(number) = item.webhook {
            let endpoint = store.change(webhook::fetch(number)).wait().unwrap();
            assert_eq!(endpoint.is_some(), self.webhooks.contains(&(number, true)));
        }
        if process != 0 {
            item.next_at = now + CLAIM_SECONDS;
            item.claim = Some((process, item.next_at));
        }
    }

    fn fail(&mut self, store: &Store, at: usize, verdict: Verdict) {
        let (now, process) = (self.now, store.process());
        let item = &mut self.items[at];
        // The only process attempts nothing that is given up.
        if process == 0 && item.is_given_up {
            return;
        }
        let wanted = match verdict {
            Verdict::Retry => FailureVerdict::Retry,
            Verdict::Wait(seconds) => FailureVerdict::Wait(UnixSeconds(now + seconds)),
            Verdict::GiveUp => FailureVerdict::GiveUp,
        };
        let attempt = FailureOf::Attempt(process);
        let at = UnixSeconds(now);
        let outcome = store.change(failed(item.number, attempt, ("no", wanted), at, at)).wait();
        let outcome = outcome.unwrap();
        if process != 0 && item.claim.is_none_or(|(holder, _)| holder != process) {
            assert_eq!(outcome, None, "another process has the item");
            return;
        }
        let expected = if item.is_old(now) { FailureVerdict::GiveUp } else { wanted };
        assert_eq!(outcome, Some(expected));
        let ends = item.queued_at + MAX_AGE_SECONDS;
        item.claim = None;
        match expected {
            FailureVerdict::Retry => {
                item.next_at = (now + (60 << item.attempts).min(4 * HOUR)).min(ends);
                item.attempts += 1;
            }
            FailureVerdict::Wait(until) => item.next_at = until.0.min(ends),
            FailureVerdict::GiveUp => item.give_up(now),
        }
    }

    fn give_up_old(&mut self, store: &Store) {
        let now = self.now();
        for lane in LANES {
            let old = overdue(store, lane, now, 100);
            let is_meant = |item: &&mut ExpectedItem| {
                let is_waiting = item.lane == lane && !item.is_given_up;
                is_waiting && item.is_old(now.0) && !item.is_claimed(now.0)
            };
            let mut expected = self.items.iter_mut().filter(is_meant);
            for number in old {
                let item = expected.next().unwrap();
                assert_eq!(item.number, number);
                let error = ("too old", FailureVerdict::GiveUp);
                let failed = failed(number, FailureOf::Age, error, now, now);
                assert!(store.change(failed).wait().unwrap().is_some());
                item.give_up(now.0);
            }
            assert!(expected.next().is_none());
        }
    }

    fn check(&self) {
        let (store, now) = (self.store(), self.now);
        let (all, _) = list(&store, OutboxNumber(0), usize::MAX).unwrap();
        let found: Vec<_> = all
            .into_iter()
            .map(|(number, item)| (number, item.next_at.0, item.attempts, item.is_given_up))
            .collect();
        let expected: Vec<_> = self
            .items
            .iter()
            .map(|item| (item.number, item.next_at, item.attempts, item.is_given_up))
            .collect();
        assert_eq!(found, expected);
        for lane in LANES {
            let waiting = self.items.iter().filter(|item| item.lane == lane && !item.is_given_up);
            let mut waiting: Vec<_> = waiting.map(|item| (item.next_at, item.number)).collect();
            waiting.sort();
            let later = waiting.iter().find(|(at, _)| *at > now).map(|(at, _)| UnixSeconds(*at));
            let due_now = waiting.iter().filter(|(at, _)| *at <= now).map(|(_, number)| *number);
            let expected = (due_now.collect::<Vec<_>>(), later);
            assert_eq!(due(&store, lane, self.now(), 100, |_| false).unwrap(), expected);
        }
    }
}

fn check(operations: Vec<Operation>, home: ModelStore) {
    let mut world = World::new(home);
    operations.into_iter().for_each(|operation| world.run(operation));
    world.home.reopen();
    // Each item has a key for its record, and perhaps one for its sealed part.
    let items = world.items.iter().map(|item| 1 + usize::from(item.is_sealed));
    let webhooks = world.webhooks.iter().filter(|(_, is_there)| *is_there).count();
    let names = schema::address_keys().map(|key| world.store().keys(&key).count());
    let others = webhooks + names.iter().sum::<usize>();
    assert_eq!(world.home.keys_and_files(), (items.sum::<usize>() + others, 0));
}

over_engines!(operations(), check);
