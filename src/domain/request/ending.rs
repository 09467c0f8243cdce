//! The end of requests: used up, expired, and later deleted from the list.

use super::{super::account::Account, Request};
use crate::{
    clock::UnixSeconds,
    domain::{numbers::RequestNumber, schema},
    store::{Key, StoreError, Transaction},
};

/// Deletes all records of a request, except the secrets that were created through it.
pub(in crate::domain) fn remove(
    transaction: &mut Transaction<'_, '_>,
    number: RequestNumber,
    request: &Request,
) -> Result<(), StoreError> {
    transaction.delete(&schema::request(number))?;
    transaction.delete(&schema::request_id(&request.id.hash()))?;
    for field in schema::RequestText::ALL {
        if request.has_text[field as usize] {
            transaction.delete(&schema::request_text(number, field))?;
        }
    }
    for key in transaction.keys(&schema::made(number), usize::from(request.used)) {
        transaction.delete(&key)?;
    }
    if let Some(due) = request.due_at {
        transaction.delete(&schema::request_due(due, number))?;
    }
    let account_key = schema::account(number.account);
    if let Some(mut account) = transaction.get::<Account>(&account_key)? {
        account.requests_total = account.requests_total.saturating_sub(1);
        transaction.put(&account_key, &account)?;
    }
    Ok(())
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
            return remove(transaction, number, &request);
        }
        Some(end) => request.end(transaction, number, end, keep_log_seconds)?,
        None => request.reschedule(transaction, number, request.expires_at)?,
    }
    transaction.put(&key, &request)
}
