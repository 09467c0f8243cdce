//! Secret requests that are answered by drafts. The use counts immediately, and is returned if the draft ends
//! without being published.

use super::Request;
use crate::{
    clock::UnixSeconds,
    domain::{
        numbers::{RequestNumber, SecretNumber},
        request_id::RequestId,
        schema,
    },
    store::{StoreError, Transaction},
};

/// Records that a draft was published. Returns the request's id if the request still exists.
pub(in crate::domain) fn published(
    transaction: &mut Transaction<'_, '_>,
    number: RequestNumber,
    now: UnixSeconds,
    keep_log_seconds: u64,
) -> Result<Option<RequestId>, StoreError> {
    let key = schema::request(number);
    let Some(mut request) = transaction.get::<Request>(&key)? else { return Ok(None) };
    request.drafts = request.drafts.saturating_sub(1);
    if request.is_used_for_good() && request.ended_at.is_none() {
        request.end(transaction, number, now, keep_log_seconds)?;
    }
    transaction.put(&key, &request)?;
    Ok(Some(request.id))
}

/// Records that a draft has ended, and returns its use.
pub(in crate::domain) fn given_back(
    transaction: &mut Transaction<'_, '_>,
    number: RequestNumber,
    secret: SecretNumber,
) -> Result<(), StoreError> {
    let key = schema::request(number);
    let Some(mut request) = transaction.get::<Request>(&key)? else { return Ok(()) };
    request.drafts = request.drafts.saturating_sub(1);
    request.used = request.used.saturating_sub(1);
    transaction.delete(&schema::made_secret(number, secret))?;
    transaction.put(&key, &request)
}
