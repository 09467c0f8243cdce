//! The requests and connections that a limit refused: counted, and logged without filling the log.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::{EventCount, definitions::REFUSALS, exposition::Exposition};

/// The names of the limits: those of the settings, where one sets the limit.
const LIMITS: [&str; 15] = [
    "allowance",
    "answer_limit",
    "box_passphrase_tries",
    "busy",
    "create_limit",
    "disk",
    "mails",
    "max_connections",
    "max_connections_per_client",
    "passphrase_tries",
    "password_tries",
    "request_allowance",
    "self_destruct_limit",
    "storage",
    "webhook_test_limit",
];
/// The shortest interval between two log lines about the same limit.
const LOG_EVERY: Duration = Duration::from_secs(60);

/// Marks an answer that refuses a request because of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefusedBy(pub &'static str);

/// The refusals of each limit.
#[derive(Default)]
pub struct RefusalFigures {
    limits: [OneLimit; LIMITS.len()],
}

#[derive(Default)]
struct OneLimit {
    count: EventCount,
    /// The time of the last line in the log, and the refusals since then.
    unlogged: Mutex<(Option<Instant>, u64)>,
}

impl RefusalFigures {
    /// Counts a refusal. If a line about this limit is due, returns the number of refusals that it stands
    /// for.
    #[must_use]
    pub fn count(&self, RefusedBy(limit): RefusedBy, now: Instant) -> Option<u64> {
        let place = LIMITS.binary_search(&limit);
        debug_assert!(place.is_ok(), "{limit} is not in the list of limits");
        let figures = self.limits.get(place.ok()?)?;
        figures.count.add_one();
        let mut unlogged = figures.unlogged.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, refused) = &mut *unlogged;
        *refused += 1;
        if at.is_some_and(|at| now.duration_since(at) < LOG_EVERY) {
            return None;
        }
        *at = Some(now);
        Some(std::mem::take(refused))
    }

    /// The number of all refusals.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.limits.iter().map(|limit| limit.count.get()).sum()
    }

    pub(super) fn expose(&self, out: &mut Exposition<'_>) -> std::fmt::Result {
        let limits = LIMITS.iter().zip(&self.limits);
        out.counters(
            &REFUSALS,
            limits.map(|(name, limit)| ([(*name).to_owned()], limit.count.get())),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storm_of_refusals_makes_few_lines() {
        assert!(LIMITS.is_sorted(), "they are searched");
        let figures = RefusalFigures::default();
        let start = Instant::now();
        let refuse = |limit, at| figures.count(RefusedBy(limit), start + Duration::from_secs(at));
        assert_eq!(refuse("busy", 0), Some(1));
        for _ in 0..1000 {
            assert_eq!(refuse("busy", 59), None);
        }
        assert_eq!(refuse("disk", 59), Some(1), "each limit has its own lines");
        assert_eq!(refuse("busy", 60), Some(1001));
        assert_eq!(refuse("busy", 61), None);
        assert_eq!(figures.total(), 1004);
    }
}
