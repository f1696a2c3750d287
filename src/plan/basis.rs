//! What a change rests on.

use crate::policy::{PolicySources, Resolved};
use crate::workload::{ContainerType, Owner};

/// What a change rests on. The default is nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Basis {
    /// The containers whose images are replaced, as they were decided.
    pub(crate) containers: Vec<DecidedContainer>,
    /// Whether a window or a freeze may hold the change back.
    pub(crate) obeys_windows: bool,
    /// The policies that apply to the workload and are not its own.
    pub(crate) sources: PolicySources,
    /// The owner that reverts the change, if the user overrides that.
    pub(crate) overridden_owner: Option<Owner>,
}

/// A container, and the state and policy that were decided on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DecidedContainer {
    pub(crate) name: String,
    pub(crate) container_type: ContainerType,
    pub(crate) resolved: Resolved,
}
