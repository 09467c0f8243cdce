//! The event log of a secret: all events except views.
//!
//! Views have a log of their own ([`mod@crate::domain::view`]), so that an entry there always means a view.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{
    clock::UnixSeconds,
    domain::{numbers::SecretNumber, schema, view::View},
    store::{Key, Record, RecordFields, StoreError, Transaction},
};

/// The number of events of each kind that are stored; later ones are dropped, so that a scanner that returns
/// again and again cannot fill the disk.
pub const MAX_EVENTS_OF_A_KIND: u8 = 50;

/// The kind of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SecretEventKind {
    /// A visitor has opened the page, which spends no view.
    Opened,
    /// A viewer has burned the key before the lease ended.
    Burned,
    /// The key was burned because the last lease ended.
    LeaseEnded,
    /// A visitor came after the last view or the expiry.
    TriedAfter,
    /// The sender or owner has changed the secret.
    Changed,
}

/// One event, as shown to the owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretEvent {
    /// The kind of the event.
    pub kind: SecretEventKind,
    /// The time of the event.
    pub at: UnixSeconds,
    /// The address of the visitor, as far as the operator's setting allows; `None` for an event without a
    /// visitor.
    pub address: Option<IpAddr>,
    /// The User-Agent, shortened.
    pub agent: Option<String>,
}

impl Record for SecretEvent {
    const VERSION: u8 = 2;

    fn sealed_by(key: &Key) -> Option<Key> {
        schema::sealing_record(key)
    }

    fn from_older(version: u8, fields: RecordFields<'_>) -> Option<Result<Self, StoreError>> {
        // Version 2 has more kinds of events, after those of version 1.
        (version == 1).then(|| fields.read())
    }
}

impl SecretEvent {
    /// An event that a visitor has caused.
    #[must_use]
    pub fn new(kind: SecretEventKind, visitor: View) -> Self {
        let View { at, address, agent } = visitor;
        Self { kind, at, address, agent }
    }
}

/// The number of events of each kind in a secret's log.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct EventCounts {
    opened: u8,
    burned: u8,
    lease_ended: u8,
    tried_after: u8,
    changed: u8,
}

impl EventCounts {
    /// The counts in version 3 of the record of a secret.
    pub(super) fn from_v3([opened, burned, lease_ended, tried_after]: [u8; 4]) -> Self {
        Self { opened, burned, lease_ended, tried_after, changed: 0 }
    }

    /// The number of all events. They are numbered from 0 in their order.
    pub(crate) fn total(&self) -> u16 {
        let Self { opened, burned, lease_ended, tried_after, changed } = *self;
        [opened, burned, lease_ended, tried_after, changed].into_iter().map(u16::from).sum()
    }

    /// Adds an event to the log unless the log is full for its kind. Returns whether it was added. The counts
    /// are part of the secret's record, which the caller writes.
    pub(super) fn log(
        &mut self,
        transaction: &mut Transaction<'_, '_>,
        number: SecretNumber,
        event: &SecretEvent,
    ) -> Result<bool, StoreError> {
        let index = self.total();
        let count = match event.kind {
            SecretEventKind::Opened => &mut self.opened,
            SecretEventKind::Burned => &mut self.burned,
            SecretEventKind::LeaseEnded => &mut self.lease_ended,
            SecretEventKind::TriedAfter => &mut self.tried_after,
            SecretEventKind::Changed => &mut self.changed,
        };
        if *count >= MAX_EVENTS_OF_A_KIND {
            return Ok(false);
        }
        *count += 1;
        transaction.put(&schema::event(number, index), event)?;
        Ok(true)
    }
}
