//! The life of an item of the outbox: queued, attempted, delivered, given up.

use super::{
    FailureOf, FailureVerdict, Letter, NewMail, OutboxError, Outgoing, OutgoingContent, reserve,
};
use crate::{
    clock::UnixSeconds,
    domain::{
        numbers::{AccountNumber, Lane, OutboxNumber},
        schema,
        sweep::{DueAt, follow},
    },
    store::{Key, Payload, Record, Scan, Store, StoreError, Transaction},
};

/// The pause after the first failure. Each further failure doubles it.
const FIRST_PAUSE_SECONDS: u64 = 60;
const LONGEST_PAUSE_SECONDS: u64 = 4 * 3600;
/// The age at which an item is given up.
pub(super) const MAX_AGE_SECONDS: u64 = 24 * 3600;
/// The time for which an item that was given up stays in the list, with its error.
const KEEP_GIVEN_UP_SECONDS: u64 = 7 * 24 * 3600;
/// The number of entries that one change deletes.
const BATCH: usize = 64;
/// The longest error text that is stored, in characters.
const MAX_ERROR_CHARS: usize = 300;

/// An entry in the index of due times.
#[derive(serde::Serialize, serde::Deserialize)]
pub(super) struct DueOut;

impl Record for DueOut {
    const VERSION: u8 = 1;
}

/// Queues a mail, if the limits of mails per hour allow it.
pub fn put_mail(
    transaction: &mut Transaction<'_, '_>,
    mail: &NewMail,
    letter: Letter,
    now: UnixSeconds,
) -> Result<(), OutboxError> {
    let NewMail { account, to, language, payload } = mail;
    let (shares, patience) = (letter.shares(*account), letter.patience_seconds());
    let at = reserve(transaction, (*account, to), shares, patience, now)?;
    let content = OutgoingContent::Mail { to: to.clone(), language: *language, letter };
    Ok(put_at(transaction, (*account, content), payload.as_ref(), now, at)?)
}

/// Queues an item.
pub(crate) fn put(
    transaction: &mut Transaction<'_, '_>,
    account: Option<AccountNumber>,
    content: OutgoingContent,
    payload: Option<&Payload>,
    now: UnixSeconds,
) -> Result<(), StoreError> {
    put_at(transaction, (account, content), payload, now, now)
}

fn put_at(
    transaction: &mut Transaction<'_, '_>,
    (account, content): (Option<AccountNumber>, OutgoingContent),
    payload: Option<&Payload>,
    now: UnixSeconds,
    at: UnixSeconds,
) -> Result<(), StoreError> {
    let number =
        OutboxNumber::new(now, transaction.number(&schema::outgoing_counter(), |_| Ok(0))?);
    let outgoing = Outgoing {
        account,
        queued_at: now,
        next_at: at,
        attempts: 0,
        last_error: None,
        is_given_up: false,
        claim: None,
        content,
    };
    let key = schema::outgoing(number);
    match payload {
        Some(payload) => transaction.put_sealed(&key, &outgoing, payload)?,
        None => transaction.put(&key, &outgoing)?,
    }
    transaction.put(&schema::outgoing_due(outgoing.lane(), at, number), &DueOut)
}

/// The items of `lane` that are due at `now`, longest due first, and the time at which the next one is due.
/// Skips items for which `is_busy` returns `true`. Reads keys only.
pub fn due(
    store: &Store,
    lane: Lane,
    now: UnixSeconds,
    limit: usize,
    mut is_busy: impl FnMut(OutboxNumber) -> bool,
) -> Result<(Vec<OutboxNumber>, Option<UnixSeconds>), StoreError> {
    let mut found = Vec::new();
    for key in store.keys(&schema::outgoing_dues(lane)) {
        let Some((at, number)) = schema::outgoing_due_parts(&key?) else { continue };
        if at > now {
            return Ok((found, Some(at)));
        }
        if found.len() == limit {
            break;
        }
        if !is_busy(number) {
            found.push(number);
        }
    }
    Ok((found, None))
}

/// Deletes a delivered item and burns its sealed part.
pub fn delivered(
    number: OutboxNumber,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<(), StoreError> + Send + 'static {
    move |transaction| delete(transaction, number).map(drop)
}

