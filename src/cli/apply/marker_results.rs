//! The results of marked values.

use super::job::{ApplyJob, ApplyOptions};
use super::result_lines::ResultLines;
use crate::cli::terminal::streams::Terminal;
use crate::evaluator::Outcome;
use crate::output::{MarkerItem, WriteResult};
use crate::plan::Plan;
use crate::write::{Done, DryRun, MarkerApplied};

/// The result of one marked value, as it was reported.
#[derive(Debug)]
pub(crate) struct MarkerResult {
    /// Its position among the plan's markers.
    index: usize,
    pub(crate) result: WriteResult,
    /// Why it failed.
    error: Option<String>,
}

/// Reports marked values, one line each.
pub(crate) fn report(
    plan: &Plan,
    applied: &[MarkerApplied],
    options: &ApplyOptions<'_>,
    lines: ResultLines,
    terminal: &mut Terminal,
) -> Vec<MarkerResult> {
    let mut results = Vec::new();
    for MarkerApplied { index, result } in applied {
        let place = plan.markers[*index].value.source.to_string();
        let (result, error) = match result {
            Ok(Done::Written) => {
                lines.line(&place, options.wording.done, terminal);
                match lines.dry_run {
                    DryRun::None => (WriteResult::Updated, None),
                    DryRun::Client | DryRun::Server => (WriteResult::Planned, None),
                }
            }
            Ok(_) => {
                lines.line(&place, "unchanged", terminal);
                (WriteResult::Unchanged, None)
            }
            Err(error) => {
                let error = error.to_string().replace(['\n', '\r'], " ");
                terminal.error(&format!("error: {error}"));
                (WriteResult::Failed, Some(error))
            }
        };
        results.push(MarkerResult {
            index: *index,
            result,
            error,
        });
    }
    results
}

/// The data of `-o json` and `-o yaml`.
pub(crate) fn items(job: &ApplyJob, results: &[MarkerResult]) -> Vec<MarkerItem> {
    let markers = job.plan.markers.iter().enumerate();
    markers
        .map(|(index, decision)| {
            let own = results.iter().find(|result| result.index == index);
            let planned = decision.is_update().then_some(WriteResult::NotStarted);
            let result = own.map(|own| own.result).or(planned);
            MarkerItem::new(decision, result, own.and_then(|own| own.error.clone()))
        })
        .collect()
}

/// Whether a marked value could not be written, or nothing could be decided about it.
pub(crate) fn is_failure(plan: &Plan, results: &[MarkerResult]) -> bool {
    let mut undecided = plan.markers.iter();
    undecided.any(|marker| marker.reason.outcome() == Outcome::Unknown)
        || results
            .iter()
            .any(|result| result.result == WriteResult::Failed)
}
