//! The end of requests: used up, expired, and later deleted from the list.

use super::{
    super::{account, secret::Secret},
    Request,
};
use crate::{
    clock::UnixSeconds,
    domain::{
        numbers::{AccountNumber, RequestNumber},
        schema,
        sealed_part::StoredAnswerKey,
    },
    store::{Key, StoreError, Transaction},
};

/// Deletes all records of a request, except the secrets that were created through it.
pub(in crate::domain) fn remove(
    transaction: &mut Transaction<'_, '_>,
    number: RequestNumber,
    request: &Request,
) -> Result<(), StoreError> {
    transaction.delete(&schema::request_id(&request.id.hash()))?;
    if let Some(due) = request.due_at {
        transaction.delete(&schema::request_due(due, number))?;
    }
    remove_parts(transaction, number, usize::from(request.used))
}

/// Deletes what can be found of a request whose record cannot be read any more.
pub(in crate::domain) fn remove_unreadable(
    transaction: &mut Transaction<'_, '_>,
    number: RequestNumber,
) -> Result<(), StoreError> {
    remove_parts(transaction, number, usize::MAX)
}

/// Deletes the record of a request and all others with its number; `answers` of them belong to answers, at most.
fn remove_parts(
    transaction: &mut Transaction<'_, '_>,
    number: RequestNumber,
    answers: usize,
) -> Result<(), StoreError> {
    transaction.delete(&schema::request(number))?;
    for field in schema::RequestText::ALL {
        transaction.delete(&schema::request_text(number, field))?;
    }
    for key in transaction.keys(&schema::made(number), answers)? {
        if let Some(secret) = schema::secret_made(&key) {
            transaction.delete(&schema::sealed_part(secret))?;
        }
        transaction.delete(&key)?;
    }
    transaction.delete(&schema::request_answer_key(number))?;
    if number.account == AccountNumber::NOBODY {
        transaction.delete(&schema::request_manage(number))?;
    }
    account::recount(transaction, number.account, |counts| {
        counts.requests_total = counts.requests_total.saturating_sub(1);
    })
}

/// Processes an entry of the index of due times: an expired request ends, and a request that ended
/// `keep_log_seconds` ago is deleted.
pub(in crate::domain) fn sweep_one(
    transaction: &mut Transaction<'_, '_>,
    due: &Key,
    now: UnixSeconds,
    keep_log_seconds: u64,
) -> Result<(), StoreError> {
    transaction.delete(due)?;
    let Some(number) = schema::request_number(due) else { return Ok(()) };
    let key = schema::request(number);
    let Some(mut request) = transaction.get::<Request>(&key)? else { return Ok(()) };
    let ended_at = request.ended_at.or(request.expires_at.filter(|end| now >= *end));
    match ended_at {
        Some(end) if now >= end.plus(keep_log_seconds) => {
            match answers_end(transaction, number, &request, now, keep_log_seconds)? {
                None => return remove(transaction, number, &request),
                later => {
                    if request.ended_at.is_none() {
                        request.end(transaction, number, end, keep_log_seconds)?;
                    }
                    request.reschedule(transaction, number, later)?;
                }
            }
        }
        Some(end) => request.end(transaction, number, end, keep_log_seconds)?,
        None => request.reschedule(transaction, number, request.expires_at)?,
    }
    transaction.put(&key, &request)
}

/// The shortest wait before a request with answers that never expire is checked again.
const CHECK_SECONDS: u64 = 24 * 3600;

/// The time at which no answer can be viewed any more; `None` if that is now. Only a request with a key for
/// answers waits for it: the keys of its answers are nowhere else.
fn answers_end(
    transaction: &Transaction<'_, '_>,
    number: RequestNumber,
    request: &Request,
    now: UnixSeconds,
    keep_log_seconds: u64,
) -> Result<Option<UnixSeconds>, StoreError> {
    let key = schema::request_answer_key(number);
    if transaction.get::<StoredAnswerKey>(&key)?.is_none() {
        return Ok(None);
    }
    let mut last = None;
    for key in transaction.keys(&schema::made(number), usize::from(request.used))? {
        let Some(secret) = schema::secret_made(&key) else { continue };
        let found = transaction.get::<Secret>(&schema::secret(secret))?;
        let waiting = found.filter(|secret| secret.is_live(now) || secret.is_draft);
        let end = waiting.map(|secret| {
            secret.expires_at.unwrap_or_else(|| now.plus(keep_log_seconds.max(CHECK_SECONDS)))
        });
        last = last.max(end);
    }
    Ok(last)
}
