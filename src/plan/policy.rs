//! Plans that edit the annotations of workloads.

use super::basis::Basis;
use super::change::{Change, Plan};
use super::policy_edit::PolicyEdit;
use super::safeguards::held_back::{HeldBack, HoldReason};
use crate::policy::{FailedRollout, lock_on};
use crate::workload::Workload;

/// The plan that makes one edit of annotations to several workloads. Those that are being
/// deleted are held back.
#[must_use]
pub fn plan_policy(workloads: &[Workload], edit: &PolicyEdit) -> Plan {
    let (deleted, kept): (Vec<&Workload>, Vec<_>) = workloads
        .iter()
        .filter(|workload| !has_nothing_to_automate(workload, edit))
        .partition(|workload| workload.is_being_deleted);
    let mut changes: Vec<Change> = kept
        .into_iter()
        .map(|workload| Change {
            workload: workload.id.clone(),
            source: workload.source.clone(),
            root: workload.root.clone(),
            images: Vec::new(),
            policy: Some(edit.for_workload(workload)),
            is_rollback: false,
            basis: Basis::default(),
            notes: notes(workload, edit),
        })
        .collect();
    changes.sort_by(|a, b| a.workload.cmp(&b.workload));
    Plan {
        changes,
        held_back: deleted.into_iter().map(being_deleted).collect(),
        ..Plan::default()
    }
}

fn being_deleted(workload: &Workload) -> HeldBack {
    HeldBack {
        workload: workload.id.clone(),
        root: workload.root.clone(),
        container: None,
        from: None,
        to: None,
        hold: HoldReason::BeingDeleted,
        message: format!("{} is being deleted", workload.id),
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
    if matches!(edit, PolicyEdit::Unlock { .. }) {
        return forgotten(workload);
    }
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

/// The failures that an unlock makes the policies forget.
fn forgotten(workload: &Workload) -> Vec<String> {
    let id = &workload.id;
    match FailedRollout::from_annotations(&workload.annotations) {
        Ok(failures) => failures
            .iter()
            .map(|FailedRollout { image, at, .. }| {
                format!("{id} may get {image} again, whose rollout failed at {at}")
            })
            .collect(),
        Err(_) => vec![format!("the list of failed images of {id} is removed")],
    }
}
