//! The network addresses of webhooks: a call must not give access to the operator's own network.
//!
//! Addresses that IANA lists as special-purpose (RFC 6890 and its registries) are refused. For IPv6, only the
//! allocated range 2000::/3 is allowed. An address that embeds an IPv4 address is treated as that address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The reachability of an address, with its name in a refusal. Later variants are stricter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    /// Reachable from everywhere.
    Public,
    /// Reachable from this machine or its network only.
    Private(&'static str),
    /// Not a valid destination.
    Nowhere(&'static str),
}

/// The name of a refused `address`, as in "a private address"; `None` if it may be called.
#[must_use]
pub fn refusal(address: IpAddr, allow_private: bool) -> Option<&'static str> {
    let reach = match address {
        IpAddr::V4(address) => v4(address),
        IpAddr::V6(address) => v6(address),
    };
    match reach {
        Reach::Public => None,
        Reach::Private(_) if allow_private => None,
        Reach::Private(what) | Reach::Nowhere(what) => Some(what),
    }
}

/// The advice for an address that [`refusal`] refuses, as the end of a sentence.
#[must_use]
pub fn remedy(address: IpAddr) -> &'static str {
    match refusal(address, true) {
        None => "; the setting webhook_private allows it",
        Some(_) => "",
    }
}

fn v4(address: Ipv4Addr) -> Reach {
    match address.octets() {
        [0, ..] => Reach::Nowhere("an unspecified address"),
        [127, ..] => Reach::Private("a loopback address"),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Reach::Private("a private address"),
        [100, 64..=127, ..] => Reach::Private("an address behind a carrier's NAT"),
        [169, 254, ..] => Reach::Private("a link-local address"),
        [192, 0, 0, _] | [192, 88, 99, _] => Reach::Nowhere("a reserved address"),
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => {
            Reach::Nowhere("a documentation address")
        }
        [198, 18..=19, ..] => Reach::Nowhere("a benchmarking address"),
        [224..=239, ..] => Reach::Nowhere("a multicast address"),
        [255, 255, 255, 255] => Reach::Nowhere("the broadcast address"),
        [240..=255, ..] => Reach::Nowhere("a reserved address"),
        _ => Reach::Public,
    }
}

fn v6(address: Ipv6Addr) -> Reach {
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Reach::Nowhere("an unspecified address"),
        [0, 0, 0, 0, 0, 0, 0, 1] => Reach::Private("a loopback address"),
        // IPv4-mapped, IPv4-compatible (RFC 4291 2.5.5) and IPv4-translated (RFC 2765 2.1).
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0, 0, 0, 0, 0xffff, 0, high, low] => {
            v4(embedded(high, low))
        }
        // NAT64 (RFC 6052). Local prefixes (RFC 8215) are refused, because their destination is unknown.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => v4(embedded(high, low)),
        [0x64, 0xff9b, 1, ..] => Reach::Private("an address of a NAT64 of its own"),
        // 6to4 (RFC 3056).
        [0x2002, high, low, ..] => v4(embedded(high, low)),
        // Teredo (RFC 4380 4): the server, and the client with all bits inverted.
        [0x2001, 0, server_high, server_low, _, _, high, low] => {
            v4(embedded(server_high, server_low)).max(v4(embedded(!high, !low)))
        }
        [0x2001, 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] => {
            Reach::Nowhere("a documentation address")
        }
        [0x2001, 2, 0, ..] => Reach::Nowhere("a benchmarking address"),
        [0x2001, 1..=0x1ff, ..] => Reach::Nowhere("a reserved address"),
        [0x2000..=0x3fff, ..] => Reach::Public,
        [0xfc00..=0xfdff, ..] => Reach::Private("a private address"),
        [0xfe80..=0xfebf, ..] => Reach::Private("a link-local address"),
        [0xfec0..=0xfeff, ..] => Reach::Private("a site-local address"),
        [0xff00..=0xffff, ..] => Reach::Nowhere("a multicast address"),
        _ => Reach::Nowhere("a reserved address"),
    }
}

