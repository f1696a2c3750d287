//! What happens during a write.

use std::time::Duration;

use super::Applied;
use crate::workload::{PodProblem, WorkloadId};

/// After how long without an answer the user is told what a write waits for.
pub const SLOW: Duration = Duration::from_secs(3);

/// How a rollout ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rollout {
    /// Every Pod that had to be replaced has been.
    Complete,
    /// There is no rollout to follow, and why.
    NothingToFollow(String),
    /// Its controller gave up or the object is gone, and why.
    Failed(String),
    /// Time ran out, and what it was waiting for.
    TimedOut(String),
    /// The object cannot be read, and why.
    Unknown(String),
    /// The user stopped the run, and what it was waiting for.
    Stopped(String),
}

/// What happens during a write.
#[derive(Debug)]
pub enum WriteEvent<'a> {
    /// A workload was written, failed, or was not started.
    Applied(&'a Applied),
    /// The API server has not answered the write of this workload for [`SLOW`].
    Slow(&'a WorkloadId),
    /// A rollout is in progress, and what it waits for.
    Waiting(&'a WorkloadId, &'a str),
    /// A rollout ended.
    Ended(&'a WorkloadId, &'a Rollout),
    /// The controller waits for Pods that do not start, and replaces them only if they are
    /// deleted.
    Stuck(&'a WorkloadId, &'a [PodProblem]),
}
