//! One repository in the queue.

use std::time::Duration;

use crate::named_enum::named_enum;

/// How urgent a repository is, the most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ScanClass {
    /// Somebody has asked for a scan.
    Requested,
    /// An automated workload uses it.
    Automated,
    /// Only locked workloads, and those with a policy that are not automated, use it.
    Other,
}

/// What came of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScanOutcome {
    /// The repository answered.
    Answered,
    /// The registry answered, but not with what was asked for: 404, 401, nonsense.
    Refused,
    /// The registry could not be reached, or failed (5xx).
    Unreachable,
    /// The registry asks for a pause (429), and for how long, if it says.
    RateLimited(Option<Duration>),
}

named_enum! {
    /// The kind of a [`ScanOutcome`], for the label of a metric.
    pub enum ScanResult {
        /// The repository answered.
        Answered = "answered",
        /// The registry answered, but not with what was asked for.
        Refused = "refused",
        /// The registry could not be reached, or failed.
        Unreachable = "unreachable",
        /// The registry asks for a pause.
        RateLimited = "rate-limited",
    }
}

impl ScanOutcome {
    /// Its kind.
    #[must_use]
    pub fn result(self) -> ScanResult {
        match self {
            Self::Answered => ScanResult::Answered,
            Self::Refused => ScanResult::Refused,
            Self::Unreachable => ScanResult::Unreachable,
            Self::RateLimited(_) => ScanResult::RateLimited,
        }
    }
}

/// The first pause after an answer of the repository's own that cannot be used; it doubles with
/// each further one.
pub(crate) const FIRST_PAUSE: Duration = Duration::from_secs(30);

/// The longest of these pauses.
const LONGEST_PAUSE: Duration = Duration::from_secs(30 * 60);

/// A repository in the queue.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) class: ScanClass,
    /// When it is to be scanned next.
    pub(crate) due: Duration,
    /// Whether it is being scanned.
    pub(crate) is_running: bool,
    /// Whether another scan was requested while it is being scanned.
    pub(crate) is_requested_again: bool,
    /// How many scans in a row were refused.
    pub(crate) refusals: u32,
    /// How many scans have ended, to vary the pauses.
    pub(crate) scans: u64,
}

impl Entry {
    pub(crate) fn new(class: ScanClass, due: Duration) -> Self {
        Self {
            class,
            due,
            is_running: false,
            is_requested_again: false,
            refusals: 0,
            scans: 0,
        }
    }

    /// The pause after the refusals so far.
    pub(crate) fn pause(&self) -> Duration {
        doubled(FIRST_PAUSE, self.refusals.saturating_sub(1), LONGEST_PAUSE)
    }
}

/// A pause that was doubled so many times.
pub(crate) fn doubled(first: Duration, times: u32, longest: Duration) -> Duration {
    let factor = 2_u32.saturating_pow(times);
    first.saturating_mul(factor).min(longest)
}
