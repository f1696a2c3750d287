//! `history`: what updates were made to a workload.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgAction, Args};

use crate::cli::error::CommandError;
use crate::cli::flags::client::Globals;
use crate::cli::flags::output::OutputFormat;
use crate::cli::flags::scope::{PlaceFlags, parse_resources};
use crate::cli::gather::workloads::{self, Reading, WorkloadOrigin, default_namespace};
use crate::cli::runtime::{now, runtime, unless_interrupted};
use crate::cli::terminal::streams::Terminal;
use crate::cluster::{LiveHistory, WorkloadSelector};
use crate::collect;
use crate::evaluator::ScopeError;
use crate::git::{CommittedHistory, GitQuestions, HistoryRequest, Repository};
use crate::output::{Format, UpdateHistory, compare_lines, count, encode, history_table};
use crate::plan::{HistoryEntry, HistorySource, LastUpdate, merged_history};
use crate::workload::WorkloadType;

/// Show the updates of a workload: when, what, why and who
///
/// Reads the record in the workload's annotations, the Events and, for a Deployment, the
/// ReplicaSets, which also show changes by other tools. With --git, also reads the commits of
/// 'update --git', without the cluster if that cannot be reached. A trailer of a commit is believed
/// only if the files of the commit show the same change.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  # The last updates of a workload
  kubectl imgpolicy history deployment/web

  # Only one container, as data
  kubectl imgpolicy history deployment/web -c app -o json

  # Also from the commits of the repository in this folder
  kubectl imgpolicy history deployment/web --git .")]
pub(crate) struct HistoryArgs {
    /// TYPE/NAME, or TYPE NAME
    #[arg(value_name = "TYPE/NAME", required = true)]
    resources: Vec<String>,

    /// Only the updates of these containers; repeatable
    #[arg(short, long, value_name = "CONTAINER")]
    container: Vec<String>,

    /// Show at most N of the newest updates; 0 shows all
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,

    /// Also show the updates in the commits of the Git repository in this folder
    #[arg(long, value_name = "DIR")]
    git: Option<PathBuf>,

    /// Do not print the table headings
    #[arg(long, num_args = 0..=1, require_equals = true, default_value_t = false,
        default_missing_value = "true", hide_default_value = true, hide_possible_values = true,
        value_name = "BOOL", action = ArgAction::Set)]
    no_headers: bool,

    /// Output format: table, json or yaml
    #[arg(
        short,
        long,
        value_name = "FORMAT",
        default_value = "table",
        hide_default_value = true,
        hide_possible_values = true,
        value_parser = OutputFormat(Format::DESCRIPTION)
    )]
    output: Format,
}

/// What a cluster says about the workload.
struct LiveUpdates {
    context: Option<String>,
    namespace: String,
    record: Vec<HistoryEntry>,
    history: LiveHistory,
    errors: Vec<ScopeError>,
}

