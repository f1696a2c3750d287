//! Warnings around an annotation edit: managers that revert it, other updaters, a missing
//! controller.

use std::collections::BTreeMap;

use super::job::{AnnotationJob, ApplyJob, ApplyOptions, JobKind, PlannedEdit};
use super::results::{RunResults, WorkloadResult};
use crate::cli::error::CommandError;
use crate::cli::flags::client::Globals;
use crate::cli::flags::scope::PlaceFlags;
use crate::cli::gather::workloads::WorkloadOrigin;
use crate::cli::runtime::{now, runtime};
use crate::cli::terminal::streams::Terminal;
use crate::cluster::ControllerPresence;
use crate::collect::{ObservedObject, ObservedObjects};
use crate::evaluator::{Snapshot, State};
use crate::output::{WriteResult, command_line, repository_change};
use crate::plan::{Change, Edit, PolicyEdit, reverting_managers};
use crate::policy::other_updaters;
use crate::policy::{AnnotationKey, Resolved, resolve};
use crate::workload::WorkloadId;
use crate::write::DryRun;

/// Annotations that their manager will restore, one sentence each.
pub(crate) fn reverted(edits: &[PlannedEdit], objects: &ObservedObjects) -> Vec<String> {
    let mut sentences = Vec::new();
    for edit in edits {
        let id = &edit.change.workload;
        let Some(object) = objects.by_id.get(id) else {
            continue;
        };
        for (key, manager) in reverting_managers(&object.observed, &edit.edit) {
            sentences.push(format!(
                "annotation {key} of {id} is managed by {manager}, which will restore it; change \
                 it at the source that {manager} applies"
            ));
        }
    }
    sentences
}

/// Locks on Deployments that have older revisions, one sentence each: going back to one
/// with kubectl removes the lock.
pub(crate) fn undoable(edits: &[PlannedEdit], objects: &ObservedObjects) -> Vec<String> {
    let locks = edits
        .iter()
        .filter(|edit| matches!(edit.change.policy, Some(PolicyEdit::Lock { .. })));
    locks
        .map(|edit| &edit.change.workload)
        .filter(|id| objects.by_id.get(id).is_some_and(has_older_revisions))
        .map(|id| {
            format!(
                "'kubectl rollout undo' on {id} would also remove this lock; use 'kubectl imgpolicy \
                 rollback'"
            )
        })
        .collect()
}

fn has_older_revisions(object: &ObservedObject) -> bool {
    let revision = object.observed.annotations.get(REVISION);
    revision.is_some_and(|revision| revision != "1")
}

/// The number of a Deployment's revision, which its controller writes.
const REVISION: &str = "deployment.kubernetes.io/revision";

/// Prints warnings before the confirmation prompt.
pub(crate) fn before(annotations: &AnnotationJob, terminal: &mut Terminal) {
    let not_written = annotations.not_written.iter().map(|(change, _)| change);
    let edited = annotations.edits.iter().map(|edit| &edit.change);
    for warning in still_automated(not_written.chain(edited), &annotations.snapshot) {
        terminal.note(&format!("warning: {warning}"));
    }
}

/// Containers that stay automated after their workload no longer is, one sentence each: an
/// entry of `imagePolicies` automates without an annotation.
fn still_automated<'a>(
    changes: impl Iterator<Item = &'a Change>,
    snapshot: &Snapshot,
) -> Vec<String> {
    let sources = snapshot.sources();
    let mut sentences = Vec::new();
    for change in changes {
        let Some(edit @ PolicyEdit::Deautomate { explicit: false }) = &change.policy else {
            continue;
        };
        let mut workloads = snapshot.workloads.iter();
        let before = workloads.find(|workload| change.is_for(workload));
        let Some((before, Ok(edit))) = before.map(|before| (before, edit.edit_of(before))) else {
            continue;
        };
        let after = edit.apply_to(before);
        let resolved = resolve(&after, &sources);
        let stays = after
            .containers
            .iter()
            .zip(&resolved)
            .find(|(_, resolved)| resolved.state == State::Automated);
        if let Some((
            container,
            Resolved {
                policy: Some(policy),
                ..
            },
        )) = stays
        {
            let origin = match policy {
                Ok(policy) => &policy.origin,
                Err(error) => &error.origin,
            };
            sentences.push(format!(
                "container {} of {} stays automated: {origin}; --explicit also ends that",
                container.name, change.workload
            ));
        }
    }
    sentences
}

