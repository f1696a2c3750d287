//! Which workloads a command changes, and how it is confirmed.

use std::collections::BTreeSet;

use clap::{Args, ValueEnum};

use super::output::OutputFormat;
use super::scope::{self, PlaceFlags};
use crate::cli::error::CommandError;
use crate::cluster::{Cluster, WorkloadSelector};
use crate::files::PathOrStdin;
use crate::output::Format;
use crate::plan::{Change, MarkerDecision};
use crate::write::DryRun;

/// Which workloads to change.
#[derive(Debug, Clone, Args)]
pub(crate) struct TargetArgs {
    /// TYPE/NAME…, or TYPE NAME…; TYPE alone needs --all or -l
    #[arg(value_name = "TYPE/NAME")]
    resources: Vec<String>,

    /// Every workload in the namespace, or in the cluster with -A
    #[arg(long, conflicts_with = "selector", help_heading = scope::WORKLOADS)]
    all: bool,

    #[command(flatten)]
    place: PlaceFlags,
}

impl TargetArgs {
    /// Where the workloads are.
    pub(crate) fn place(&self) -> &PlaceFlags {
        &self.place
    }

    /// Selects these workloads by their names, and nothing else.
    pub(crate) fn select(&mut self, names: Vec<String>) {
        self.resources = names;
        self.all = false;
        self.place.all_namespaces = false;
        self.place.selector = None;
    }

    /// Also reads these files and folders, with their subfolders.
    pub(crate) fn add_files(&mut self, paths: impl Iterator<Item = PathOrStdin>) {
        let before = self.place.filename.len();
        self.place.filename.extend(paths);
        self.place.recursive |= self.place.filename.len() > before;
    }

    /// Whether the user chose workloads by name, label, file or `--all`. Nothing is ever
    /// written by default.
    pub(crate) fn is_chosen(&self) -> bool {
        let is_named = match self.workload_selector() {
            Ok(WorkloadSelector::Named(_)) => true,
            Ok(WorkloadSelector::Everything | WorkloadSelector::Kinds(_)) | Err(_) => false,
        };
        is_named || self.all || self.place.selector.is_some() || !self.place.filename.is_empty()
    }

    /// Whether the user said which workloads, not only where they are. If not, a menu may
    /// ask.
    pub(crate) fn is_narrowed(&self) -> bool {
        matches!(
            self.workload_selector(),
            Ok(WorkloadSelector::Named(_)) | Err(_)
        ) || self.all
            || self.place.selector.is_some()
    }

    /// The workloads that the words select.
    pub(crate) fn workload_selector(&self) -> Result<WorkloadSelector, CommandError> {
        scope::parse_resources(&self.resources)
    }

    /// The workloads that the words select, if the user chose any.
    ///
    /// # Errors
    ///
    /// Nothing is chosen, or the words make no sense.
    pub(crate) fn chosen(&self) -> Result<WorkloadSelector, CommandError> {
        let selector = self.workload_selector()?;
        if self.all && matches!(selector, WorkloadSelector::Named(_)) {
            return Err(CommandError::usage(
                "--all selects every workload; do not name workloads as well",
            ));
        }
        if self.is_chosen() {
            return Ok(selector);
        }
        Err(CommandError::usage(
            "name the workloads to change (TYPE/NAME…), or select them with -l or --all; \
             -n and -A only set the namespace",
        ))
    }
}

impl TargetArgs {
    /// Rejects flags of a write that contradict each other.
    ///
    /// # Errors
    ///
    /// `--dry-run=server` without a server, or two outputs for standard output: edited
    /// standard input is written there.
    pub(crate) fn check_write(&self, write: &WriteFlags) -> Result<(), CommandError> {
        write.check(&self.place)?;
        let reads_stdin = self.place.filename.contains(&PathOrStdin::Stdin);
        match write.output {
            Some(output) if reads_stdin && write.dry_run() == DryRun::None => {
                Err(CommandError::usage(format!(
                    "-f - writes the edited manifests to standard output; -o {output} needs \
                     --dry-run with it"
                )))
            }
            _ => Ok(()),
        }
    }
}

