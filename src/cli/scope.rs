//! Which workloads a command looks at, and reading them with what their
//! decisions need.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgAction, Args};
use jiff::Timestamp;

use super::asking;
use super::client_flags::Globals;
use super::error::CommandError;
use super::policy_flags::PolicyFlags;
use super::progress::ProgressLine;
use super::pull_secret_flags::{PullSecretFlags, tell_used};
use super::registry_flags::RegistryFlags;
use super::saved;
use super::terminal::Terminal;
use crate::cluster::{Cluster, PodUsages, Scope, Selection, What};
use crate::collect::{self, UsedPullSecrets};
use crate::evaluator::{ScopeError, Settings, Snapshot};
use crate::files::{self, PathOrStdin};
use crate::output::PARTIAL;
use crate::workload::{Workload, WorkloadKind};

/// Which workloads.
#[derive(Debug, Clone, Args)]
pub(super) struct ScopeArgs {
    /// TYPE/NAME…, TYPE NAME…, TYPE or TYPE1,TYPE2; none means every workload of the namespace
    #[arg(value_name = "TYPE[/NAME]")]
    resources: Vec<String>,

    #[command(flatten)]
    flags: ScopeFlags,
}

/// Where the workloads are.
#[derive(Debug, Clone, Args)]
pub(super) struct ScopeFlags {
    /// List the workloads of all namespaces
    #[arg(short = 'A', long, conflicts_with = "filename", num_args = 0..=1, require_equals = true,
        default_value_t = false, default_missing_value = "true", hide_default_value = true,
        hide_possible_values = true, value_name = "BOOL", action = ArgAction::Set)]
    pub(super) all_namespaces: bool,

    /// Selector (label query) to filter on, as in -l app=web
    #[arg(
        short = 'l',
        long,
        value_name = "SELECTOR",
        conflicts_with = "filename"
    )]
    selector: Option<String>,

    /// Manifests to read instead of a cluster: a file, a folder, or - for stdin; repeatable
    #[arg(short = 'f', long, value_name = "FILE|DIR|-")]
    pub(super) filename: Vec<PathOrStdin>,

    /// Read the folders below those given with -f too
    #[arg(short = 'R', long, requires = "filename", num_args = 0..=1, require_equals = true,
        default_value_t = false, default_missing_value = "true", hide_default_value = true,
        hide_possible_values = true, value_name = "BOOL", action = ArgAction::Set)]
    recursive: bool,

    /// Write every fact that the decisions use to this file
    #[arg(long, value_name = "FILE")]
    save_snapshot: Option<PathBuf>,

    /// Decide again from a saved snapshot, without a cluster or a registry
    #[arg(long, value_name = "FILE", conflicts_with_all = ["filename", "all_namespaces", "selector", "save_snapshot"])]
    from_snapshot: Option<PathBuf>,

    #[command(flatten)]
    pull_secrets: PullSecretFlags,
}

impl ScopeFlags {
    /// Refuses pull secrets where no cluster is asked.
    fn check_pull_secrets(&self) -> Result<(), CommandError> {
        if self.from_snapshot.is_some() {
            self.pull_secrets.check("--from-snapshot")
        } else if !self.filename.is_empty() {
            self.pull_secrets.check("-f")
        } else {
            Ok(())
        }
    }

    /// The flags about credentials, as they may be given again.
    pub(super) fn repeated(&self) -> Vec<String> {
        let flag = self.pull_secrets.repeated();
        flag.map(str::to_owned).into_iter().collect()
    }

    /// The saved snapshot to decide from.
    pub(super) fn saved_snapshot(&self) -> Option<&PathBuf> {
        self.from_snapshot.as_ref()
    }

    /// Fails early where the facts could not be saved: a scan may take minutes.
    fn check_save(&self) -> Result<(), CommandError> {
        self.save_snapshot.as_deref().map_or(Ok(()), saved::check)
    }

    /// Saves the facts, if that was asked for.
    pub(super) fn save(&self, snapshot: &Snapshot) -> Result<(), CommandError> {
        match &self.save_snapshot {
            Some(path) => saved::write(path, snapshot),
            None => Ok(()),
        }
    }

