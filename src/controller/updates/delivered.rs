//! What became of an update.

use crate::plan::{AfterFailure, Change, HeldBack};
use crate::workload::{PodProblem, Workload};
use crate::write::{Applied, Rollout};

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
    pub(super) fn new(change: Change) -> Self {
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
