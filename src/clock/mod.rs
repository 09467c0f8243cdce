//! Time: the only module that reads the system's clocks. Everything else gets [`UnixSeconds`] or a
//! [`Clock`] as an argument, so that tests set the time and never sleep.

mod judge;

use std::{
    fmt,
    sync::{
        Arc, LazyLock, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Instant, SystemTime},
};

use self::judge::{ClockReading, ClockVerdict, Judge};
pub use self::judge::{ClockTrouble, LeapRecord, TimeRecord};
use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// A moment in whole seconds since 1970-01-01T00:00:00Z, leap seconds not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UnixSeconds(pub u64);

impl UnixSeconds {
    /// The moment `seconds` later; the last representable one instead of an overflow.
    #[must_use]
    pub fn plus(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// The moment that a text in RFC 3339 names, in any time zone, without its fraction of a second; `None` for
    /// another text, and before 1970.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        u64::try_from(moment.unix_timestamp()).ok().map(Self)
    }

    /// The calendar month in UTC, counted from year 0: `year * 12 + (month - 1)`.
    ///
    /// A number, because allowances only ask whether two moments share their month.
    #[must_use]
    pub fn month(self) -> u32 {
        let date = self.date();
        u32::try_from(date.year()).unwrap_or(0) * 12 + u32::from(u8::from(date.month())) - 1
    }

    /// The day in UTC.
    #[must_use]
    pub fn day(self) -> UnixDay {
        UnixDay(u32::try_from(self.0 / DAY_SECONDS).unwrap_or(u32::MAX))
    }

    fn date(self) -> OffsetDateTime {
        i64::try_from(self.0)
            .ok()
            .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }
}

/// A day in UTC, counted from 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UnixDay(pub u32);

const DAY_SECONDS: u64 = 86_400;

/// RFC 3339, as in `2026-11-22`.
impl fmt::Display for UnixDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        UnixSeconds(u64::from(self.0) * DAY_SECONDS).date().date().fmt(f)
    }
}

/// A moment in whole seconds since a fixed moment before it, in this process only. It never goes back and
/// never leaps, also when the wall clock is set.
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

/// The zero of the system's monotonic clock.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// A right clock never shows an earlier time: the date of the build if the builder gives it (the convention
/// of reproducible builds, in seconds since 1970), else the beginning of the year of the newest release,
/// 2026-01-01. A build does not read a clock, so that two builds are the same.
const BUILT: UnixSeconds = UnixSeconds(match option_env!("SOURCE_DATE_EPOCH") {
    Some(text) => match u64::from_str_radix(text, 10) {
        Ok(seconds) => seconds,
        Err(_) => panic!("SOURCE_DATE_EPOCH must be a whole number of seconds"),
    },
    None => 1_767_225_600,
});

/// The time, from the system or set by a test, and whether it is plausible: see `judge`. Clones are the
/// same clock.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    source: ClockSource,
    judge: Mutex<Judge>,
}

#[derive(Debug)]
enum ClockSource {
    System,
    Manual { wall: AtomicU64, monotonic: AtomicU64 },
}

impl Clock {
    /// The system's clock, judged by the state of the time in a store.
    #[must_use]
    pub fn system(kept: TimeRecord) -> Self {
        Self::new(ClockSource::System, kept, BUILT)
    }

    /// A clock that stays at `start` until [`Clock::advance`].
    #[must_use]
    pub fn manual(start: UnixSeconds) -> Self {
        Self::manual_after(start, TimeRecord::default(), UnixSeconds(0))
    }

    /// The same after a restart, in a program that was built at `built`.
    #[must_use]
    pub fn manual_after(start: UnixSeconds, kept: TimeRecord, built: UnixSeconds) -> Self {
        let (wall, monotonic) = (AtomicU64::new(start.0), AtomicU64::new(0));
        Self::new(ClockSource::Manual { wall, monotonic }, kept, built)
    }

    fn new(source: ClockSource, kept: TimeRecord, built: UnixSeconds) -> Self {
        let judge = Mutex::new(Judge::new(kept, built, source.look()));
        let clock = Self(Arc::new(Inner { source, judge }));
        // Logs a wrong clock at the start, not with the first request.
        clock.verdict();
        clock
    }

    /// The present moment: anything that has expired by it is refused. It never goes back behind a
    /// plausible time.
    #[must_use]
    pub fn now(&self) -> UnixSeconds {
        self.verdict().now
    }

    /// The moment for permanent changes, such as deletion. It is [`Clock::now`], except after a leap that
    /// has not held long enough: then the time continues from before the leap.
    #[must_use]
    pub fn settled(&self) -> UnixSeconds {
        self.verdict().settled
    }

    /// What is wrong with the clock; `None` if no fault is known.
    #[must_use]
    pub fn trouble(&self) -> Option<ClockTrouble> {
        self.verdict().trouble
    }

    /// The state of the time for a commit that is made now.
    #[must_use]
    pub fn record(&self) -> TimeRecord {
        let mut judge = self.judge();
        let look = self.0.source.look();
        judge.judge(look);
        judge.record(look)
    }

    /// The elapsed time, for limits and pauses.
    #[must_use]
    pub fn monotonic(&self) -> MonotonicSeconds {
        self.0.source.look().monotonic
    }

    /// Lets time pass on a manual clock; the system's clock stays.
    pub fn advance(&self, seconds: u64) {
        if let ClockSource::Manual { wall, monotonic } = &self.0.source {
            wall.fetch_add(seconds, Ordering::Relaxed);
            monotonic.fetch_add(seconds, Ordering::Relaxed);
        }
    }

    /// Sets the wall time of a manual clock, while no time passes; the system's clock stays.
    pub fn set(&self, now: UnixSeconds) {
        if let ClockSource::Manual { wall, .. } = &self.0.source {
            wall.store(now.0, Ordering::Relaxed);
        }
    }

    fn verdict(&self) -> ClockVerdict {
        let mut judge = self.judge();
        // Read under the lock, so that an older reading of another thread does not count as a step back.
        let look = self.0.source.look();
        judge.judge(look)
    }

    fn judge(&self) -> MutexGuard<'_, Judge> {
        self.0.judge.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClockSource {
    /// A system clock set before 1970 reads as 1970.
    #[expect(clippy::disallowed_methods, reason = "the only module that reads the clock")]
    fn look(&self) -> ClockReading {
        let (wall, monotonic) = match self {
            Self::System => {
                let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
                (since.map_or(0, |since| since.as_secs()), START.elapsed().as_secs())
            }
            Self::Manual { wall, monotonic } => {
                (wall.load(Ordering::Relaxed), monotonic.load(Ordering::Relaxed))
            }
        };
        ClockReading { wall: UnixSeconds(wall), monotonic: MonotonicSeconds(monotonic) }
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
            assert_eq!(UnixSeconds(seconds).day().to_string(), text[..10]);
        }
    }

    #[test]
    fn a_manual_clock_moves_for_all_its_clones() {
        let clock = Clock::manual(UnixSeconds(100));
        let other = clock.clone();
        let start = clock.monotonic();
        clock.advance(5);
        assert_eq!(other.now(), UnixSeconds(105));
        clock.set(UnixSeconds(300));
        assert_eq!((other.now(), other.monotonic().since(start)), (UnixSeconds(300), 5));
    }
}
