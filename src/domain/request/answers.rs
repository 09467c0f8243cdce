//! A request with its answers, for the requester.

use super::{
    Request, RequestError, Texts,
    list::{self, RequestListEntry},
};
use crate::{
    domain::{
        numbers::{AccountNumber, RequestNumber, SecretNumber},
        page::{PageKeys, PageStart},
        request_id::RequestId,
        schema,
        sealed_part::StoredAnswerKey,
        secret::sealed_answer::SealedAnswer,
    },
    store::{Store, StoreError},
};

/// A request with its answers.
pub struct AnsweredRequest {
    /// The request as in the list.
    pub entry: RequestListEntry,
    /// The key that answers are sealed for.
    pub answer_key: Option<StoredAnswerKey>,
    /// A page of the answers, oldest first, at most [`MAX_LISTED`], without those that were deleted.
    ///
    /// [`MAX_LISTED`]: crate::domain::page::MAX_LISTED
    pub answers: Vec<SealedAnswer>,
    /// The answer after which the next page begins; `None` at the end.
    pub next: Option<SecretNumber>,
}

/// A request of `account` with the page of its answers that begins at `start`. Reads the disk, so it must run on
/// a blocking thread.
///
/// # Errors
///
/// [`RequestError::NotFound`] for an unknown request or one of another account, and [`StoreError`].
pub fn find(
    store: &Store,
    account: AccountNumber,
    id: &RequestId,
    start: PageStart<SecretNumber>,
) -> Result<AnsweredRequest, RequestError> {
    list::live_account(store, account)?;
    let number = store.get::<RequestNumber>(&schema::request_id(&id.hash()))?;
    let number = number.filter(|number| number.account == account).ok_or(RequestError::NotFound)?;
    let request = store.get::<Request>(&schema::request(number))?;
    let request = request.filter(|request| request.id == *id).ok_or(RequestError::NotFound)?;
    Ok(read(store, number, request, start)?)
}

/// Reads the answers of a request.
pub(super) fn read(
    store: &Store,
    number: RequestNumber,
    request: Request,
    start: PageStart<SecretNumber>,
) -> Result<AnsweredRequest, StoreError> {
    let answer_key = store.get(&schema::request_answer_key(number))?;
    let made = &schema::made(number);
    let key = |secret| schema::made_secret(number, secret);
    let PageKeys { keys, next } =
        PageKeys::oldest_first(store, made, start, key, schema::secret_made)?;
    let made: Vec<SecretNumber> = keys.iter().filter_map(schema::secret_made).collect();
    let answers = SealedAnswer::read(store, &made)?.into_iter().flatten().collect();
    let texts = Texts::read(store, number, &request)?;
    let secrets = list::secrets(store, number)?;
    let entry = RequestListEntry { request, texts, secrets };
    Ok(AnsweredRequest { entry, answer_key, answers, next })
}
