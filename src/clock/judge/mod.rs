//! Whether the wall clock is plausible.
//!
//! A computer without a battery starts in 1970, and its clock leaps when a time server is found; a user can
//! set a clock wrong. So the store keeps a *floor*, the newest plausible time seen in a commit:
//!
//! - A clock behind the floor, or behind the date of the build, is wrong: the time stays at the floor until
//!   the clock has passed it.
//! - A clock that is ahead by more than a day, of the monotonic clock or, at the start, of the floor, may
//!   be right, for example after a month without power. It is used for reading at once. But nothing is
//!   deleted because of it, and the floor does not follow it, until it has held for ten minutes.

use serde::{Deserialize, Serialize};

use super::{MonotonicSeconds, UnixSeconds};

/// A step ahead by more than this is a leap.
const LEAP_SECONDS: u64 = 24 * 3600;
/// How long a clock must hold after a leap before it is trusted.
const HOLD_SECONDS: u64 = 600;
/// A clock that is behind by at most this is not reported: time servers make corrections of this size.
const UNREPORTED_SECONDS: u64 = 5;
/// How often a warning about a clock that stays behind is repeated.
const WARN_SECONDS: u64 = 3600;

/// The state of the time in a store. It is part of each commit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeRecord {
    /// The newest plausible time seen in a commit; 0 before the first one.
    pub floor: UnixSeconds,
    /// Set while a leap of the clock is not trusted yet.
    pub leap: Option<LeapRecord>,
}

/// A leap in the store, so that the count continues after a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeapRecord {
    /// The time that the clock showed at the commit.
    pub at: UnixSeconds,
    /// The number of seconds that it had held by then, while a daemon ran.
    pub held_seconds: u64,
}

/// What is wrong with the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClockTrouble {
    /// It is behind the floor.
    #[error("the clock is wrong: it is behind the newest time that was stored; see the log")]
    BehindStore,
    /// It is behind the date of the build.
    #[error("the clock is wrong: it is from before this program was built; see the log")]
    BeforeBuild,
}

/// The result of a look at the clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ClockVerdict {
    /// The time for reading.
    pub(super) now: UnixSeconds,
    /// The time for permanent changes, such as deletion.
    pub(super) settled: UnixSeconds,
    pub(super) trouble: Option<ClockTrouble>,
}

/// One reading of both clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClockReading {
    pub(super) wall: UnixSeconds,
    pub(super) monotonic: MonotonicSeconds,
}

/// Judges the wall clock by the monotonic clock, the floor, and the date of the build.
#[derive(Debug)]
pub(super) struct Judge {
    floor: UnixSeconds,
    built: UnixSeconds,
    /// A look at a plausible wall clock. It follows the clock only every [`HOLD_SECONDS`], so that many
    /// steps of less than a day are still detected as a leap.
    trusted: ClockReading,
    leap: Option<Leap>,
    /// When the last warning about a clock that is behind was written; `None` while it is not.
    warned: Option<MonotonicSeconds>,
}

#[derive(Clone, Copy, Debug)]
struct Leap {
    first: ClockReading,
    /// The seconds that the leap held in the previous process.
    held_before: u64,
}

impl ClockReading {
    /// The expected time of the wall clock at `later`.
    fn expected(&self, later: MonotonicSeconds) -> UnixSeconds {
        self.wall.plus(later.since(self.monotonic))
    }
}

impl Leap {
    fn held_seconds(&self, now: MonotonicSeconds) -> u64 {
        self.held_before.saturating_add(now.since(self.first.monotonic))
    }
}

impl Judge {
    /// Starts with the state of the store, and the clocks at the start.
    pub(super) fn new(kept: TimeRecord, built: UnixSeconds, start: ClockReading) -> Self {
        // A new store has no floor yet, and nothing that a wrong clock could delete.
        let is_new = kept.floor == UnixSeconds::default();
        let wall = if is_new { start.wall.max(built) } else { kept.floor.max(built) };
        let trusted = ClockReading { wall, ..start };
        // A leap of the previous process continues if the clock is later by less than another leap.
        let leap = kept.leap.filter(|leap| {
            start.wall >= leap.at
                && start.wall <= leap.at.plus(LEAP_SECONDS)
                && start.wall > wall.plus(LEAP_SECONDS)
        });
        if leap.is_none() && start.wall > wall.plus(LEAP_SECONDS) {
            tracing::info!(
                clock = %start.wall,
                stored = %wall,
                "the clock is more than a day ahead of the last stored change, as it is after a long \
                 pause: nothing expires permanently until it has been stable for 10 minutes"
            );
        }
        let new_leap = (start.wall > wall.plus(LEAP_SECONDS)).then_some(Leap {
            first: start,
            held_before: leap.map_or(0, |leap| leap.held_seconds),
        });
        Self { floor: kept.floor, built, trusted, leap: new_leap, warned: None }
    }

