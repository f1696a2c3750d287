//! How often something took how long.

use std::time::Duration;

/// The upper limits of the buckets, in seconds. A warm scan takes a few milliseconds, and one of
/// a repository with thousands of tags minutes.
pub(super) const LIMITS: [f64; 12] = [
    0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0,
];

/// Durations, by size.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct DurationHistogram {
    /// How many are within each limit and above the one before; the last: above all.
    counts: [u64; LIMITS.len() + 1],
    seconds: f64,
}

impl DurationHistogram {
    pub(super) fn add(&mut self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        self.seconds += seconds;
        let bucket = LIMITS.partition_point(|limit| *limit < seconds);
        if let Some(count) = self.counts.get_mut(bucket) {
            *count += 1;
        }
    }

    /// The sum in seconds.
    pub(super) fn seconds(&self) -> f64 {
        self.seconds
    }

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The limit of each bucket, and how many are in it and in none before it. The last has no
    /// limit.
    pub(super) fn buckets(&self) -> Vec<(f64, u64)> {
        let limits = LIMITS.into_iter().chain([f64::INFINITY]);
        limits.zip(self.counts).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duration_is_in_the_first_bucket_that_holds_it() {
        let mut histogram = DurationHistogram::default();
        for millis in [10, 11, 300_000, 300_001] {
            histogram.add(Duration::from_millis(millis));
        }
        let full: Vec<(f64, u64)> = histogram
            .buckets()
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .collect();
        assert_eq!(
            full,
            [(0.01, 1), (0.025, 1), (300.0, 1), (f64::INFINITY, 1)]
        );
        assert_eq!(histogram.count(), 4);
        assert!((histogram.seconds() - 600.022).abs() < 1e-9);
    }
}
