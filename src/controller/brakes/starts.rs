//! Whether one update may start now.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::breaker::Breakers;
use super::canary::CanaryHolds;
use super::rate::UpdateRate;
use crate::named_enum::named_enum;
use crate::plan::Change;
use crate::policy::Closure;
use crate::workload::WorkloadId;

named_enum! {
    /// Why an update that is due waits.
    pub enum WaitCause {
        /// An earlier update of the workload is still being rolled out.
        InProgress = "in-progress",
        /// A window or a freeze does not allow it now.
        Window = "window",
        /// Too many rollouts failed.
        Breaker = "breaker",
        /// Another workload gets the image first.
        Canary = "canary",
        /// As many rollouts as allowed are in progress.
        Rollouts = "rollouts",
        /// As many updates as allowed were made within the last minute.
        Rate = "rate",
    }
}

/// That an update waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// Why.
    pub cause: WaitCause,
    /// When to ask again, if nothing happens before; `None`: something has to happen first.
    pub until: Option<Timestamp>,
    /// The reason as a sentence.
    pub message: String,
}

/// Everything that can hold an update up.
#[derive(Debug, Clone, Copy)]
pub struct Brakes<'a> {
    /// The workloads whose rollouts are being awaited.
    pub in_progress: &'a BTreeSet<WorkloadId>,
    /// `--max-rollouts`.
    pub max_rollouts: usize,
    /// The open breakers.
    pub breakers: &'a Breakers,
    /// The workloads that wait for another one.
    pub canary: &'a CanaryHolds,
    /// The updates of the last minute.
    pub rate: &'a UpdateRate,
}

impl Brakes<'_> {
    /// Whether a change may be written now. `closure`: why no update of the workload may start
    /// now, by its windows and freezes.
    ///
    /// # Errors
    ///
    /// Why it waits: the first cause, in the order of [`WaitCause`].
    pub fn may_start(
        &self,
        change: &Change,
        closure: Option<&Closure>,
        now: Timestamp,
    ) -> Result<(), Wait> {
        let id = &change.workload;
        if self.in_progress.contains(id) {
            let message = format!("an update of {id} is in progress");
            return Err(Wait::new(WaitCause::InProgress, None, message));
        }
        if let Some(closure) = closure {
            let message = closure.to_string();
            return Err(Wait::new(WaitCause::Window, closure.until, message));
        }
        if let Some(breaker) = self.breakers.is_open_for(change) {
            let message = breaker.to_string();
            return Err(Wait::new(WaitCause::Breaker, Some(breaker.until), message));
        }
        if let Some(reason) = self.canary.reason(id) {
            return Err(Wait::new(WaitCause::Canary, None, reason.to_owned()));
        }
        if self.in_progress.len() >= self.max_rollouts.max(1) {
            let message = format!("{} rollouts are in progress", self.in_progress.len());
            return Err(Wait::new(WaitCause::Rollouts, None, message));
        }
        self.rate.may_start(now).map_err(|until| {
            let message = "as many updates as allowed were made within a minute".to_owned();
            Wait::new(WaitCause::Rate, until, message)
        })
    }
}

impl Wait {
    fn new(cause: WaitCause, until: Option<Timestamp>, message: String) -> Self {
        Self {
            cause,
            until,
            message,
        }
    }
}

#[cfg(test)]
#[path = "starts_tests.rs"]
mod tests;
