//! A histogram without a lock. That of prometheus-client has one, which all workers would take for each
//! request.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// The upper bounds of durations of requests and of the store, in nanoseconds: 250 µs to 30 s.
const DURATIONS: &[u64] = &[
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    1_000_000_000,
    5_000_000_000,
    30_000_000_000,
];
/// The upper bounds of sizes of commits.
const COUNTS: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256];
const NANOSECONDS: f64 = 1e9;

/// Counts values by size.
#[derive(Debug)]
pub struct AtomicHistogram {
    bounds: &'static [u64],
    /// How many of the integers that are counted make one unit of the output.
    per_unit: f64,
    /// One for each bound, and one for larger values.
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

/// The values of a histogram at one moment, in units of the output.
#[derive(Clone, Debug, PartialEq)]
pub struct HistogramValues {
    /// The sum of all values.
    pub sum: f64,
    /// The number of values.
    pub count: u64,
    /// The upper bounds, the last one infinite, with the number of values up to each and above the one
    /// before.
    pub buckets: Vec<(f64, u64)>,
}

impl AtomicHistogram {
    /// A histogram of durations; the output is in seconds.
    #[must_use]
    pub fn of_durations() -> Self {
        Self::new(DURATIONS, NANOSECONDS)
    }

    /// A histogram of small counts.
    #[must_use]
    pub fn of_counts() -> Self {
        Self::new(COUNTS, 1.0)
    }

    fn new(bounds: &'static [u64], per_unit: f64) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { bounds, per_unit, counts, sum: AtomicU64::new(0) }
    }

    /// Counts a value.
    pub fn observe(&self, value: u64) {
        let place = self.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get(place) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// Counts a duration.
    pub fn observe_duration(&self, duration: Duration) {
        self.observe(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
    }

    /// The values counted so far. A value that is being counted may be missing in a part of them.
    #[must_use]
    pub fn values(&self) -> HistogramValues {
        let bounds = self.bounds.iter().map(|bound| *bound as f64 / self.per_unit);
        let counts = self.counts.iter().map(|count| count.load(Ordering::Relaxed));
        let buckets: Vec<(f64, u64)> = bounds.chain([f64::INFINITY]).zip(counts).collect();
        HistogramValues {
            sum: self.sum.load(Ordering::Relaxed) as f64 / self.per_unit,
            count: buckets.iter().map(|(_, count)| count).sum(),
            buckets,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_its_bucket_and_the_rest_to_the_last_one() {
        let histogram = AtomicHistogram::of_counts();
        for value in [0, 1, 2, 3, 256, 257, 1000] {
            histogram.observe(value);
        }
        let HistogramValues { sum, count, buckets } = histogram.values();
        assert_eq!((sum, count), (1519.0, 7));
        assert_eq!(buckets[..3], [(1.0, 2), (2.0, 1), (4.0, 1)]);
        assert_eq!(buckets[8..], [(256.0, 1), (f64::INFINITY, 2)]);
    }

    #[test]
    fn durations_are_reported_in_seconds() {
        let histogram = AtomicHistogram::of_durations();
        histogram.observe_duration(Duration::from_millis(5));
        histogram.observe_duration(Duration::MAX);
        let values = histogram.values();
        assert_eq!(values.buckets[4], (0.005, 1));
        assert_eq!(values.buckets.last(), Some(&(f64::INFINITY, 1)));
    }
}
