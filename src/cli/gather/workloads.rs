//! Reading the workloads in scope with what their decisions need.

use std::cell::Cell;
use std::process::ExitCode;
use std::sync::OnceLock;

use jiff::Timestamp;
use tokio::runtime::Runtime;

use super::cost;
use super::named;
use super::snapshot_file;
use crate::cli::error::CommandError;
use crate::cli::flags::client::Globals;
use crate::cli::flags::decisions::PolicyFlags;
use crate::cli::flags::pull_secrets::{PullSecretFlags, tell_used};
use crate::cli::flags::registry::RegistryFlags;
use crate::cli::flags::scope::{PlaceFlags, ScopeArgs};
use crate::cli::terminal::progress::ProgressLine;
use crate::cli::terminal::streams::Terminal;
use crate::cluster::{Cluster, PodUsages, Scope, Selection, What};
use crate::collect::{self, UsedPullSecrets};
use crate::evaluator::{Settings, Snapshot};
use crate::files;
use crate::output::PARTIAL;
use crate::registry::Registries;

/// What was read and asked.
pub(crate) struct Collected {
    pub(crate) snapshot: Snapshot,
    /// Where it was read, and is written.
    pub(crate) origin: Origin,
    /// Ctrl-C ended the scan.
    pub(crate) interrupted: bool,
    /// How kubectl calls the scope where nothing was found.
    pub(crate) empty: String,
    used_pull_secrets: UsedPullSecrets,
}

/// The runtime of the command: everything waits on the network, nothing computes
/// for long. There is one for all its steps, because a connection lives and ends
/// with the runtime in which it was made.
pub(crate) fn runtime() -> Result<&'static Runtime, CommandError> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CommandError::failed(format!("cannot start the runtime: {error}")))?;
    Ok(RUNTIME.get_or_init(|| runtime))
}

/// Waits for something that changes nothing, until Ctrl-C.
///
/// # Errors
///
/// It was Ctrl-C.
pub(crate) fn unless_interrupted<T>(
    runtime: &Runtime,
    work: impl Future<Output = T>,
) -> Result<T, CommandError> {
    runtime.block_on(async {
        tokio::select! {
            done = work => Ok(done),
            // Once anybody has listened the signal ends nothing by itself.
            Ok(()) = tokio::signal::ctrl_c() => Err(CommandError::interrupted()),
        }
    })
}

/// The time that counts as now, to the second, as it is shown.
#[expect(
    clippy::disallowed_methods,
    reason = "the command line is where now comes from"
)]
pub(crate) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

/// Reads the workloads in scope and asks the registries what their decisions
/// need.
pub(crate) fn collect(
    scope: &ScopeArgs,
    policy: &PolicyFlags,
    registry: &RegistryFlags,
    globals: &Globals,
    terminal: &mut Terminal,
) -> Result<Collected, CommandError> {
    let flags = scope.flags();
    let settings = policy.settings()?;
    if let Some(warning) = policy.likely_typo() {
        terminal.tell(&warning);
    }
    let what = scope.what()?;
    flags.check_pull_secrets()?;
    if let Some(path) = flags.saved_snapshot() {
        let mut snapshot = snapshot_file::read(path)?;
        snapshot
            .workloads
            .retain(|workload| named::is_named(&what, &workload.id));
        if let Some(namespace) = &globals.namespace {
            snapshot.workloads.retain(|w| w.id.namespace == *namespace);
        }
        named::report_missing(&mut snapshot, &what, "snapshot");
        snapshot_file::override_settings(&mut snapshot.settings, settings);
        return Ok(Collected {
            snapshot,
            origin: Origin::Saved,
            interrupted: false,
            empty: NOTHING_SAVED.to_owned(),
            used_pull_secrets: UsedPullSecrets::default(),
        });
    }
    flags.check_save()?;
    // What is wrong with these flags is told before anything is asked.
    let registries = registry.registries(globals)?;
    let runtime = runtime()?;
    let reading = runtime.block_on(read(flags.place(), what, settings, globals))?;
    let asking = Asking {
        registries: &registries,
        pull_secrets: flags.pull_secrets(),
    };
    let collected = scan(reading, &asking, runtime, terminal)?;
    flags.save(&collected.snapshot)?;
    let asked = collected.snapshot.repository_count();
    cost::tell_cost(&registries.statistics(), asked, terminal);
    Ok(collected)
}

