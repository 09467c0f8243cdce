//! The machine: memory, and the addresses that are listened on.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use super::finding::{Diagnosis, DoctorCheck};
use crate::{memory, size::size_text};

/// What a busy daemon takes beside its page cache (docs/operations.md, "Sizes"): 64 MiB for large bodies, and
/// as much for all else.
const BUSY_BYTES: u64 = 128 << 20;
/// The buffers of a connection.
const CONNECTION_BYTES: u64 = 16 << 10;

/// Compares the memory with what the settings may take. `group_limit` is that of the daemon's control group.
/// Blocks.
pub(super) fn examine_memory(
    cache_bytes: u64,
    max_connections: usize,
    group_limit: Option<u64>,
    diagnosis: &mut Diagnosis,
) {
    let Some(there) = memory::total().into_iter().chain(group_limit).min() else { return };
    let connections = (max_connections as u64).saturating_mul(CONNECTION_BYTES);
    let needed = cache_bytes.saturating_add(BUSY_BYTES).saturating_add(connections);
    if needed > there {
        let problem = format!(
            "A busy daemon may take {} of memory, and there are {}.",
            size_text(needed),
            size_text(there)
        );
        let remedy = "Lower cache and max_connections, or raise the limit of the memory (MemoryMax=, --memory).";
        diagnosis.find(DoctorCheck::Memory, problem, remedy);
    }
}

/// Checks that secrets in the memory of the running daemon are not written to a disk. `limit` is that of its
/// control group. Blocks.
pub(super) fn examine_swap(limit: Option<u64>, diagnosis: &mut Diagnosis) {
    let swaps = memory::disk_swaps();
    if limit != Some(0) && !swaps.is_empty() {
        let problem = format!(
            "The memory of the daemon, with keys and passwords in use, can be written to the disk: {}.",
            swaps.join(", ")
        );
        let remedy = "Keep the daemon out of it (MemorySwapMax=0, as the unit has it; --memory-swap for a container), \
                      or turn it off (swapoff). If it is encrypted, leave this check out with --skip swap.";
        diagnosis.find(DoctorCheck::Swap, problem, remedy);
    }
}

/// Checks that plain HTTP is not public. An address behind a proxy in another container or on another machine of
/// the network is fine: then `has_proxies`.
pub(super) fn examine_ports(
    addresses: &[SocketAddr],
    is_https: bool,
    has_proxies: bool,
    diagnosis: &mut Diagnosis,
) {
    for address in addresses.iter().filter(|_| !is_https) {
        if is_exposed(address.ip(), has_proxies, own_addresses) {
            let problem = format!("Plain HTTP is open to the network at {address}.");
            let remedy = format!(
                "Let the proxy connect to 127.0.0.1 (listen = \"127.0.0.1:{}\"), or use HTTPS: set domain, or \
                 tls_cert and tls_key.",
                address.port()
            );
            diagnosis.find(DoctorCheck::OpenPort, problem, remedy);
        }
    }
}

/// Checks the address of the metrics, which need no token there.
pub(super) fn examine_metrics(address: SocketAddr, diagnosis: &mut Diagnosis) {
    if is_exposed(address.ip(), true, own_addresses) {
        let problem = format!("The metrics are open to everyone at {address}.");
        let remedy = "Set metrics_listen to an address that only monitoring reaches, such as 127.0.0.1:9187.";
        diagnosis.find(DoctorCheck::OpenPort, problem, remedy);
    }
}

fn is_exposed(ip: IpAddr, has_proxies: bool, own: impl FnOnce() -> Vec<IpAddr>) -> bool {
    if ip.is_loopback() {
        return false;
    }
    let is_public = match ip.is_unspecified() {
        true => own().into_iter().any(|ip| !is_private(ip)),
        false => !is_private(ip),
    };
    is_public || !has_proxies
}

/// Whether an address is reachable only from this machine or its network.
pub(super) fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

/// The addresses with which this machine reaches others. Nothing is sent: connecting a UDP socket only picks
/// the route. The targets are those of documentation (RFC 5737, RFC 3849).
fn own_addresses() -> Vec<IpAddr> {
    let targets: [(IpAddr, IpAddr); 2] = [
        (Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::new(192, 0, 2, 1).into()),
        (Ipv6Addr::UNSPECIFIED.into(), Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into()),
    ];
    let own = targets.into_iter().filter_map(|(any, target)| {
        let socket = UdpSocket::bind((any, 0)).ok()?;
        socket.connect((target, 9)).ok()?;
        Some(socket.local_addr().ok()?.ip())
    });
    own.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_proxies_in_the_network() {
        // (address, proxies are set, an address of the machine) -> exposed
        let cases = [
            ("127.0.0.1", false, "203.0.113.9", false),
            ("::1", false, "203.0.113.9", false),
            ("0.0.0.0", false, "10.0.0.2", true),
            ("0.0.0.0", true, "10.0.0.2", false),
            ("0.0.0.0", true, "203.0.113.9", true),
            ("::", true, "2001:470::9", true),
            ("10.0.0.2", true, "203.0.113.9", false),
            ("10.0.0.2", false, "203.0.113.9", true),
            ("203.0.113.9", true, "203.0.113.9", true),
        ];
        for (ip, has_proxies, own, exposed) in cases {
            let own = || vec![own.parse().unwrap()];
            assert_eq!(is_exposed(ip.parse().unwrap(), has_proxies, own), exposed, "{ip}");
        }
    }
}
