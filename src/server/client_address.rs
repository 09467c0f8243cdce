//! The client of a request: the peer, or the address that a trusted proxy names.

use std::{net::IpAddr, sync::Arc};

use hyper::header::{FORWARDED, HeaderMap, HeaderName};
use ipnet::IpNet;

use super::evidence::{ArrivedRequest, ProxyEvidence};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// Other headers of proxies: they cause a warning, but are trusted only if the operator names them.
const OTHERS: [HeaderName; 2] =
    [HeaderName::from_static("x-real-ip"), HeaderName::from_static("cf-connecting-ip")];

/// The trusted proxies, and the header in which they name a client.
#[derive(Default)]
pub struct Proxies {
    trusted: Vec<IpNet>,
    header: Option<HeaderName>,
    evidence: Arc<ProxyEvidence>,
}

/// The other side of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its address; for a Unix socket, the loopback address.
    pub address: IpAddr,
    /// Whether it has connected to a Unix socket, as only a proxy on this machine may.
    pub is_unix: bool,
    /// Whether it is a proxy that has not named the client of this connection, where it must: then nothing
    /// that the connection says of a client is trusted.
    pub is_unnamed: bool,
}

impl From<Vec<IpNet>> for Proxies {
    fn from(trusted: Vec<IpNet>) -> Self {
        Self::new(trusted, None)
    }
}

impl Proxies {
    /// Trusts the proxies `trusted`, and only their header `header`, if it is given.
    #[must_use]
    pub fn new(trusted: Vec<IpNet>, header: Option<HeaderName>) -> Self {
        Self { trusted, header, ..Self::default() }
    }

    /// The address of the client.
    ///
    /// A header is trusted only as far as it was written by trusted proxies: the client is the first
    /// address from the right that is not one of them. Without a header of the operator's choice,
    /// `X-Forwarded-For` is used, and `Forwarded` (RFC 7239) only without it; a proxy must overwrite one of
    /// them, or extend it.
    ///
    /// An entry that is not an address ends the search: entries left of it cannot be trusted.
    #[must_use]
    pub fn client(&self, peer: Peer, headers: &HeaderMap) -> IpAddr {
        let is_trusted = self.is_trusted(peer);
        let address = peer.address.to_canonical();
        let (client, names_client) = match is_trusted {
            true => self.named_client(address, headers),
            false => (address, false),
        };
        if is_trusted {
            self.evidence.note_proxy();
        } else if let Some(name) = self.forwarding_header(headers)
            && self.evidence.notes_untrusted(address)
        {
            tracing::warn!(
                "the header {name} came from {address}, which is not a trusted proxy, and is ignored: all its \
                 clients share one address. If it is your proxy, set trusted_proxy (--trusted-proxy {address})"
            );
        }
        self.evidence.note_awaited(headers, || {
            let header = self.forwarding_header(headers).map(|name| name.to_string());
            ArrivedRequest { peer: address, client, is_trusted, names_client, header }
        });
        client
    }

    /// What is noticed about proxies.
    #[must_use]
    pub fn evidence(&self) -> Arc<ProxyEvidence> {
        Arc::clone(&self.evidence)
    }

    /// The client that a trusted proxy at `peer` names, else `peer`; and whether it names one.
    fn named_client(&self, peer: IpAddr, headers: &HeaderMap) -> (IpAddr, bool) {
        let (mut client, mut names_client) = (peer, false);
        for hop in self.hops(headers).into_iter().rev() {
            let Some(hop) = hop else { break };
            client = hop.to_canonical();
            names_client = true;
            if !self.is_listed(client) {
                break;
            }
        }
        (client, names_client)
    }

    /// Whether a peer is a trusted proxy.
    pub(super) fn is_trusted(&self, peer: Peer) -> bool {
        !peer.is_unnamed && (peer.is_unix || self.is_listed(peer.address.to_canonical()))
    }