/// How registries are asked.
pub(crate) struct Asking<'a> {
    pub(crate) registries: &'a Registries,
    pub(crate) pull_secrets: &'a PullSecretFlags,
}

/// Asks the registries what the decisions on the workloads need, until Ctrl-C.
pub(crate) fn scan(
    reading: Reading,
    asking: &Asking<'_>,
    runtime: &Runtime,
    terminal: &mut Terminal,
) -> Result<Collected, CommandError> {
    let Reading {
        mut snapshot,
        origin,
        empty,
    } = reading;
    let Asking {
        registries,
        pull_secrets,
    } = asking;
    let line = ProgressLine::new(terminal);
    let interrupted = Cell::new(false);
    let (used, warnings) = runtime.block_on(async {
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
            registries,
            pull_secrets.with(origin.cluster()),
            &report,
            stop,
        );
        let used = tokio::select! {
            used = scan => used?,
            () = cost::count_requests(&line, registries) => UsedPullSecrets::default(),
        };
        Ok::<_, CommandError>((used, registries.finish().await))
    })?;
    drop(line);
    cost::tell(&warnings, terminal);
    Ok(Collected {
        snapshot,
        origin,
        interrupted: interrupted.get(),
        empty,
        used_pull_secrets: used,
    })
}

/// What an interrupted command ends with, as a shell expects.
pub(crate) const INTERRUPTED: u8 = 130;

impl Collected {
    /// Frees the facts once they are judged: the text of thousands of rows then
    /// takes their place, and not more of it.
    pub(crate) fn forget_facts(&mut self) {
        self.snapshot = Snapshot::new(self.snapshot.observed_at);
    }

