//! The account of a request, by the API key in its headers.

use hyper::header::HeaderMap;

use super::{ApiError, App};
use crate::{
    domain::{
        account::api_key::{self as key, KeyKind, KeyRights, KeyedError},
        numbers::AccountNumber,
    },
    http::api_key,
};

/// The error text for an unknown API key.
pub(super) const UNKNOWN_KEY: &str = "This API key is not known here";

/// The account of the request's API key, public or private.
///
/// # Errors
///
/// [`ApiError::NoKey`] for a request without a key, [`ApiError::Forbidden`] for an unknown one.
pub fn any_key(app: &App, headers: &HeaderMap) -> Result<AccountNumber, ApiError> {
    find(app, headers).map(|rights| rights.account)
}

/// The account of the request's private API key.
///
/// # Errors
///
/// [`ApiError::NoKey`] for a request without a key, [`ApiError::Forbidden`] for an unknown or public one.
pub fn private_key(app: &App, headers: &HeaderMap) -> Result<AccountNumber, ApiError> {
    match find(app, headers)? {
        KeyRights { account, kind: KeyKind::Private } => Ok(account),
        KeyRights { kind: KeyKind::Public, .. } => Err(ApiError::Forbidden(
            "A public API key can only view secrets: this call needs a private one",
        )),
    }
}

/// Checks the key again after the body has been read: it may have been revoked meanwhile.
///
/// # Errors
///
/// [`ApiError::Forbidden`] for a key that is not known any more.
pub(super) fn recheck(app: &App, headers: &HeaderMap) -> Result<(), ApiError> {
    find(app, headers).map(|_| ())
}

/// The outcome of a change that was made [`with_key`].
///
/// # Errors
///
/// [`ApiError::Forbidden`] for a key that was revoked before the change.
///
/// [`with_key`]: key::with_key
pub(super) fn allowed<T, E>(outcome: Result<T, KeyedError<E>>) -> Result<Result<T, E>, ApiError> {
    match outcome {
        Ok(done) => Ok(Ok(done)),
        Err(KeyedError::Change(error)) => Ok(Err(error)),
        Err(KeyedError::Revoked) => Err(ApiError::Forbidden(UNKNOWN_KEY)),
    }
}

/// The hash of the request's API key.
///
/// # Errors
///
/// [`ApiError::NoKey`] for a request without a key.
pub(super) fn key_hash(headers: &HeaderMap) -> Result<[u8; 32], ApiError> {
    api_key::of(headers).map(key::key_hash).ok_or(ApiError::NoKey)
}

fn find(app: &App, headers: &HeaderMap) -> Result<KeyRights, ApiError> {
    let given = api_key::of(headers).ok_or(ApiError::NoKey)?;
    let found = app.api_keys.recognize(given, app.clock.settled().day());
    found.ok_or(ApiError::Forbidden(UNKNOWN_KEY))
}
