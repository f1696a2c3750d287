//! Plans that edit the annotations of workloads.

use super::change::{Change, Plan};
use super::policy_edit::PolicyEdit;
use crate::policy::lock_on;
use crate::workload::Workload;

/// The plan that makes one edit of annotations to several workloads.
#[must_use]
pub fn plan_policy(workloads: &[Workload], edit: &PolicyEdit) -> Plan {
    let mut changes: Vec<Change> = workloads
        .iter()
        .filter(|workload| !has_nothing_to_automate(workload, edit))
        .map(|workload| Change {
            workload: workload.id.clone(),
            source: workload.source.clone(),
            images: Vec::new(),
            policy: Some(edit.for_workload(workload)),
            is_rollback: false,
            notes: notes(workload, edit),
        })
        .collect();
    changes.sort_by(|a, b| a.workload.cmp(&b.workload));
    Plan {
        changes,
        held_back: Vec::new(),
    }
}

/// Whether an edit would automate a workload without any image, such as a Helm release
/// whose chart has all of them.
#[must_use]
pub fn has_nothing_to_automate(workload: &Workload, edit: &PolicyEdit) -> bool {
    matches!(edit, PolicyEdit::Automate { .. }) && workload.containers.is_empty()
}

/// What to know about a workload before the edit.
fn notes(workload: &Workload, edit: &PolicyEdit) -> Vec<String> {
    let is_blocked_by_lock = matches!(
        edit,
        PolicyEdit::Automate { .. } | PolicyEdit::SetPolicy { .. }
    );
    let lock = lock_on(workload).filter(|_| is_blocked_by_lock);
    lock.map(|lock| {
        let by = lock.by.map_or_else(String::new, |by| format!(" by {by}"));
        let id = &workload.id;
        format!(
            "{id} is locked{by}; it is not updated until 'kubectl imgpolicy unlock {}'",
            id.exact()
        )
    })
    .into_iter()
    .collect()
}
