//! Limits of attempts: guesses of passwords and passphrases, and other requests that cost resources.

use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::clock::MonotonicSeconds;

/// About 4 MiB. If more clients guess within a window, the oldest entries are deleted; the guessed secrets
/// and boxes have limits of their own.
const MAX_KEYS: usize = 65_536;

/// A limit: what is counted, and how much of it is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TryRule {
    /// The name of what is counted, as in "wrong passwords from your address".
    pub counted: &'static str,
    /// The name of the setting in the configuration file.
    pub setting: &'static str,
    /// The number allowed within the window; 0 for no limit.
    pub most: u32,
    /// The length of the window.
    pub window_seconds: u64,
}

/// Allows a number of wrong attempts per `K` (a client, a box) within a window, and refuses further ones.
///
/// The state is in memory, so a restart resets all counts. Time is measured by the monotonic clock, so that
/// setting the wall clock neither resets a count nor prolongs a refusal.
pub struct TryLimit<K: Copy + Eq + Hash> {
    rule: TryRule,
    counts: Mutex<HashMap<K, TryCount>>,
}

struct TryCount {
    since: MonotonicSeconds,
    wrong: u32,
    under_way: u32,
}

/// An attempt that is being checked. It counts as wrong when it is dropped, also after a disconnect of the
/// client, unless [`Try::right`] was called.
pub struct Try<'a, K: Copy + Eq + Hash> {
    limit: &'a TryLimit<K>,
    key: K,
    is_right: bool,
}

/// The refusal of an attempt. Its text contains the count, the window and the time of the next attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany {
    rule: TryRule,
    /// The time until the window ends; `None` if attempts are being checked that would exceed the limit if
    /// all were wrong. A check takes only a moment.
    retry_after_seconds: Option<u64>,
}

impl TooMany {
    /// Whether the limit is not reached yet, but would be if all attempts that are being checked were wrong.
    #[must_use]
    pub fn is_under_way(&self) -> bool {
        self.retry_after_seconds.is_none()
    }

    /// The name of the setting of the limit.
    #[must_use]
    pub fn limit(&self) -> &'static str {
        self.rule.setting
    }

    /// The time to wait before the next attempt.
    #[must_use]
    pub fn retry_after(&self) -> Duration {
        Duration::from_secs(self.retry_after_seconds.unwrap_or(1))
    }
}

impl fmt::Display for TooMany {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TryRule { counted, most, window_seconds, .. } = self.rule;
        match self.retry_after_seconds {
            Some(seconds) => write!(
                f,
                "Too many {counted}: {most} within {} are allowed. Try again in {}",
                in_words(window_seconds),
                in_words(seconds)
            ),
            None => write!(
                f,
                "Too many {counted} at once: {most} within {} are allowed. Try again in a second",
                in_words(window_seconds)
            ),
        }
    }
}

/// A duration for people, rounded up.
#[must_use]
pub fn in_words(seconds: u64) -> String {
    let (number, unit) = match seconds {
        0..=1 => (1, "second"),
        2..120 if seconds != 60 => (seconds, "second"),
        0..7200 if seconds != 3600 => (seconds.div_ceil(60), "minute"),
        _ => (seconds.div_ceil(3600), "hour"),
    };
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {unit}{plural}")
}

impl<K: Copy + Eq + Hash> TryLimit<K> {
    /// Allows as many wrong attempts as `rule` states within its window, which begins with the first one.
    #[must_use]
    pub fn new(rule: TryRule) -> Self {
        Self { rule, counts: Mutex::default() }
    }

    /// Begins an attempt. It counts before it is checked, so that parallel guesses do not bypass the limit.
    ///
    /// # Errors
    ///
    /// [`TooMany`] if the limit is reached. A refused attempt is not counted, so waiting always helps.
    pub fn begin(&self, key: K, now: MonotonicSeconds) -> Result<Try<'_, K>, TooMany> {
        if self.rule.most == 0 {
            return Ok(Try { limit: self, key, is_right: false });
        }
        let begun = self.count(key, now);
        begun.map_err(|retry_after_seconds| TooMany { rule: self.rule, retry_after_seconds })
    }

    /// Begins an attempt, or returns the time to wait as in [`TooMany`].
    fn count(&self, key: K, now: MonotonicSeconds) -> Result<Try<'_, K>, Option<u64>> {
        let mut counts = self.counts();
        if counts.len() >= MAX_KEYS {
            self.make_room(&mut counts, now);
        }
        let count = counts.entry(key).or_insert(TryCount { since: now, wrong: 0, under_way: 0 });
        let ends = count.since.plus(self.rule.window_seconds);
        if now >= ends {
            (count.since, count.wrong) = (now, 0);
        }
        if count.wrong >= self.rule.most {
            return Err(Some(ends.since(now)));
        }
        if count.wrong + count.under_way >= self.rule.most {
            return Err(None);
        }
        count.under_way += 1;
        Ok(Try { limit: self, key, is_right: false })
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<K, TryCount>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn make_room(&self, counts: &mut HashMap<K, TryCount>, now: MonotonicSeconds) {
        let is_over = |count: &TryCount| {
            count.wrong == 0 || now >= count.since.plus(self.rule.window_seconds)
        };
        counts.retain(|_, count| count.under_way > 0 || !is_over(count));
        if counts.len() >= MAX_KEYS {
            let mut ages: Vec<u64> = counts.values().map(|count| count.since.0).collect();
            let (_, median, _) = ages.select_nth_unstable(MAX_KEYS / 2);
            let median = *median;
            counts.retain(|_, count| count.under_way > 0 || count.since.0 > median);
        }
    }
}

