//! What a workload's annotations say about the rollouts of its updates: which images failed,
//! what happens after a failure, and which workload is updated first.

mod failed;
mod rules;

pub use failed::FailedRollout;
pub use rules::{OnFailure, RolloutRules};
