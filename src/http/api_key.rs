//! API keys in request headers: `Authorization: ApiKey <key>`, or `Bearer <key>`, which generated clients
//! send, or `X-Api-Key: <key>` if a proxy with a login in front of the server uses `Authorization` itself.

use hyper::header::{AUTHORIZATION, HeaderMap};

/// The alternative header for the key.
pub(crate) const X_API_KEY: &str = "X-Api-Key";

/// Whether the request carries an API key, valid or not. Other schemes do not count: browsers add the
/// credentials of a proxy (Basic, Negotiate) without being asked.
pub(super) fn names_key(headers: &HeaderMap) -> bool {
    let has_scheme = headers.get(AUTHORIZATION).is_some_and(|header| {
        is_scheme(header.as_bytes().split(|byte| *byte == b' ').next().unwrap_or_default())
    });
    has_scheme || headers.contains_key(X_API_KEY)
}

/// The key of the request. `X-Api-Key` takes precedence because only sealdrop uses it: `Authorization` may
/// hold the token of a login in front of the server.
pub(crate) fn of(headers: &HeaderMap) -> Option<&[u8]> {
    let own = headers.get(X_API_KEY).map(|value| value.as_bytes().trim_ascii());
    let own = own.filter(|key| !key.is_empty());
    own.or_else(|| key_in(headers.get(AUTHORIZATION)?.as_bytes()))
}

/// The key after the scheme. Schemes are case-insensitive (RFC 9110 11.1).
fn key_in(header: &[u8]) -> Option<&[u8]> {
    let at = header.iter().position(|byte| *byte == b' ')?;
    let (scheme, key) = header.split_at_checked(at)?;
    Some(key.trim_ascii()).filter(|key| is_scheme(scheme) && !key.is_empty())
}

fn is_scheme(name: &[u8]) -> bool {
    SCHEMES.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
}

/// The schemes that are accepted for a key. The Secrets API document has the first one.
pub(crate) const SCHEMES: [&str; 2] = ["ApiKey", "Bearer"];

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
