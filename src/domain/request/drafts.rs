//! What becomes of a request whose answer is a draft: the use counts at once, and comes back where the
//! draft ends without being published.

use super::{Request, RequestId};
use crate::{
    clock::UnixSeconds,
    domain::{
        numbers::{RequestNumber, SecretNumber},
        schema,
    },
    store::{StoreError, Transaction},
};

/// A draft was published. Answers the request's id, if it is still there.
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

/// A draft has ended, and gives its use back.
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
