//! The identity of a client for shares and limits.

use std::net::{IpAddr, Ipv6Addr};

/// An IPv4 address, or the first 64 bits of an IPv6 address.
///
/// One subscriber has 2^64 IPv6 addresses to send from, so a whole /64 counts as one client. An
/// IPv4 address that is mapped into IPv6 (`::ffff:192.0.2.1`) is the IPv4 address.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientNet(IpAddr);

impl ClientNet {
    /// The client that sends from this address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => address.into(),
            IpAddr::V6(address) => {
                let mut segments = address.segments();
                segments[4..].fill(0);
                Ipv6Addr::from(segments).into()
            }
        })
    }
}

/// The form in the log: the plain address.
impl std::fmt::Debug for ClientNet {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, formatter)
    }
}

impl std::fmt::Display for ClientNet {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            IpAddr::V4(address) => address.fmt(formatter),
            IpAddr::V6(address) => write!(formatter, "{address}/64"),
        }
    }
}

/// The client of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    /// The address of the peer, or the address that a trusted proxy states.
    pub address: IpAddr,
}

impl Client {
    /// The identity of the client for shares and limits.
    #[must_use]
    pub fn net(self) -> ClientNet {
        ClientNet::of(self.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_client_is_an_address_or_a_64() {
        let cases = [
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8:0:1:ffff::2", "2001:db8:0:1::/64"),
            ("2001:db8:0:2::1", "2001:db8:0:2::/64"),
            ("::1", "::/64"),
        ];
        for (address, expected) in cases {
            assert_eq!(ClientNet::of(address.parse().unwrap()).to_string(), expected, "{address}");
        }
    }
}
