//! What the daemon tells `sealdrop doctor` about itself.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::clock::UnixSeconds;

/// How the daemon serves, and what it has noticed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServingFacts {
    /// The address that people open, without a slash at the end.
    pub base: String,
    /// Whether the TCP addresses speak HTTPS.
    pub is_https: bool,
    /// Whether the certificate is the daemon's own.
    pub is_self_signed: bool,
    /// The TCP addresses that are bound.
    pub addresses: Vec<std::net::SocketAddr>,
    /// The domains with a certificate from an authority.
    pub domains: Vec<String>,
    /// Whether it answers plain HTTP beside HTTPS.
    pub has_redirect: bool,
    /// The longest body of an upload; `None` for no limit.
    pub max_upload_bytes: Option<u64>,
    /// The trusted proxies, as CIDR blocks.
    pub trusted_proxies: Vec<String>,
    /// Whether they send the header of the PROXY protocol.
    pub has_proxy_protocol: bool,
    /// Whether one of them has sent a request since the start.
    pub is_proxy_used: bool,
    /// Untrusted addresses that sent a header of proxies since the start.
    pub untrusted: Vec<IpAddr>,
    /// The memory of the page cache.
    pub cache_bytes: u64,
    /// The limit of connections.
    pub max_connections: usize,
    /// The least limit of memory of its control groups.
    pub memory_limit_bytes: Option<u64>,
    /// The same for swap space; 0 keeps the daemon out of it.
    pub swap_limit_bytes: Option<u64>,
    /// The system's clock, as the daemon sees it.
    pub now: UnixSeconds,
    /// Whether a mail server is set up.
    pub has_mail: bool,
}

/// How a request of `sealdrop doctor` arrived at the daemon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestArrival {
    /// The other side of the connection.
    pub peer: IpAddr,
    /// The client that was found.
    pub client: IpAddr,
    /// Whether the peer is a trusted proxy.
    pub is_trusted: bool,
    /// Whether the header that trusted proxies use names an address.
    pub names_client: bool,
    /// A header of proxies in it, used or not.
    pub header: Option<String>,
}

/// A login at the mail server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailLoginTested {
    /// The step that failed, and why; `None` if it worked, or no mail server is set up.
    pub problem: Option<String>,
}
