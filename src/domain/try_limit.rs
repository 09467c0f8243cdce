//! Slows down who guesses: passwords of secrets, passphrases of boxes; and who does too much of what
//! costs others something.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::clock::MonotonicSeconds;

/// About 4 MiB. When so many guess within a window, the oldest are forgotten: what they guess at has
/// limits of its own.
const MAX_KEYS: usize = 65_536;

/// So many wrong tries of one `K` (a client, a box) within a window are answered; then none.
///
/// In memory: a restart forgives. Time is the monotonic clock's: a wall clock that is set forward forgives
/// nothing, and one that is set back locks out nobody for longer.
pub struct TryLimit<K: Copy + Eq + Hash> {
    max_wrong: u32,
    window_seconds: u64,
    counts: Mutex<HashMap<K, Count>>,
}

struct Count {
    since: MonotonicSeconds,
    wrong: u32,
    under_way: u32,
}

/// A try that is being checked. It counts as wrong when it is dropped, also where its asker hangs up,
/// unless it was [`Try::right`].
pub struct Try<'a, K: Copy + Eq + Hash> {
    limit: &'a TryLimit<K>,
    key: K,
    is_right: bool,
}

/// Why a try is not begun.
#[derive(Debug, PartialEq, Eq)]
pub enum TooMany {
    /// Too many were wrong.
    Wrong {
        /// Until the window is over.
        retry_after_seconds: u64,
    },
    /// So many are being checked that too many could turn out wrong: one of them is done in a moment.
    UnderWay,
}

impl TooMany {
    /// How long to wait before the next try.
    #[must_use]
    pub fn retry_after(&self) -> Duration {
        Duration::from_secs(match self {
            Self::Wrong { retry_after_seconds } => *retry_after_seconds,
            Self::UnderWay => 1,
        })
    }
}

impl<K: Copy + Eq + Hash> TryLimit<K> {
    /// Allows `max_wrong` wrong tries within `window_seconds` of the first one.
    #[must_use]
    pub fn new(max_wrong: u32, window_seconds: u64) -> Self {
        Self { max_wrong, window_seconds, counts: Mutex::default() }
    }

    /// Begins a try, which counts before it is checked: trying many at once gains nothing.
    ///
    /// # Errors
    ///
    /// [`TooMany`]; the try is not counted then, so that waiting helps.
    pub fn begin(&self, key: K, now: MonotonicSeconds) -> Result<Try<'_, K>, TooMany> {
        let mut counts = self.counts();
        if counts.len() >= MAX_KEYS {
            self.make_room(&mut counts, now);
        }
        let count = counts.entry(key).or_insert(Count { since: now, wrong: 0, under_way: 0 });
        let ends = count.since.plus(self.window_seconds);
        if now >= ends {
            (count.since, count.wrong) = (now, 0);
        }
        if count.wrong >= self.max_wrong {
            return Err(TooMany::Wrong { retry_after_seconds: ends.since(now) });
        }
        if count.wrong + count.under_way >= self.max_wrong {
            return Err(TooMany::UnderWay);
        }
        count.under_way += 1;
        Ok(Try { limit: self, key, is_right: false })
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<K, Count>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn make_room(&self, counts: &mut HashMap<K, Count>, now: MonotonicSeconds) {
        let is_over =
            |count: &Count| count.wrong == 0 || now >= count.since.plus(self.window_seconds);
        counts.retain(|_, count| count.under_way > 0 || !is_over(count));
        if counts.len() >= MAX_KEYS {
            let mut ages: Vec<u64> = counts.values().map(|count| count.since.0).collect();
            let (_, median, _) = ages.select_nth_unstable(MAX_KEYS / 2);
            let median = *median;
            counts.retain(|_, count| count.since.0 > median);
        }
    }
}

impl<K: Copy + Eq + Hash> Try<'_, K> {
    /// It was right, so it does not count.
    pub fn right(mut self) {
        self.is_right = true;
    }

    /// What is limited is not guessing but doing, and nothing was done, so it does not count.
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
    use crate::domain::client_net::ClientNet;

    #[test]
    fn ten_wrong_ones_within_an_hour_and_then_none() {
        let limit = TryLimit::new(10, 3600);
        let start = MonotonicSeconds(1000);
        let of = |address: &str| ClientNet::of(address.parse().unwrap());
        let address = of("2001:db8:0:1::1");
        let try_wrong = |key, now| limit.begin(key, now).map(drop);
        for _ in 0..10 {
            assert_eq!(try_wrong(address, start), Ok(()));
            limit.begin(of("192.0.2.1"), start).unwrap().right();
        }
        let late = start.plus(3599);
        let neighbour = of("2001:db8:0:1:ffff::2");
        assert_eq!(try_wrong(neighbour, late), Err(TooMany::Wrong { retry_after_seconds: 1 }));
        assert_eq!(try_wrong(of("2001:db8:0:2::1"), late), Ok(()));
        assert_eq!(try_wrong(of("::ffff:192.0.2.1"), late), Ok(()), "right ones do not count");
        assert_eq!(try_wrong(address, start.plus(3600)), Ok(()));
    }

    #[test]
    fn many_at_once_gain_nothing() {
        let limit = TryLimit::new(3, 60);
        let now = MonotonicSeconds(1000);
        let under_way: Vec<_> = (0..3).map(|_| limit.begin(1, now).unwrap()).collect();
        assert_eq!(limit.begin(1, now).err(), Some(TooMany::UnderWay));
        drop(under_way);
        assert_eq!(limit.begin(1, now).err(), Some(TooMany::Wrong { retry_after_seconds: 60 }));
        let right: Vec<_> = (0..3).map(|_| limit.begin(2, now).unwrap()).collect();
        right.into_iter().for_each(Try::right);
        assert!(limit.begin(2, now).is_ok());
    }

    #[test]
    fn memory_is_bounded() {
        let limit = TryLimit::new(10, 3600);
        for number in 0..100_000_u32 {
            assert!(limit.begin(number, MonotonicSeconds(u64::from(number) / 100)).is_ok());
        }
        assert!(limit.counts().len() <= MAX_KEYS);
    }
}
