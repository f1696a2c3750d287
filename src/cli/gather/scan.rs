//! Queries registries on behalf of a command, with a progress line.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::Duration;

use super::cost;
use super::git_tree;
use super::named;
use super::snapshot_file;
use super::workloads::{NOTHING_SAVED, Reading, WorkloadOrigin, read};
use crate::cli::error::{CommandError, INTERRUPTED};
use crate::cli::flags::client::Globals;
use crate::cli::flags::decisions::PolicyFlags;
use crate::cli::flags::git_place::GitPlaceFlags;
use crate::cli::flags::pull_secrets::{PullSecretFlags, report_used};
use crate::cli::flags::registry::RegistryFlags;
use crate::cli::flags::scope::ScopeArgs;
use crate::cli::runtime::{interrupt, now, runtime, unless_interrupted};
use crate::cli::terminal::progress::ProgressLine;
use crate::cli::terminal::streams::Terminal;
use crate::cluster::{Cluster, Scope, WorkloadSelector};
use crate::collect::{self, FluxMarkers, UsedPullSecrets};
use crate::evaluator::{Settings, Snapshot, Subject};
use crate::image::{CanonicalName, RepositoryMetadata};
use crate::output::{LeadingController, PARTIAL};
use crate::registry::Registries;

/// How long the answer to who leads is awaited.
const LEADERS_WITHIN: Duration = Duration::from_secs(2);

/// What was read and fetched.
pub(crate) struct Collected {
    pub(crate) snapshot: Snapshot,
    /// Where the workloads were read; `None` for a saved snapshot.
    pub(crate) origin: Option<WorkloadOrigin>,
    /// Printed if no workload was found.
    pub(crate) empty: String,
    pub(crate) scanned: Scanned,
    /// The markers of Flux's image automation in files, if every workload is in scope.
    pub(crate) markers: FluxMarkers,
    /// The controllers that work on these workloads, if that was wanted and may be read.
    pub(crate) controllers: Vec<LeadingController>,
}

/// How a scan went. The facts are in the snapshot.
#[derive(Debug, Default)]
pub(crate) struct Scanned {
    /// Ctrl-C ended the scan.
    pub(crate) interrupted: bool,
    used_pull_secrets: UsedPullSecrets,
}

/// What is read besides the workloads.
#[derive(Clone, Copy, Default)]
pub(crate) struct Wanted<'a> {
    /// Only containers with this name are decided.
    pub(crate) container: Option<&'a str>,
    /// The repository with which a cluster is compared.
    pub(crate) git: Option<&'a GitPlaceFlags>,
    /// Whether to find out which controllers work on these workloads.
    pub(crate) controllers: bool,
}

/// Reads the workloads in scope and fetches what their decisions need from registries.
pub(crate) fn collect(
    scope: &ScopeArgs,
    wanted: Wanted<'_>,
    policy: &PolicyFlags,
    registry: &RegistryFlags,
    globals: &Globals,
    terminal: &mut Terminal,
) -> Result<Collected, CommandError> {
    let flags = scope.flags();
    let settings = Settings {
        containers: wanted.container.into_iter().map(str::to_owned).collect(),
        ..policy.settings()?
    };
    if let Some(warning) = policy.likely_typo() {
        terminal.note(&warning);
    }
    let selector = scope.workload_selector()?;
    flags.check_pull_secrets()?;
    flags.check_kustomization()?;
    if let Some(path) = flags.saved_snapshot() {
        let mut snapshot = snapshot_file::read(path)?;
        snapshot
            .workloads
            .retain(|workload| named::is_named(&selector, &workload.id));
        if let Some(namespace) = &globals.namespace {
            snapshot.workloads.retain(|w| w.id.namespace == *namespace);
        }
        named::report_missing(&mut snapshot, &selector, "snapshot");
        snapshot_file::override_settings(&mut snapshot.settings, settings);
        return Ok(Collected {
            snapshot,
            origin: None,
            empty: NOTHING_SAVED.to_owned(),
            scanned: Scanned::default(),
            markers: FluxMarkers::default(),
            controllers: Vec::new(),
        });
    }
    snapshot_file::check(flags.snapshot_to_save(), &flags.place().filename)?;
    // Report invalid flags before anything is queried.
    let registries = registry.registries(globals)?;
    let is_everything = selector == WorkloadSelector::Everything;
    let reading = runtime()?.block_on(read(
        flags.place(),
        flags.kustomization(),
        selector,
        settings,
        globals,
        registries.cache(),
    ))?;
    let Reading {
        mut snapshot,
        origin,
        empty,
        mut markers,
        ..
    } = reading;
    if !is_everything {
        keep_named_policies(&mut snapshot);
        markers = FluxMarkers::default();
    }
    if let Some(git) = wanted.git {
        let builder = flags.kustomization().builder(registries.cache());
        let comparing = git_tree::compare(git, &mut snapshot, origin.cluster(), &builder);
        unless_interrupted(runtime()?, comparing)??;
    }
    let mut controllers = Vec::new();
    if let Some(cluster) = origin.cluster() {
        let scope = if flags.place().all_namespaces {
            Scope::AllNamespaces
        } else {
            Scope::Namespace(cluster.namespace().to_owned())
        };
        let listed = Some(&scope).filter(|_| is_everything);
        let adding = collect::add_image_objects(cluster, listed, &mut snapshot);
        let leading = async {
            if wanted.controllers {
                leaders(cluster, &scope).await
            } else {
                Vec::new()
            }
        };
        let both = async { futures_util::join!(adding, leading) };
        ((), controllers) = unless_interrupted(runtime()?, both)?;
    }
    let sources = ScanSources {
        registries: &registries,
        pull_secrets: flags.pull_secrets(),
    };
    let scanned = scan(&mut snapshot, &origin, &sources, terminal)?;
    snapshot_file::save(flags.snapshot_to_save(), &snapshot)?;
    let repositories = snapshot.repository_count();
    cost::report_cost(&registries.statistics(), repositories, terminal);
    Ok(Collected {
        snapshot,
        origin: Some(origin),
        empty,
        scanned,
        markers,
        controllers,
    })
}