    /// Looks at the clocks. The floor follows a plausible one.
    pub(super) fn judge(&mut self, look: ClockReading) -> ClockVerdict {
        let least = self.floor.max(self.built);
        if look.wall < least {
            return self.behind(look, least);
        }
        if self.warned.take().is_some() {
            tracing::info!(clock = %look.wall, "the clock is no longer behind");
        }
        let expected = self.trusted.expected(look.monotonic);
        if look.wall <= expected.plus(LEAP_SECONDS) {
            if self.leap.take().is_some() {
                tracing::info!(clock = %look.wall, "the clock has come back from its leap");
            }
            if look.monotonic.since(self.trusted.monotonic) >= HOLD_SECONDS {
                self.trusted = look;
            }
            return self.believe(look.wall);
        }
        let leap = match self.leap {
            Some(leap) if leap.first.is_near(look) => leap,
            _ => {
                tracing::warn!(
                    clock = %look.wall,
                    %expected,
                    "the clock has leapt ahead by more than a day: secrets that have expired by it are \
                     refused, but nothing expires permanently until it has been stable for 10 minutes"
                );
                *self.leap.insert(Leap { first: look, held_before: 0 })
            }
        };
        if leap.held_seconds(look.monotonic) >= HOLD_SECONDS {
            tracing::info!(clock = %look.wall, "the clock has been stable since its leap, and is trusted");
            (self.trusted, self.leap) = (look, None);
            return self.believe(look.wall);
        }
        ClockVerdict { now: look.wall, settled: expected.max(least), trouble: None }
    }

    /// The record for the next commit.
    pub(super) fn record(&self, look: ClockReading) -> TimeRecord {
        let leap = self.leap.map(|leap| LeapRecord {
            at: look.wall,
            held_seconds: leap.held_seconds(look.monotonic),
        });
        TimeRecord { floor: self.floor, leap }
    }

    fn believe(&mut self, wall: UnixSeconds) -> ClockVerdict {
        self.floor = wall;
        ClockVerdict { now: wall, settled: wall, trouble: None }
    }

    fn behind(&mut self, look: ClockReading, least: UnixSeconds) -> ClockVerdict {
        self.leap = None;
        let mut verdict = ClockVerdict { now: least, settled: least, trouble: None };
        if look.wall.plus(UNREPORTED_SECONDS) < least {
            let is_before_build = look.wall < self.built;
            verdict.trouble = Some(match is_before_build {
                true => ClockTrouble::BeforeBuild,
                false => ClockTrouble::BehindStore,
            });
            let is_due = |last: MonotonicSeconds| look.monotonic.since(last) >= WARN_SECONDS;
            if self.warned.is_none_or(is_due) {
                self.warned = Some(look.monotonic);
                tracing::warn!(
                    clock = %look.wall,
                    stands_at = %least,
                    "{}: the time stands still, and /ready answers 503, until the clock has passed it. Set the \
                     clock right, with a time server (systemd-timesyncd, chrony) or by hand (date -s); if it is \
                     right and was ahead before, see \"The clock\" in docs/operations.md",
                    if is_before_build {
                        "the clock is from before this program was built"
                    } else {
                        "the clock is behind the newest time that was stored"
                    }
                );
            }
        }
        verdict
    }
}

impl ClockReading {
    /// Whether the clock at `later` is where it is expected, within less than a leap.
    fn is_near(&self, later: Self) -> bool {
        let expected = self.expected(later.monotonic);
        expected.0.abs_diff(later.wall.0) <= LEAP_SECONDS
    }
}

#[cfg(test)]
mod tests;
