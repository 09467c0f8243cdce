//! The outbox with a real store and a simulated clock.

use super::*;
use crate::{
    crypto::SystemRandom,
    domain::{
        numbers::{OutboxNumber, SecretNumber},
        schema,
    },
    store::{Key, Store, Transaction},
};

const NOW: UnixSeconds = UnixSeconds(1_000_000);
const HOUR: u64 = 3600;

fn counter(number: OutboxNumber) -> u64 {
    number.0 % 1_000_000
}

struct World {
    store: Store,
    _dir: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { store: Store::open(dir.path(), 8 << 20).unwrap(), _dir: dir }
    }

    fn mail(&self, account: Option<u32>, to: &str, now: UnixSeconds) -> Result<(), OutboxError> {
        let sealed = SealedLinkHalf { password_part_public: "cHVibGlj".into() };
        let payload =
            self.store.seal(&SystemRandom, SealedLinkHalf::CONTEXT, sealed.to_payload()).unwrap();
        let mail = NewMail {
            account: account.and_then(AccountNumber::new),
            to: Mailbox::new(to).unwrap(),
            language: None,
            payload: Some(payload),
        };
        let number = SecretNumber { account: AccountNumber::NOBODY, sequence: 0 };
        let letter = Letter::Secret { secret: SecretId { number, random: [0; 15] } };
        let put = move |transaction: &mut Transaction<'_, '_>| {
            put_mail(transaction, &mail, letter.clone(), now)
        };
        self.store.change(put).wait()
    }

    fn call(&self, now: UnixSeconds) {
        let account = AccountNumber::new(1).unwrap();
        let number = SecretNumber { account, sequence: 0 };
        let content = OutgoingContent::Webhook {
            webhook: WebhookNumber { account, sequence: 0 },
            event: WebhookEvent {
                kind: crate::domain::notify::event::WebhookEventKind::SecretViewed,
                at: now,
                secret: SecretId { number, random: [0; 15] },
                request: None,
            },
        };
        let put = move |transaction: &mut crate::store::Transaction<'_, '_>| {
            queue::put(transaction, Some(account), content.clone(), None, now)
        };
        self.store.change(put).wait().unwrap();
    }

    /// The counters in the numbers of due items.
    fn due(&self, lane: Lane, now: UnixSeconds) -> Vec<u64> {
        let (due, _) = due(&self.store, lane, now, 100, |_| false).unwrap();
        due.into_iter().map(counter).collect()
    }

    /// The number of the item with this counter.
    fn number(&self, item: u64) -> OutboxNumber {
        let (all, _) = list(&self.store, OutboxNumber(0), usize::MAX).unwrap();
        let mut numbers = all.into_iter().map(|(number, _)| number);
        numbers.find(|number| counter(*number) == item).unwrap_or(OutboxNumber(item))
    }

    fn fail(&self, number: u64, verdict: FailureVerdict, now: UnixSeconds) -> FailureVerdict {
        let attempt = FailureOf::Attempt(self.store.process());
        let failed = failed(self.number(number), attempt, ("no\r\nway", verdict), now, now);
        self.store.change(failed).wait().unwrap().unwrap_or(FailureVerdict::GiveUp)
    }

    fn entry(&self, number: u64) -> Option<Outgoing> {
        self.store.get(&schema::outgoing(self.number(number))).unwrap()
    }

    fn has_payload(&self, number: u64) -> bool {
        let key = schema::outgoing(self.number(number));
        self.store.change(move |transaction| transaction.payload(&key)).wait().unwrap().is_some()
    }

    /// The number of keys of the outbox: items, and their entries in the index.
    fn keys(&self) -> (usize, usize) {
        let count = |key: Key| self.store.keys(&key).count();
        (count(schema::outgoings()), count(Key::new(b'i')))
    }
}

