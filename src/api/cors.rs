//! Cross-origin requests (the Fetch standard): any page may call the API, because public keys are
//! meant for that; no cookies or other ambient credentials exist, so none are allowed.

use hyper::{
    Method, Response, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ALLOW, HeaderMap, HeaderValue,
    },
};

use super::{
    error::method_list,
    response::{Body, empty},
};

/// A day; browsers that keep less cap it themselves.
const MAX_AGE_SECONDS: HeaderValue = HeaderValue::from_static("86400");

/// The headers that requests of the Secrets API have, besides those that any request may have.
pub const HEADERS: [&str; 7] = [
    "Authorization",
    "Content-Type",
    "Secret-Password",
    "Upload-Token",
    "Content-Range",
    "Lease",
    "Range",
];

/// The answer to OPTIONS, preflight or not, for a path that allows `methods` and knows what to do with
/// the request headers `names`.
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

/// Lets pages of any origin read an answer.
pub fn allow_any_origin(headers: &mut HeaderMap) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(
        ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static(
            "Allow, Retry-After, WWW-Authenticate, Content-Disposition, Content-Range, Accept-Ranges, \
             Upload-Offset, Upload-Complete",
        ),
    );
}