/// Where changes are made, for a prompt: `in namespace shop of context prod`, `in 2 files`.
pub(crate) fn location(
    changes: &[&Change],
    markers: &[&MarkerDecision],
    cluster: Option<&Cluster>,
) -> String {
    let sources = changes.iter().filter_map(|change| change.source.as_ref());
    let markers = markers.iter().map(|marker| &marker.value.source);
    let files: BTreeSet<&str> = sources.chain(markers).map(|s| s.file.as_str()).collect();
    let namespaces: BTreeSet<&str> = changes
        .iter()
        .map(|change| change.workload.namespace.as_str())
        .collect();
    match cluster {
        None => format!("in {}", name_or_count("file", &files)),
        Some(cluster) => {
            let place = match cluster.context() {
                Some(context) => format!("of context {context}"),
                None => format!("on {}", cluster.server()),
            };
            format!("in {} {place}", name_or_count("namespace", &namespaces))
        }
    }
}

/// `file a.yaml`, or `2 files`.
fn name_or_count(noun: &str, names: &BTreeSet<&str>) -> String {
    match names.first() {
        Some(name) if names.len() == 1 => format!("{noun} {name}"),
        _ => format!("{} {noun}s", names.len()),
    }
}

/// The heading of [`WriteFlags`] in the help.
const CHANGES: &str = "Changes";

/// How a change is confirmed, written and reported.
#[derive(Debug, Clone, Args)]
pub(crate) struct WriteFlags {
    /// Make the changes without asking for confirmation
    #[arg(short, long, help_heading = CHANGES)]
    pub(crate) yes: bool,

    /// Only show the changes; with 'client', nothing is sent; with 'server', the API server
    /// validates them
    #[arg(long, help_heading = CHANGES, value_name = "none|client|server", num_args = 0..=1, require_equals = true,
        default_value = "none", default_missing_value = "client", hide_default_value = true,
        hide_possible_values = true)]
    dry_run: DryRunWord,

    /// Field manager name recorded by the API server
    #[arg(
        long,
        value_name = "NAME",
        default_value = "imgpolicy",
        hide_default_value = true,
        help_heading = CHANGES
    )]
    pub(crate) field_manager: String,

    /// Output format: json, yaml or name; by default, one line per workload
    #[arg(short, long, value_name = "FORMAT", hide_possible_values = true,
        value_parser = OutputFormat(Format::RESULTS))]
    pub(crate) output: Option<Format>,
}

/// Whether the workloads record the change of their images.
#[derive(Debug, Clone, Args)]
pub(crate) struct RecordFlag {
    /// Write no annotations that record the change: 'rollback' cannot undo it, and 'history' shows
    /// it only if an Event, a revision or a commit does
    #[arg(long, help_heading = CHANGES)]
    no_record: bool,
}

impl RecordFlag {
    /// Whether the change is recorded.
    pub(crate) fn is_recorded(&self) -> bool {
        !self.no_record
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DryRunWord {
    None,
    Client,
    Server,
}

impl WriteFlags {
    /// Rejects a server-side dry run without a server.
    fn check(&self, place: &PlaceFlags) -> Result<(), CommandError> {
        if place.filename.is_empty() {
            return Ok(());
        }
        self.check_without_server("-f")
    }

    /// Rejects a server-side dry run with a flag that uses no server.
    pub(crate) fn check_without_server(&self, flag: &str) -> Result<(), CommandError> {
        if self.dry_run == DryRunWord::Server {
            return Err(CommandError::usage(format!(
                "--dry-run=server needs an API server, and {flag} uses none; use --dry-run=client"
            )));
        }
        Ok(())
    }

    /// Whether the write is a dry run, and of which kind.
    pub(crate) fn dry_run(&self) -> DryRun {
        match self.dry_run {
            DryRunWord::None => DryRun::None,
            DryRunWord::Client => DryRun::Client,
            DryRunWord::Server => DryRun::Server,
        }
    }
}