#[test]
fn pauses_grow_to_four_hours_and_the_last_try_is_after_a_day() {
    let world = World::new();
    world.mail(None, "a@example.org", NOW).unwrap();
    let (mut now, mut pauses) = (NOW, Vec::new());
    loop {
        assert_eq!(world.due(Lane::Mail, now), [0]);
        let verdict = world.fail(0, FailureVerdict::Retry, now);
        let entry = world.entry(0).unwrap();
        assert_eq!(entry.last_error.as_deref(), Some("noway"), "no control characters");
        if verdict == FailureVerdict::GiveUp {
            assert!(entry.is_given_up);
            break;
        }
        assert!(world.has_payload(0));
        let next = due(&world.store, Lane::Mail, now, 100, |_| false).unwrap();
        assert_eq!(next, (Vec::new(), Some(entry.next_at)));
        pauses.push(entry.next_at.0 - now.0);
        now = entry.next_at;
    }
    assert_eq!(now, NOW.plus(24 * HOUR), "the last attempt");
    assert_eq!(pauses[..8], [60, 120, 240, 480, 960, 1920, 3840, 7680]);
    assert!(pauses[8..pauses.len() - 1].iter().all(|pause| *pause == 4 * HOUR), "{pauses:?}");
    assert_eq!(pauses.iter().sum::<u64>(), 24 * HOUR);
    assert!(!world.has_payload(0), "burned");
    assert_eq!(world.keys(), (1, 1));
}

#[test]
fn what_is_given_up_is_burned_and_leaves_the_list_after_a_week() {
    let world = World::new();
    world.mail(None, "a@example.org", NOW).unwrap();
    world.mail(None, "b@example.org", NOW).unwrap();
    assert!(world.has_payload(0));
    assert_eq!(world.fail(0, FailureVerdict::GiveUp, NOW), FailureVerdict::GiveUp);
    assert!(!world.has_payload(0));
    assert_eq!(world.due(Lane::Mail, NOW.plus(99 * HOUR)), [1]);
    let found = world.store.change(claim(world.number(0), 0, NOW)).wait().unwrap();
    assert!(matches!(found, ClaimedItem::Gone), "no further attempt is due");
    assert!(!world.store.change(retry(world.number(0), NOW)).wait().unwrap());

    let week = NOW.plus(7 * 24 * HOUR);
    sweep_given_up(&world.store, UnixSeconds(week.0 - 1)).unwrap();
    assert!(world.entry(0).is_some());
    // What cannot be read any more is deleted as well.
    let unreadable = schema::outgoing_due(Lane::GivenUp, NOW, OutboxNumber(7));
    let put =
        move |transaction: &mut Transaction<'_, '_>| transaction.put(&unreadable, &queue::DueOut);
    world.store.change(put).wait().unwrap();
    sweep_given_up(&world.store, week).unwrap();
    assert!(world.entry(0).is_none() && world.entry(1).is_some());
    assert_eq!(world.keys(), (1, 1));
}

