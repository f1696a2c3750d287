//! What the annotations and the other sources of policies say about one container.

use jiff::Timestamp;

use super::container_policy::{ContainerPolicy, PolicyError};
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
    /// Warnings about the annotations and the policy.
    pub warnings: Vec<Warning>,
}

impl Resolved {
    /// Adds when the image may be updated. If that cannot be read, no policy elects an image.
    pub(crate) fn scheduled(self, schedule: Result<Schedule, PolicyError>) -> Self {
        let policy = self.policy.clone();
        let resolved = Self { schedule, ..self };
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
        let policy = match (policy, &self.schedule) {
            (Ok(_), Err(error)) => Err(error.clone()),
            (policy, _) => policy,
        };
        Self {
            policy: Some(policy),
            ..self
        }
    }
}
