//! Cross-origin requests (the Fetch standard). By default any page may call the API, because public keys
//! are meant for pages. Cookies and other ambient credentials do not exist, so none are allowed. `--cors`
//! restricts the origins.

use hyper::{
    Method, Response, StatusCode, Uri,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ALLOW, HOST, HeaderMap, HeaderValue,
        ORIGIN, VARY,
    },
};

use super::{
    api_key::X_API_KEY,
    response::{Body, empty, method_list},
};
use crate::config::CrossOrigin;

/// One day. Browsers with a lower maximum apply their own.
const MAX_AGE_SECONDS: HeaderValue = HeaderValue::from_static("86400");
const SEC_FETCH_SITE: &str = "sec-fetch-site";

/// The request headers of the Secrets API, besides those that every request may have.
pub const HEADERS: [&str; 8] = [
    "Authorization",
    X_API_KEY,
    "Content-Type",
    "Secret-Password",
    "Upload-Token",
    "Content-Range",
    "Lease",
    "Range",
];

/// The answer to OPTIONS, with or without preflight, for a path that allows `methods` and uses the request
/// headers `names`.
#[must_use]
pub fn options(methods: &[Method], names: &[&str]) -> Response<Body> {
    let mut response = empty(StatusCode::NO_CONTENT);
    let headers = response.headers_mut();
    headers.insert(ALLOW, method_list(methods));
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, method_list(methods));
    let names = HeaderValue::from_str(&names.join(", ")).expect("names of headers are ASCII");
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, names);
    headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE_SECONDS);
    response
}

/// The `Origin` of a request.
#[must_use]
pub fn origin_of(headers: &HeaderMap) -> Option<HeaderValue> {
    headers.get(ORIGIN).cloned()
}

/// Allows pages of the origins in `rule` to read the answer to a request from `origin`.
pub fn allow(rule: &CrossOrigin, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
    let allowed = match rule {
        CrossOrigin::Any => Some(HeaderValue::from_static("*")),
        CrossOrigin::Off => None,
        CrossOrigin::Listed(_) => {
            // Answers to requests without `Origin` need `Vary` too: a cache must not serve them to pages.
            headers.append(VARY, HeaderValue::from_static("Origin"));
            origin.filter(|origin| is_listed(rule, origin)).cloned()
        }
    };
    let Some(allowed) = allowed else {
        headers.remove(ACCESS_CONTROL_ALLOW_METHODS);
        headers.remove(ACCESS_CONTROL_ALLOW_HEADERS);
        headers.remove(ACCESS_CONTROL_MAX_AGE);
        return;
    };
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
    headers.insert(
        ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static(
            "Allow, Retry-After, WWW-Authenticate, Content-Disposition, Content-Range, Accept-Ranges, \
             Upload-Offset, Upload-Complete",
        ),
    );
}

/// Whether the request comes from a page whose origin `rule` does not allow. Checked for operations that a
/// form can request without a preflight. `own` is the origin of the server's pages, if known.
///
/// `Sec-Fetch-Site` has the answer (Fetch Metadata). On plain HTTP, browsers do not send it, but they send
/// `Origin` with all methods except GET.
#[must_use]
pub fn is_forbidden(rule: &CrossOrigin, headers: &HeaderMap, own: Option<&str>) -> bool {
    if *rule == CrossOrigin::Any {
        return false;
    }
    let origin = headers.get(ORIGIN);
    let is_foreign = match (headers.get(SEC_FETCH_SITE), origin) {
        // Browsers send `none` for an address that the user has typed.
        (Some(site), _) => !matches!(site.as_bytes(), b"same-origin" | b"none"),
        (None, Some(origin)) => !is_own(origin, headers, own),
        (None, None) => false,
    };
    is_foreign && !origin.is_some_and(|origin| is_listed(rule, origin))
}

fn is_listed(rule: &CrossOrigin, origin: &HeaderValue) -> bool {
    match rule {
        CrossOrigin::Any => true,
        CrossOrigin::Off => false,
        CrossOrigin::Listed(origins) => {
            origins.iter().any(|listed| listed.as_bytes() == origin.as_bytes())
        }
    }
}

/// Whether `origin` is the server's own: the configured public origin, or the `Host` of the request.
fn is_own(origin: &HeaderValue, headers: &HeaderMap, own: Option<&str>) -> bool {
    let Ok(origin) = origin.to_str() else { return false };
    if own.is_some_and(|own| own.eq_ignore_ascii_case(origin)) {
        return true;
    }
    let authority = origin.parse::<Uri>().ok().and_then(|origin| origin.into_parts().authority);
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    authority
        .zip(host)
        .is_some_and(|(authority, host)| authority.as_str().eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderName;

    use super::*;

    #[test]
    fn foreign_forms_are_told_from_our_own() {
        let listed = CrossOrigin::Listed(vec!["https://friend.example".into()]);
        let rules = [CrossOrigin::Any, CrossOrigin::Off, listed];
        let own = Some("https://box.example");
        // (Sec-Fetch-Site, Origin) -> forbidden with any, off, a list
        let cases = [
            ("", "", [false, false, false]),
            ("none", "", [false, false, false]),
            ("same-origin", "https://box.example", [false, false, false]),
            ("same-origin", "null", [false, false, false]),
            ("cross-site", "", [false, true, true]),
            ("same-site", "https://friend.example.box.example", [false, true, true]),
            ("cross-site", "https://friend.example", [false, true, false]),
            ("cross-site", "null", [false, true, true]),
            ("Cross-Site", "https://evil.example", [false, true, true]),
            ("", "https://box.example", [false, false, false]),
            ("", "http://host:8080", [false, false, false]),
            ("", "http://host:8081", [false, true, true]),
            ("", "https://evil.example", [false, true, true]),
            ("", "https://friend.example", [false, true, false]),
            ("", "null", [false, true, true]),
        ];
        for (site, origin, expected) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static("host:8080"));
            let given = [(HeaderName::from_static(SEC_FETCH_SITE), site), (ORIGIN, origin)];
            for (name, value) in given.into_iter().filter(|(_, value)| !value.is_empty()) {
                headers.insert(name, HeaderValue::from_static(value));
            }
            for (rule, expected) in rules.iter().zip(expected) {
                assert_eq!(is_forbidden(rule, &headers, own), expected, "{site} {origin} {rule:?}");
            }
        }
    }
}
