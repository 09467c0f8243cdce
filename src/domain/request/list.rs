//! The list of an account's secret requests, with the secrets created through each.

use super::{
    super::{
        account::{self, Account, AccountCounts, RequestMetadata},
        secret::Secret,
    },
    Request, RequestError, Texts,
};
use crate::{
    clock::UnixSeconds,
    domain::{
        numbers::{AccountNumber, RequestNumber, SecretId, SecretNumber},
        page::{PageKeys, PageStart},
        schema,
    },
    store::{Key, Scan, Store, StoreError},
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

/// A page of the requests of an account.
pub struct RequestPage {
    /// The requests, newest first.
    pub entries: Vec<RequestListEntry>,
    /// The request after which the next page begins; `None` at the end of the list.
    pub next: Option<RequestNumber>,
    /// The account's figures.
    pub metadata: RequestMetadata,
}

/// The page of an account's requests that begins at `start`, with at most [`MAX_LISTED`] of them, newest
/// first; see [`super::create`] for `allowance`. Reads the disk, so it must run on a blocking thread.
///
/// [`MAX_LISTED`]: crate::domain::page::MAX_LISTED
///
/// # Errors
///
/// [`RequestError::NotFound`] for a deleted account, and [`StoreError`].
pub fn list(
    store: &Store,
    account: AccountNumber,
    start: PageStart<RequestNumber>,
    allowance: u64,
    now: UnixSeconds,
) -> Result<RequestPage, RequestError> {
    let owner = live_account(store, account)?;
    let counts = AccountCounts::read(store, account, &owner)?;
    let metadata = counts.request_metadata(&owner, now, allowance);
    if start.is_after(metadata.secret_requests_total) {
        return Ok(RequestPage { entries: Vec::new(), next: None, metadata });
    }
    let PageKeys { keys, next } = PageKeys::newest_first(
        store,
        &schema::requests(account),
        start,
        schema::request,
        schema::request_number,
    )?;
    let requests = store.get_many::<Request>(&keys)?;
    let mut entries = Vec::new();
    for (key, request) in keys.iter().zip(requests) {
        // A request that was deleted after its key was read is left out.
        if let (Some(number), Some(request)) = (schema::request_number(key), request) {
            let texts = Texts::read(store, number, &request)?;
            entries.push(RequestListEntry { request, texts, secrets: secrets(store, number)? });
        }
    }
    Ok(RequestPage { entries, next, metadata })
}

/// The account, unless it is being deleted.
pub(super) fn live_account(store: &Store, account: AccountNumber) -> Result<Account, RequestError> {
    let found = store.get::<Account>(&schema::account(account))?;
    account::live(account, found).ok_or(RequestError::NotFound)
}

pub(super) fn secrets(store: &Store, number: RequestNumber) -> Result<Vec<SecretId>, StoreError> {
    let made = store.scan_keys(&Scan::of(&schema::made(number)))?;
    let made: Vec<SecretNumber> = made.iter().filter_map(schema::secret_made).collect();
    let keys: Vec<Key> = made.iter().map(|secret| schema::secret(*secret)).collect();
    let found = store.get_many::<Secret>(&keys)?;
    let pairs = made.into_iter().zip(found);
    Ok(pairs.filter_map(|(number, secret)| Some(secret?.id(number))).collect())
}
