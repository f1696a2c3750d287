//! Finds the images that cannot be edited where they are written.
//!
//! Some obstacles are in the text alone, such as an alias. They are found by editing the
//! text as an update would, so that `status` and `update` agree.

use jiff::Timestamp;

use super::document::{Object, located};
use super::edit::{ObjectEdit, refusals};
use crate::image::{ImageReference, Tag};
use crate::plan::{Authorship, Basis, Change, FieldEdit, ImageChange, Override, Refusal};
use crate::workload::{Container, Observed, Obstacle, Workload, WorkloadKind};

/// The tag that is written in a trial.
const TRIAL_TAG: &str = "imgpolicy-trial";

/// Marks the containers whose image an update could not write in `text`, with the reason.
/// `workloads` were read from it, in order, each with the position of its object among
/// [`objects`](super::objects). The messages begin with `file` and the line.
pub fn mark_unwritable(file: &str, text: &str, workloads: &mut [(usize, &mut Workload)]) {
    let is_release = |workload: &Workload| workload.id.kind == WorkloadKind::HelmRelease;
    if !may_be_refused(text) && !workloads.iter().any(|(_, w)| is_release(w)) {
        return;
    }
    let objects = located(text);
    let mut edits = Vec::new();
    // The workload and the container of each edit.
    let mut edited = Vec::new();
    for (position, (index, workload)) in workloads.iter_mut().enumerate() {
        let found = objects.get(*index).filter(|_| !workload.is_sealed);
        let Some(Ok(object)) = found.map(|found| &found.object) else {
            continue;
        };
        let Ok(Some(observed)) = object.observed(&workload.id.namespace) else {
            continue;
        };
        for (number, container) in workload.containers.iter_mut().enumerate() {
            match places(object, &observed, container) {
                Ok(places) => {
                    edits.push(ObjectEdit {
                        index: *index,
                        places,
                    });
                    edited.push((position, number));
                }
                Err(reason) => mark(container, format!("{file}:{}: {reason}", object.line)),
            }
        }
    }
    for ((position, number), refusal) in edited.into_iter().zip(refusals(text, &objects, &edits)) {
        if let Some(refusal) = refusal {
            let container = &mut workloads[position].1.containers[number];
            mark(container, format!("{file}:{}: {refusal}", refusal.line));
        }
    }
}

fn mark(container: &mut Container, message: String) {
    container.obstacle.get_or_insert(Obstacle {
        message,
        yields_to_explicit: false,
    });
}

/// Whether an edit of a text may be refused, other than in the values of a Helm release:
/// it has anchors (and so aliases and merge keys), tags, keys in the `? key` form, or values
/// that SOPS has encrypted.
fn may_be_refused(text: &str) -> bool {
    text.contains(['&', '!', '?']) || text.contains("sops")
}

/// The places that an update of a container edits.
///
/// # Errors
///
/// Why the values of a Helm release do not allow it.
fn places(
    object: &Object,
    observed: &Observed,
    container: &Container,
) -> Result<Vec<FieldEdit>, String> {
    let change = Change {
        workload: observed.workload.id.clone(),
        source: None,
        root: None,
        images: trial_change(container).into_iter().collect(),
        policy: None,
        is_rollback: false,
        notes: Vec::new(),
        basis: Basis::default(),
    };
    match change.edit(observed, &trial_authorship()) {
        Ok(edit) => Ok(edit.field_edits(&object.value)),
        Err(Refusal::NotWritable { reason, .. }) => Err(reason),
        // Whatever else is refused does not depend on the text.
        Err(_) => Ok(Vec::new()),
    }
}

/// The update of a container to another tag; `None` if its image is not valid.
fn trial_change(container: &Container) -> Option<ImageChange> {
    let tag: Tag = TRIAL_TAG.parse().ok()?;
    let image: ImageReference = container.image.parse().ok()?;
    Some(ImageChange::new(
        container.name.clone(),
        container.container_type,
        container.image.clone(),
        image.with_tag(&tag),
    ))
}

/// The author of a trial, whom a lock does not stop.
fn trial_authorship() -> Authorship {
    Authorship {
        by: String::new(),
        at: Timestamp::UNIX_EPOCH,
        overrides: vec![Override::Lock],
        is_recorded: true,
    }
}
