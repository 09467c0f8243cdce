//! What happens to what waits: queued, tried, delivered, given up.

use super::{Content, Lane, Letter, NewMail, OutboxError, Outgoing, Verdict, reserve};
use crate::{
    clock::UnixSeconds,
    domain::{
        numbers::{AccountNumber, OutboxNumber},
        schema,
    },
    store::{FoundPayload, Key, Payload, Record, Store, StoreError, Transaction},
};

/// After the first failure; each further one doubles it.
const FIRST_PAUSE_SECONDS: u64 = 60;
const LONGEST_PAUSE_SECONDS: u64 = 4 * 3600;
/// What could not be sent for so long is given up.
pub(super) const MAX_AGE_SECONDS: u64 = 24 * 3600;
/// How long one sees what was given up, and why.
const KEEP_GIVEN_UP_SECONDS: u64 = 7 * 24 * 3600;
/// How many entries one change takes out.
const BATCH: usize = 64;
/// The most characters kept of an error.
const MAX_ERROR_CHARS: usize = 300;

/// The number that the next one gets.
#[derive(serde::Serialize, serde::Deserialize)]
struct NextNumber(u64);

/// Says in the index of due times that something is to be done.
#[derive(serde::Serialize, serde::Deserialize)]
struct DueOut;

impl Record for NextNumber {
    const VERSION: u8 = 1;
}
impl Record for DueOut {
    const VERSION: u8 = 1;
}

/// Queues a mail, within what may be sent in an hour.
///
/// # Errors
///
/// See [`OutboxError`].
pub fn put_mail(
    transaction: &mut Transaction<'_, '_>,
    mail: &NewMail,
    letter: Letter,
    now: UnixSeconds,
) -> Result<(), OutboxError> {
    let NewMail { account, to, language, payload } = mail;
    let (shares, patience) = (letter.shares(*account), letter.patience_seconds());
    let at = reserve(transaction, (*account, to), shares, patience, now)?;
    let content = Content::Mail { to: to.clone(), language: *language, letter };
    Ok(put_at(transaction, (*account, content), payload.as_ref(), now, at)?)
}

/// Queues anything.
///
/// # Errors
///
/// See [`StoreError`].
pub(crate) fn put(
    transaction: &mut Transaction<'_, '_>,
    account: Option<AccountNumber>,
    content: Content,
    payload: Option<&Payload>,
    now: UnixSeconds,
) -> Result<(), StoreError> {
    put_at(transaction, (account, content), payload, now, now)
}

fn put_at(
    transaction: &mut Transaction<'_, '_>,
    (account, content): (Option<AccountNumber>, Content),
    payload: Option<&Payload>,
    now: UnixSeconds,
    at: UnixSeconds,
) -> Result<(), StoreError> {
    let next = transaction.get::<NextNumber>(&schema::next_outgoing())?;
    let number = OutboxNumber(next.map_or(0, |NextNumber(next)| next));
    let outgoing = Outgoing {
        account,
        queued_at: now,
        next_at: at,
        attempts: 0,
        last_error: None,
        is_given_up: false,
        content,
    };
    let key = schema::outgoing(number);
    match payload {
        Some(payload) => transaction.put_sealed(&key, &outgoing, payload)?,
        None => transaction.put(&key, &outgoing)?,
    }
    transaction.put(&schema::outgoing_due(outgoing.lane(), at, number), &DueOut)?;
    transaction.put(&schema::next_outgoing(), &NextNumber(number.0 + 1))
}

/// What is to be tried in `lane` at `now`, longest due first, and when the next one after those is due.
/// Passes over what `is_busy`. Reads keys only.
#[must_use]
pub fn due(
    store: &Store,
    lane: Lane,
    now: UnixSeconds,
    limit: usize,
    is_busy: impl Fn(OutboxNumber) -> bool,
) -> (Vec<OutboxNumber>, Option<UnixSeconds>) {
    let mut found = Vec::new();
    for key in store.keys(&schema::outgoing_dues(lane)) {
        let Some((at, number)) = schema::outgoing_due_parts(&key) else { continue };
        if at > now {
            return (found, Some(at));
        }
        if found.len() == limit {
            break;
        }
        if !is_busy(number) {
            found.push(number);
        }
    }
    (found, None)
}

/// Something that waits, with what is sealed of it. `None` where it is delivered, dropped or given up.
pub fn find(
    number: OutboxNumber,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<Option<(Outgoing, Option<FoundPayload>)>, StoreError>
+ Send
+ 'static {
    move |transaction| {
        let key = schema::outgoing(number);
        let found = transaction.get::<Outgoing>(&key)?.filter(|outgoing| !outgoing.is_given_up);
        found.map(|outgoing| Ok((outgoing, transaction.payload(&key)?))).transpose()
    }
}

/// Takes out what the other end has taken, and burns what was sealed.
pub fn delivered(
    number: OutboxNumber,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<(), StoreError> + Send + 'static {
    move |transaction| delete(transaction, number).map(drop)
}

