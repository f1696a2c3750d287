//! How long the requests for one repository may take in total.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The time that a run spends on one repository at most: while at least one request is
/// waiting for its response. Pauses that the registry asked for, and the time before a
/// request is sent, do not count.
///
/// So a registry that sends page after page, each just in time, delays the rows of the
/// other repositories only for a limited time.
#[derive(Debug)]
pub(crate) struct ScanBudget {
    limit: Duration,
    state: Mutex<Stopwatch>,
}

#[derive(Debug)]
struct Stopwatch {
    /// How many requests are open.
    open: usize,
    /// When the first of them was sent.
    since: Instant,
    /// The time before that.
    spent: Duration,
}

impl Stopwatch {
    fn spent(&self) -> Duration {
        if self.open == 0 {
            self.spent
        } else {
            self.spent + self.since.elapsed()
        }
    }
}

/// An open request. While it lives, time is spent.
#[derive(Debug)]
pub(crate) struct OpenRequest<'a>(&'a ScanBudget);

impl ScanBudget {
    pub(crate) fn new(limit: Duration) -> Self {
        Self {
            limit,
            state: Mutex::new(Stopwatch {
                open: 0,
                since: Instant::now(),
                spent: Duration::ZERO,
            }),
        }
    }

    /// The budget from the beginning.
    pub(crate) fn limit(&self) -> Duration {
        self.limit
    }

    /// What is left; zero if the budget is spent.
    pub(crate) fn left(&self) -> Duration {
        self.limit.saturating_sub(self.state().spent())
    }

    /// A request is about to be sent.
    pub(crate) fn open(&self) -> OpenRequest<'_> {
        let mut state = self.state();
        if state.open == 0 {
            state.since = Instant::now();
        }
        state.open += 1;
        OpenRequest(self)
    }

    fn state(&self) -> MutexGuard<'_, Stopwatch> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for OpenRequest<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        if state.open == 1 {
            state.spent = state.spent();
        }
        state.open -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_the_time_with_an_open_request_is_spent_and_concurrent_requests_count_once() {
        let second = Duration::from_secs(1);
        let budget = ScanBudget::new(10 * second);
        tokio::time::advance(60 * second).await;
        assert_eq!(budget.left(), 10 * second, "nothing was sent");
        let first = budget.open();
        tokio::time::advance(second).await;
        let second_one = budget.open();
        tokio::time::advance(second).await;
        drop(first);
        tokio::time::advance(second).await;
        assert_eq!(budget.left(), 7 * second);
        drop(second_one);
        tokio::time::advance(60 * second).await;
        assert_eq!(budget.left(), 7 * second, "a pause does not count");
        let _open = budget.open();
        tokio::time::advance(60 * second).await;
        assert_eq!(budget.left(), Duration::ZERO);
    }
}
