//! The sweeper: burns expired secrets, and deletes old tombstones, requests and used proofs of work.
//!
//! The sweeper only frees space: expired records are refused at each access, swept or not. It follows the
//! indexes of due times and reads only the records that it changes.

use super::{
    limits::captcha,
    numbers::SecretNumber,
    request,
    schema::{self, Due},
    secret::{
        self, Secret,
        attachment::draft::{self, Draft},
    },
};
use crate::{
    clock::UnixSeconds,
    store::{Key, Scan, Store, StoreError, Transaction},
};

/// The number of secrets that one change sweeps. Small, so that other changes wait only briefly.
const BATCH: usize = 16;
/// The same for requests. A request that was used a thousand times consists of a thousand records.
const REQUEST_BATCH: usize = 4;

/// Sweeps all records that are due at `now`. Tombstones and ended requests are deleted `keep_log_seconds`
/// after their end. Returns the number of secrets and requests that were checked. Blocks.
pub fn sweep(store: &Store, now: UnixSeconds, keep_log_seconds: u64) -> Result<usize, StoreError> {
    captcha::sweep(store, now)?;
    let requests = (&schema::request_dues(), schema::due_at as DueAt);
    let requests = follow(store, requests, REQUEST_BATCH, now, move |change, due| {
        request::sweep_one(change, due, now, keep_log_seconds)
    })?;
    let secrets = (&schema::dues(), schema::due_at as DueAt);
    let secrets = follow(store, secrets, BATCH, now, move |change, due| {
        sweep_one(change, due, now, keep_log_seconds)
    })?;
    Ok(requests + secrets)
}

/// The time in a key of an index; `None` for a key that is not of that form.
pub(super) type DueAt = fn(&Key) -> Option<UnixSeconds>;

/// Follows an index of due times up to `now`, `batch` entries per change. `sweep_one` deletes the entry.
pub(super) fn follow(
    store: &Store,
    (index, due_at): (&Key, DueAt),
    batch: usize,
    now: UnixSeconds,
    sweep_one: impl Fn(&mut Transaction<'_, '_>, &Key) -> Result<(), StoreError> + Copy + Send + 'static,
) -> Result<usize, StoreError> {
    let mut swept = 0;
    loop {
        let mut due = store.scan_keys(&Scan::of(index).limit(batch))?;
        // The index is in the order of time.
        let is_due = |key: &Key| due_at(key).is_none_or(|at| at <= now);
        due.truncate(due.partition_point(is_due));
        if due.is_empty() {
            return Ok(swept);
        }
        swept += due.len();
        store
            .change(move |transaction| due.iter().try_for_each(|key| sweep_one(transaction, key)))
            .wait()?;
    }
}

fn sweep_one(
    transaction: &mut Transaction<'_, '_>,
    due: &Key,
    now: UnixSeconds,
    keep_log_seconds: u64,
) -> Result<(), StoreError> {
    transaction.delete(due)?;
    let Some((_, number)) = schema::due_parts(due) else { return Ok(()) };
    let key = schema::secret(number);
    let Some(mut secret) = transaction.get::<Secret>(&key)? else { return Ok(()) };
    if secret.is_draft {
        let draft = transaction.get::<Draft>(&schema::draft(number))?;
        return match draft.map(|draft| draft.until).filter(|until| now < *until) {
            Some(until) => reschedule(transaction, number, Some(until)),
            None => draft::end(transaction, number, &secret),
        };
    }
    if secret.end_leases(transaction, number, now, keep_log_seconds)? {
        transaction.put(&key, &secret)?;
    } else if secret.gone_at.is_none() && secret.is_expired(now) {
        secret.end(now);
        secret.burn(transaction, number)?;
        transaction.put(&key, &secret)?;
    }
    match secret.tombstone_ends(keep_log_seconds) {
        Some(end) if now >= end => match secret::reply::ends_at(transaction, number, now)? {
            None => secret::remove(transaction, number, &secret),
            later => reschedule(transaction, number, later),
        },
        Some(end) => reschedule(transaction, number, Some(end)),
        None => reschedule(transaction, number, secret.next_end(now)),
    }
}

fn reschedule(
    transaction: &mut Transaction<'_, '_>,
    number: SecretNumber,
    at: Option<UnixSeconds>,
) -> Result<(), StoreError> {
    at.map_or(Ok(()), |at| transaction.put(&schema::due(at, number), &Due))
}