    fn is_listed(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|net| net.contains(&address))
    }

    /// The addresses in the headers, left to right; `None` for an entry that is not one.
    fn hops(&self, headers: &HeaderMap) -> Vec<Option<IpAddr>> {
        let name = match &self.header {
            Some(name) => name,
            None if headers.contains_key(X_FORWARDED_FOR) => &X_FORWARDED_FOR,
            None => &FORWARDED,
        };
        let read = if *name == FORWARDED { forwarded_for } else { address };
        let values = headers.get_all(name).iter();
        values.flat_map(|value| value.as_bytes().split(|byte| *byte == b',')).map(read).collect()
    }

    /// A header that only a proxy writes.
    fn forwarding_header(&self, headers: &HeaderMap) -> Option<HeaderName> {
        let known = [X_FORWARDED_FOR, FORWARDED].into_iter().chain(OTHERS);
        self.header.clone().into_iter().chain(known).find(|name| headers.contains_key(name))
    }
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

    fn from(address: &str) -> Peer {
        Peer { address: address.parse().unwrap(), is_unix: false, is_unnamed: false }
    }

    #[test]
    fn a_unix_socket_is_a_trusted_proxy() {
        let peer = Peer { is_unix: true, ..from("127.0.0.1") };
        let mut headers = HeaderMap::new();
        let proxies = Proxies::default();
        assert_eq!(proxies.client(peer, &headers).to_string(), "127.0.0.1");
        headers.insert(X_FORWARDED_FOR, HeaderValue::from_static("127.0.0.1, 203.0.113.9"));
        assert_eq!(proxies.client(peer, &headers).to_string(), "203.0.113.9");
        // The same address over TCP is a client like others.
        assert_eq!(proxies.client(from("127.0.0.1"), &headers).to_string(), "127.0.0.1");
    }

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
            let proxies = Proxies::new(trusted.to_vec(), None);
            let client = proxies.client(from(peer), &headers);
            assert_eq!(client.to_string(), expected, "{peer} {name}: {value}");
        }
    }

    #[test]
    fn a_header_of_the_operators_choice_is_the_only_one() {
        let trusted = vec!["10.0.0.0/8".parse().unwrap()];
        // (name, peer, headers, client)
        type Given = &'static [(&'static str, &'static str)];
        let cases: [(&'static str, &str, Given, &str); 9] = [
            ("x-real-ip", "10.0.0.1", &[("x-real-ip", "203.0.113.9")], "203.0.113.9"),
            ("x-real-ip", "10.0.0.1", &[("x-real-ip", " 2001:db8::7 ")], "2001:db8::7"),
            ("x-real-ip", "10.0.0.1", &[("x-forwarded-for", "203.0.113.9")], "10.0.0.1"),
            (
                "cf-connecting-ip",
                "10.0.0.1",
                &[("x-forwarded-for", "1.1.1.1"), ("cf-connecting-ip", "203.0.113.9")],
                "203.0.113.9",
            ),
            ("x-real-ip", "192.0.2.1", &[("x-real-ip", "203.0.113.9")], "192.0.2.1"),
            ("x-real-ip", "10.0.0.1", &[("x-real-ip", "unknown")], "10.0.0.1"),
            // The proxy's own entry is the last one.
            (
                "x-real-ip",
                "10.0.0.1",
                &[("x-real-ip", "1.1.1.1"), ("x-real-ip", "2.2.2.2")],
                "2.2.2.2",
            ),
            ("x-client", "10.0.0.1", &[("x-client", "1.1.1.1, 2.2.2.2, 10.0.0.7")], "2.2.2.2"),
            ("forwarded", "10.0.0.1", &[("forwarded", "for=203.0.113.9")], "203.0.113.9"),
        ];
        for (name, peer, given, expected) in cases {
            let mut headers = HeaderMap::new();
            for (name, value) in given {
                headers.append(*name, HeaderValue::from_static(value));
            }
            let proxies = Proxies::new(trusted.clone(), Some(HeaderName::from_static(name)));
            let client = proxies.client(from(peer), &headers);
            assert_eq!(client.to_string(), expected, "{name} {peer} {given:?}");
        }
    }
}
