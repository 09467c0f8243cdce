//! A request with its answers, for the requester.

use super::{
    Request, RequestError, Texts,
    list::{self, RequestListEntry},
};
use crate::{
    domain::{
        numbers::{AccountNumber, RequestNumber},
        request_id::RequestId,
        schema,
        sealed_part::StoredAnswerKey,
        secret::{list::MAX_LISTED, sealed_answer::SealedAnswer},
    },
    store::{Store, StoreError},
};

/// A request with its answers.
pub struct AnsweredRequest {
    /// The request as in the list.
    pub entry: RequestListEntry,
    /// The key that answers are sealed for.
    pub answer_key: Option<StoredAnswerKey>,
    /// The answers after the offset, oldest first, at most [`MAX_LISTED`], without those that were deleted.
    pub answers: Vec<SealedAnswer>,
}

/// A request of `account` with its answers, after skipping `offset` of them. Reads the disk, so it must run
/// on a blocking thread.
///
/// # Errors
///
/// [`RequestError::NotFound`] for an unknown request or one of another account, and [`StoreError`].
pub fn find(
    store: &Store,
    account: AccountNumber,
    id: &RequestId,
    offset: usize,
) -> Result<AnsweredRequest, RequestError> {
    list::live_account(store, account)?;
    let number = store.get::<RequestNumber>(&schema::request_id(&id.hash()))?;
    let number = number.filter(|number| number.account == account).ok_or(RequestError::NotFound)?;
    let request = store.get::<Request>(&schema::request(number))?;
    let request = request.filter(|request| request.id == *id).ok_or(RequestError::NotFound)?;
    Ok(read(store, number, request, offset)?)
}

/// Reads the answers of a request.
pub(super) fn read(
    store: &Store,
    number: RequestNumber,
    request: Request,
    offset: usize,
) -> Result<AnsweredRequest, StoreError> {
    let answer_key = store.get(&schema::request_answer_key(number))?;
    let mut answers = Vec::new();
    if offset < usize::from(request.used) {
        for key in store.keys(&schema::made(number)).skip(offset).take(MAX_LISTED) {
            let Some(made) = schema::secret_made(&key) else { continue };
            answers.extend(SealedAnswer::read(store, made)?);
        }
    }
    let texts = Texts::read(store, number, &request)?;
    let secrets = list::secrets(store, number)?;
    Ok(AnsweredRequest { entry: RequestListEntry { request, texts, secrets }, answer_key, answers })
}
