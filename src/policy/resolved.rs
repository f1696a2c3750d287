//! What the annotations and the other sources of policies say about one container.

use jiff::Timestamp;

use super::container_policy::{ContainerPolicy, PolicyError};
use super::rollouts::RolloutRules;
use super::schedule::{Closure, Schedule};
use super::state::{Lock, State};
use super::warning::Warning;

/// The resolved state and policy of one container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The state, from the annotations and the source of the policy.
    pub state: State,
    /// The lock, if the state is locked.
    pub lock: Option<Lock>,
    /// Whether it would be automated without its lock.
    pub automated: bool,
    /// Whether `ignore` is set, even if there is also a lock. No registry is asked
    /// then.
    pub ignored: bool,
    /// The policy, or why it cannot be used. `None` if there is none, so that no
    /// registry needs to be asked.
    pub policy: Option<Result<ContainerPolicy, PolicyError>>,
    /// When the image may be updated, or why that cannot be read.
    pub schedule: Result<Schedule, PolicyError>,
    /// What the annotations say about rollouts of this container, or why they cannot be read.
    pub rollouts: Result<RolloutRules, PolicyError>,
    /// Warnings about the annotations and the policy.
    pub warnings: Vec<Warning>,
}

impl Resolved {
    /// Adds when the image may be updated, and what is said about its rollouts. If that cannot
    /// be read, no policy elects an image.
    pub(crate) fn restricted(
        self,
        schedule: Result<Schedule, PolicyError>,
        rollouts: Result<RolloutRules, PolicyError>,
    ) -> Self {
        let policy = self.policy.clone();
        let resolved = Self {
            schedule,
            rollouts,
            ..self
        };
        match policy {
            Some(policy) => resolved.with_policy(policy),
            None => resolved,
        }
    }

    /// Why no update may start at this time; `None`: it may. It may not if an annotation
    /// cannot be read.
    pub(crate) fn closure(&self, at: Timestamp) -> Option<Closure> {
        match &self.schedule {
            Ok(schedule) => schedule.closure(at),
            Err(error) => Some(Closure {
                until: None,
                message: error.message.clone(),
            }),
        }
    }

    /// The same with another policy.
    pub(crate) fn with_policy(self, policy: Result<ContainerPolicy, PolicyError>) -> Self {
        let policy = match (policy, &self.schedule, &self.rollouts) {
            (Ok(_), Err(error), _) | (Ok(_), _, Err(error)) => Err(error.clone()),
            (Ok(policy), Ok(_), Ok(rules)) => Ok(ContainerPolicy {
                failed: rules.failed.clone(),
                ..policy
            }),
            (Err(error), ..) => Err(error),
        };
        Self {
            policy: Some(policy),
            ..self
        }
    }
}
