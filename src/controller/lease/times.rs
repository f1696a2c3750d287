//! The times of a Lease.

use std::time::Duration;

/// The longest duration of a Lease. Others obey no longer duration, so that a wrong number
/// in a Lease does not stop all updates.
pub(crate) const LONGEST: Duration = Duration::from_secs(600);

/// The shortest duration, because a Lease has it in whole seconds.
pub(crate) const SHORTEST: Duration = Duration::from_secs(1);

/// A retry period gets up to this much longer at random, so that replicas that started
/// together do not keep asking together.
pub(crate) const JITTER: f64 = 0.2;

/// The times of a Lease, all by the monotonic clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseTimes {
    duration: Duration,
    deadline: Duration,
    retry: Duration,
    request_timeout: Duration,
}

/// The times do not protect from two leaders: an error in the flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLeaseTimes {
    /// The duration is too short or too long.
    #[error("the Lease duration must be from 1s to 10m, not {0:?}")]
    Duration(Duration),
    /// The leader would not try again before it stops to lead.
    #[error("the renew deadline ({deadline:?}) must be longer than 1.2 retry periods ({retry:?})")]
    Retry {
        /// The renew deadline.
        deadline: Duration,
        /// The retry period.
        retry: Duration,
    },
    /// A request of the old leader could arrive after another leads.
    #[error(
        "the request time-out ({request_timeout:?}) must be longer than 0s, and shorter than the \
         Lease duration ({duration:?}) minus the renew deadline ({deadline:?})"
    )]
    RequestTimeout {
        /// The limit of one request.
        request_timeout: Duration,
        /// The Lease duration.
        duration: Duration,
        /// The renew deadline.
        deadline: Duration,
    },
}

impl Default for LeaseTimes {
    /// The times of Kubernetes' own controllers.
    fn default() -> Self {
        Self {
            duration: Duration::from_secs(15),
            deadline: Duration::from_secs(10),
            retry: Duration::from_secs(2),
            request_timeout: Duration::from_secs(3),
        }
    }
}

impl LeaseTimes {
    /// Checks the times.
    ///
    /// # Errors
    ///
    /// With these times two processes could lead, or none would for long.
    pub fn new(
        duration: Duration,
        deadline: Duration,
        retry: Duration,
        request_timeout: Duration,
    ) -> Result<Self, InvalidLeaseTimes> {
        if !(SHORTEST..=LONGEST).contains(&duration) {
            return Err(InvalidLeaseTimes::Duration(duration));
        }
        if retry.is_zero() || deadline <= retry.mul_f64(1.0 + JITTER) {
            return Err(InvalidLeaseTimes::Retry { deadline, retry });
        }
        if request_timeout.is_zero() || deadline.saturating_add(request_timeout) >= duration {
            return Err(InvalidLeaseTimes::RequestTimeout {
                request_timeout,
                duration,
                deadline,
            });
        }
        Ok(Self {
            duration,
            deadline,
            retry,
            request_timeout,
        })
    }

    /// For how long after a renewal nobody else leads.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.duration
    }

    /// For how long a process leads after it sent the last successful renewal.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        self.deadline
    }

    /// The time between two renewals, and between two tries.
    #[must_use]
    pub fn retry(&self) -> Duration {
        self.retry
    }

    /// The limit of one request for the Lease. A write that needs leadership must not take
    /// longer either.
    #[must_use]
    pub fn request_timeout(&self) -> Duration {
        self.request_timeout
    }

    /// The duration as a Lease has it: in whole seconds, rounded up.
    pub(crate) fn seconds(&self) -> i32 {
        let seconds = self.duration.as_secs_f64().ceil();
        // At most 600.
        seconds as i32
    }

    /// How long others wait for a holder that wrote this duration.
    pub(crate) fn of_holder(&self, seconds: Option<i32>) -> Duration {
        let seconds = seconds.and_then(|seconds| u64::try_from(seconds).ok());
        match seconds {
            Some(seconds @ 1..) => Duration::from_secs(seconds).min(LONGEST),
            _ => self.duration,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(millis: [u64; 4]) -> Result<LeaseTimes, InvalidLeaseTimes> {
        let [duration, deadline, retry, timeout] = millis.map(Duration::from_millis);
        LeaseTimes::new(duration, deadline, retry, timeout)
    }

    #[test]
    fn default_times_are_valid() {
        let expected = times([15_000, 10_000, 2_000, 3_000]);
        assert_eq!(expected, Ok(LeaseTimes::default()));
    }

    #[test]
    fn times_that_allow_two_leaders_are_rejected() {
        for (millis, message) in [
            ([3_000, 2_000, 400, 600], ""),
            ([600_000, 10_000, 2_000, 3_000], ""),
            (
                [900, 500, 100, 200],
                "the Lease duration must be from 1s to 10m, not 900ms",
            ),
            (
                [601_000, 10_000, 2_000, 3_000],
                "the Lease duration must be from 1s to 10m, not 601s",
            ),
            (
                [15_000, 10_000, 9_000, 3_000],
                "the renew deadline (10s) must be longer than 1.2 retry periods (9s)",
            ),
            (
                [15_000, 10_000, 0, 3_000],
                "the renew deadline (10s) must be longer than 1.2 retry periods (0ns)",
            ),
            (
                [15_000, 10_000, 2_000, 5_000],
                "the request time-out (5s) must be longer than 0s, and shorter than the Lease \
                 duration (15s) minus the renew deadline (10s)",
            ),
            (
                [15_000, 10_000, 2_000, 0],
                "the request time-out (0ns) must be longer than 0s, and shorter than the Lease \
                 duration (15s) minus the renew deadline (10s)",
            ),
            (
                [15_000, 16_000, 2_000, 1_000],
                "the request time-out (1s) must be longer than 0s, and shorter than the Lease \
                 duration (15s) minus the renew deadline (16s)",
            ),
        ] {
            let error = times(millis).err().map(|error| error.to_string());
            assert_eq!(error.unwrap_or_default(), message, "{millis:?}");
        }
    }

    #[test]
    fn duration_is_written_in_whole_seconds_and_never_too_short() {
        for (millis, seconds) in [(3_000, 3), (2_001, 3), (1_999, 2), (600_000, 600)] {
            let times = times([millis, 500, 100, 200]).expect("valid");
            assert_eq!(times.seconds(), seconds, "{millis}");
        }
    }

    #[test]
    fn duration_of_another_holder_counts_within_bounds() {
        let times = LeaseTimes::default();
        for (seconds, expected) in [
            (Some(1), 1),
            (Some(40), 40),
            (Some(600), 600),
            (Some(i32::MAX), 600),
            (Some(0), 15),
            (Some(-5), 15),
            (None, 15),
        ] {
            let expected = Duration::from_secs(expected);
            assert_eq!(times.of_holder(seconds), expected, "{seconds:?}");
        }
    }
}
