//! What a host may count as a pull: whose turn it is, and how many are left.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::error::SendError;
use super::host::Host;
use super::quota::{PullAdmission, Quota};
use super::waiting_line::Puller;

/// How long the first in line may take to find out whether a host counts pulls, as
/// where its tag list is long, until another is sent ahead.
const PATIENCE: Duration = Duration::from_millis(500);

/// A pull that is under way.
#[derive(Debug)]
#[must_use = "it is under way until it is dropped"]
pub(crate) struct Pull(Arc<Host>);

impl Drop for Pull {
    fn drop(&mut self) {
        self.0.state().budget.end();
        self.0.line.wake();
    }
}

impl Host {
    /// What the host may have counted as a pull has no answer.
    pub(crate) fn lost_pull(&self) {
        self.state().budget.lost();
        self.line.wake();
    }

    /// What the host said last of its limit.
    pub(crate) fn quota(&self) -> Option<Quota> {
        self.state().budget.quota()
    }

    /// The same as text, with the host's name.
    pub(crate) fn quota_text(&self) -> Option<String> {
        let quota = self.quota()?;
        Some(format!("{} allows {quota} are left", self.name))
    }

    /// Begins what the host may count as a pull, once it is its turn and no open
    /// one may need its place; fails where so few are left that `reserve` percent
    /// of the limit would be touched. `cached` says whether what is read is kept.
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

    /// Whether the host counts pulls, or may: then a HEAD is asked before a GET.
    ///
    /// Waits until it has told, where the first in line is about to find out. If
    /// that takes long, one after the other is sent ahead with a HEAD, which no host
    /// counts: so the pulls keep their order.
    pub(crate) async fn counts_pulls(&self, puller: Puller<'_>) -> bool {
        let mut until = Instant::now() + PATIENCE;
        loop {
            let woken = self.line.woken();
            {
                let mut state = self.state();
                let settled = state.budget.is_known() || state.given_up.is_some();
                if settled || self.line.is_first(puller) {
                    return state.budget.quota().is_some();
                }
                if let Some(scouted) = state.scouted {
                    until = until.max(scouted + PATIENCE);
                }
                if until <= Instant::now() {
                    state.scouted = Some(Instant::now());
                    return true;
                }
            }
            // When the time is over it is looked again, too.
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
