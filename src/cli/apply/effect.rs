//! What an edit would cause: the workloads as they will be, decided by the one
//! evaluator.

use crate::cli::error::CommandError;
use crate::cli::gather::cost;
use crate::cli::gather::workloads;
use crate::cli::gather::workloads::{Asking, Origin, Reading, runtime, unless_interrupted};
use crate::cli::terminal::streams::Terminal;
use crate::cluster::Coverage;
use crate::collect;
use crate::evaluator::{self, Assessment, Outcome, Reason, Row, Snapshot, State};
use crate::output::{TableOptions, closing_lines, status_table};
use crate::policy::WarningCode;
use crate::workload::Workload;

use super::annotations::{EffectFlags, Manner};

/// What was seen.
pub(crate) struct Looked {
    /// The containers of the edited workloads.
    pub(crate) rows: Vec<Row>,
    /// Where the workloads are, given back.
    pub(crate) origin: Origin,
}

/// Asks the registries what the edited workloads would be updated to, and shows
/// it. What cannot be known is a warning: the edit is right without it.
///
/// # Errors
///
/// A flag makes no sense, or Ctrl-C ended it; nothing was changed then.
pub(crate) fn look(
    edited: Vec<Workload>,
    before: &Snapshot,
    origin: Origin,
    flags: &EffectFlags,
    manner: &Manner<'_>,
    terminal: &mut Terminal,
) -> Result<Looked, CommandError> {
    let registries = flags.registry.registries(manner.globals)?;
    let mut snapshot = Snapshot::new(before.observed_at);
    snapshot.context.clone_from(&before.context);
    snapshot.settings = before.settings.clone();
    snapshot.policy_objects.clone_from(&before.policy_objects);
    snapshot.workloads = edited;
    if let Some(cluster) = origin.cluster() {
        let surroundings = collect::surroundings(cluster, Coverage::Own, &mut snapshot);
        unless_interrupted(runtime()?, surroundings)??;
    }
    let reading = Reading {
        snapshot,
        origin,
        empty: String::new(),
    };
    let asking = Asking {
        registries: &registries,
        pull_secrets: &flags.pull_secrets,
    };
    let collected = workloads::scan(reading, &asking, runtime()?, terminal)?;
    if collected.interrupted {
        return Err(CommandError::interrupted());
    }
    let assessment = evaluator::assess(&collected.snapshot)?;
    show(&assessment, terminal);
    collected.tell_pull_secrets(terminal);
    cost::tell_cost(
        &registries.statistics(),
        collected.snapshot.repository_count(),
        terminal,
    );
    Ok(Looked {
        rows: assessment.rows,
        origin: collected.origin,
    })
}

fn show(assessment: &Assessment, terminal: &mut Terminal) {
    let mut namespaces = assessment.rows.iter().map(|row| &row.workload.namespace);
    let first = namespaces.next();
    let options = TableOptions {
        namespaces: namespaces.any(|namespace| Some(namespace) != first),
        ..TableOptions::default()
    };
    let style = terminal.question_style();
    let table = status_table(&assessment.rows, assessment.observed_at, &options, &style);
    terminal.prompt(&table);
    for line in closing_lines(assessment) {
        terminal.tell(&line);
    }
    for warning in warnings(&assessment.rows) {
        terminal.tell(&format!("warning: {warning}"));
    }
}

/// What speaks against the policies: those that match nothing, those that cannot
/// be used, and those whose effect is not known.
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

/// What the policy came to, also where the state stands in front of it.
fn message(row: &Row) -> String {
    let decision = &row.decision;
    let codes = [WarningCode::Undecided, WarningCode::InvalidPolicy];
    let fault = decision.warnings.iter().find(|w| codes.contains(&w.code));
    match fault {
        Some(fault) if decision.state != State::Automated => fault.message.clone(),
        _ => decision.message.clone(),
    }
}
