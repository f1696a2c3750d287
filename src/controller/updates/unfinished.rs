//! The updates whose rollouts may still be under way when a replica begins to lead. Pure.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::controller::index::WatchedWorkloads;
use crate::plan::{Change, ImageChange, LastUpdate};
use crate::policy::FailedRollout;
use crate::workload::Workload;

/// The updates by this controller that began less than `rollout_timeout` ago, as the records of
/// the workloads say. A rollout that has failed is recorded, and so is not one of them.
pub(crate) fn unfinished(
    index: &WatchedWorkloads,
    by: &str,
    rollout_timeout: Duration,
    now: Timestamp,
) -> Vec<Change> {
    let timeout = SignedDuration::try_from(rollout_timeout).unwrap_or(SignedDuration::MAX);
    let recent = index.iter().filter_map(|workload| {
        let last = LastUpdate::from_annotations(&workload.annotations)?.ok()?;
        let is_recent = now.duration_since(last.time) < timeout;
        let is_own = last.by == by && !last.rollback && is_recent;
        is_own.then(|| change_of(workload, &last)).flatten()
    });
    recent.collect()
}

/// The change that a record describes, as far as the workload still has its images; `None`: it
/// has others, or the failure is recorded.
fn change_of(workload: &Workload, last: &LastUpdate) -> Option<Change> {
    let failed = FailedRollout::from_annotations(&workload.annotations).unwrap_or_default();
    let mut images = Vec::new();
    for recorded in &last.changes {
        let mut containers = workload.containers.iter();
        let container = containers.find(|container| container.name == recorded.container)?;
        if !recorded.is_written(&container.image) {
            return None;
        }
        let image = ImageChange {
            digest: recorded
                .digest
                .as_ref()
                .and_then(|digest| digest.parse().ok()),
            policy: recorded.policy.clone(),
            ..ImageChange::new(
                container.name.clone(),
                container.container_type,
                recorded.from.clone(),
                recorded.to.parse().ok()?,
            )
        };
        let mut known = failed.iter();
        if known.any(|failed| failed.container == image.container && failed.at >= last.time) {
            return None;
        }
        images.push(image);
    }
    (!images.is_empty()).then(|| Change::of_images(workload.id.clone(), images))
}