/// Records the error of an attempt at `now`, and the time of the next attempt, if any. An item that is too
/// old at `settled` is given up. Returns the consequence; `None` if the item is gone, or is not for this process
/// to put off.
pub fn failed(
    number: OutboxNumber,
    whose: FailureOf,
    (error, verdict): (&str, FailureVerdict),
    now: UnixSeconds,
    settled: UnixSeconds,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<Option<FailureVerdict>, StoreError> + Send + 'static
{
    let error: String = error.chars().filter(|c| !c.is_control()).take(MAX_ERROR_CHARS).collect();
    move |transaction| {
        let key = schema::outgoing(number);
        let found = transaction.get::<Outgoing>(&key)?;
        let Some(mut outgoing) = found.filter(|outgoing| whose.counts(outgoing, now)) else {
            return Ok(None);
        };
        let due = schema::outgoing_due(outgoing.lane(), outgoing.next_at, number);
        transaction.delete(&due)?;
        outgoing.claim = None;
        match verdict {
            // An error of an earlier attempt is more informative.
            FailureVerdict::Wait(_) => {
                outgoing.last_error.get_or_insert_with(|| error.clone());
            }
            FailureVerdict::Retry | FailureVerdict::GiveUp => {
                outgoing.last_error = Some(error.clone())
            }
        }
        let ends = outgoing.queued_at.plus(MAX_AGE_SECONDS);
        let verdict = if outgoing.is_too_old(settled) { FailureVerdict::GiveUp } else { verdict };
        outgoing.next_at = match verdict {
            // Not given up yet, because the clock may have jumped past the end.
            FailureVerdict::Retry if now >= ends => now.plus(pause_seconds(outgoing.attempts)),
            FailureVerdict::Wait(until) if now >= ends => until,
            FailureVerdict::Retry => now.plus(pause_seconds(outgoing.attempts)).min(ends),
            FailureVerdict::Wait(until) => until.min(ends),
            FailureVerdict::GiveUp => now.plus(KEEP_GIVEN_UP_SECONDS),
        };
        let is_tried = !matches!(verdict, FailureVerdict::Wait(_));
        outgoing.attempts = outgoing.attempts.saturating_add(u32::from(is_tried));
        outgoing.is_given_up = verdict == FailureVerdict::GiveUp;
        if outgoing.is_given_up {
            transaction.burn(&key)?;
        }
        transaction.put(&key, &outgoing)?;
        transaction
            .put(&schema::outgoing_due(outgoing.lane(), outgoing.next_at, number), &DueOut)?;
        Ok(Some(verdict))
    }
}

/// The pause after the next failure, with `failures` before it.
fn pause_seconds(failures: u32) -> u64 {
    FIRST_PAUSE_SECONDS
        .checked_shl(failures.min(32))
        .map_or(LONGEST_PAUSE_SECONDS, |pause| pause.min(LONGEST_PAUSE_SECONDS))
}

/// Items of the outbox, and the number with which the next ones begin, if there are more.
pub type OutboxPart = (Vec<(OutboxNumber, Outgoing)>, Option<OutboxNumber>);

/// At most `limit` items of the outbox, oldest first, beginning with number `from`. Leaves out items that cannot
/// be read any more.
pub fn list(store: &Store, from: OutboxNumber, limit: usize) -> Result<OutboxPart, StoreError> {
    // One more shows whether there is another page.
    let mut scan = Scan::of(&schema::outgoings()).limit(limit.saturating_add(1));
    if let Some(before) = from.0.checked_sub(1) {
        scan = scan.after(schema::outgoing(OutboxNumber(before)));
    }
    let mut found = store.scan::<Outgoing>(&scan)?;
    let next = if found.len() > limit { found.pop() } else { None };
    let items = found.into_iter();
    let items = items.filter_map(|(key, item)| Some((schema::outgoing_number(&key)?, item?)));
    Ok((items.collect(), next.and_then(|(key, _)| schema::outgoing_number(&key))))
}

/// The number of items that were queued since the start.
pub fn queued(store: &Store) -> u64 {
    store.figures().kind(&schema::outgoings()).added.get()
}

/// At most `limit` items that have waited in `lane` for longer than the longest time of retries, without those
/// that a process may be attempting. Also reads the items that were given up, and one younger item.
#[must_use]
pub fn overdue(store: &Store, lane: Lane, now: UnixSeconds, limit: usize) -> Vec<OutboxNumber> {
    // Numbers begin with the time of queueing, so all items after the first young one are younger.
    let all = store.range::<Outgoing>(&schema::outgoings());
    let old = all.take_while(|item| item.as_ref().map_or(true, |(_, found)| found.is_too_old(now)));
    old.filter_map(|item| {
        // A damaged record is reported when it is due.
        let (key, outgoing) = item.ok()?;
        let is_free = outgoing.lane() == lane && !outgoing.is_claimed(now);
        is_free.then(|| schema::outgoing_number(&key))?
    })
    .take(limit)
    .collect()
}

/// Deletes items that were given up long enough ago. Blocks.
pub fn sweep(store: &Store, now: UnixSeconds) -> Result<(), StoreError> {
    let due_at: DueAt = |key| schema::outgoing_due_parts(key).map(|(at, _)| at);
    let index = (&schema::outgoing_dues(Lane::GivenUp), due_at);
    follow(store, index, BATCH, now, |transaction, due| {
        transaction.delete(due)?;
        let Some((_, number)) = schema::outgoing_due_parts(due) else { return Ok(()) };
        let item = schema::outgoing(number);
        // Its key may be gone: see `domain::unreadable`.
        match transaction.get::<Outgoing>(&item)? {
            Some(found) if !found.is_given_up => Ok(()),
            _ => transaction.delete(&item),
        }
    })
    .map(drop)
}

/// Makes an item due immediately, unless a process is attempting it. Returns `false` if the item is not waiting.
pub fn retry(
    number: OutboxNumber,
    now: UnixSeconds,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<bool, StoreError> + Send + 'static {
    move |transaction| {
        let key = schema::outgoing(number);
        let found = transaction.get::<Outgoing>(&key)?.filter(|outgoing| !outgoing.is_given_up);
        let Some(mut outgoing) = found else { return Ok(false) };
        if !outgoing.is_claimed(now) {
            move_to(transaction, number, &mut outgoing, now)?;
        }
        Ok(true)
    }
}

/// Writes an item with another time of its next attempt.
pub(super) fn move_to(
    transaction: &mut Transaction<'_, '_>,
    number: OutboxNumber,
    outgoing: &mut Outgoing,
    at: UnixSeconds,
) -> Result<(), StoreError> {
    transaction.delete(&schema::outgoing_due(outgoing.lane(), outgoing.next_at, number))?;
    outgoing.next_at = at;
    transaction.put(&schema::outgoing(number), outgoing)?;
    transaction.put(&schema::outgoing_due(outgoing.lane(), at, number), &DueOut)
}

/// Deletes an item unsent, also one that was given up, and burns its sealed part. Returns `false` if the item
/// does not exist.
pub fn remove(
    number: OutboxNumber,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<bool, StoreError> + Send + 'static {
    move |transaction| delete(transaction, number)
}

/// Deletes the items that were queued on behalf of a deleted account. Blocks.
pub(crate) fn forget_account(store: &Store, account: AccountNumber) -> Result<(), StoreError> {
    let mut next = Some(OutboxNumber(0));
    while let Some(from) = next {
        let page;
        (page, next) = list(store, from, BATCH)?;
        let own = page.iter().filter(|(_, outgoing)| outgoing.account == Some(account));
        delete_all(store, own.map(|(number, _)| *number).collect())?;
    }
    Ok(())
}

fn delete_all(store: &Store, numbers: Vec<OutboxNumber>) -> Result<(), StoreError> {
    store
        .change(move |transaction| {
            numbers.iter().try_for_each(|number| delete(transaction, *number).map(drop))
        })
        .wait()
}

fn delete(transaction: &mut Transaction<'_, '_>, number: OutboxNumber) -> Result<bool, StoreError> {
    let key: Key = schema::outgoing(number);
    let Some(outgoing) = transaction.get::<Outgoing>(&key)? else { return Ok(false) };
    transaction.delete(&schema::outgoing_due(outgoing.lane(), outgoing.next_at, number))?;
    transaction.delete(&key)?;
    Ok(true)
}
