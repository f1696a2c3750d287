//! The preview of the changes, and the text of the confirmation prompt.

use std::collections::BTreeSet;

use super::caveats;
use super::job::{AnnotationJob, ApplyJob, ApplyOptions, JobKind};
use crate::cli::flags::target::location;
use crate::cli::terminal::confirm::Prompt;
use crate::cli::terminal::streams::Terminal;
use crate::output::{
    EditedWorkload, annotation_edits, count, held_back_lines, kept_marker_lines, locks_table,
    markers_table, plan_text,
};
use crate::plan::{Change, Override, PolicyEdit};
use crate::policy::{WarningCode, lock_on};

/// Shows the planned changes, unless the output is data without a prompt.
pub(crate) fn show(job: &ApplyJob, options: &ApplyOptions<'_>, terminal: &mut Terminal) {
    match &job.kind {
        JobKind::Images(edits) => {
            if options.is_quiet() {
                return;
            }
            let namespaces = job.plan.spans_namespaces();
            terminal.preview(|style| {
                let plan = plan_text(&job.plan, edits, namespaces, style);
                plan + &markers_table(&job.plan.markers, false, style)
            });
            let held_back = held_back_lines(&job.plan.held_back, namespaces);
            for line in held_back
                .into_iter()
                .chain(kept_marker_lines(&job.plan.markers))
            {
                terminal.note(&line);
            }
        }
        JobKind::Annotations(annotations) => {
            if !options.is_quiet() && !annotations.edits.is_empty() {
                show_edits(annotations, terminal);
            }
            for edit in &annotations.edits {
                for note in &edit.change.notes {
                    terminal.note(&format!("note: {note}"));
                }
            }
            for note in caveats::undoable(&annotations.edits, &job.objects) {
                terminal.note(&format!("note: {note}"));
            }
            for warning in caveats::reverted(&annotations.edits, &job.objects) {
                terminal.note(&format!("warning: {warning}"));
            }
        }
    }
}

fn show_edits(annotations: &AnnotationJob, terminal: &mut Terminal) {
    let edits = &annotations.edits;
    let locks: Vec<_> = edits
        .iter()
        .filter(|edit| matches!(edit.change.policy, Some(PolicyEdit::Unlock { .. })))
        .filter_map(|edit| Some((&edit.change.workload, lock_on(&edit.before)?)))
        .collect();
    terminal.preview(|style| {
        if locks.len() == edits.len() {
            return locks_table(&locks, annotations.snapshot.observed_at, style);
        }
        let edited: Vec<EditedWorkload<'_>> = edits
            .iter()
            .map(|edit| EditedWorkload {
                workload: &edit.before,
                edit: &edit.edit,
            })
            .collect();
        annotation_edits(&edited, style)
    });
}

/// The prompt before the write; `None` if nothing persistent is changed.
pub(crate) fn prompt(job: &ApplyJob, options: &ApplyOptions<'_>) -> Option<Prompt> {
    let changes = job.persistent_changes();
    let markers = job.persistent_markers();
    if changes.is_empty() && markers.is_empty() {
        return None;
    }
    let policy = changes.first().and_then(|first| first.policy.as_ref());
    let verb = match job.kind {
        JobKind::Images(_) if policy.is_some() => "Roll back and lock",
        JobKind::Images(_) => options.wording.action,
        JobKind::Annotations(_) => policy.map_or(options.wording.action, verb),
    };
    let mut action = match &changes[..] {
        [one] if markers.is_empty() => format!("{verb} {}", one.workload.exact()),
        more => format!("{verb} {}", what_changes(more.len(), markers.len())),
    };
    let flags: Vec<String> = options
        .overrides
        .words()
        .iter()
        .map(|lifted| match lifted {
            Override::Unconfirmed => "--allow-unconfirmed".to_owned(),
            lifted => format!("--override-{lifted}"),
        })
        .collect();
    if !flags.is_empty() {
        action.push_str(&format!(" with {}", flags.join(" and ")));
    }
    if !options.is_recorded && has_records(job, &changes) {
        action.push_str(" without a record");
    }
    action.push_str(&unconfirmed(&changes));
    action.push_str(&other_repositories(&changes));
    Some(Prompt {
        action,
        what: what_changes(changes.len(), markers.len()),
        location: location(&changes, &markers, job.origin.cluster()),
    })
}

/// Whether there are images that are recorded by default. What is written into a
/// kustomization never is.
fn has_records(job: &ApplyJob, changes: &[&Change]) -> bool {
    let mut changes = changes.iter();
    matches!(job.kind, JobKind::Images(_)) && changes.any(|change| change.root.is_none())
}

/// `3 workloads`, `2 marked values`, or both.
fn what_changes(workloads: usize, markers: usize) -> String {
    let values = count(markers, "marked value");
    match (workloads, markers) {
        (_, 0) => count(workloads, "workload"),
        (0, _) => values,
        _ => format!("{} and {values}", count(workloads, "workload")),
    }
}

fn verb(edit: &PolicyEdit) -> &'static str {
    match edit {
        PolicyEdit::Automate { .. } => "Automate",
        PolicyEdit::Deautomate { .. } => "End the automation of",
        PolicyEdit::Lock { .. } => "Lock",
        PolicyEdit::Unlock { .. } => "Unlock",
        PolicyEdit::SetPolicy { .. } => "Set policies of",
        PolicyEdit::UnsetPolicy { .. } => "Remove policies of",
        PolicyEdit::RecordFailure { .. } => "Record the failure of",
    }
}

/// Names the images that no registry has confirmed.
fn unconfirmed(changes: &[&Change]) -> String {
    let images = changes.iter().flat_map(|change| &change.images);
    let unconfirmed = images.filter(|image| {
        let mut warnings = image.warnings.iter();
        warnings.any(|warning| warning.code == WarningCode::Unconfirmed)
    });
    let names: BTreeSet<String> = unconfirmed.map(|image| image.to.to_string()).collect();
    if names.is_empty() {
        return String::new();
    }
    let names: Vec<String> = names.into_iter().collect();
    format!(" (not confirmed: {})", names.join(", "))
}

/// Names the images that are replaced by images from another repository.
fn other_repositories(changes: &[&Change]) -> String {
    let images = changes.iter().flat_map(|change| &change.images);
    let elsewhere: Vec<_> = images.filter(|image| image.changes_repository()).collect();
    match &elsewhere[..] {
        [] => String::new(),
        [one] => format!(", replacing {} by {}", one.from, one.to),
        more => format!(", changing the repository of {} containers", more.len()),
    }
}
