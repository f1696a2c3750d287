//! Whether the image that an update replaced is restored after its rollout failed.

use super::failed_update::FailedUpdate;
use crate::plan::change::Plan;
use crate::plan::record::record::LastUpdate;
use crate::plan::rollback::plan_automatic_rollback;
use crate::plan::safeguards::owners::{OwnerEffect, Ownership};
use crate::policy::{OnFailure, RolloutRules, is_ignored, lock_on};
use crate::workload::{Observed, Workload};

/// What happens to the images after a rollout failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AfterFailure {
    /// The previous images are restored.
    RollBack,
    /// The new images are left; why, as a phrase.
    Keep(String),
}

/// Decides what happens to the images of a workload after a rollout failed. `workload`: as it
/// is now. `was_available`: whether all its Pods were available before the update. `owner`: who
/// may undo an edit.
#[must_use]
pub fn after_failure(
    workload: &Workload,
    was_available: bool,
    owner: Option<&Ownership>,
) -> AfterFailure {
    let why = match RolloutRules::of(workload) {
        Err(error) => error.message,
        Ok(rules) if rules.on_failure == OnFailure::Keep => {
            "imgpolicy.dev/on-failure does not ask for a rollback".to_owned()
        }
        Ok(_) if workload.is_being_deleted => "it is being deleted".to_owned(),
        Ok(_) if lock_on(workload).is_some() => "it is locked".to_owned(),
        Ok(_) if is_ignored(workload) => "it is ignored".to_owned(),
        Ok(_) if !was_available => "it was not available before the update".to_owned(),
        Ok(_) => match owner.filter(|owner| owner.effect == OwnerEffect::Reverts) {
            Some(owner) => format!("{} would revert it", owner.owner),
            None => return AfterFailure::RollBack,
        },
    };
    AfterFailure::Keep(why)
}

/// The plan for a workload after a rollout failed: one change, which records the failure, and
/// restores the previous images if that was decided. The workload is not locked. Images that
/// cannot be restored, for example because the container has another one now, are held back.
#[must_use]
pub fn plan_after_failure(
    failed: &FailedUpdate<'_>,
    object: &Observed,
    decision: &AfterFailure,
) -> Plan {
    let mut plan = Plan::default();
    if *decision == AfterFailure::RollBack {
        plan = plan_automatic_rollback(object, &restorable(failed, object), &failed.failures());
    }
    if plan.changes.is_empty() {
        plan.changes.push(failed.record());
    }
    plan
}

/// The containers whose last recorded update is the one that failed. Another update that was
/// written since is not undone.
fn restorable(failed: &FailedUpdate<'_>, object: &Observed) -> Vec<String> {
    let Some(Ok(last)) = LastUpdate::from_annotations(&object.annotations) else {
        return Vec::new();
    };
    let images = failed.change.images.iter().filter(|image| {
        let mut changes = last.changes.iter();
        changes.any(|change| {
            !last.rollback
                && change.container == image.container
                && change.to == image.to.to_string()
        })
    });
    images.map(|image| image.container.clone()).collect()
}
