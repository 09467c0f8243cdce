//! The model: the expected state of a secret.

use std::collections::BTreeSet;

use super::{KEEP_LOG, LEASE_SECONDS};
use crate::domain::{numbers::SecretId, secret::event::SecretEventKind, view::View};

/// The viewer with an API key in [`Expected::seen_by`].
pub(super) const BY_KEY: u8 = u8::MAX;

/// The expected state of a secret.
pub(super) struct Expected {
    pub(super) id: SecretId,
    pub(super) text: Vec<u8>,
    pub(super) message: Option<String>,
    pub(super) max_views: u8,
    pub(super) views: Vec<View>,
    /// The holder and the end of each lease; a lease that was given back ends at that time.
    pub(super) leases: Vec<(u8, u64)>,
    /// All viewers so far: the holders of leases, and each view by key as a separate viewer.
    pub(super) seen_by: BTreeSet<(u8, usize)>,
    pub(super) events: Vec<(SecretEventKind, u64)>,
    pub(super) expires_at: Option<u64>,
    pub(super) gone_at: Option<u64>,
    pub(super) listed: bool,
    /// The received bytes of each attachment, until they are burned.
    pub(super) received: Vec<u64>,
    /// The time at which the draft ends.
    pub(super) draft_until: Option<u64>,
    pub(super) hours: u64,
    /// The attachments that each holder of a lease has fetched.
    pub(super) fetched: BTreeSet<(u8, u8)>,
}

impl Expected {
    pub(super) fn is_expired(&self, now: u64) -> bool {
        self.expires_at.is_some_and(|end| now >= end)
    }

    pub(super) fn is_live(&self, now: u64) -> bool {
        self.has_payload(now) && !self.is_used_up()
    }

    pub(super) fn has_payload(&self, now: u64) -> bool {
        let is_live = self.listed && self.gone_at.is_none() && !self.is_expired(now);
        is_live && self.draft_until.is_none()
    }

    pub(super) fn is_used_up(&self) -> bool {
        self.views.len() == usize::from(self.max_views)
    }

    pub(super) fn is_leased(&self, now: u64) -> bool {
        self.leases.iter().any(|(_, end)| now < *end)
    }

    pub(super) fn lease(&mut self, holder: u8) -> Option<&mut (u8, u64)> {
        self.leases.iter_mut().find(|(known, _)| *known == holder)
    }

    pub(super) fn spend(&mut self, view: View, by: u8) {
        self.seen_by.insert((by, if by == BY_KEY { self.views.len() } else { 0 }));
        let now = view.at.0;
        self.views.push(view);
        if self.is_used_up() && !self.is_leased(now) {
            self.gone_at = Some(now);
        }
    }

    pub(super) fn end_leases(&mut self, now: u64) {
        if self.listed && self.gone_at.is_none() && self.is_used_up() && !self.is_leased(now) {
            self.gone_at = Some(now);
            self.events.push((SecretEventKind::LeaseEnded, now));
        }
    }

    /// The end of a lease that is given now.
    pub(super) fn lease_end(&self, now: u64) -> u64 {
        let fetching = self.received.iter().sum::<u64>().div_ceil(1 << 16);
        (now + LEASE_SECONDS + fetching).min(self.expires_at.unwrap_or(u64::MAX))
    }

    pub(super) fn sweep(&mut self, now: u64) {
        if self.draft_until.is_some_and(|until| now >= until) {
            self.listed = false;
            return;
        }
        self.end_leases(now);
        match self.gone_at {
            None if self.is_expired(now) => self.gone_at = Some(now),
            Some(gone)
                if now >= gone + KEEP_LOG && self.expires_at.is_none_or(|end| now >= end) =>
            {
                self.listed = false;
            }
            _ => {}
        }
    }
}