/// Notes why a try at `now` failed, and when there is another one, if ever. What is too old by `settled` is
/// given up. Answers what became of it.
pub fn failed(
    number: OutboxNumber,
    error: &str,
    verdict: Verdict,
    now: UnixSeconds,
    settled: UnixSeconds,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<Verdict, StoreError> + Send + 'static {
    let error: String = error.chars().filter(|c| !c.is_control()).take(MAX_ERROR_CHARS).collect();
    move |transaction| {
        let key = schema::outgoing(number);
        let Some(mut outgoing) = transaction.get::<Outgoing>(&key)? else {
            return Ok(Verdict::GiveUp);
        };
        let due = schema::outgoing_due(outgoing.lane(), outgoing.next_at, number);
        transaction.delete(&due)?;
        match verdict {
            // Why it failed before says more.
            Verdict::Wait(_) => drop(outgoing.last_error.get_or_insert_with(|| error.clone())),
            Verdict::Retry | Verdict::GiveUp => outgoing.last_error = Some(error.clone()),
        }
        let ends = outgoing.queued_at.plus(MAX_AGE_SECONDS);
        let verdict = if outgoing.is_too_old(settled) { Verdict::GiveUp } else { verdict };
        outgoing.next_at = match verdict {
            // A clock that has leapt past the end does not end it yet.
            Verdict::Retry if now >= ends => now.plus(pause_seconds(outgoing.attempts)),
            Verdict::Wait(until) if now >= ends => until,
            Verdict::Retry => now.plus(pause_seconds(outgoing.attempts)).min(ends),
            Verdict::Wait(until) => until.min(ends),
            Verdict::GiveUp => now.plus(KEEP_GIVEN_UP_SECONDS),
        };
        let is_tried = !matches!(verdict, Verdict::Wait(_));
        outgoing.attempts = outgoing.attempts.saturating_add(u32::from(is_tried));
        outgoing.is_given_up = verdict == Verdict::GiveUp;
        if outgoing.is_given_up {
            transaction.burn(&key)?;
        }
        transaction.put(&key, &outgoing)?;
        transaction
            .put(&schema::outgoing_due(outgoing.lane(), outgoing.next_at, number), &DueOut)?;
        Ok(verdict)
    }
}

/// How long to wait after the failure that comes after `failures` others.
fn pause_seconds(failures: u32) -> u64 {
    FIRST_PAUSE_SECONDS
        .checked_shl(failures.min(32))
        .map_or(LONGEST_PAUSE_SECONDS, |pause| pause.min(LONGEST_PAUSE_SECONDS))
}

/// Everything in the outbox, oldest first, from `from` on, `limit` at most.
///
/// # Errors
///
/// See [`StoreError`].
pub fn list(
    store: &Store,
    from: OutboxNumber,
    limit: usize,
) -> Result<Vec<(OutboxNumber, Outgoing)>, StoreError> {
    let numbers = store.keys(&schema::outgoings()).filter_map(|key| schema::outgoing_number(&key));
    // Keys first: of what is passed over no record is read. One that goes meanwhile is left out.
    numbers
        .skip_while(|number| *number < from)
        .filter_map(|number| {
            let found = store.get::<Outgoing>(&schema::outgoing(number)).transpose()?;
            Some(found.map(|outgoing| (number, outgoing)))
        })
        .take(limit)
        .collect()
}

/// What has waited in `lane` for longer than anything is tried, `limit` at most. Of the others it reads
/// those that were given up, and one.
#[must_use]
pub fn overdue(store: &Store, lane: Lane, now: UnixSeconds, limit: usize) -> Vec<OutboxNumber> {
    // Numbers ascend with age: what comes after the first young one is younger still.
    let all = store.range::<Outgoing>(&schema::outgoings());
    let old = all.take_while(|item| item.as_ref().map_or(true, |(_, found)| found.is_too_old(now)));
    old.filter_map(|item| {
        // One that can not be read is told of when it is due.
        let (key, outgoing) = item.ok()?;
        (outgoing.lane() == lane).then(|| schema::outgoing_number(&key))?
    })
    .take(limit)
    .collect()
}

/// Takes what was given up long enough ago off the list. Blocks.
///
/// # Errors
///
/// See [`StoreError`].
pub fn sweep(store: &Store, now: UnixSeconds) -> Result<(), StoreError> {
    loop {
        let (over, _) = due(store, Lane::GivenUp, now, BATCH, |_| false);
        if over.is_empty() {
            return Ok(());
        }
        delete_all(store, over)?;
    }
}

/// Makes something that waits due at once. `false` where it does not wait any more.
pub fn retry(
    number: OutboxNumber,
    now: UnixSeconds,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<bool, StoreError> + Send + 'static {
    move |transaction| {
        let key = schema::outgoing(number);
        let found = transaction.get::<Outgoing>(&key)?.filter(|outgoing| !outgoing.is_given_up);
        let Some(mut outgoing) = found else { return Ok(false) };
        transaction.delete(&schema::outgoing_due(outgoing.lane(), outgoing.next_at, number))?;
        outgoing.next_at = now;
        transaction.put(&key, &outgoing)?;
        transaction.put(&schema::outgoing_due(outgoing.lane(), now, number), &DueOut)?;
        Ok(true)
    }
}

/// Takes something out unsent, also what was given up, and burns what was sealed. `false` where it was
/// not there.
pub fn remove(
    number: OutboxNumber,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<bool, StoreError> + Send + 'static {
    move |transaction| delete(transaction, number)
}

/// Takes out what was queued on behalf of an account that ends. Blocks.
///
/// # Errors
///
/// See [`StoreError`].
pub(crate) fn forget_account(store: &Store, account: AccountNumber) -> Result<(), StoreError> {
    let mut from = OutboxNumber(0);
    loop {
        let page = list(store, from, BATCH)?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        from = OutboxNumber(last.0 + 1);
        let own = page.iter().filter(|(_, outgoing)| outgoing.account == Some(account));
        delete_all(store, own.map(|(number, _)| *number).collect())?;
    }
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