fn embedded(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(high) << 16 | u32::from(low))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC: (Option<&str>, Option<&str>) = (None, None);

    fn private(what: &str) -> (Option<&str>, Option<&str>) {
        (Some(what), None)
    }

    fn nowhere(what: &str) -> (Option<&str>, Option<&str>) {
        (Some(what), Some(what))
    }

    #[test]
    fn only_public_addresses_are_called_unless_the_operator_allows_private_ones() {
        let cases = [
            ("1.1.1.1", PUBLIC),
            ("8.8.8.8", PUBLIC),
            ("9.255.255.255", PUBLIC),
            ("11.0.0.0", PUBLIC),
            ("100.63.255.255", PUBLIC),
            ("100.128.0.0", PUBLIC),
            ("126.255.255.255", PUBLIC),
            ("128.0.0.1", PUBLIC),
            ("169.253.255.255", PUBLIC),
            ("172.15.255.255", PUBLIC),
            ("172.32.0.0", PUBLIC),
            ("192.0.1.1", PUBLIC),
            ("192.167.255.255", PUBLIC),
            ("192.169.0.0", PUBLIC),
            ("198.17.255.255", PUBLIC),
            ("198.20.0.0", PUBLIC),
            ("223.255.255.255", PUBLIC),
            ("0.0.0.0", nowhere("an unspecified address")),
            ("0.1.2.3", nowhere("an unspecified address")),
            ("10.0.0.0", private("a private address")),
            ("10.255.255.255", private("a private address")),
            ("100.64.0.0", private("an address behind a carrier's NAT")),
            ("100.127.255.255", private("an address behind a carrier's NAT")),
            ("127.0.0.1", private("a loopback address")),
            ("127.255.255.254", private("a loopback address")),
            ("169.254.169.254", private("a link-local address")),
            ("172.16.0.0", private("a private address")),
            ("172.31.255.255", private("a private address")),
            ("192.0.0.8", nowhere("a reserved address")),
            ("192.0.2.1", nowhere("a documentation address")),
            ("192.88.99.1", nowhere("a reserved address")),
            ("192.168.1.1", private("a private address")),
            ("198.18.0.1", nowhere("a benchmarking address")),
            ("198.19.255.255", nowhere("a benchmarking address")),
            ("198.51.100.7", nowhere("a documentation address")),
            ("203.0.113.7", nowhere("a documentation address")),
            ("224.0.0.1", nowhere("a multicast address")),
            ("239.255.255.250", nowhere("a multicast address")),
            ("240.0.0.1", nowhere("a reserved address")),
            ("255.255.255.255", nowhere("the broadcast address")),
            ("2606:4700:4700::1111", PUBLIC),
            ("2a00:1450::1", PUBLIC),
            ("2001:200::1", PUBLIC),
            ("3ffe::1", PUBLIC),
            ("::", nowhere("an unspecified address")),
            ("::1", private("a loopback address")),
            ("::2", nowhere("an unspecified address")),
            ("::ffff:8.8.8.8", PUBLIC),
            ("::ffff:127.0.0.1", private("a loopback address")),
            ("::ffff:10.1.2.3", private("a private address")),
            ("::ffff:169.254.169.254", private("a link-local address")),
            ("::127.0.0.1", private("a loopback address")),
            ("::192.168.0.1", private("a private address")),
            ("::ffff:0:10.0.0.1", private("a private address")),
            ("64:ff9b::8.8.8.8", PUBLIC),
            ("64:ff9b::10.0.0.1", private("a private address")),
            ("64:ff9b::7f00:1", private("a loopback address")),
            ("64:ff9b:1::8.8.8.8", private("an address of a NAT64 of its own")),
            ("64:ff9b:2::1", nowhere("a reserved address")),
            ("100::1", nowhere("a reserved address")),
            ("2001::1", nowhere("an unspecified address")),
            ("2001:0:808:808::f7f7:f7f7", PUBLIC),
            ("2001:0:808:808::f5ff:fffe", private("a private address")),
            ("2001:0:a00:1::f7f7:f7f7", private("a private address")),
            ("2001:2::1", nowhere("a benchmarking address")),
            ("2001:10::1", nowhere("a reserved address")),
            ("2001:1ff::1", nowhere("a reserved address")),
            ("2001:db8::1", nowhere("a documentation address")),
            ("2002:808:808::1", PUBLIC),
            ("2002:7f00:1::1", private("a loopback address")),
            ("2002:c0a8:101::1", private("a private address")),
            ("3fff:fff::1", nowhere("a documentation address")),
            ("4000::1", nowhere("a reserved address")),
            ("5f00::1", nowhere("a reserved address")),
            ("fc00::1", private("a private address")),
            ("fdff::1", private("a private address")),
            ("fe80::1", private("a link-local address")),
            ("febf::1", private("a link-local address")),
            ("fec0::1", private("a site-local address")),
            ("ff02::1", nowhere("a multicast address")),
        ];
        for (text, expected) in cases {
            let address = text.parse().unwrap();
            let refused = (refusal(address, false), refusal(address, true));
            assert_eq!(refused, expected, "{text}");
        }
    }
}
