//! What a policy menu is for.

use crate::plan::{ContainerPolicyText, PolicyEdit};

/// What the policies are written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To automate workloads.
    Automate,
    /// To set policies, whatever the state of the workloads.
    SetPolicy,
}

impl Purpose {
    /// The words of the command that the menu belongs to.
    pub(crate) fn words(self) -> &'static [&'static str] {
        match self {
            Self::Automate => &["automate"],
            Self::SetPolicy => &["policy", "set"],
        }
    }

    /// The title of the first prompt.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Automate => "Which workloads do you want to automate?",
            Self::SetPolicy => "Which workloads do you want to set a policy for?",
        }
    }

    /// The edit that writes the policies of one workload.
    pub(crate) fn edit(self, policies: Vec<ContainerPolicyText>, overwrite: bool) -> PolicyEdit {
        match self {
            Self::Automate => PolicyEdit::Automate {
                policies,
                overwrite,
            },
            Self::SetPolicy => PolicyEdit::SetPolicy {
                policies,
                all: None,
                min_age: None,
                overwrite,
            },
        }
    }
}
