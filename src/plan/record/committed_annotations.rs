//! The annotations that a commit writes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::plan::change::Change;
use crate::plan::edit::Edit;
use crate::plan::policy_edit::PolicyEdit;

/// The annotations of one workload that a commit writes or removes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommittedAnnotations {
    /// `deployment/web`.
    pub workload: String,
    /// Its namespace.
    pub namespace: String,
    /// From the root of the work tree.
    pub file: String,
    /// What was done, as the name of the command: `lock`, `policy set`.
    pub action: String,
    /// The annotations; `None` removes one.
    pub annotations: BTreeMap<String, Option<String>>,
}

impl CommittedAnnotations {
    /// The annotations that an edit has written; `None` if the change is one of images. `file`
    /// is the path in the work tree.
    #[must_use]
    pub fn of_edit(change: &Change, edit: &Edit, file: &str) -> Option<Self> {
        let policy = change.policy.as_ref()?;
        Some(Self {
            workload: change.workload.exact(),
            namespace: change.workload.namespace.clone(),
            file: file.to_owned(),
            action: policy.command().to_owned(),
            annotations: edit.annotations.clone(),
        })
    }

    /// `Lock deployment/web`, or `Lock 3 workloads`.
    pub(crate) fn subject(all: &[Self]) -> String {
        let Some(first) = all.first() else {
            return String::new();
        };
        let action = match first.action.as_str() {
            "policy set" => "Set the policy of",
            "policy unset" => "Remove the policy of",
            "automate" => "Automate",
            "deautomate" => "Deautomate",
            "lock" => "Lock",
            "unlock" => "Unlock",
            _ => "Annotate",
        };
        match all {
            [one] => format!("{action} {}", one.workload),
            many => format!("{action} {} workloads", many.len()),
        }
    }

    /// The lines of the message about this workload.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!(
            "{} in namespace {}, {}",
            self.workload, self.namespace, self.file
        )];
        let annotations = self.annotations.iter();
        lines.extend(annotations.map(|(key, text)| match text {
            Some(text) => format!("  + {key}: {text}"),
            None => format!("  - {key}"),
        }));
        lines
    }
}

impl PolicyEdit {
    /// The command that makes the edit: `lock`, `policy set`.
    #[must_use]
    pub fn command(&self) -> &'static str {
        match self {
            Self::Automate { .. } => "automate",
            Self::Deautomate { .. } => "deautomate",
            Self::Lock { .. } => "lock",
            Self::Unlock { .. } => "unlock",
            Self::SetPolicy { .. } => "policy set",
            Self::UnsetPolicy { .. } => "policy unset",
            Self::RecordFailure { .. } => "failure",
        }
    }
}
