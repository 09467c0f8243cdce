//! Whose request it is: the peer's, or whom a trusted proxy names.

use std::net::IpAddr;

use hyper::header::{FORWARDED, HeaderMap};
use ipnet::IpNet;

const X_FORWARDED_FOR: &str = "x-forwarded-for";

/// The address of the client.
///
/// A header is believed only as far as it was written by `trusted` proxies: from the right, the first
/// address that is not one of them. `X-Forwarded-For` is looked at first and `Forwarded` (RFC 7239)
/// only without it; a proxy must overwrite the one or the other, or extend it.
///
/// An entry that is no address ends the search: what stands left of it is not vouched for.
#[must_use]
pub fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|net| net.contains(&address));
    let peer = peer.to_canonical();
    if !is_trusted(peer) {
        return peer;
    }
    let mut client = peer;
    for hop in hops(headers).into_iter().rev() {
        let Some(hop) = hop else { break };
        client = hop.to_canonical();
        if !is_trusted(client) {
            break;
        }
    }
    client
}

/// The addresses that the headers name, left to right; `None` for what is not one.
fn hops(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    if headers.contains_key(X_FORWARDED_FOR) {
        let values = headers.get_all(X_FORWARDED_FOR).iter();
        return values
            .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
            .map(address)
            .collect();
    }
    let values = headers.get_all(FORWARDED).iter();
    values
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(forwarded_for)
        .collect()
}

/// The `for` of one element of `Forwarded`, as in `for="[2001:db8::1]:4711";proto=https`.
fn forwarded_for(element: &[u8]) -> Option<IpAddr> {
    element.split(|byte| *byte == b';').find_map(|pair| {
        let (name, value) = pair.trim_ascii().split_at_checked(4)?;
        name.eq_ignore_ascii_case(b"for=").then(|| address(value)).flatten()
    })
}

/// An address, in quotes or not, in brackets or not, with a port or not.
fn address(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?.trim().trim_matches('"');
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse()
        .ok()
        .or_else(|| text.parse::<std::net::SocketAddr>().ok().map(|socket| socket.ip()))
}

#[cfg(test)]
mod tests {
    use hyper::header::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn the_right_most_untrusted_hop_counts() {
        let trusted = ["10.0.0.0/8".parse().unwrap(), "2001:db8::/32".parse().unwrap()];
        // (peer, header, value) -> client
        let cases = [
            ("192.0.2.1", "x-forwarded-for", "203.0.113.9", "192.0.2.1"),
            ("10.0.0.1", "x-other", "203.0.113.9", "10.0.0.1"),
            ("10.0.0.1", "x-forwarded-for", "203.0.113.9", "203.0.113.9"),
            ("10.0.0.1", "x-forwarded-for", "1.1.1.1, 203.0.113.9", "203.0.113.9"),
            ("10.0.0.1", "x-forwarded-for", "203.0.113.9, 10.9.9.9", "203.0.113.9"),
            ("10.0.0.1", "x-forwarded-for", "10.9.9.9", "10.9.9.9"),
            ("10.0.0.1", "x-forwarded-for", "203.0.113.9, unknown", "10.0.0.1"),
            ("10.0.0.1", "x-forwarded-for", "203.0.113.9:4711", "203.0.113.9"),
            ("::ffff:10.0.0.1", "x-forwarded-for", "::ffff:203.0.113.9", "203.0.113.9"),
            (
                "10.0.0.1",
                "forwarded",
                "for=1.1.1.1, For=\"[2001:dead::1]:47\";by=x",
                "2001:dead::1",
            ),
            ("10.0.0.1", "forwarded", "proto=https;for=203.0.113.9", "203.0.113.9"),
            ("10.0.0.1", "forwarded", "for=203.0.113.9, for=_hidden", "10.0.0.1"),
            ("2001:db8::1", "x-forwarded-for", "", "2001:db8::1"),
        ];
        for (peer, name, value, expected) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
            let client = client_address(peer.parse().unwrap(), &headers, &trusted);
            assert_eq!(client.to_string(), expected, "{peer} {name}: {value}");
        }
    }
}
