//! `explain`: shows one decision and everything that led to it.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

use clap::Args;

use crate::cli::error::CommandError;
use crate::cli::flags::client::Globals;
use crate::cli::flags::decisions::PolicyFlags;
use crate::cli::flags::git_place::GitPlaceFlags;
use crate::cli::flags::output::ReportFlags;
use crate::cli::flags::pull_secrets::PullSecretFlags;
use crate::cli::flags::registry::RegistryFlags;
use crate::cli::flags::scope::PlaceFlags;
use crate::cli::flags::scope::{ScopeArgs, ScopeFlags};
use crate::cli::gather::named;
use crate::cli::gather::scan::{self, Collected};
use crate::cli::gather::workloads::WorkloadOrigin;
use crate::cli::runtime::{runtime, unless_interrupted};
use crate::cli::terminal::streams::Terminal;
use crate::collect;
use crate::evaluator::{Examination, Outcome, Row, Snapshot, Subject};
use crate::output::{
    self, ExplainContext, ExplainOptions, Explained, ImageExplanation, ItemList, RepeatedFlags,
    encode, image_policies_table, image_policy_warnings,
};
use crate::plan::{Ownership, automation, prevention};
use crate::workload::WorkloadId;

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
    git: GitPlaceFlags,

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
    let container = args.container.as_deref();
    let collected = scan::collect(
        &scope,
        scan::Wanted {
            container,
            git: Some(&args.git),
            controllers: false,
        },
        &args.policy,
        &args.registry,
        globals,
        terminal,
    )?;
    let snapshot = &collected.snapshot;
    named::check_containers(snapshot, args.container.as_slice())?;
    let subjects = snapshot.subjects()?;
    if subjects.is_empty() && snapshot.errors.is_empty() {
        terminal.note(&collected.empty);
        return Ok(ExitCode::FAILURE);
    }
    let examined: Vec<(&Subject<'_>, Row, Examination)> = subjects
        .iter()
        .filter_map(|subject| {
            let (row, examination) = examine(snapshot, subject)?;
            Some((subject, row, examination))
        })
        .collect();
    let owners = owners(&collected, examined.iter().map(|(_, row, _)| row))?;
    let explained: Vec<Explained<'_>> = examined
        .iter()
        .map(|(subject, row, examination)| Explained {
            row,
            examination,
            prevented_by: prevention(row, owners.get(&row.workload)),
            automation: automation(subject.workload, subject.container),
        })
        .collect();
    let elections = snapshot.image_policies()?;
    let text = match args.report.output.data() {
        Some(format) => {
            let context = ExplainContext {
                context: snapshot.context.clone(),
                observed_at: snapshot.observed_at,
            };
            let items = explained.iter().map(|explained| {
                let tied = explained.row.image_policy.as_ref();
                let tied = elections
                    .iter()
                    .filter(|election| tied == Some(&election.id()));
                ImageExplanation::new(explained, &context).with_policies(tied)
            });
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
            let mut parts: Vec<String> = explained
                .iter()
                .map(|explained| output::explain(explained, snapshot.observed_at, &options, &style))
                .collect();
            if !elections.is_empty() {
                parts.push(image_policies_table(&elections, true, &style));
            }
            parts.join("\n")
        }
    };
    terminal.print(&text);
    for line in image_policy_warnings(&elections) {
        terminal.note(&line);
    }
    Ok(collected.end(terminal))
}

/// Who else writes the workloads of a cluster that would be updated.
fn owners<'r>(
    collected: &Collected,
    rows: impl Iterator<Item = &'r Row>,
) -> Result<BTreeMap<WorkloadId, Ownership>, CommandError> {
    let Some(WorkloadOrigin::Cluster(cluster)) = &collected.origin else {
        return Ok(BTreeMap::new());
    };
    let updated: BTreeSet<WorkloadId> = rows
        .filter(|row| row.decision.outcome == Outcome::Update)
        .map(|row| row.workload.clone())
        .collect();
    unless_interrupted(runtime()?, async {
        // What cannot be read is reported by the update.
        let objects = collect::observe(cluster, updated).await;
        collect::owners(cluster, &objects.by_id).await
    })
}

/// The row and the examination of one container. `None` if the scan stopped before the
/// container could be decided.
pub(crate) fn examine(snapshot: &Snapshot, subject: &Subject<'_>) -> Option<(Row, Examination)> {
    let metadata = snapshot.metadata_for(subject)?;
    Some((subject.row(&metadata), subject.examine(&metadata)))
}