/// The controllers that work on a scope. Only a few may ask who they are, and nobody waits long
/// for the answer: without it, nothing is shown.
async fn leaders(cluster: &Cluster, scope: &Scope) -> Vec<LeadingController> {
    let listing = cluster.controller_leaders(&Scope::AllNamespaces);
    let mut leaders = match tokio::time::timeout(LEADERS_WITHIN, listing).await {
        Ok(Ok(leaders)) => leaders,
        Ok(Err(error)) => {
            tracing::debug!("whether a controller runs is not known: {error}");
            Vec::new()
        }
        Err(_) => Vec::new(),
    };
    leaders.retain(|leader| leader.governs(scope));
    leaders.sort_by(|a, b| a.namespace.cmp(&b.namespace));
    let read_at = now();
    let leaders = leaders.into_iter().map(|leader| LeadingController {
        has_expired: leader.expires <= read_at,
        namespace: leader.namespace,
        name: leader.name,
        renewed: leader.renewed,
        read_at,
    });
    leaders.collect()
}

/// Keeps only the ImagePolicy objects that a container of the snapshot names in its marker.
fn keep_named_policies(snapshot: &mut Snapshot) {
    let containers = snapshot.workloads.iter().flat_map(|w| &w.containers);
    let named: BTreeSet<String> = containers
        .filter_map(|container| Some(container.marker.as_ref()?.policy.clone()))
        .collect();
    snapshot.keep_policies(|namespace, name| named.contains(&format!("{namespace}:{name}")));
}

/// What a scan queries, and with which credentials.
pub(crate) struct ScanSources<'a> {
    pub(crate) registries: &'a Registries,
    pub(crate) pull_secrets: &'a PullSecretFlags,
}

/// Fetches what the decisions on the workloads need, until Ctrl-C. `origin`: where the
/// workloads, and so their pull secrets, are.
pub(crate) fn scan(
    snapshot: &mut Snapshot,
    origin: &WorkloadOrigin,
    sources: &ScanSources<'_>,
    terminal: &mut Terminal,
) -> Result<Scanned, CommandError> {
    let ScanSources {
        registries,
        pull_secrets,
    } = sources;
    let line = ProgressLine::new(terminal);
    let mut interrupted = false;
    let (used, warnings) = runtime()?.block_on(async {
        let stop = async {
            interrupt().await;
            interrupted = true;
        };
        let report = |progress: &_| line.report(progress);
        let pull_secrets = pull_secrets.with(origin.cluster(), origin.secrets());
        let scan = collect::scan(snapshot, registries, pull_secrets, &report, stop);
        let used = tokio::select! {
            used = scan => used?,
            () = count_requests(&line, registries) => UsedPullSecrets::default(),
        };
        Ok::<_, CommandError>((used, registries.finish().await))
    })?;
    drop(line);
    cost::report_warnings(&warnings, terminal);
    Ok(Scanned {
        interrupted,
        used_pull_secrets: used,
    })
}

impl Scanned {
    /// Reports whose credentials the result is based on.
    pub(crate) fn report_pull_secrets(&self, terminal: &mut Terminal) {
        report_used(self.used_pull_secrets, terminal);
    }
}

impl Collected {
    /// Frees the facts after they were evaluated. The text of thousands of rows can then
    /// reuse their memory.
    pub(crate) fn forget_facts(&mut self) {
        self.snapshot = Snapshot::new(self.snapshot.observed_at);
    }

    /// Reports what could not be read or used and whether the scan was stopped. Returns the
    /// exit code of a command whose output is otherwise complete.
    pub(crate) fn end(&self, terminal: &mut Terminal) -> ExitCode {
        for error in &self.snapshot.errors {
            terminal.scope_error(error);
        }
        for note in &self.snapshot.notes {
            terminal.note(note);
        }
        self.scanned.report_pull_secrets(terminal);
        if self.scanned.interrupted {
            terminal.note(PARTIAL);
            ExitCode::from(INTERRUPTED)
        } else if self.snapshot.errors.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

/// Queries one image until the policy under test can be decided.
pub(crate) fn fetch_until_decidable(
    name: &CanonicalName,
    subject: &Subject<'_>,
    flags: &RegistryFlags,
    globals: &Globals,
    terminal: &mut Terminal,
) -> Result<RepositoryMetadata, CommandError> {
    let registries = flags.registries(globals)?;
    let line = ProgressLine::new(terminal);
    let (metadata, warnings) = runtime()?.block_on(async {
        let metadata = collect::fetch_until_decidable(name, &[subject], &registries).await;
        (metadata, registries.finish().await)
    });
    drop(line);
    cost::report_warnings(&warnings, terminal);
    cost::report_cost(&registries.statistics(), 1, terminal);
    Ok(metadata)
}

/// Keeps the number of requests on the progress line up to date.
pub(crate) async fn count_requests(line: &ProgressLine, registries: &Registries) {
    loop {
        line.requests(registries.statistics().requests);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
