//! The monotonic clock, and random pauses.

use std::hash::{BuildHasher as _, RandomState};
use std::time::{Duration, Instant};

use super::times::JITTER;

/// The time of the monotonic clock: `CLOCK_MONOTONIC` on Linux. It counts the time in which
/// this process was stopped, but not that in which the machine slept. In a test of tokio, it
/// is tokio's clock.
pub(super) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// The period, or up to [`JITTER`] longer.
pub(super) fn jittered(period: Duration) -> Duration {
    // Every new `RandomState` has different keys, which is random enough here.
    let chance = RandomState::new().hash_one(()) as f64 / u64::MAX as f64;
    period.mul_f64(1.0 + JITTER * chance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_differ_and_are_never_shorter_than_the_period() {
        let period = Duration::from_secs(10);
        let pauses: Vec<Duration> = (0..100).map(|_| jittered(period)).collect();
        let (min, max) = (pauses.iter().min(), pauses.iter().max());
        assert!(min >= Some(&period) && max <= Some(&period.mul_f64(1.2)));
        assert!(min < max);
    }
}
