//! Edits of the annotations that automate, lock and restrict.

use jiff::Timestamp;

use super::change::{Plan, Refusal};
use super::edit::Edit;
use crate::workload::{Observed, Workload};

/// What is to be said of a workload. Valid when it exists: its texts were
/// parsed, but for names of containers, which only an object can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyEdit {
    /// `fluxcd.io/automated: "true"`, with policies.
    Automate {
        /// Policies of single containers.
        policies: Vec<ContainerPolicyText>,
        /// Values that stand there already may be replaced; a locked workload too.
        overwrite: bool,
    },
    /// Automation ends; policies stay.
    Deautomate {
        /// Write `"false"` instead of removing the key.
        explicit: bool,
    },
    /// Nothing may change it.
    Lock {
        /// By whom, when and why.
        note: LockNote,
        /// Another lock may be replaced.
        overwrite: bool,
    },
    /// The lock goes, in every spelling.
    Unlock,
    /// Policies and the minimum age, whatever the state.
    SetPolicy {
        /// Policies of single containers.
        policies: Vec<ContainerPolicyText>,
        /// A policy for every container.
        all: Option<String>,
        /// `imgpolicy.dev/min-age` as written.
        min_age: Option<String>,
        /// Values that stand there already may be replaced; a locked workload too.
        overwrite: bool,
    },
    /// Policies go, in every spelling, with what stands beside them.
    UnsetPolicy {
        /// Of these containers.
        containers: Vec<String>,
        /// Of all containers.
        all: bool,
        /// The minimum age goes too.
        min_age: bool,
    },
}

/// A container and the policy that it gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerPolicyText {
    /// The container's name.
    pub container: String,
    /// The policy as it is written: `semver:~1.2`.
    pub text: String,
    /// `imgpolicy.dev/filter-tags`: which tags the policy sees, a Go regex.
    pub filter_tags: Option<String>,
    /// `imgpolicy.dev/extract`: the template behind it.
    pub extract: Option<String>,
}

/// By whom, when and why something is locked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LockNote {
    /// `fluxcd.io/locked_user`.
    pub by: Option<String>,
    /// `fluxcd.io/locked_msg`.
    pub message: Option<String>,
    /// `imgpolicy.dev/locked-at`.
    pub at: Option<Timestamp>,
}

/// A wish that makes no sense, before any object is looked at: the user's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyEditError {
    /// `CONTAINER=TYPE:EXPR` without its parts.
    #[error("{text:?} is not CONTAINER=TYPE:EXPR, as in app=semver:~1.2")]
    NotAPair {
        /// As given.
        text: String,
    },
    /// The policy is malformed.
    #[error("container {container}: {reason}")]
    Policy {
        /// The container.
        container: String,
        /// What is wrong with the policy, naming the offending part.
        reason: String,
    },
}

impl std::str::FromStr for ContainerPolicyText {
    type Err = PolicyEditError;

    /// Reads `CONTAINER=TYPE:EXPR` and parses the policy.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let _ = text;
        todo!("policy helper")
    }
}

impl PolicyEdit {
    /// The edit of an object as it is now: existing spellings are kept, all
    /// spellings are removed.
    ///
    /// # Errors
    ///
    /// The object stands against it: see [`Refusal`].
    pub fn edit(&self, object: &Observed) -> Result<Edit, Refusal> {
        let _ = object;
        todo!("policy helper")
    }
}

/// The plan to say this of workloads.
#[must_use]
pub fn plan_policy(workloads: &[Workload], edit: &PolicyEdit) -> Plan {
    let _ = (workloads, edit);
    todo!("policy helper")
}
