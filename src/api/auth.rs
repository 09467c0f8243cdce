//! Who asks: `Authorization: ApiKey <key>`, or `Bearer <key>` as generated clients send it; or `X-Api-Key: <key>`
//! where a login in front of the server has taken that header for itself.

use hyper::header::{AUTHORIZATION, HeaderMap};

use super::{ApiError, App};
use crate::domain::account::{AccountNumber, api_key::KeyKind};

/// Where the key may stand instead.
pub(crate) const X_API_KEY: &str = "X-Api-Key";

/// What is said of a key that is nobody's.
pub(super) const UNKNOWN_KEY: &str = "This API key is not known here";

/// The account whose key, of any kind, the request carries.
///
/// # Errors
///
/// [`ApiError::NoKey`], [`ApiError::Forbidden`].
pub fn any_key(app: &App, headers: &HeaderMap) -> Result<AccountNumber, ApiError> {
    find(app, headers).map(|(account, _)| account)
}

/// The account whose private key the request carries.
///
/// # Errors
///
/// [`ApiError::NoKey`], [`ApiError::Forbidden`].
pub fn private_key(app: &App, headers: &HeaderMap) -> Result<AccountNumber, ApiError> {
    match find(app, headers)? {
        (account, KeyKind::Private) => Ok(account),
        (_, KeyKind::Public) => Err(ApiError::Forbidden(
            "A public API key may only view secrets: this needs a private one",
        )),
    }
}

/// Whether the request names an API key, be it a wrong one. Other schemes do not count: a browser adds those of
/// a proxy in front (Basic, Negotiate) by itself.
pub(crate) fn names_key(headers: &HeaderMap) -> bool {
    let has_scheme = headers.get(AUTHORIZATION).is_some_and(|header| {
        is_scheme(header.as_bytes().split(|byte| *byte == b' ').next().unwrap_or_default())
    });
    has_scheme || headers.contains_key(X_API_KEY)
}

fn find(app: &App, headers: &HeaderMap) -> Result<(AccountNumber, KeyKind), ApiError> {
    // What is for sealdrop alone goes first: the other one may hold what was for the login, a Bearer token, say.
    let own = headers.get(X_API_KEY).map(|value| value.as_bytes().trim_ascii());
    let own = own.filter(|key| !key.is_empty());
    let key = own.or_else(|| key_in(headers.get(AUTHORIZATION)?.as_bytes()));
    let found = app.api_keys.find(key.ok_or(ApiError::NoKey)?);
    let found = found.ok_or(ApiError::Forbidden(UNKNOWN_KEY))?;
    Ok((found.account, found.kind))
}

/// The key behind its scheme. A scheme's case does not matter (RFC 9110 11.1).
fn key_in(header: &[u8]) -> Option<&[u8]> {
    let at = header.iter().position(|byte| *byte == b' ')?;
    let (scheme, key) = header.split_at_checked(at)?;
    Some(key.trim_ascii()).filter(|key| is_scheme(scheme) && !key.is_empty())
}

fn is_scheme(name: &[u8]) -> bool {
    SCHEMES.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
}

/// The schemes that a key may come under; the first is the document's.
pub(super) const SCHEMES: [&str; 2] = ["ApiKey", "Bearer"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_comes_under_two_schemes() {
        let cases: [(&[u8], Option<&[u8]>); 12] = [
            (b"ApiKey abc", Some(b"abc")),
            (b"apikey  abc ", Some(b"abc")),
            (b"Bearer abc", Some(b"abc")),
            (b"BEARER abc", Some(b"abc")),
            (b"bearer abc", Some(b"abc")),
            (b"Bearer", None),
            (b"Bearer ", None),
            (b"Bearerabc", None),
            (b"Basic abc", None),
            (b"abc", None),
            (b" abc", None),
            (b"", None),
        ];
        for (header, expected) in cases {
            assert_eq!(key_in(header), expected, "{}", String::from_utf8_lossy(header));
        }
    }
}
