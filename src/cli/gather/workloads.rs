//! Reads the workloads in scope, and what their decisions need from the cluster.

use super::named;
use super::snapshot_file;
use crate::cli::error::CommandError;
use crate::cli::flags::client::Globals;
use crate::cli::flags::scope::{PlaceFlags, ScopeArgs};
use crate::cli::runtime::now;
use crate::cluster::{Cluster, PodUsages, Scope, Selection, WorkloadSelector};
use crate::collect::{self};
use crate::evaluator::{Settings, Snapshot};
use crate::files;

/// Where workloads were read, which is also where they are written.
pub(crate) enum WorkloadOrigin {
    /// Files. `stdin` is the text of standard input, if it was one of them.
    Files { stdin: Option<String> },
    /// A cluster.
    Cluster(Box<Cluster>),
}

impl WorkloadOrigin {
    /// The cluster, if the workloads came from one.
    pub(crate) fn cluster(&self) -> Option<&Cluster> {
        match self {
            Self::Cluster(cluster) => Some(cluster),
            Self::Files { .. } => None,
        }
    }
}

/// The workloads in scope, before any registry is queried.
pub(crate) struct Reading {
    pub(crate) snapshot: Snapshot,
    /// Where they were read.
    pub(crate) origin: WorkloadOrigin,
    /// Printed if no workload was found.
    pub(crate) empty: String,
}

/// The namespace of an object in a file that does not name one.
pub(crate) fn default_namespace(globals: &Globals) -> &str {
    globals.namespace.as_deref().unwrap_or("default")
}

/// Reads the workloads in scope.
pub(crate) async fn read(
    place: &PlaceFlags,
    what: WorkloadSelector,
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
        origin: WorkloadOrigin::Cluster(Box::new(cluster)),
        empty: empty(&selection),
    })
}

/// Reads the workloads in scope for a command that writes them.
pub(crate) async fn read_to_write(
    place: &PlaceFlags,
    what: WorkloadSelector,
    settings: Settings,
    globals: &Globals,
) -> Result<Reading, CommandError> {
    let mut reading = read(place, what.clone(), settings, globals).await?;
    named::refuse_ambiguous(&mut reading.snapshot, &what);
    Ok(reading)
}

/// Reads only the workloads in scope. An annotation edit needs nothing else from the
/// cluster.
pub(crate) async fn read_workloads(
    place: &PlaceFlags,
    what: WorkloadSelector,
    globals: &Globals,
) -> Result<Reading, CommandError> {
    let settings = Settings::default();
    if !place.filename.is_empty() {
        let mut reading = read_files(place, &what, settings, globals)?;
        named::refuse_ambiguous(&mut reading.snapshot, &what);
        return Ok(reading);
    }
    let (cluster, selection) = connect(place, what, globals).await?;
    let mut snapshot = collect::read_workloads(&cluster, &selection, settings, now()).await?;
    named::refuse_ambiguous(&mut snapshot, &selection.what);
    Ok(Reading {
        snapshot,
        origin: WorkloadOrigin::Cluster(Box::new(cluster)),
        empty: empty(&selection),
    })
}

async fn connect(
    place: &PlaceFlags,
    what: WorkloadSelector,
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
    what: &WorkloadSelector,
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
    if *what != WorkloadSelector::Everything {
        // An entry for a workload that was not requested is not a mistake.
        snapshot.notes.clear();
    }
    let imageless = collect::imageless_releases(&snapshot.workloads);
    snapshot.notes.extend(imageless);
    named::report_missing(&mut snapshot, what, "files");
    Ok(Reading {
        snapshot,
        origin: WorkloadOrigin::Files { stdin },
        empty: NO_FILES.to_owned(),
    })
}

/// Reads the workloads in scope and the images of every Pod, without querying a registry.
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
    let what = scope.workload_selector()?;
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

/// Printed if a snapshot holds no workload.
pub(crate) const NOTHING_SAVED: &str = "No resources found in the snapshot.";

/// Printed if files hold no workload.
const NO_FILES: &str = "No workloads found in the files.";

/// What to print if the cluster holds no workload, in kubectl's words.
fn empty(selection: &Selection) -> String {
    match selection.scope.namespace() {
        Some(namespace) => format!("No resources found in {namespace} namespace."),
        None => "No resources found".to_owned(),
    }
}
