//! The list of an account's secret requests, with the secrets created through each.

use super::{
    super::{
        account::{Account, RequestMetadata},
        secret::Secret,
    },
    Request, RequestError, Texts,
};
use crate::{
    clock::UnixSeconds,
    domain::{
        numbers::{AccountNumber, RequestNumber, SecretId},
        schema,
        secret::list::MAX_LISTED,
    },
    store::{Store, StoreError},
};

/// A request in the list.
pub struct RequestListEntry {
    /// The record.
    pub request: Request,
    /// The texts of the request.
    pub texts: Texts,
    /// The secrets created through it, in order, without those that were deleted from the list of secrets.
    pub secrets: Vec<SecretId>,
}

/// Requests of an account, newest first, after skipping `offset` of them, at most [`MAX_LISTED`]; and the
/// account's figures, see [`super::create`]. Reads the disk, so it must run on a blocking thread.
///
/// # Errors
///
/// [`RequestError::NotFound`] for a deleted account, and [`StoreError`].
pub fn list(
    store: &Store,
    account: AccountNumber,
    offset: usize,
    allowance: u64,
    now: UnixSeconds,
) -> Result<(Vec<RequestListEntry>, RequestMetadata), RequestError> {
    let metadata = live_account(store, account)?.request_metadata(now, allowance);
    // Without this check, a large offset would walk through all keys.
    if offset as u64 >= metadata.secret_requests_total {
        return Ok((Vec::new(), metadata));
    }
    let newest_first = store.keys(&schema::requests(account)).rev();
    let mut listed = Vec::new();
    for key in newest_first.skip(offset).take(MAX_LISTED) {
        // A request that was deleted after its key was read is left out.
        if let (Some(number), Some(request)) = (schema::request_number(&key), store.get(&key)?) {
            let texts = Texts::read(store, number, &request)?;
            listed.push(RequestListEntry { request, texts, secrets: secrets(store, number)? });
        }
    }
    Ok((listed, metadata))
}

/// The account, unless it is being deleted.
pub(super) fn live_account(store: &Store, account: AccountNumber) -> Result<Account, RequestError> {
    let found = store.get::<Account>(&schema::account(account))?;
    found.filter(|account| !account.deleting).ok_or(RequestError::NotFound)
}

pub(super) fn secrets(store: &Store, number: RequestNumber) -> Result<Vec<SecretId>, StoreError> {
    let made = store.keys(&schema::made(number)).filter_map(|key| schema::secret_made(&key));
    made.filter_map(|secret| {
        let found = store.get::<Secret>(&schema::secret(secret)).transpose()?;
        Some(found.map(|found| found.id(secret)))
    })
    .collect()
}
