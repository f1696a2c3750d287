//! What an edit would cause: evaluates the workloads as they will be.

use super::job::{ApplyJob, ApplyOptions, JobKind};
use crate::cli::error::CommandError;
use crate::cli::gather::cost;
use crate::cli::gather::scan::{self, ScanSources};
use crate::cli::runtime::{runtime, unless_interrupted};
use crate::cli::terminal::streams::Terminal;
use crate::cluster::Coverage;
use crate::collect;
use crate::evaluator::{self, Assessment, Outcome, Reason, Row, Snapshot, State};
use crate::output::{TableOptions, closing_lines, status_table};
use crate::plan::PolicyEdit;
use crate::policy::WarningCode;
use crate::workload::spans_namespaces;

/// Queries the registries, then shows what the edited workloads would be updated to. A
/// failure to find out is only a warning, because the edit is valid without it.
///
/// # Errors
///
/// A flag makes no sense, or Ctrl-C. Nothing was changed then.
pub(crate) fn show(
    job: &mut ApplyJob,
    options: &ApplyOptions<'_>,
    terminal: &mut Terminal,
) -> Result<(), CommandError> {
    let (JobKind::Annotations(annotations), Some(access)) = (&mut job.kind, options.registry)
    else {
        return Ok(());
    };
    let edits = &annotations.edits;
    let mut policies = edits.iter().filter_map(|edit| edit.change.policy.as_ref());
    if !policies.any(PolicyEdit::elects) {
        return Ok(());
    }
    let registries = access.registry.registries(options.globals)?;
    let before = &annotations.snapshot;
    let mut snapshot = Snapshot::new(before.observed_at);
    snapshot.context.clone_from(&before.context);
    snapshot.settings = before.settings.clone();
    snapshot.policy_objects.clone_from(&before.policy_objects);
    snapshot.namespaces.clone_from(&before.namespaces);
    snapshot.workloads = edits
        .iter()
        .map(|edit| edit.edit.apply_to(&edit.before))
        .collect();
    if let Some(cluster) = job.origin.cluster() {
        let surroundings = collect::surroundings(cluster, Coverage::Own, &mut snapshot);
        unless_interrupted(runtime()?, surroundings)??;
    }
    let sources = ScanSources {
        registries: &registries,
        pull_secrets: &access.pull_secrets,
    };
    let scanned = scan::scan(&mut snapshot, &job.origin, &sources, terminal)?;
    if scanned.interrupted {
        return Err(CommandError::interrupted());
    }
    let assessment = evaluator::assess(&snapshot)?;
    if !options.is_quiet() {
        show_assessment(&assessment, terminal);
    }
    for warning in warnings(&assessment.rows) {
        terminal.note(&format!("warning: {warning}"));
    }
    scanned.report_pull_secrets(terminal);
    let repositories = snapshot.repository_count();
    cost::report_cost(&registries.statistics(), repositories, terminal);
    annotations.effect = assessment.rows;
    Ok(())
}

fn show_assessment(assessment: &Assessment, terminal: &mut Terminal) {
    let options = TableOptions {
        namespaces: spans_namespaces(assessment.rows.iter().map(|row| &row.workload)),
        ..TableOptions::default()
    };
    let style = terminal.question_style();
    let table = status_table(&assessment.rows, assessment.observed_at, &options, &style);
    terminal.prompt(&table);
    for line in closing_lines(assessment) {
        terminal.note(&line);
    }
}

/// Warnings about policies: those that match nothing, are not usable, or whose effect is
/// not known.
fn warnings(rows: &[Row]) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut not_known = Vec::new();
    for row in rows {
        let place = format!("container {} of {}", row.container, row.workload);
        match row.decision.policy_reason {
            Some(Reason::NoMatchingTag) => warnings.push(format!("{place}: {}", message(row))),
            Some(Reason::InvalidPolicy) => warnings.push(format!("{place}: {}", message(row))),
            Some(reason) if reason.outcome() == Outcome::Unknown => not_known.push((place, row)),
            _ => {}
        }
    }
    match not_known.as_slice() {
        [] => {}
        [(place, row)] => warnings.push(format!(
            "the effect on {place} is not known: {}",
            message(row)
        )),
        [(_, row), ..] => warnings.push(format!(
            "the effect on {} containers is not known; the first: {}",
            not_known.len(),
            message(row)
        )),
    }
    warnings
}

/// The result of the policy itself, even if the workload's state hides it in the decision.
fn message(row: &Row) -> String {
    let decision = &row.decision;
    let codes = [WarningCode::Undecided, WarningCode::InvalidPolicy];
    let fault = decision.warnings.iter().find(|w| codes.contains(&w.code));
    match fault {
        Some(fault) if decision.state != State::Automated => fault.message.clone(),
        _ => decision.message.clone(),
    }
}
