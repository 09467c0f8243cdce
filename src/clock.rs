//! Time: the only place that asks for it. Everything else gets [`UnixSeconds`] or a [`Clock`] as an
//! argument, so that tests move time by hand and never sleep.

use std::{
    fmt,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Instant, SystemTime},
};

use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// A moment in whole seconds since 1970-01-01T00:00:00Z, leap seconds not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UnixSeconds(pub u64);

impl UnixSeconds {
    /// The moment `seconds` later; the last representable one instead of an overflow.
    #[must_use]
    pub fn plus(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// The calendar month in UTC, counted from year 0: `year * 12 + (month - 1)`.
    ///
    /// A number, because allowances only ask whether two moments share their month.
    #[must_use]
    pub fn month(self) -> u32 {
        let date = self.date();
        u32::try_from(date.year()).unwrap_or(0) * 12 + u32::from(u8::from(date.month())) - 1
    }

    fn date(self) -> OffsetDateTime {
        i64::try_from(self.0)
            .ok()
            .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }
}

/// A moment in whole seconds since some moment before it in the life of this process. It never goes back
/// and never leaps, whatever is done to the wall clock, and means nothing to another process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MonotonicSeconds(pub u64);

impl MonotonicSeconds {
    /// The moment `seconds` later; the last representable one instead of an overflow.
    #[must_use]
    pub fn plus(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// How many seconds it is later than `earlier`; 0 where it is not.
    #[must_use]
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// RFC 3339 in UTC, as in `2026-11-22T03:04:05Z`.
impl fmt::Display for UnixSeconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.date().format(&Rfc3339).map_err(|_| fmt::Error)?)
    }
}

/// Where the time comes from: the system, or a test's hand.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The system's wall clock.
    System,
    /// A clock that stands still until it is moved; shared by all its clones.
    Manual(Arc<ManualTime>),
}

/// What a manual clock shows.
#[derive(Debug)]
pub struct ManualTime {
    wall: AtomicU64,
    monotonic: AtomicU64,
}

/// The zero of the system's monotonic clock.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

impl Clock {
    /// A clock that stands at `start` until [`Clock::advance`].
    #[must_use]
    pub fn manual(start: UnixSeconds) -> Self {
        let (wall, monotonic) = (AtomicU64::new(start.0), AtomicU64::new(0));
        Self::Manual(Arc::new(ManualTime { wall, monotonic }))
    }

    /// The present moment. A system clock set before 1970 reads as 1970.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that asks for the time")]
    pub fn now(&self) -> UnixSeconds {
        match self {
            Self::System => UnixSeconds(
                SystemTime::now()
                    .duration_since(SystemTime::UNIX_EPOCH)
                    .map_or(0, |since| since.as_secs()),
            ),
            Self::Manual(time) => UnixSeconds(time.wall.load(Ordering::Relaxed)),
        }
    }

    /// The time that has passed, which limits and pauses count with.
    #[must_use]
    pub fn monotonic(&self) -> MonotonicSeconds {
        MonotonicSeconds(match self {
            Self::System => START.elapsed().as_secs(),
            Self::Manual(time) => time.monotonic.load(Ordering::Relaxed),
        })
    }

    /// Lets time pass on a manual clock; the system's clock stays.
    pub fn advance(&self, seconds: u64) {
        if let Self::Manual(time) = self {
            time.wall.fetch_add(seconds, Ordering::Relaxed);
            time.monotonic.fetch_add(seconds, Ordering::Relaxed);
        }
    }

    /// Sets the wall time of a manual clock, while no time passes; the system's clock stays.
    pub fn set(&self, now: UnixSeconds) {
        if let Self::Manual(time) = self {
            time.wall.store(now.0, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_print_as_rfc_3339_and_know_their_month() {
        // (seconds, text, month)
        let cases = [
            (0, "1970-01-01T00:00:00Z", 1970 * 12),
            (951_827_696, "2000-02-29T12:34:56Z", 2000 * 12 + 1),
            (1_798_761_599, "2026-12-31T23:59:59Z", 2026 * 12 + 11),
            (1_798_761_600, "2027-01-01T00:00:00Z", 2027 * 12),
        ];
        for (seconds, text, month) in cases {
            assert_eq!(UnixSeconds(seconds).to_string(), text);
            assert_eq!(UnixSeconds(seconds).month(), month, "{text}");
        }
    }

    #[test]
    fn a_manual_clock_moves_for_all_its_clones() {
        let clock = Clock::manual(UnixSeconds(100));
        let other = clock.clone();
        let start = clock.monotonic();
        clock.advance(5);
        assert_eq!(other.now(), UnixSeconds(105));
        clock.set(UnixSeconds(3));
        assert_eq!((other.now(), other.monotonic().since(start)), (UnixSeconds(3), 5));
    }
}