/// Notes after the write who does not honour the change, and what does not happen
/// automatically.
pub(crate) fn after(
    job: &ApplyJob,
    options: &ApplyOptions<'_>,
    results: &RunResults,
    terminal: &mut Terminal,
) -> Result<(), CommandError> {
    let is_interrupted = results.is_interrupted;
    let results = &results.workloads;
    match &job.kind {
        JobKind::Images(edits) => {
            if options.dry_run() == DryRun::None {
                note_locks(job, edits, options, results, terminal);
            }
            note_other_repositories(job, results, terminal);
            Ok(())
        }
        JobKind::Annotations(annotations) => {
            let is_written = results.iter().any(|one| one.result == WriteResult::Updated);
            if !is_written || options.dry_run() != DryRun::None {
                return Ok(());
            }
            note_other_updaters(&annotations.edits, terminal);
            if is_interrupted {
                return Ok(());
            }
            note_missing_controller(&annotations.edits, &job.origin, terminal)
        }
    }
}

/// A rollback also locks. Says how the locks are removed, with one command per namespace.
fn note_locks(
    job: &ApplyJob,
    edits: &[Option<Edit>],
    options: &ApplyOptions<'_>,
    results: &[WorkloadResult],
    terminal: &mut Terminal,
) {
    let mut locked: BTreeMap<&str, Vec<&WorkloadId>> = BTreeMap::new();
    for (change, edit) in job.plan.changes.iter().zip(edits) {
        let locks = edit.as_ref().is_some_and(|edit| {
            let spellings = AnnotationKey::Locked.spellings();
            let mut values = spellings.iter().filter_map(|key| edit.annotations.get(key));
            values.any(|value| value.as_deref() == Some("true"))
        });
        let mut own = results.iter().filter(|result| result.is_about(change));
        if locks && own.any(WorkloadResult::is_written) {
            let id = &change.workload;
            locked.entry(&id.namespace).or_default().push(id);
        }
    }
    for (namespace, ids) in locked {
        let command = unlock_command(namespace, &ids, &job.origin, options.globals);
        terminal.note(&format!("unlock with: {command}"));
    }
}

fn unlock_command(
    namespace: &str,
    ids: &[&WorkloadId],
    origin: &WorkloadOrigin,
    globals: &Globals,
) -> String {
    let mut words = ["kubectl", "imgpolicy", "unlock"]
        .map(str::to_owned)
        .to_vec();
    words.extend(ids.iter().map(|id| id.exact()));
    if origin.cluster().is_some() {
        words.extend(["-n".to_owned(), namespace.to_owned()]);
    } else {
        words.extend(globals.given.to_args::<PlaceFlags>());
        if let Some(namespace) = &globals.namespace {
            words.extend(["-n".to_owned(), namespace.clone()]);
        }
    }
    words.extend(globals.given.to_args::<Globals>());
    command_line(words.iter().map(String::as_str))
}

fn note_other_repositories(job: &ApplyJob, results: &[WorkloadResult], terminal: &mut Terminal) {
    for change in &job.plan.changes {
        let mut own = results.iter().filter(|result| result.is_about(change));
        if !own.any(|own| matches!(own.result, WriteResult::Updated | WriteResult::Planned)) {
            continue;
        }
        for image in change
            .images
            .iter()
            .filter(|image| image.changes_repository())
        {
            terminal.note(&format!(
                "{}: {}",
                change.workload,
                repository_change(image)
            ));
        }
    }
}

/// This program and Flux v1 honour a lock, but not every other updater does.
fn note_other_updaters(edits: &[PlannedEdit], terminal: &mut Terminal) {
    for edit in edits {
        if !matches!(edit.change.policy, Some(PolicyEdit::Lock { .. })) {
            continue;
        }
        for other in other_updaters(&edit.before) {
            terminal.note(&format!(
                "warning: this lock does not stop {}, which updates {} ({})",
                other.name, edit.change.workload, other.sign
            ));
        }
    }
}

fn note_missing_controller(
    edits: &[PlannedEdit],
    origin: &WorkloadOrigin,
    terminal: &mut Terminal,
) -> Result<(), CommandError> {
    if !edits.iter().any(waits_for_controller) {
        return Ok(());
    }
    if let Some(cluster) = origin.cluster()
        && runtime()?.block_on(cluster.controller_presence(now())) == ControllerPresence::Absent
    {
        terminal.note("note: no controller runs here; run 'kubectl imgpolicy update' to apply it");
    }
    Ok(())
}

/// Whether an edit makes a workload follow a policy, which takes a controller to apply.
fn waits_for_controller(edit: &PlannedEdit) -> bool {
    let edited = edit.edit.apply_to(&edit.before);
    let automated = AnnotationKey::Automated.find(&edited.annotations);
    let policy = edit.change.policy.as_ref();
    policy.is_some_and(PolicyEdit::elects) && automated.is_some_and(|(_, value)| value == "true")
}