    /// A flag that says where workloads are, if one is given.
    pub(super) fn about_workloads(&self) -> Option<&'static str> {
        let given = [
            (self.all_namespaces, "--all-namespaces"),
            (self.selector.is_some(), "--selector"),
            (!self.filename.is_empty(), "--filename"),
            (self.save_snapshot.is_some(), "--save-snapshot"),
            (self.pull_secrets.repeated().is_some(), "--pull-secrets"),
        ];
        given
            .iter()
            .find(|(given, _)| *given)
            .map(|(_, flag)| *flag)
    }
}

impl ScopeArgs {
    pub(super) fn new(resources: Vec<String>, flags: ScopeFlags) -> Self {
        Self { resources, flags }
    }

    pub(super) fn flags(&self) -> &ScopeFlags {
        &self.flags
    }

    /// Whether single workloads are named.
    pub(super) fn is_everything(&self) -> bool {
        self.resources.is_empty() && self.flags.selector.is_none()
    }

    /// What the words name.
    pub(super) fn what(&self) -> Result<What, CommandError> {
        what(&self.resources)
    }
}

/// Reads kubectl's ways to name objects: `TYPE/NAME…`, `TYPE NAME…`,
/// `TYPE1,TYPE2`.
fn what(words: &[String]) -> Result<What, CommandError> {
    let kind = |word: &str| word.parse::<WorkloadKind>().map_err(CommandError::failed);
    let Some(first) = words.first() else {
        return Ok(What::Everything);
    };
    if matches!(words, [word] if word == "all") {
        return Ok(What::Everything);
    }
    if first.contains('/') {
        let name = |word: &String| match word.split_once('/') {
            Some((kind_word, name))
                if !kind_word.is_empty() && !name.is_empty() && !name.contains('/') =>
            {
                Ok((kind(kind_word)?, name.to_owned()))
            }
            Some(_) => Err(CommandError::usage(format!(
                "arguments in resource/name form must have a single resource and name: {word:?}"
            ))),
            None => Err(CommandError::usage(format!(
                "there is no need to specify a resource type as a separate argument when passing \
                 arguments in resource/name form: {word:?} is not TYPE/NAME"
            ))),
        };
        return words
            .iter()
            .map(name)
            .collect::<Result<_, _>>()
            .map(What::Named);
    }
    let kinds = first
        .split(',')
        .filter(|word| !word.is_empty())
        .map(kind)
        .collect::<Result<Vec<_>, _>>()?;
    if kinds.is_empty() {
        return Err(CommandError::usage(format!(
            "{first:?} names no resource type"
        )));
    }
    let names = &words[1..];
    if names.is_empty() {
        return Ok(What::Kinds(kinds));
    }
    if let Some(word) = names.iter().find(|word| word.contains('/')) {
        return Err(CommandError::usage(format!(
            "{word:?} is of the form TYPE/NAME, and a type is given in front already"
        )));
    }
    Ok(What::Named(
        kinds
            .iter()
            .flat_map(|&kind| names.iter().map(move |name| (kind, name.clone())))
            .collect(),
    ))
}

/// What was read and asked.
pub(super) struct Collected {
    pub(super) snapshot: Snapshot,
    /// Ctrl-C ended the scan.
    pub(super) interrupted: bool,
    /// How kubectl calls the scope where nothing was found.
    pub(super) empty: String,
    used_pull_secrets: UsedPullSecrets,
}

/// A runtime for one command: everything waits on the network, nothing computes
/// for long.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, CommandError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CommandError::failed(format!("cannot start the runtime: {error}")))
}

/// The time that counts as now, to the second, as it is shown.
#[expect(
    clippy::disallowed_methods,
    reason = "the command line is where now comes from"
)]
pub(super) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

