//! What a server counts of itself, as a collector of metrics reads it.

use std::time::{Duration, Instant};

use crate::client::Sandbox;

/// The samples of one look, each a line `name{labels} value`.
#[derive(Debug)]
pub struct Metrics(pub String);

impl Metrics {
    #[track_caller]
    pub fn of(sandbox: &Sandbox) -> Metrics {
        let answer = sandbox.get("/_exchequer/metrics");
        assert_eq!(answer.status, 200, "{answer:?}");
        Metrics(String::from_utf8(answer.bytes).expect("text"))
    }

    /// The value of a sample by its name, labels and all; a series that nothing was counted in yet
    /// is zero.
    #[track_caller]
    pub fn value(&self, sample: &str) -> f64 {
        let mut lines = self.0.lines();
        let found = lines.find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
        found.map_or(0.0, |value| value.parse().expect("a number"))
    }

    /// Looks again and again until a sample is what it should be.
    #[track_caller]
    pub fn until(sandbox: &Sandbox, sample: &str, is_good: impl Fn(f64) -> bool) -> Metrics {
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            let metrics = Metrics::of(sandbox);
            if is_good(metrics.value(sample)) {
                return metrics;
            }
            assert!(Instant::now() < until, "{sample} is {}", metrics.value(sample));
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
