//! What the committer counts while it runs, and the histogram that all counting here uses.
//! Counting takes no lock: it is done on the way of every request.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use crate::workspace::machine_now;

/// How often values fell into which range. Values are whole numbers, of a unit of the caller's.
pub struct Histogram {
    /// The upper bounds, inclusive and rising; one more range is above the last.
    bounds: &'static [u64],
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

impl Histogram {
    pub fn new(bounds: &'static [u64]) -> Histogram {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Histogram { bounds, counts, sum: AtomicU64::new(0) }
    }

    pub fn observe(&self, value: u64) {
        let at = self.bounds.partition_point(|bound| *bound < value);
        self.counts[at].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    pub fn observe_us(&self, took: Duration) {
        self.observe(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }

    /// Each bound with how many values were not above it; `None` stands for all values.
    pub fn cumulated(&self) -> Vec<(Option<u64>, u64)> {
        let bounds = self.bounds.iter().copied().map(Some).chain([None]);
        let mut count = 0;
        bounds
            .zip(&self.counts)
            .map(|(bound, some)| {
                count += some.load(Ordering::Relaxed);
                (bound, count)
            })
            .collect()
    }

    pub fn sum(&self) -> u64 {
        self.sum.load(Ordering::Relaxed)
    }
}

/// Counted since the start.
pub struct Counters {
    pub commits: AtomicU64,
    pub commands: AtomicU64,
    pub jobs: AtomicU64,
    /// Batches that could not begin or could not be committed.
    pub failures: AtomicU64,
    /// How many commands one commit held.
    pub batch_commands: Histogram,
    /// How long the writing and flushing of a batch took, in microseconds.
    pub commit_us: Histogram,
    /// When a batch failed last, if none has stood since; else zero.
    failing: AtomicI64,
}

const BATCH_BOUNDS: [u64; 9] = [1, 2, 4, 8, 16, 32, 64, 128, 256];
const COMMIT_BOUNDS_US: [u64; 14] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 5_000_000,
];

impl Default for Counters {
    fn default() -> Self {
        Counters {
            commits: AtomicU64::new(0),
            commands: AtomicU64::new(0),
            jobs: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            batch_commands: Histogram::new(&BATCH_BOUNDS),
            commit_us: Histogram::new(&COMMIT_BOUNDS_US),
            failing: AtomicI64::new(0),
        }
    }
}

impl Counters {
    /// A batch stands.
    pub fn committed(&self, commands: usize, took: Duration) {
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.batch_commands.observe(commands as u64);
        self.commit_us.observe_us(took);
        self.failing.store(0, Ordering::Relaxed);
    }

    /// A batch does not.
    pub fn failed(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        self.failing.store(machine_now(), Ordering::Relaxed);
    }

    /// Whether the last batch failed, less than that long ago. An older failure says nothing: the
    /// next batch may stand, and somebody must send it.
    pub fn is_failing(&self, within: Duration) -> bool {
        let at = self.failing.load(Ordering::Relaxed);
        let age = u128::from((machine_now() - at).max(0).unsigned_abs());
        at != 0 && age < within.as_millis()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_counts_below_its_bound_and_all_higher_ones() {
        let histogram = Histogram::new(&[1, 5, 10]);
        for value in [0, 1, 2, 5, 11] {
            histogram.observe(value);
        }
        let counted = histogram.cumulated();
        assert_eq!(counted, [(Some(1), 2), (Some(5), 4), (Some(10), 4), (None, 5)]);
        assert_eq!(histogram.sum(), 19);
    }

    #[test]
    fn a_store_fails_until_a_batch_stands() {
        let counters = Counters::default();
        let lately = Duration::from_secs(10);
        assert!(!counters.is_failing(lately));
        counters.failed();
        assert!(counters.is_failing(lately));
        assert!(!counters.is_failing(Duration::ZERO), "an old failure says nothing");
        counters.committed(3, Duration::from_millis(1));
        assert!(!counters.is_failing(lately));
    }
}