/// Reads the workloads in scope and asks the registries what their decisions
/// need.
pub(super) fn collect(
    scope: &ScopeArgs,
    policy: &PolicyFlags,
    registry: &RegistryFlags,
    globals: &Globals,
    terminal: &mut Terminal,
) -> Result<Collected, CommandError> {
    let settings = policy.settings()?;
    if let Some(warning) = policy.likely_typo() {
        terminal.tell(&warning);
    }
    let what = scope.what()?;
    scope.flags.check_pull_secrets()?;
    if let Some(path) = &scope.flags.from_snapshot {
        let mut snapshot = saved::read(path)?;
        keep_named(&mut snapshot, &what);
        if let Some(namespace) = &globals.namespace {
            snapshot.workloads.retain(|w| w.id.namespace == *namespace);
        }
        report_missing(&mut snapshot, &what, "snapshot");
        saved::override_settings(&mut snapshot.settings, settings);
        let empty = NOTHING_SAVED.to_owned();
        return Ok(Collected {
            snapshot,
            interrupted: false,
            empty,
            used_pull_secrets: UsedPullSecrets::default(),
        });
    }
    scope.flags.check_save()?;
    let registries = registry.registries(globals)?;
    let line = ProgressLine::new(terminal);
    let collected = runtime()?.block_on(async {
        let Read {
            mut snapshot,
            cluster,
            empty,
        } = read(scope, settings, globals).await?;
        let interrupted = std::cell::Cell::new(false);
        let stop = async {
            match tokio::signal::ctrl_c().await {
                Ok(()) => interrupted.set(true),
                // Without a handler the signal ends the program, as it would.
                Err(_) => std::future::pending().await,
            }
        };
        let report = |progress: &_| line.report(progress);
        let scan = collect::scan(
            &mut snapshot,
            &registries,
            scope.flags.pull_secrets.with(cluster.as_deref()),
            &report,
            stop,
        );
        let used_pull_secrets = tokio::select! {
            used = scan => used?,
            () = asking::count_requests(&line, &registries) => UsedPullSecrets::default(),
        };
        let warnings = registries.finish().await;
        Ok::<_, CommandError>((
            warnings,
            Collected {
                snapshot,
                interrupted: interrupted.get(),
                empty,
                used_pull_secrets,
            },
        ))
    });
    drop(line);
    let (warnings, collected) = collected?;
    asking::tell(&warnings, terminal);
    scope.flags.save(&collected.snapshot)?;
    let asked = collected.snapshot.asked();
    asking::tell_cost(&registries.statistics(), asked, terminal);
    Ok(collected)
}

/// What an interrupted command ends with, as a shell expects.
pub(super) const INTERRUPTED: u8 = 130;

impl Collected {
    /// Frees the facts once they are judged: the text of thousands of rows then
    /// takes their place, and not more of it.
    pub(super) fn forget_facts(&mut self) {
        self.snapshot = Snapshot::new(self.snapshot.observed_at);
    }

    /// Tells what could not be read or used and whether the scan was stopped, and gives
    /// the exit code of a command whose answer is otherwise complete.
    pub(super) fn end(&self, terminal: &mut Terminal) -> ExitCode {
        for error in &self.snapshot.errors {
            terminal.complain(&error.message);
        }
        for note in &self.snapshot.notes {
            terminal.tell(note);
        }
        self.tell_pull_secrets(terminal);
        if self.interrupted {
            terminal.tell(PARTIAL);
            ExitCode::from(INTERRUPTED)
        } else if self.snapshot.errors.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }

    /// Tells whose credentials the answer rests on.
    pub(super) fn tell_pull_secrets(&self, terminal: &mut Terminal) {
        tell_used(self.used_pull_secrets, terminal);
    }
}

/// Where the objects come from.
enum Place {
    Files(Box<Snapshot>),
    Cluster(Box<Cluster>, Selection),
}

