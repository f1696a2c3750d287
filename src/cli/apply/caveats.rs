//! Who obeys an edit, and who does not.

use super::annotation_results::Results;
use super::annotations::{Manner, Ready, elects};
use crate::cli::error::CommandError;
use crate::cli::gather::workloads::{Origin, now, runtime};
use crate::cli::terminal::streams::Terminal;
use crate::cluster::ControllerPresence;
use crate::evaluator::{Snapshot, State};
use crate::plan::{Plan, PolicyEdit, reverting_managers};
use crate::policy::other_updaters;
use crate::policy::{AnnotationKey, Resolved, resolve};
use crate::workload::Observed;
use crate::write::DryRun;

/// Annotations that somebody else will write again as they were, each in a
/// sentence.
pub(crate) fn reverted(ready: &[Ready], observed: &[Observed]) -> Vec<String> {
    let mut sentences = Vec::new();
    for one in ready {
        let id = &one.change.workload;
        let Some(object) = observed.iter().find(|object| object.workload.id == *id) else {
            continue;
        };
        for (key, manager) in reverting_managers(object, &one.edit) {
            sentences.push(format!(
                "annotation {key} of {id} was written by {manager}, which will write it again; \
                 change it where {manager} takes it from"
            ));
        }
    }
    sentences
}

/// Containers that stay automated although automation ends, each in a sentence: an
/// entry of `imagePolicies` automates without any annotation.
pub(crate) fn still_automated(plan: &Plan, snapshot: &Snapshot) -> Vec<String> {
    let sources = snapshot.sources();
    let mut sentences = Vec::new();
    for change in &plan.changes {
        let Some(edit @ PolicyEdit::Deautomate { explicit: false }) = &change.policy else {
            continue;
        };
        let mut workloads = snapshot.workloads.iter();
        let before = workloads.find(|w| w.id == change.workload && w.source == change.source);
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
                "container {} of {} stays automated: {origin}; --explicit ends that too",
                container.name, change.workload
            ));
        }
    }
    sentences
}

/// Tells after the write who obeys it.
pub(crate) fn tell(
    ready: &[Ready],
    results: &Results,
    origin: &Origin,
    manner: &Manner<'_>,
    terminal: &mut Terminal,
) -> Result<(), CommandError> {
    if !results.any_written() || manner.write.dry_run() != DryRun::None {
        return Ok(());
    }
    for one in ready {
        if !matches!(one.change.policy, Some(PolicyEdit::Lock { .. })) {
            continue;
        }
        for other in other_updaters(&one.before) {
            terminal.tell(&format!(
                "warning: this lock does not bind {}, which updates {} ({})",
                other.name, one.change.workload, other.sign
            ));
        }
    }
    if results.is_interrupted() {
        return Ok(());
    }
    let waits = |one: &Ready| {
        let edited = one.edit.apply_to(&one.before);
        let automated = AnnotationKey::Automated.find(&edited.annotations);
        elects(&one.change) && automated.is_some_and(|(_, value)| value == "true")
    };
    if !ready.iter().any(waits) {
        return Ok(());
    }
    if let Some(cluster) = origin.cluster()
        && runtime()?.block_on(cluster.controller_presence(now())) == ControllerPresence::Absent
    {
        terminal
            .tell("note: no controller runs here; this takes effect at 'kubectl imgpolicy update'");
    }
    Ok(())
}