    /// Tells what could not be read or used and whether the scan was stopped, and gives
    /// the exit code of a command whose answer is otherwise complete.
    pub(crate) fn end(&self, terminal: &mut Terminal) -> ExitCode {
        for error in &self.snapshot.errors {
            terminal.complain_of(error);
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
    pub(crate) fn tell_pull_secrets(&self, terminal: &mut Terminal) {
        tell_used(self.used_pull_secrets, terminal);
    }
}

/// Where workloads were read, which is where they are written.
pub(crate) enum Origin {
    /// A saved snapshot.
    Saved,
    /// Files, and the text of standard input if that was among them.
    Files { stdin: Option<String> },
    /// A cluster.
    Cluster(Box<Cluster>),
}

impl Origin {
    /// The cluster, unless it was none.
    pub(crate) fn cluster(&self) -> Option<&Cluster> {
        match self {
            Self::Cluster(cluster) => Some(cluster),
            Self::Saved | Self::Files { .. } => None,
        }
    }
}

/// The workloads in scope, before any registry is asked.
pub(crate) struct Reading {
    pub(crate) snapshot: Snapshot,
    /// Where they are.
    pub(crate) origin: Origin,
    /// See [`Collected::empty`].
    pub(crate) empty: String,
}

/// The namespace of an object in a file that names none.
pub(crate) fn default_namespace(globals: &Globals) -> &str {
    globals.namespace.as_deref().unwrap_or("default")
}

/// Reads the workloads in scope.
pub(crate) async fn read(
    place: &PlaceFlags,
    what: What,
    settings: Settings,
    globals: &Globals,
) -> Result<Reading, CommandError> {
    if !place.filename.is_empty() {
        return read_files(place, &what, settings, globals);
    }
    let (cluster, selection) = connect(place, what, globals).await?;
    let snapshot = collect::from_cluster(&cluster, &selection, settings, now()).await?;
    Ok(Reading {
        snapshot,
        origin: Origin::Cluster(Box::new(cluster)),
        empty: empty(&selection),
    })
}

/// Reads the workloads in scope for a command that writes them.
pub(crate) async fn read_to_write(
    place: &PlaceFlags,
    what: What,
    settings: Settings,
    globals: &Globals,
) -> Result<Reading, CommandError> {
    let mut reading = read(place, what.clone(), settings, globals).await?;
    named::refuse_ambiguous(&mut reading.snapshot, &what);
    Ok(reading)
}

/// Reads the workloads in scope and nothing else of the cluster, which is all that
/// an edit of annotations needs.
pub(crate) async fn read_workloads(
    place: &PlaceFlags,
    what: What,
    globals: &Globals,
) -> Result<Reading, CommandError> {
    let settings = Settings::default();
    if !place.filename.is_empty() {
        let mut reading = read_files(place, &what, settings, globals)?;
        named::refuse_ambiguous(&mut reading.snapshot, &what);
        return Ok(reading);
    }
    let (cluster, selection) = connect(place, what, globals).await?;
    let mut snapshot = collect::workloads_of(&cluster, &selection, settings, now()).await?;
    named::refuse_ambiguous(&mut snapshot, &selection.what);
    Ok(Reading {
        snapshot,
        origin: Origin::Cluster(Box::new(cluster)),
        empty: empty(&selection),
    })
}

async fn connect(
    place: &PlaceFlags,
    what: What,
    globals: &Globals,
) -> Result<(Cluster, Selection), CommandError> {
    let cluster = Cluster::connect(&globals.connection()).await?;
    let scope = if place.all_namespaces {
        Scope::AllNamespaces
    } else {
        Scope::Namespace(cluster.namespace().to_owned())
    };
    let selection = Selection {
        scope,
        label_selector: place.selector.clone(),
        what,
    };
    Ok((cluster, selection))
}

fn read_files(
    place: &PlaceFlags,
    what: &What,
    settings: Settings,
    globals: &Globals,
) -> Result<Reading, CommandError> {
    let namespace = default_namespace(globals);
    let mut listing = files::read(&place.filename, place.recursive, namespace);
    listing
        .workloads
        .retain(|workload| named::is_named(what, &workload.id));
    let stdin = listing.stdin.take();
    let mut snapshot = collect::from_files(listing, settings, now())?;
    if *what != What::Everything {
        // An entry for a workload that was not asked for is no slip.
        snapshot.notes.clear();
    }
    named::report_missing(&mut snapshot, what, "files");
    Ok(Reading {
        snapshot,
        origin: Origin::Files { stdin },
        empty: NO_FILES.to_owned(),
    })
}

/// Reads the workloads in scope and every Pod's images, asking no registry.
pub(crate) async fn read_with_pods(
    scope: &ScopeArgs,
    globals: &Globals,
) -> Result<(Snapshot, PodUsages, String), CommandError> {
    let settings = Settings::default();
    if let Some(path) = scope.flags().saved_snapshot() {
        let empty = NOTHING_SAVED.to_owned();
        return Ok((snapshot_file::read(path)?, PodUsages::default(), empty));
    }
    let place = scope.flags().place();
    let what = scope.what()?;
    if !place.filename.is_empty() {
        let reading = read_files(place, &what, settings, globals)?;
        return Ok((reading.snapshot, PodUsages::default(), reading.empty));
    }
    let (cluster, selection) = connect(place, what, globals).await?;
    let workloads = collect::from_cluster(&cluster, &selection, settings, now());
    let pods = cluster.pod_usages(&selection.scope, selection.label_selector.as_deref());
    let (workloads, pods) = futures_util::join!(workloads, pods);
    Ok((workloads?, pods?, empty(&selection)))
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