impl ScopeArgs {
    /// Reads the files, or connects to the cluster.
    async fn place(&self, settings: &Settings, globals: &Globals) -> Result<Place, CommandError> {
        let what = self.what()?;
        if self.flags.filename.is_empty() {
            let cluster = Cluster::connect(&globals.connection()).await?;
            let scope = if self.flags.all_namespaces {
                Scope::AllNamespaces
            } else {
                Scope::Namespace(cluster.namespace().to_owned())
            };
            let label_selector = self.flags.selector.clone();
            let selection = Selection {
                scope,
                label_selector,
                what,
            };
            return Ok(Place::Cluster(Box::new(cluster), selection));
        }
        let namespace = globals.namespace.as_deref().unwrap_or("default");
        let mut listing = files::read(&self.flags.filename, self.flags.recursive, namespace);
        listing
            .workloads
            .retain(|workload| is_named(&what, workload.id.kind, &workload.id.name));
        let mut snapshot = collect::from_files(listing, settings.clone(), now())?;
        if what != What::Everything {
            // An entry for a workload that was not asked for is no slip.
            snapshot.notes.clear();
        }
        report_missing(&mut snapshot, &what, "files");
        Ok(Place::Files(Box::new(snapshot)))
    }
}

/// The workloads in scope.
struct Read {
    snapshot: Snapshot,
    /// Where they are, unless they are in files.
    cluster: Option<Box<Cluster>>,
    /// See [`Collected::empty`].
    empty: String,
}

async fn read(
    scope: &ScopeArgs,
    settings: Settings,
    globals: &Globals,
) -> Result<Read, CommandError> {
    match scope.place(&settings, globals).await? {
        Place::Files(snapshot) => Ok(Read {
            snapshot: *snapshot,
            cluster: None,
            empty: NO_FILES.to_owned(),
        }),
        Place::Cluster(cluster, selection) => Ok(Read {
            snapshot: collect::from_cluster(&cluster, &selection, settings, now()).await?,
            cluster: Some(cluster),
            empty: empty(&selection),
        }),
    }
}

/// Reads the workloads in scope and every Pod's images, asking no registry.
pub(super) async fn read_with_pods(
    scope: &ScopeArgs,
    globals: &Globals,
) -> Result<(Snapshot, PodUsages, String), CommandError> {
    let settings = Settings::default();
    if let Some(path) = &scope.flags.from_snapshot {
        let empty = NOTHING_SAVED.to_owned();
        return Ok((saved::read(path)?, PodUsages::default(), empty));
    }
    match scope.place(&settings, globals).await? {
        Place::Files(snapshot) => Ok((*snapshot, PodUsages::default(), NO_FILES.to_owned())),
        Place::Cluster(cluster, selection) => {
            let workloads = collect::from_cluster(&cluster, &selection, settings, now());
            let pods = cluster.pod_usages(&selection.scope, selection.label_selector.as_deref());
            let (workloads, pods) = futures_util::join!(workloads, pods);
            Ok((workloads?, pods?, empty(&selection)))
        }
    }
}

/// Said where a snapshot holds no workload.
const NOTHING_SAVED: &str = "No resources found in the snapshot.";

/// Said where files hold no workload.
const NO_FILES: &str = "No workloads found in the files.";

/// Said where the cluster holds none, in kubectl's words.
fn empty(selection: &Selection) -> String {
    match selection.scope.namespace() {
        Some(namespace) => format!("No resources found in {namespace} namespace."),
        None => "No resources found".to_owned(),
    }
}

fn is_named(what: &What, kind: WorkloadKind, name: &str) -> bool {
    match what {
        What::Everything => true,
        What::Kinds(kinds) => kinds.contains(&kind),
        What::Named(named) => named.iter().any(|(k, n)| *k == kind && n == name),
    }
}

fn keep_named(snapshot: &mut Snapshot, what: &What) {
    snapshot
        .workloads
        .retain(|workload| is_named(what, workload.id.kind, &workload.id.name));
}

/// What was named and is not there is an error, as it is in a cluster.
fn report_missing(snapshot: &mut Snapshot, what: &What, place: &str) {
    let What::Named(named) = what else {
        return;
    };
    for (kind, name) in named {
        let is_it = |w: &Workload| w.id.kind == *kind && w.id.name == *name;
        if !snapshot.workloads.iter().any(is_it) {
            let kind = kind.singular();
            snapshot.errors.push(ScopeError {
                scope: format!("{kind}/{name}"),
                reason: "NotFound".to_owned(),
                message: format!("error: {kind} {name:?} not found in the {place}"),
            });
        }
    }
}