pub(crate) fn history(
    args: &HistoryArgs,
    globals: &Globals,
    terminal: &mut Terminal,
) -> Result<ExitCode, CommandError> {
    let (workload_type, name) = named(&args.resources)?;
    let repository = match &args.git {
        Some(folder) => {
            let opened = Repository::open(folder, GitQuestions::Never);
            Some(unless_interrupted(runtime()?, opened)?.map_err(CommandError::git)?)
        }
        None => None,
    };
    let observed_at = now();
    let mut notes = Vec::new();
    let read = read_cluster(&workload_type, &name, globals);
    let live = match unless_interrupted(runtime()?, read)? {
        Ok(live) if live.errors.is_empty() || repository.is_none() => Some(live),
        Err(error) if repository.is_none() => return Err(error),
        // The repository may know what this cluster does not.
        Ok(live) => {
            let messages = live
                .errors
                .iter()
                .map(|error| without_prefix(&error.message));
            notes.extend(messages.map(only_commits));
            None
        }
        Err(error) => {
            notes.push(only_commits(without_prefix(error.message())));
            None
        }
    };
    let namespace = live.as_ref().map_or_else(
        || default_namespace(globals).to_owned(),
        |live| live.namespace.clone(),
    );
    let limit = if args.limit == 0 {
        usize::MAX
    } else {
        args.limit
    };
    let mut sources = Vec::new();
    if let Some(repository) = &repository {
        let request = HistoryRequest {
            workload_type: &workload_type,
            name: &name,
            namespace: &namespace,
            containers: &args.container,
            limit,
        };
        let committed = unless_interrupted(runtime()?, repository.update_history(&request))?;
        let committed = committed.map_err(CommandError::failed)?;
        notes.extend(not_believed(&committed));
        sources.push(committed.entries);
    }
    let (mut context, mut errors) = (None, Vec::new());
    if let Some(live) = live {
        let LiveUpdates {
            record, history, ..
        } = live;
        sources.extend([record, history.revisions, history.events]);
        notes.extend(history.notes);
        (context, errors) = (live.context, live.errors);
    }
    let mut entries = merged_history(sources);
    entries.retain(|entry| {
        args.container.is_empty() || args.container.contains(&entry.change.container)
    });
    entries.truncate(limit);
    let workload = format!("{}/{name}", workload_type.singular());
    let output = UpdateHistory {
        context,
        notes,
        ..UpdateHistory::new(&namespace, &workload, observed_at, &entries).with_errors(&errors)
    };
    show(args, &output, &entries, terminal)?;
    for error in &errors {
        terminal.scope_error(error);
    }
    Ok(if errors.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn show(
    args: &HistoryArgs,
    output: &UpdateHistory,
    entries: &[HistoryEntry],
    terminal: &mut Terminal,
) -> Result<(), CommandError> {
    if let Some(format) = args.output.data() {
        terminal.print(&encode(output, format).map_err(CommandError::failed)?);
        return Ok(());
    }
    if !entries.is_empty() {
        terminal.print(&history_table(entries, args.no_headers, &terminal.style()));
    }
    for line in compare_lines(entries) {
        terminal.note(&line);
    }
    for note in &output.notes {
        terminal.note(&format!("note: {note}"));
    }
    if entries.is_empty() && output.errors.is_empty() {
        terminal.note(&format!(
            "No updates of {} found in {} namespace.",
            output.workload, output.namespace
        ));
    }
    Ok(())
}

/// The one workload that the words name.
fn named(words: &[String]) -> Result<(WorkloadType, String), CommandError> {
    match parse_resources(words)? {
        WorkloadSelector::Named(mut named) if named.len() == 1 => Ok(named.remove(0)),
        _ => Err(CommandError::usage(
            "name one workload, as in deployment/web",
        )),
    }
}

/// Reads the workload, and what its cluster knows about its updates.
async fn read_cluster(
    workload_type: &WorkloadType,
    name: &str,
    globals: &Globals,
) -> Result<LiveUpdates, CommandError> {
    let place = PlaceFlags {
        all_namespaces: false,
        selector: None,
        filename: Vec::new(),
        recursive: false,
        exclude: Vec::new(),
    };
    let selector = WorkloadSelector::Named(vec![(workload_type.clone(), name.to_owned())]);
    let reading = workloads::read_workloads(&place, selector, globals).await?;
    let Reading {
        snapshot, origin, ..
    } = reading;
    let mut updates = LiveUpdates {
        context: snapshot.context,
        namespace: default_namespace(globals).to_owned(),
        record: Vec::new(),
        history: LiveHistory::default(),
        errors: snapshot.errors,
    };
    let WorkloadOrigin::Cluster(cluster) = &origin else {
        return Ok(updates);
    };
    updates.namespace = cluster.namespace().to_owned();
    let ids = snapshot.workloads.into_iter().map(|workload| workload.id);
    let objects = collect::observe(cluster, ids).await;
    updates.errors.extend(objects.errors);
    for object in objects.by_id.values() {
        let annotations = &object.observed.annotations;
        match LastUpdate::from_annotations(annotations) {
            Some(Ok(record)) => {
                let entries = HistoryEntry::of_record(record, &HistorySource::Record);
                updates.record.extend(entries);
            }
            Some(Err(_)) => updates
                .history
                .notes
                .push("the record in the annotations of the workload cannot be read".to_owned()),
            None => {}
        }
        let history = cluster.update_history(&object.observed).await;
        updates.history.revisions.extend(history.revisions);
        updates.history.events.extend(history.events);
        updates.history.notes.extend(history.notes);
    }
    Ok(updates)
}

fn only_commits(why: &str) -> String {
    format!("only commits are shown, because the cluster was not read: {why}")
}

fn without_prefix(message: &str) -> &str {
    message.strip_prefix("error: ").unwrap_or(message)
}

/// How many hashes of commits a note names.
const NAMED_COMMITS: usize = 5;

/// Names the commits whose trailers are contradicted by their files.
fn not_believed(committed: &CommittedHistory) -> Option<String> {
    let commits = &committed.not_believed;
    let named = &commits[..commits.len().min(NAMED_COMMITS)];
    (!commits.is_empty()).then(|| {
        format!(
            "the files of {} do not show the update that the message claims, so it is left out: {}",
            count(commits.len(), "commit"),
            named.join(", ")
        )
    })
}
