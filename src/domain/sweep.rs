//! The sweeper: burns what has expired, and takes old tombstones out of the list.
//!
//! Housekeeping only: what has expired is refused when it is asked for, swept or not. It follows the
//! index of due times, so it reads what it changes and nothing else.

use super::{
    keys,
    secret::{self, Due, Secret, SecretNumber},
};
use crate::{
    clock::UnixSeconds,
    store::{Key, Store, StoreError, Transaction},
};

/// How many secrets one change sweeps: short enough that nobody waits for it.
const BATCH: usize = 64;

/// Sweeps everything that is due at `now`; tombstones go `keep_log_seconds` after their end. Returns
/// how many secrets were looked at. Blocks.
///
/// # Errors
///
/// See [`StoreError`].
pub fn sweep(store: &Store, now: UnixSeconds, keep_log_seconds: u64) -> Result<usize, StoreError> {
    let mut swept = 0;
    loop {
        let due: Vec<Key> = store
            .keys(&keys::dues())
            .take_while(|key| keys::due_parts(key).is_none_or(|(at, _)| at <= now))
            .take(BATCH)
            .collect();
        if due.is_empty() {
            return Ok(swept);
        }
        swept += due.len();
        store
            .change(move |transaction| {
                due.iter().try_for_each(|key| sweep_one(transaction, key, now, keep_log_seconds))
            })
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
    let Some((_, number)) = keys::due_parts(due) else { return Ok(()) };
    let key = keys::secret(number);
    let Some(mut secret) = transaction.get::<Secret>(&key)? else { return Ok(()) };
    let Some(gone_at) = secret.gone_at() else {
        if !secret.is_expired(now) {
            return reschedule(transaction, number, secret.expires_at);
        }
        secret.end(now);
        transaction.burn(&key)?;
        transaction.put(&key, &secret)?;
        return reschedule(transaction, number, Some(now.plus(keep_log_seconds)));
    };
    let ends = gone_at.plus(keep_log_seconds);
    if now < ends {
        reschedule(transaction, number, Some(ends))
    } else {
        secret::remove(transaction, number, &secret)
    }
}

fn reschedule(
    transaction: &mut Transaction<'_, '_>,
    number: SecretNumber,
    at: Option<UnixSeconds>,
) -> Result<(), StoreError> {
    at.map_or(Ok(()), |at| transaction.put(&keys::due(at, number), &Due))
}
