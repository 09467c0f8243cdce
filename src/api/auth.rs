//! The account of a request, by the API key in its headers.

use hyper::header::HeaderMap;

use super::{ApiError, App};
use crate::{
    domain::{account::api_key::KeyKind, numbers::AccountNumber},
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
    find(app, headers).map(|(account, _)| account)
}

/// The account of the request's private API key.
///
/// # Errors
///
/// [`ApiError::NoKey`] for a request without a key, [`ApiError::Forbidden`] for an unknown or public one.
pub fn private_key(app: &App, headers: &HeaderMap) -> Result<AccountNumber, ApiError> {
    match find(app, headers)? {
        (account, KeyKind::Private) => Ok(account),
        (_, KeyKind::Public) => Err(ApiError::Forbidden(
            "A public API key can only view secrets: this call needs a private one",
        )),
    }
}

fn find(app: &App, headers: &HeaderMap) -> Result<(AccountNumber, KeyKind), ApiError> {
    let found = app.api_keys.find(api_key::of(headers).ok_or(ApiError::NoKey)?);
    let found = found.ok_or(ApiError::Forbidden(UNKNOWN_KEY))?;
    Ok((found.account, found.kind))
}
