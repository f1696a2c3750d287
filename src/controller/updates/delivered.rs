//! What became of an update.

use crate::named_enum::named_enum;
use crate::plan::{AfterFailure, Change, HeldBack};
use crate::workload::{PodProblem, Workload};
use crate::write::{Applied, Done, Rollout, WriteError};

/// What became of a change.
#[derive(Debug)]
pub struct Delivered {
    /// The change.
    pub change: Change,
    /// Why it was not written, if it was held back.
    pub held_back: Vec<HeldBack>,
    /// Why the object could not be read, if it could not.
    pub errors: Vec<String>,
    /// What was written, or why not.
    pub applied: Option<Applied>,
    /// How the rollout ended, if one was followed.
    pub rollout: Option<Rollout>,
    /// The Pods that do not start, if the rollout has failed.
    pub stuck: Vec<PodProblem>,
    /// What was done after the rollout failed.
    pub failure: Option<FailureHandled>,
}

impl Delivered {
    pub(in crate::controller) fn new(change: Change) -> Self {
        Self {
            change,
            held_back: Vec::new(),
            errors: Vec::new(),
            applied: None,
            rollout: None,
            stuck: Vec::new(),
            failure: None,
        }
    }

    /// Whether its write may have reached the API server, now or before this process led.
    pub(in crate::controller) fn is_sent(&self) -> bool {
        self.applied.is_some() || self.rollout.is_some()
    }

    /// Its result; `None`: it was written before this process led.
    #[must_use]
    pub fn result(&self) -> Option<UpdateResult> {
        let Some(applied) = &self.applied else {
            return if !self.errors.is_empty() {
                Some(UpdateResult::Failed)
            } else {
                self.rollout.is_none().then_some(UpdateResult::HeldBack)
            };
        };
        Some(match &applied.result {
            Ok(Done::Written) => UpdateResult::Written,
            Ok(Done::Unchanged) => UpdateResult::Unchanged,
            Ok(Done::NotStarted | Done::Stopped) => UpdateResult::Stopped,
            Ok(Done::Unknown) => UpdateResult::Unknown,
            Err(WriteError::Fenced(_)) => UpdateResult::Fenced,
            Err(_) => UpdateResult::Failed,
        })
    }
}

named_enum! {
    /// The result of an update, for the label of a metric.
    pub enum UpdateResult {
        /// The workload was written.
        Written = "written",
        /// It already had the images.
        Unchanged = "unchanged",
        /// The last checks before the write have held it back.
        HeldBack = "held-back",
        /// This replica no longer led.
        Fenced = "fenced",
        /// The object could not be read or written.
        Failed = "failed",
        /// The controller was stopped before the write.
        Stopped = "stopped",
        /// The controller was stopped before the server answered.
        Unknown = "unknown",
    }
}

/// What was done after a failure.
#[derive(Debug)]
pub struct FailureHandled {
    /// What was decided about the images.
    pub decision: AfterFailure,
    /// What was written.
    pub applied: Applied,
    /// The workload as it is now.
    pub workload: Option<Workload>,
}
