//! A policy that is being edited.

use crate::plan::ContainerPolicyText;
use crate::policy::PolicyText;
use crate::workload::WorkloadId;

/// A container, and the policy that is being edited for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PolicyDraft {
    pub(crate) workload: WorkloadId,
    pub(crate) container: String,
    /// The image as the manifest spells it.
    pub(crate) image: String,
    pub(crate) policy: PolicyText,
}

impl PolicyDraft {
    /// The policy in the form in which it is written.
    pub(crate) fn text(&self) -> ContainerPolicyText {
        ContainerPolicyText {
            container: self.container.clone(),
            text: self.policy.rule.clone(),
            filter_tags: self.policy.filter_tags(),
            extract: self.policy.extract(),
        }
    }
}
