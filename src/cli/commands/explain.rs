//! `explain`: shows one decision and everything that led to it.

use std::process::ExitCode;

use clap::Args;

use crate::cli::error::CommandError;
use crate::cli::flags::client::Globals;
use crate::cli::flags::decisions::PolicyFlags;
use crate::cli::flags::output::ReportFlags;
use crate::cli::flags::pull_secrets::PullSecretFlags;
use crate::cli::flags::registry::RegistryFlags;
use crate::cli::flags::scope::PlaceFlags;
use crate::cli::flags::scope::{ScopeArgs, ScopeFlags};
use crate::cli::gather::scan;
use crate::cli::terminal::streams::Terminal;
use crate::evaluator::{Examination, Row, Snapshot, Subject};
use crate::output::{
    self, ExplainContext, ExplainOptions, ImageExplanation, ItemList, RepeatedFlags, encode,
};

/// Show why a container is or is not updated
///
/// Shows the decision in a sentence, how many tags pass each step of the policy,
/// the best tags with their results, and the facts that were used.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  # Every container of a workload
  kubectl imgpolicy explain deployment/web

  # Why one tag was not chosen
  kubectl imgpolicy explain deployment/web -c app --tag 2.0.0-rc.1

  # All tags, best first
  kubectl imgpolicy explain deployment/web -c app --limit 0")]
pub(crate) struct ExplainArgs {
    /// TYPE/NAME…, or TYPE NAME…
    #[arg(value_name = "TYPE/NAME", required = true)]
    resources: Vec<String>,

    /// Only explain this container
    #[arg(short, long, value_name = "CONTAINER")]
    container: Option<String>,

    /// Show why this tag was not chosen
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,

    #[command(flatten)]
    report: ReportFlags,

    #[command(flatten)]
    scope: ScopeFlags,

    #[command(flatten)]
    policy: PolicyFlags,

    #[command(flatten)]
    registry: RegistryFlags,
}

pub(crate) fn explain(
    args: &ExplainArgs,
    globals: &Globals,
    terminal: &mut Terminal,
) -> Result<ExitCode, CommandError> {
    let scope = ScopeArgs::new(args.resources.clone(), args.scope.clone());
    let collected = scan::collect(&scope, &args.policy, &args.registry, globals, terminal)?;
    let snapshot = &collected.snapshot;
    let subjects = snapshot.subjects()?;
    let chosen = choose(&subjects, args.container.as_deref())?;
    if chosen.is_empty() && snapshot.errors.is_empty() {
        terminal.note(&collected.empty);
        return Ok(ExitCode::FAILURE);
    }
    let explained: Vec<(Row, Examination)> = chosen
        .into_iter()
        .filter_map(|subject| examine(snapshot, subject))
        .collect();
    let text = match args.report.output.data() {
        Some(format) => {
            let context = ExplainContext {
                context: snapshot.context.clone(),
                observed_at: snapshot.observed_at,
            };
            let items = explained
                .iter()
                .map(|(row, examination)| ImageExplanation::new(row, examination, &context));
            let list = ItemList::new("ImageExplanationList", &snapshot.errors, items);
            encode(&list, format).map_err(CommandError::failed)?
        }
        None => {
            let files = if args.scope.place().filename.is_empty() {
                Vec::new()
            } else {
                globals.given.to_args::<PlaceFlags>()
            };
            let options = ExplainOptions {
                limit: args.report.limit,
                tag: args.tag.clone(),
                flags: RepeatedFlags {
                    client: globals.given.to_args::<Globals>(),
                    registry: globals.given.to_args::<RegistryFlags>(),
                    pull_secrets: globals.given.to_args::<PullSecretFlags>(),
                    files,
                },
            };
            let style = terminal.style();
            explained
                .iter()
                .map(|(row, examination): &(Row, Examination)| {
                    output::explain(row, examination, snapshot.observed_at, &options, &style)
                })
                .collect::<Vec<_>>()
                .join("\n")
        }
    };
    terminal.print(&text);
    Ok(collected.end(terminal))
}

/// The containers to explain.
///
/// # Errors
///
/// The named container does not exist.
pub(crate) fn choose<'a, 's>(
    subjects: &'a [Subject<'s>],
    container: Option<&str>,
) -> Result<Vec<&'a Subject<'s>>, CommandError> {
    let Some(container) = container else {
        return Ok(subjects.iter().collect());
    };
    let chosen: Vec<&Subject<'_>> = subjects
        .iter()
        .filter(|subject| subject.container.name == container)
        .collect();
    if chosen.is_empty() && !subjects.is_empty() {
        let mut names: Vec<&str> = subjects.iter().map(|s| s.container.name.as_str()).collect();
        names.dedup();
        return Err(CommandError::failed(format!(
            "unable to find container named {container:?} (there are {})",
            names.join(", ")
        )));
    }
    Ok(chosen)
}

/// The row and the examination of one container. `None` if the scan stopped before the
/// container could be decided.
pub(crate) fn examine(snapshot: &Snapshot, subject: &Subject<'_>) -> Option<(Row, Examination)> {
    let metadata = snapshot.metadata_for(subject)?;
    Some((subject.row(&metadata), subject.examine(&metadata)))
}
