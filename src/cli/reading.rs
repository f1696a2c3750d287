//! Reading the workloads in scope with what their decisions need.

use std::cell::Cell;
use std::process::ExitCode;
use std::sync::OnceLock;

use jiff::Timestamp;
use tokio::runtime::Runtime;

use super::asking;
use super::client_flags::Globals;
use super::error::CommandError;
use super::named;
use super::policy_flags::PolicyFlags;
use super::progress::ProgressLine;
use super::pull_secret_flags::{PullSecretFlags, tell_used};
use super::registry_flags::RegistryFlags;
use super::saved;
use super::scope::{PlaceFlags, ScopeArgs};
use super::terminal::Terminal;
use crate::cluster::{Cluster, PodUsages, Scope, Selection, What};
use crate::collect::{self, UsedPullSecrets};
use crate::evaluator::{Settings, Snapshot};
use crate::files;
use crate::output::PARTIAL;
use crate::registry::Registries;

/// What was read and asked.
pub(super) struct Collected {
    pub(super) snapshot: Snapshot,
    /// Where it was read, and is written.
    pub(super) origin: Origin,
    /// Ctrl-C ended the scan.
    pub(super) interrupted: bool,
    /// How kubectl calls the scope where nothing was found.
    pub(super) empty: String,
    used_pull_secrets: UsedPullSecrets,
}

/// The runtime of the command: everything waits on the network, nothing computes
/// for long. There is one for all its steps, because a connection lives and ends
/// with the runtime in which it was made.
pub(super) fn runtime() -> Result<&'static Runtime, CommandError> {
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
pub(super) fn unless_interrupted<T>(
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
    let flags = scope.flags();
    let settings = policy.settings()?;
    if let Some(warning) = policy.likely_typo() {
        terminal.tell(&warning);
    }
    let what = scope.what()?;
    flags.check_pull_secrets()?;
    if let Some(path) = flags.saved_snapshot() {
        let mut snapshot = saved::read(path)?;
        snapshot
            .workloads
            .retain(|workload| named::is_named(&what, &workload.id));
        if let Some(namespace) = &globals.namespace {
            snapshot.workloads.retain(|w| w.id.namespace == *namespace);
        }
        named::report_missing(&mut snapshot, &what, "snapshot");
        saved::override_settings(&mut snapshot.settings, settings);
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
    let asked = collected.snapshot.asked();
    asking::tell_cost(&registries.statistics(), asked, terminal);
    Ok(collected)
}

/// How registries are asked.
pub(super) struct Asking<'a> {
    pub(super) registries: &'a Registries,
    pub(super) pull_secrets: &'a PullSecretFlags,
}

/// Asks the registries what the decisions on the workloads need, until Ctrl-C.
pub(super) fn scan(
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
            () = asking::count_requests(&line, registries) => UsedPullSecrets::default(),
        };
        Ok::<_, CommandError>((used, registries.finish().await))
    })?;
    drop(line);
    asking::tell(&warnings, terminal);
    Ok(Collected {
        snapshot,
        origin,
        interrupted: interrupted.get(),
        empty,
        used_pull_secrets: used,
    })
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
    pub(super) fn tell_pull_secrets(&self, terminal: &mut Terminal) {
        tell_used(self.used_pull_secrets, terminal);
    }
}

/// Where workloads were read, which is where they are written.
pub(super) enum Origin {
    /// A saved snapshot.
    Saved,
    /// Files, and the text of standard input if that was among them.
    Files { stdin: Option<String> },
    /// A cluster.
    Cluster(Box<Cluster>),
}

impl Origin {
    /// The cluster, unless it was none.
    pub(super) fn cluster(&self) -> Option<&Cluster> {
        match self {
            Self::Cluster(cluster) => Some(cluster),
            Self::Saved | Self::Files { .. } => None,
        }
    }
}

/// The workloads in scope, before any registry is asked.
pub(super) struct Reading {
    pub(super) snapshot: Snapshot,
    /// Where they are.
    pub(super) origin: Origin,
    /// See [`Collected::empty`].
    pub(super) empty: String,
}

/// The namespace of an object in a file that names none.
pub(super) fn default_namespace(globals: &Globals) -> &str {
    globals.namespace.as_deref().unwrap_or("default")
}

/// Reads the workloads in scope.
pub(super) async fn read(
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
pub(super) async fn read_to_write(
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
pub(super) async fn read_workloads(
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
pub(super) async fn read_with_pods(
    scope: &ScopeArgs,
    globals: &Globals,
) -> Result<(Snapshot, PodUsages, String), CommandError> {
    let settings = Settings::default();
    if let Some(path) = scope.flags().saved_snapshot() {
        let empty = NOTHING_SAVED.to_owned();
        return Ok((saved::read(path)?, PodUsages::default(), empty));
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
