//! Checks of a request's head (RFC 9112) before it is used.
//!
//! hyper has parsed the head, but it accepts heads that a proxy in front might interpret differently: no
//! `Host` or several, and any transfer coding whose last one is `chunked`.

use std::net::Ipv6Addr;

use hyper::{
    Request, Version,
    body::Body,
    header::{CONTENT_ENCODING, HOST, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING},
};

use super::error::HttpError;

/// How many bytes of a header's value an error repeats.
const MAX_NAMED_CHARS: usize = 40;

/// Checks `Host` (RFC 9112, 3.2), `Transfer-Encoding` (6.1, 7) and, if the request has a body,
/// `Content-Encoding`.
///
/// Over HTTP/1.1, if the target is in absolute form, `Host` may differ from it and is ignored (3.2.2).
///
/// # Errors
///
/// [`HttpError::BadHead`], [`HttpError::TransferCoding`], [`HttpError::ContentCoding`].
pub fn check<B: Body>(request: &Request<B>) -> Result<(), HttpError> {
    let (version, headers) = (request.version(), request.headers());
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if is_host(host.as_bytes()) => {}
        (None, _) if version < Version::HTTP_11 => {}
        (None, _) => return Err(HttpError::BadHead("The header Host is missing")),
        (Some(_), Some(_)) => return Err(HttpError::BadHead("The header Host is given twice")),
        (Some(_), None) => return Err(HttpError::BadHead("The header Host is not a host name")),
    }
    let mut codings = tokens(headers, &TRANSFER_ENCODING);
    if let Some(unknown) = codings.iter().find(|coding| *coding != "chunked") {
        return Err(HttpError::TransferCoding(named(unknown)));
    }
    if codings.pop().is_some() && !codings.is_empty() {
        return Err(HttpError::BadHead("The body is chunked twice"));
    }
    if request.body().is_end_stream() { Ok(()) } else { refuse_content_coding(headers) }
}

/// Over HTTP/2, makes `Host` of `:authority`, which stands for it (RFC 9113, 8.3.1).
///
/// # Errors
///
/// [`HttpError::BadHead`] if both are there and differ.
pub fn take_authority<B>(request: &mut Request<B>) -> Result<(), HttpError> {
    if request.version() != Version::HTTP_2 {
        return Ok(());
    }
    let Some(authority) = request.uri().authority().map(|found| found.as_str().to_owned()) else {
        return Ok(());
    };
    let differs = |host: &HeaderValue| !host.as_bytes().eq_ignore_ascii_case(authority.as_bytes());
    if request.headers().get_all(HOST).iter().any(differs) {
        return Err(HttpError::BadHead("The header Host differs from :authority"));
    }
    let host = HeaderValue::from_str(&authority);
    let host = host.map_err(|_| HttpError::BadHead(":authority is not a host name"))?;
    request.headers_mut().insert(HOST, host);
    Ok(())
}

/// Rejects a body with a content coding: the server decodes none (RFC 9110, 8.4).
fn refuse_content_coding(headers: &HeaderMap) -> Result<(), HttpError> {
    let codings = tokens(headers, &CONTENT_ENCODING);
    match codings.iter().find(|coding| *coding != "identity") {
        Some(coding) => Err(HttpError::ContentCoding(named(coding))),
        None => Ok(()),
    }
}

/// The items of a list header, in lower case, without empty ones (RFC 9110, 5.6.1).
fn tokens(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    let values = headers.get_all(name).iter();
    values
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(|token| String::from_utf8_lossy(token.trim_ascii()).to_ascii_lowercase())
        .filter(|token| !token.is_empty())
        .collect()
}

/// A token for an error text: shortened, and without characters that tokens cannot have.
fn named(token: &str) -> String {
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || "-_.+*".contains(*c);
    token.chars().take(MAX_NAMED_CHARS).filter(is_plain).collect()
}

/// `uri-host [ ":" port ]` (RFC 9110, 7.2) with a non-empty host, as in any `http` URI.
fn is_host(value: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(value) else { return false };
    let (host, port) = match text.rfind(']') {
        Some(end) => text.split_at(end + 1),
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let is_port = match port.strip_prefix(':') {
        Some(digits) => {
            let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
            is_number && (digits.is_empty() || digits.parse::<u16>().is_ok())
        }
        None => port.is_empty(),
    };
    let is_name = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        // RFC 3986, 3.2.2: unreserved, percent-encoded and sub-delims.
        None => {
            let is_allowed =
                |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(&byte);
            !host.is_empty() && host.bytes().all(is_allowed)
        }
    };
    is_port && is_name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_or_addresses_with_a_port_or_without() {
        let good: [&[u8]; 9] = [
            b"sealdrop",
            b"secrets.example.org:443",
            b"127.0.0.1:8080",
            b"[::1]",
            b"[2001:db8::1]:80",
            b"localhost:",
            b"my_host",
            b"xn--hkan-uoa.se.",
            b"EXAMPLE.ORG",
        ];
        let bad: [&[u8]; 16] = [
            b"",
            b":80",
            b"a b",
            b"a/b",
            b"a?b",
            b"a#b",
            b"user@a",
            b"a:80:80",
            b"a:8x",
            b"a:65536",
            b"a:-1",
            b"[::1",
            b"[::1]x",
            b"[sealdrop]",
            b"http://a",
            b"h\xe5kan",
        ];
        for (hosts, expected) in [(&good[..], true), (&bad[..], false)] {
            for host in hosts {
                assert_eq!(is_host(host), expected, "{}", String::from_utf8_lossy(host));
            }
        }
    }
}