#[test]
fn what_is_longest_due_comes_first_and_lanes_are_apart() {
    let world = World::new();
    world.mail(None, "a@example.org", NOW.plus(5)).unwrap();
    world.mail(None, "b@example.org", NOW).unwrap();
    world.call(NOW);
    world.mail(None, "c@example.org", NOW).unwrap();
    assert_eq!(world.due(Lane::Mail, NOW), [1, 3]);
    assert_eq!(world.due(Lane::Mail, NOW.plus(5)), [1, 3, 0]);
    assert_eq!(world.due(Lane::Webhook, NOW), [2]);
    let limited =
        due(&world.store, Lane::Mail, NOW.plus(5), 2, |number| counter(number) == 1).unwrap();
    assert_eq!(limited, (vec![world.number(3), world.number(0)], None));
    world.fail(1, FailureVerdict::Retry, NOW);
    assert_eq!(world.due(Lane::Mail, NOW.plus(60)), [3, 0, 1]);
    assert!(world.store.change(retry(world.number(1), NOW)).wait().unwrap());
    assert_eq!(world.due(Lane::Mail, NOW), [1, 3]);
    let (listed, _) = list(&world.store, world.number(1), 2).unwrap();
    assert_eq!(listed.iter().map(|(number, _)| counter(*number)).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn what_is_delivered_or_dropped_is_gone() {
    let world = World::new();
    for to in ["a@example.org", "b@example.org"] {
        world.mail(None, to, NOW).unwrap();
    }
    let second = world.number(1);
    world.store.change(delivered(world.number(0))).wait().unwrap();
    assert!(world.store.change(remove(second)).wait().unwrap());
    assert!(!world.store.change(remove(second)).wait().unwrap());
    assert_eq!(world.keys(), (0, 0));
    assert_eq!(
        world.fail(0, FailureVerdict::Retry, NOW),
        FailureVerdict::GiveUp,
        "the item does not exist"
    );
    assert_eq!(world.keys(), (0, 0));
    // Numbers are not used again, because names derived from them are permanent.
    world.mail(None, "c@example.org", NOW).unwrap();
    assert!(world.entry(2).is_some());
}

#[test]
fn what_is_too_old_is_found() {
    let world = World::new();
    for (to, at) in
        [("a@example.org", NOW), ("b@example.org", NOW), ("c@example.org", NOW.plus(10))]
    {
        world.mail(None, to, at).unwrap();
    }
    world.call(NOW);
    world.fail(1, FailureVerdict::Retry, NOW);
    let old = |now| overdue(&world.store, Lane::Mail, now, 10);
    assert_eq!(old(UnixSeconds(NOW.0 + 24 * HOUR - 1)), []);
    assert_eq!(old(NOW.plus(24 * HOUR)), [0, 1].map(|item| world.number(item)));
    assert_eq!(overdue(&world.store, Lane::Mail, NOW.plus(25 * HOUR), 1).len(), 1);
}

/// Earlier versions have numbered items from 0 on.
#[test]
fn items_with_small_numbers_are_the_oldest() {
    let world = World::new();
    world.mail(None, "a@example.org", NOW).unwrap();
    let mut old = world.entry(0).unwrap();
    old.queued_at = UnixSeconds(NOW.0 - HOUR);
    let number = OutboxNumber(999_999);
    let put = move |transaction: &mut Transaction<'_, '_>| {
        let due = schema::outgoing_due(Lane::Mail, old.next_at, number);
        transaction.put(&due, &schema::Due)?;
        transaction.put(&schema::outgoing(number), &old)
    };
    world.store.change(put).wait().unwrap();
    world.call(NOW);
    let (listed, _) = list(&world.store, OutboxNumber(0), 2).unwrap();
    let numbers: Vec<OutboxNumber> = listed.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, [number, OutboxNumber(1_000_000_000_000)]);
    assert_eq!(overdue(&world.store, Lane::Mail, NOW.plus(23 * HOUR), 10), [number]);
    assert!(world.store.change(retry(number, NOW)).wait().unwrap());
    assert!(world.due(Lane::Mail, NOW).contains(&999_999));
    assert!(world.store.change(remove(number)).wait().unwrap());
    assert_eq!(world.keys(), (2, 2));
}

#[test]
fn limits_are_exact_and_slide() {
    let world = World::new();
    let retry_after = |outcome: Result<(), OutboxError>| match outcome {
        Ok(()) => None,
        Err(OutboxError::TooMany { retry_after_seconds }) => Some(retry_after_seconds),
        Err(OutboxError::Store(error)) => panic!("{error}"),
    };
    // An address with another case counts as the same address.
    for (minute, to) in ["a@example.org", "A@Example.org"].iter().cycle().take(5).enumerate() {
        let now = NOW.plus(60 * minute as u64);
        assert_eq!(retry_after(world.mail(Some(1), to, now)), None);
    }
    let to = "a@EXAMPLE.org";
    assert_eq!(retry_after(world.mail(Some(1), to, NOW.plus(300))), Some(HOUR - 300));
    assert_eq!(retry_after(world.mail(None, to, NOW.plus(HOUR - 1))), Some(1));
    assert_eq!(world.keys().0, 5, "a mail over the limit is not queued");
    assert_eq!(retry_after(world.mail(None, to, NOW.plus(HOUR))), None);
    assert_eq!(retry_after(world.mail(None, to, NOW.plus(HOUR))), Some(60));

    let world = World::new();
    for number in 0..50 {
        let to = format!("{number}@example.org");
        assert_eq!(retry_after(world.mail(Some(1), &to, NOW)), None);
    }
    // A refused mail counts for no limit, not even for the address.
    for _ in 0..6 {
        assert_eq!(retry_after(world.mail(Some(1), "x@example.org", NOW)), Some(HOUR));
    }
    for _ in 0..5 {
        assert_eq!(retry_after(world.mail(Some(2), "x@example.org", NOW)), None);
    }
    assert_eq!(retry_after(world.mail(Some(1), "y@example.org", NOW.plus(HOUR))), None);
}

#[test]
fn counts_that_limit_nobody_are_swept() {
    let world = World::new();
    world.mail(Some(1), "a@example.org", NOW).unwrap();
    world.mail(Some(2), "b@example.org", NOW.plus(HOUR)).unwrap();
    let counts = || world.store.keys(&schema::mail_counts()).count();
    assert_eq!(counts(), 4);
    sweep_limits(&world.store, UnixSeconds(NOW.0 + HOUR - 1)).unwrap();
    assert_eq!(counts(), 4);
    sweep_limits(&world.store, NOW.plus(HOUR)).unwrap();
    assert_eq!(counts(), 2);
}

#[test]
fn an_account_that_ends_takes_its_mails_along() {
    let world = World::new();
    for number in 0..130_u32 {
        let to = format!("{number}@example.org");
        let account = if number % 2 == 0 { 1 } else { number };
        let now = NOW.plus(u64::from(number) * HOUR);
        world.mail(Some(account), &to, now).unwrap();
    }
    queue::forget_account(&world.store, AccountNumber::new(1).unwrap()).unwrap();
    // The odd accounts include account 1.
    assert_eq!(world.keys(), (64, 64));
}

#[test]
fn strangers_leave_room_for_the_others() {
    let world = World::new();
    let number = SecretNumber { account: AccountNumber::new(1).unwrap(), sequence: 0 };
    let secret = SecretId { number, random: [0; 15] };
    let view = View::new(NOW, None, None);
    let put = |letter: Letter, account: Option<u32>, now: UnixSeconds| {
        let (to, account) =
            (Mailbox::new("a@example.org").unwrap(), account.and_then(AccountNumber::new));
        let mail = NewMail { account, to, language: None, payload: None };
        let put = move |transaction: &mut Transaction<'_, '_>| {
            put_mail(transaction, &mail, letter.clone(), now)
        };
        world.store.change(put).wait().is_ok()
    };
    let late = || Letter::TriedAfter { secret, view: view.clone() };
    let destructing = || Letter::SelfDestruct { secret };
    let viewed = || Letter::Viewed { secret, view: view.clone() };
    let finished = || Letter::Secret { secret };
    for _ in 0..2 {
        assert!(put(late(), Some(1), NOW) && put(destructing(), None, NOW));
    }
    assert!(!put(late(), Some(1), NOW) && !put(destructing(), None, NOW));
    assert!(put(finished(), Some(1), NOW), "one place is left for requested mails");
    assert!(
        !put(finished(), Some(1), NOW) && !put(destructing(), Some(1), NOW),
        "the limit is five"
    );
    // Notifications of views are sent later, if a place is free within the hour.
    for _ in 0..4 {
        assert!(put(viewed(), Some(1), NOW.plus(60)));
    }
    assert!(!put(viewed(), Some(1), NOW.plus(60)));
    assert_eq!(world.due(Lane::Mail, NOW.plus(60)).len(), 5);
    assert_eq!(world.due(Lane::Mail, NOW.plus(HOUR)).len(), 9);
    // Mails of the next hour count in that hour, and again leave one place.
    assert!(!put(late(), Some(1), NOW.plus(HOUR)));
    assert!(put(finished(), Some(1), NOW.plus(HOUR)) && !put(finished(), Some(1), NOW.plus(HOUR)));
    // A clock that was set far back blocks no mails.
    assert!(put(finished(), Some(1), UnixSeconds(NOW.0 - 24 * HOUR)));
}
