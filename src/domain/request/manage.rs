//! Requests without an account. The requester gets a manage token, which shows the answers and deletes them
//! with the request.

use std::hint::black_box;

use super::{
    NewRequest, Request, RequestError, RequestId,
    answers::{self, AnsweredRequest},
    insert, remove,
};
use crate::{
    clock::UnixSeconds,
    domain::{
        account::Account,
        alike::{self, StandIn},
        numbers::{AccountNumber, RequestNumber, SecretNumber},
        page::PageStart,
        schema,
        secret::{self, Secret, manage::Manage},
    },
    store::{Key, Store, Transaction},
};

/// The most answers to a request without an account. They are deleted with it in one change.
pub const MAX_ANSWERS: u64 = 100;

/// Creates a request that belongs to [`AccountNumber::NOBODY`]. `hash` is the hash of its manage token; see
/// [`secret::manage::generate`]. Returns the record.
pub fn create(
    new: NewRequest,
    hash: [u8; 32],
    now: UnixSeconds,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<Request, RequestError> + Send + 'static {
    move |transaction| {
        // Nobody's list is shown to nobody, so it has no limit; the caller limits each client.
        let (number, request, _) = insert(transaction, AccountNumber::NOBODY, &new, u64::MAX, now)?;
        transaction.put(&schema::request_manage(number), &Manage::new(hash))?;
        Ok(request)
    }
}

/// A request with the page of its answers that begins at `start`. Reads the disk, so it must run on a blocking
/// thread.
///
/// # Errors
///
/// [`RequestError::NotFound`] for an unknown request or a wrong token.
pub fn status(
    store: &Store,
    id: &RequestId,
    token_hash: [u8; 32],
    start: PageStart<SecretNumber>,
) -> Result<AnsweredRequest, RequestError> {
    let number = store.get::<RequestNumber>(&schema::request_id(&id.hash()))?;
    let kept = alike::read(|key| store.get(key), &token_key(number), StandIn::Manage)?;
    let request = match number {
        Some(number) => store.get::<Request>(&schema::request(number))?,
        None => {
            // As many records as for a request with another token.
            black_box(store.get::<Account>(&StandIn::Account.key())?);
            black_box(store.get::<Secret>(&StandIn::Secret.key())?);
            None
        }
    };
    let (number, request) = checked(id, number, request, kept, &token_hash)?;
    Ok(answers::read(store, number, request, start)?)
}

/// Deletes a request and all its answers, whatever their state.
pub fn delete(
    id: RequestId,
    token_hash: [u8; 32],
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<(), RequestError> + Send + 'static {
    move |transaction| {
        let number = transaction.get::<RequestNumber>(&schema::request_id(&id.hash()))?;
        let kept = alike::read(|key| transaction.get(key), &token_key(number), StandIn::Manage)?;
        let request = match number {
            Some(number) => transaction.get::<Request>(&schema::request(number))?,
            None => {
                black_box(transaction.get::<Account>(&StandIn::Account.key())?);
                black_box(transaction.get::<Secret>(&StandIn::Secret.key())?);
                None
            }
        };
        let (number, request) = checked(&id, number, request, kept, &token_hash)?;
        let made = transaction.keys(&schema::made(number), usize::from(request.used))?;
        remove(transaction, number, &request)?;
        for secret in made.iter().filter_map(schema::secret_made) {
            if let Some(found) = transaction.get::<Secret>(&schema::secret(secret))? {
                secret::remove_or_drop(transaction, secret, &found)?;
            }
        }
        Ok(())
    }
}

/// The key of the hash of the manage token; one without a record for an unknown request.
fn token_key(number: Option<RequestNumber>) -> Key {
    number.map_or_else(|| schema::daemon("no manage token"), schema::request_manage)
}

fn checked(
    id: &RequestId,
    number: Option<RequestNumber>,
    request: Option<Request>,
    kept: Option<Manage>,
    token_hash: &[u8; 32],
) -> Result<(RequestNumber, Request), RequestError> {
    let is_right = kept.is_some_and(|kept| kept.fits(token_hash));
    let request = request.filter(|request| is_right && request.id == *id);
    number.zip(request).ok_or(RequestError::NotFound)
}
