//! The view log: the time, address and User-Agent of each view.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::schema;
use crate::{
    clock::UnixSeconds,
    store::{Key, Record},
};

/// One view, as shown to the owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// The time of the view.
    pub at: UnixSeconds,
    /// The address of the viewer, shortened or left out by the operator's setting.
    pub address: Option<IpAddr>,
    /// The viewer's User-Agent, shortened.
    pub agent: Option<String>,
}

impl Record for View {
    const VERSION: u8 = 1;

    fn sealed_by(key: &Key) -> Option<Key> {
        schema::sealing_record(key)
    }
}

impl View {
    /// The longest User-Agent that is stored, in bytes; longer ones are cut.
    const MAX_AGENT_BYTES: usize = 256;

    /// A view at `at`. A long `agent` is cut.
    #[must_use]
    pub fn new(at: UnixSeconds, address: Option<IpAddr>, agent: Option<&str>) -> Self {
        let agent =
            agent.map(|agent| agent[..agent.floor_char_boundary(Self::MAX_AGENT_BYTES)].into());
        Self { at, address, agent }
    }
}
