//! The view log: who has seen a secret, when and from where.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{clock::UnixSeconds, store::Record};

/// One view, as the owner sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// When.
    pub at: UnixSeconds,
    /// From where, as far as the operator wants to know.
    pub address: Option<IpAddr>,
    /// The viewer's User-Agent, shortened.
    pub agent: Option<String>,
}

impl Record for View {
    const VERSION: u8 = 1;
}

impl View {
    /// The most bytes of a User-Agent that are kept.
    const MAX_AGENT_BYTES: usize = 256;

    /// A view at `at`; a long `agent` is cut.
    #[must_use]
    pub fn new(at: UnixSeconds, address: Option<IpAddr>, agent: Option<&str>) -> Self {
        let agent =
            agent.map(|agent| agent[..agent.floor_char_boundary(Self::MAX_AGENT_BYTES)].into());
        Self { at, address, agent }
    }
}
