//! The event log of a secret: what happened to it besides being viewed.
//!
//! Views are a log of their own ([`mod@super::view`]), so that "viewed" never means anything else.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::view::View;
use crate::{
    clock::UnixSeconds,
    domain::{numbers::SecretNumber, schema},
    store::{Record, StoreError, Transaction},
};

/// So many events of each kind are kept, the first ones: a scanner that comes back for ever must not
/// fill the disk.
pub const MAX_EVENTS_OF_A_KIND: u8 = 50;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EventKind {
    /// Somebody looked at the page, which spends nothing.
    Opened,
    /// A viewer had the key wiped before the lease was over.
    Burned,
    /// The key was wiped because the last lease was over.
    LeaseEnded,
    /// Somebody came too late: used up, or expired.
    TriedAfter,
}

/// One event, as the owner sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// When.
    pub at: UnixSeconds,
    /// From where, as far as the operator wants to know; `None` for what the daemon did by itself.
    pub address: Option<IpAddr>,
    /// The User-Agent, shortened.
    pub agent: Option<String>,
}

impl Record for Event {
    const VERSION: u8 = 1;
}

impl Event {
    /// What a visitor did.
    #[must_use]
    pub fn new(kind: EventKind, visitor: View) -> Self {
        let View { at, address, agent } = visitor;
        Self { kind, at, address, agent }
    }
}

/// How many events of each kind a secret has.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct EventCounts {
    opened: u8,
    burned: u8,
    lease_ended: u8,
    tried_after: u8,
}

impl EventCounts {
    /// All of them. They are numbered from 0 on, in their order.
    pub(crate) fn total(&self) -> u16 {
        let Self { opened, burned, lease_ended, tried_after } = *self;
        [opened, burned, lease_ended, tried_after].into_iter().map(u16::from).sum()
    }

    /// Adds an event to the log, if there is room for its kind; says whether it did. The counts are
    /// part of the secret's record, which the caller puts.
    pub(super) fn log(
        &mut self,
        transaction: &mut Transaction<'_, '_>,
        number: SecretNumber,
        event: &Event,
    ) -> Result<bool, StoreError> {
        let index = self.total();
        let count = match event.kind {
            EventKind::Opened => &mut self.opened,
            EventKind::Burned => &mut self.burned,
            EventKind::LeaseEnded => &mut self.lease_ended,
            EventKind::TriedAfter => &mut self.tried_after,
        };
        if *count >= MAX_EVENTS_OF_A_KIND {
            return Ok(false);
        }
        *count += 1;
        transaction.put(&schema::event(number, index), event)?;
        Ok(true)
    }
}