impl<K: Copy + Eq + Hash> Try<'_, K> {
    /// Marks the attempt as right, so that it does not count.
    pub fn right(mut self) {
        self.is_right = true;
    }

    /// Marks the attempt as not carried out, so that it does not count. For limits of actions, not of
    /// guesses.
    pub fn undone(self) {
        self.right();
    }
}

impl<K: Copy + Eq + Hash> Drop for Try<'_, K> {
    fn drop(&mut self) {
        if let Some(count) = self.limit.counts().get_mut(&self.key) {
            count.under_way = count.under_way.saturating_sub(1);
            count.wrong = count.wrong.saturating_add(u32::from(!self.is_right));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::limits::client_net::ClientNet;

    fn limit<K: Copy + Eq + Hash>(most: u32, window_seconds: u64) -> TryLimit<K> {
        let (counted, setting) = ("wrong tries from your address", "tries");
        TryLimit::new(TryRule { counted, setting, most, window_seconds })
    }

    fn wait<T>(outcome: Result<T, TooMany>) -> Option<Option<u64>> {
        outcome.err().map(|too_many| too_many.retry_after_seconds)
    }

    #[test]
    fn zero_is_no_limit() {
        let limit = limit(0, 3600);
        let held: Vec<_> =
            (0..1000).map(|_| limit.begin(1, MonotonicSeconds(5)).unwrap()).collect();
        drop(held);
        assert!(limit.begin(1, MonotonicSeconds(5)).is_ok());
        assert_eq!(limit.counts().len(), 0);
    }

    #[test]
    fn a_refusal_says_what_was_counted_and_when_to_come_again() {
        let limit = limit(1, 3600);
        drop(limit.begin(1, MonotonicSeconds(0)).unwrap());
        let refusal = limit.begin(1, MonotonicSeconds(1000)).err().unwrap();
        let expected = "Too many wrong tries from your address: 1 within 1 hour are allowed. \
                        Try again in 44 minutes";
        assert_eq!(
            (refusal.to_string().as_str(), refusal.retry_after().as_secs()),
            (expected, 2600)
        );
        let spans = [
            (0, "1 second"),
            (59, "59 seconds"),
            (60, "1 minute"),
            (61, "61 seconds"),
            (121, "3 minutes"),
            (3599, "60 minutes"),
            (3600, "1 hour"),
            (3601, "61 minutes"),
            (7201, "3 hours"),
        ];
        for (seconds, words) in spans {
            assert_eq!(in_words(seconds), words);
        }
    }

    #[test]
    fn ten_wrong_ones_within_an_hour_and_then_none() {
        let limit = limit(10, 3600);
        let start = MonotonicSeconds(1000);
        let of = |address: &str| ClientNet::of(address.parse().unwrap());
        let address = of("2001:db8:0:1::1");
        let try_wrong = |key, now| limit.begin(key, now).map(drop);
        for _ in 0..10 {
            assert_eq!(wait(try_wrong(address, start)), None);
            limit.begin(of("192.0.2.1"), start).unwrap().right();
        }
        let late = start.plus(3599);
        let neighbour = of("2001:db8:0:1:ffff::2");
        assert_eq!(wait(try_wrong(neighbour, late)), Some(Some(1)));
        assert_eq!(wait(try_wrong(of("2001:db8:0:2::1"), late)), None);
        assert_eq!(
            wait(try_wrong(of("::ffff:192.0.2.1"), late)),
            None,
            "right attempts do not count"
        );
        assert_eq!(wait(try_wrong(address, start.plus(3600))), None);
    }

    #[test]
    fn many_at_once_gain_nothing() {
        let limit = limit(3, 60);
        let now = MonotonicSeconds(1000);
        let under_way: Vec<_> = (0..3).map(|_| limit.begin(1, now).unwrap()).collect();
        assert_eq!(wait(limit.begin(1, now)), Some(None));
        drop(under_way);
        assert_eq!(wait(limit.begin(1, now)), Some(Some(60)));
        let right: Vec<_> = (0..3).map(|_| limit.begin(2, now).unwrap()).collect();
        right.into_iter().for_each(Try::right);
        assert!(limit.begin(2, now).is_ok());
    }

    #[test]
    fn memory_is_bounded() {
        let limit = limit(10, 3600);
        for number in 0..100_000_u32 {
            assert!(limit.begin(number, MonotonicSeconds(u64::from(number) / 100)).is_ok());
        }
        assert!(limit.counts().len() <= MAX_KEYS);
    }
}
