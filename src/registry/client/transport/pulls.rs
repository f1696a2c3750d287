//! Requests that a host may count as pulls: whose turn it is, and how many are left.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::error::SendError;
use super::host::Host;
use super::quota::{PullAdmission, Quota};
use super::waiting_line::Puller;

/// How long the first repository in line may take to find out whether a host counts
/// pulls (its tag list may be long) before another one is sent ahead.
const SCOUT_DELAY: Duration = Duration::from_millis(500);

/// A pull in progress.
#[derive(Debug)]
#[must_use = "the pull ends when it is dropped"]
pub(crate) struct Pull(Arc<Host>);

impl Drop for Pull {
    fn drop(&mut self) {
        self.0.state().budget.end();
        self.0.line.wake();
    }
}

impl Host {
    /// Records a pull without a response; the host may have counted it.
    pub(crate) fn record_lost_pull(&self) {
        self.state().budget.record_lost();
        self.line.wake();
    }

    /// The limit that the host reported last.
    pub(crate) fn quota(&self) -> Option<Quota> {
        self.state().budget.quota()
    }

    /// The limit as text, with the host's name.
    pub(crate) fn quota_text(&self) -> Option<String> {
        let quota = self.quota()?;
        Some(format!("{} allows {quota} are left", self.name))
    }

    /// Begins a request that the host may count as a pull, when it is its turn and
    /// enough pulls are left beyond the open ones; fails if it would use the `reserve`
    /// percent of the limit. `cached` says whether the result will be cached.
    pub(crate) async fn pull(
        self: &Arc<Self>,
        puller: Puller<'_>,
        reserve: u8,
        cached: bool,
    ) -> Result<Pull, SendError> {
        loop {
            let woken = self.line.woken();
            self.check()?;
            let admission = {
                let mut state = self.state();
                let budget = &mut state.budget;
                budget.begin(reserve, |free| self.line.admits(puller, free))
            };
            match admission {
                PullAdmission::Granted => return Ok(Pull(Arc::clone(self))),
                PullAdmission::Refused(quota) => return Err(self.reserved(quota, reserve, cached)),
                PullAdmission::Wait => woken.await,
            }
        }
    }

    /// Whether the host counts or may count pulls: then a HEAD is sent before a GET.
    ///
    /// Waits while the first repository in line finds out. If that takes long, others
    /// are sent ahead one after the other with a HEAD, which no host counts, so that the
    /// order of the pulls is kept.
    pub(crate) async fn counts_pulls(&self, puller: Puller<'_>) -> bool {
        let mut until = Instant::now() + SCOUT_DELAY;
        loop {
            let woken = self.line.woken();
            {
                let mut state = self.state();
                let is_decided = state.budget.is_known() || state.given_up.is_some();
                if is_decided || self.line.is_first(puller) {
                    return state.budget.quota().is_some();
                }
                if let Some(scouted) = state.scouted {
                    until = until.max(scouted + SCOUT_DELAY);
                }
                if until <= Instant::now() {
                    state.scouted = Some(Instant::now());
                    return true;
                }
            }
            // After a time-out the state is also checked again.
            let _ = timeout_at(until, woken).await;
        }
    }

    fn reserved(&self, quota: Quota, reserve: u8, cached: bool) -> SendError {
        let (kept, instead) = if quota.is_used_up() {
            (String::new(), "")
        } else {
            (
                format!(", which --rate-reserve {reserve} keeps for others"),
                ", or now with a smaller reserve",
            )
        };
        let again = if cached {
            "images that were read are in the cache and are not pulled again"
        } else {
            "with a cache (--cache), images that were read would not be pulled again"
        };
        SendError::Reserved {
            host: self.name.clone(),
            quota: quota.to_string(),
            kept,
            spent: self.state().budget.spent(),
            advice: format!(
                "try again in {} at most{instead}; {again}",
                quota.window_text()
            ),
        }
    }
}
