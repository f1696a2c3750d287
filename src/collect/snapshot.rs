//! Snapshots of a cluster or of files, without any metadata from registries.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::listed::listed;
use crate::cluster::{
    AccessError, Cluster, ClusterError, Coverage, LiveImagePolicies, NamespaceFacts, Scope,
    Selection, Uncovered, WorkloadSelector,
};
use crate::evaluator::{ImageObject, ScopeError, Settings, Snapshot, SnapshotError};
use crate::files::{FileError, FileListing};
use crate::image::ImageReference;
use crate::policy::{FluxObjects, ImagePolicies, namespace_schedule};
use crate::workload::{Node, Owner, Scheduling, Workload, WorkloadId, WorkloadKind};

/// Reads the workloads of a selection, and the cluster's facts that their decisions need.
///
/// # Errors
///
/// Nothing can be read. Errors about a part of the selection are in the snapshot.
pub async fn from_cluster(
    cluster: &Cluster,
    selection: &Selection,
    settings: Settings,
    now: Timestamp,
) -> Result<Snapshot, CollectError> {
    let mut snapshot = read_workloads(cluster, selection, settings, now).await?;
    add_image_policies(cluster, selection, &mut snapshot).await;
    surroundings(cluster, coverage(selection), &mut snapshot).await?;
    Ok(snapshot)
}

/// Builds the snapshot of workloads that are known already, with the cluster's facts that their
/// decisions need. `scope`: where the caller may read namespaces.
///
/// # Errors
///
/// A setting is invalid.
pub async fn from_workloads(
    cluster: &Cluster,
    workloads: Vec<Workload>,
    scope: &Scope,
    settings: Settings,
    now: Timestamp,
) -> Result<Snapshot, CollectError> {
    let mut snapshot = Snapshot::new(now);
    snapshot.settings = settings;
    snapshot.context = cluster.context().map(str::to_owned);
    snapshot.workloads = workloads;
    let names = snapshot
        .workloads
        .iter()
        .map(|workload| workload.id.namespace.clone());
    let namespaces = cluster
        .facts_of_namespaces(names.collect::<BTreeSet<_>>(), scope)
        .await;
    add_namespaces(namespaces, &mut snapshot);
    add_live_policies(cluster, &mut snapshot).await;
    let mut needs = cluster_needs(&snapshot)?;
    needs.nodes &= snapshot.settings.platforms.is_empty();
    add_surroundings(cluster, Coverage::Own, &needs, &mut snapshot).await;
    Ok(snapshot)
}

fn add_namespaces(namespaces: NamespaceFacts, snapshot: &mut Snapshot) {
    for workload in &mut snapshot.workloads {
        workload.is_being_deleted |= namespaces.terminating.contains(&workload.id.namespace);
    }
    snapshot.namespaces = namespaces.schedules;
    snapshot.unread_namespaces = namespaces.unread;
}

/// Adds the `imagePolicies` of the Kustomizations that apply the workloads.
async fn add_live_policies(cluster: &Cluster, snapshot: &mut Snapshot) {
    let workloads = snapshot.workloads.iter();
    let owners: BTreeSet<Owner> = workloads.filter_map(|w| w.managed_by.clone()).collect();
    let LiveImagePolicies { objects, notes } = cluster.image_policies_of(owners).await;
    snapshot.notes.extend(notes);
    snapshot.policy_objects.extend(objects);
}

/// Adds the `imagePolicies` of the Kustomizations that apply the workloads. Entries that match no
/// container are only reported if all workloads were read, because an entry may be for another one.
async fn add_image_policies(cluster: &Cluster, selection: &Selection, snapshot: &mut Snapshot) {
    add_live_policies(cluster, snapshot).await;
    let is_whole = coverage(selection) == Coverage::Whole;
    if is_whole && selection.scope == Scope::AllNamespaces {
        let unmatched = snapshot.sources().unmatched(snapshot.workloads.iter());
        snapshot.notes.extend(unmatched);
    }
}

/// Reads the workloads of a selection, and nothing else.
///
/// # Errors
///
/// Nothing can be read. Errors about a part of the selection are in the snapshot.
pub async fn read_workloads(
    cluster: &Cluster,
    selection: &Selection,
    settings: Settings,
    now: Timestamp,
) -> Result<Snapshot, CollectError> {
    let (listing, namespaces) = futures_util::join!(
        cluster.workloads(selection),
        cluster.namespace_facts(&selection.scope)
    );
    let listing = listing?;
    let mut snapshot = Snapshot::new(now);
    snapshot.settings = settings;
    snapshot.context = cluster.context().map(str::to_owned);
    snapshot.workloads = listing.workloads;
    add_namespaces(namespaces, &mut snapshot);
    snapshot.errors = listing.errors.into_iter().map(ScopeError::from).collect();
    snapshot
        .notes
        .extend(imageless_releases(&snapshot.workloads));
    Ok(snapshot)
}

/// Reads the cluster's facts that the decisions in a snapshot need: the Pods of rows that
/// have a policy or a mutable tag, the nodes if any row has a policy, and the ReplicaSets of
/// automated Deployments.
///
/// # Errors
///
/// A setting of the snapshot is invalid.
pub async fn surroundings(
    cluster: &Cluster,
    coverage: Coverage,
    snapshot: &mut Snapshot,
) -> Result<(), CollectError> {
    let needs = cluster_needs(snapshot)?;
    add_surroundings(cluster, coverage, &needs, snapshot).await;
    Ok(())
}

/// Adds the facts that are needed.
async fn add_surroundings(
    cluster: &Cluster,
    coverage: Coverage,
    needs: &ClusterNeeds,
    snapshot: &mut Snapshot,
) {
    let pods_of: Vec<&Workload> = snapshot
        .workloads
        .iter()
        .filter(|w| needs.pods.contains(&w.id))
        .collect();
    let pods = async {
        if pods_of.is_empty() {
            None
        } else {
            Some(cluster.pod_facts(&pods_of, coverage).await)
        }
    };
    let nodes = async {
        if needs.nodes {
            cluster.nodes().await
        } else {
            Ok(None)
        }
    };
    let undone = cluster.undone_revisions(&needs.undone);
    let (pods, nodes, undone) = futures_util::join!(pods, nodes, undone);
    snapshot.undone = undone;
    match nodes {
        Ok(nodes) => snapshot.nodes = nodes.map(|nodes| distinct(nodes, &snapshot.workloads)),
        Err(error) => snapshot.notes.push(format!(
            "Nodes could not be listed ({}), so their platforms are not checked",
            error.reason()
        )),
    }
    if let Some(pods) = pods {
        snapshot.pods = pods.images.into_iter().collect();
        snapshot.uncovered = by_owner(pods.uncovered);
        snapshot.notes.extend(pods.note);
    }
}

/// The nodes, reduced to what these workloads look at.
fn distinct(nodes: Vec<Node>, workloads: &[Workload]) -> Vec<Node> {
    let scheduling = || workloads.iter().map(|workload| &workload.scheduling);
    let keys = scheduling().flat_map(Scheduling::label_keys).collect();
    Node::distinct(nodes, &keys, scheduling().any(Scheduling::names_nodes))
}

/// If the user selected single workloads or labels, Pods of other workloads are not
/// counted.
pub(crate) fn coverage(selection: &Selection) -> Coverage {
    if selection.selector == WorkloadSelector::Everything && selection.label_selector.is_none() {
        Coverage::Whole
    } else {
        Coverage::Own
    }
}

/// The numbers of Pods without a workload, by the kind of their owner. The kind is empty
/// for Pods without an owner.
pub(crate) fn by_owner(uncovered: Uncovered) -> Vec<(String, usize)> {
    let bare = (uncovered.bare > 0).then(|| (String::new(), uncovered.bare));
    uncovered.by_owner.into_iter().chain(bare).collect()
}

/// What decisions need from the cluster besides the workloads.
pub(crate) struct ClusterNeeds {
    pub(crate) pods: BTreeSet<WorkloadId>,
    pub(crate) nodes: bool,
    /// Deployments that may have lost a lock.
    pub(crate) undone: BTreeSet<WorkloadId>,
}

pub(crate) fn cluster_needs(snapshot: &Snapshot) -> Result<ClusterNeeds, SnapshotError> {
    let mut needs = ClusterNeeds {
        pods: BTreeSet::new(),
        nodes: false,
        undone: BTreeSet::new(),
    };
    for subject in snapshot.subjects()? {
        let has_policy = subject.repository().is_some();
        needs.nodes |= has_policy;
        let id = &subject.workload.id;
        if subject.is_automated() && id.kind == WorkloadKind::Deployment {
            needs.undone.insert(id.clone());
        }
        let image = subject.container.image.parse::<ImageReference>();
        if has_policy || image.is_ok_and(|image| image.is_mutable()) {
            needs.pods.insert(subject.workload.id.clone());
        }
    }
    Ok(needs)
}

/// Builds a snapshot from the contents of files. `default_namespace` is that of Flux's image
/// objects that do not name one.
///
/// # Errors
///
/// `--assume` is not a valid policy.
pub fn from_files(
    listing: FileListing,
    default_namespace: &str,
    settings: Settings,
    now: Timestamp,
) -> Result<Snapshot, CollectError> {
    let mut snapshot = Snapshot::new(now);
    snapshot.settings = settings;
    snapshot.workloads = listing.workloads;
    snapshot.errors = listing.errors.iter().map(ScopeError::from).collect();
    for (source, object) in listing.objects {
        if let Some((name, annotations)) = namespace_schedule(&object) {
            snapshot.namespaces.insert(name, annotations);
        }
        match FluxObjects::relevant_part(&object, default_namespace) {
            Some(object) => snapshot.image_objects.push(ImageObject {
                source: Some(source),
                object,
            }),
            None => {
                let object = ImagePolicies::relevant_part(&object);
                snapshot.policy_objects.push(object);
            }
        }
    }
    snapshot.notes = snapshot.sources().unmatched(snapshot.workloads.iter());
    snapshot.notes.extend(listing.notes);
    Ok(snapshot)
}

/// The note about Helm releases without any image in their values, which have no row.
#[must_use]
pub fn imageless_releases(workloads: &[Workload]) -> Option<String> {
    let names: Vec<&str> = workloads
        .iter()
        .filter(|w| w.id.kind == WorkloadKind::HelmRelease && w.containers.is_empty())
        .map(|workload| workload.id.name.as_str())
        .collect();
    match names.as_slice() {
        [] => None,
        [name] => Some(format!("helmrelease/{name} has no image in its values")),
        names => Some(format!(
            "{} HelmReleases have no image in their values: {}",
            names.len(),
            listed(names)
        )),
    }
}

/// Why no decision is possible.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// The cluster cannot be read.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// A setting of the run is invalid.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
}

impl From<AccessError> for ScopeError {
    fn from(error: AccessError) -> Self {
        let AccessError {
            scope,
            reason,
            message,
            hint,
        } = error;
        // The only line break must be the one before the hint.
        let message = message.replace(['\n', '\r'], " ");
        let message = match hint {
            Some(hint) => format!("{message}\nhint: {hint}"),
            None => message,
        };
        Self {
            scope,
            reason,
            message,
        }
    }
}

impl From<&FileError> for ScopeError {
    fn from(error: &FileError) -> Self {
        let (scope, reason) = match error {
            FileError::NotFound { path } => (format!("file/{path}"), "NotFound"),
            FileError::Url { url } => (format!("file/{url}"), "NotAFile"),
            FileError::EmptyStdin => ("file/-".to_owned(), "NoManifests"),
            FileError::EmptyFolder { path, .. } => (format!("file/{path}"), "NoManifests"),
            FileError::Unreadable { file, .. } => (format!("file/{file}"), "Unreadable"),
            FileError::TooLarge { file } => (format!("file/{file}"), "TooLarge"),
            FileError::NameNotUtf8 { file } => (format!("file/{}", file.display()), "NameNotUtf8"),
            FileError::NotUtf8 { at } => (format!("file/{}:{}", at.file, at.line), "NotUtf8"),
            FileError::Document { file, error } => {
                (format!("file/{file}:{}", error.line), "InvalidDocument")
            }
            FileError::Kustomization { root, error } => {
                (format!("kustomization/{root}"), error.reason())
            }
            FileError::Workload { at, .. } => {
                (format!("file/{}:{}", at.file, at.line), "InvalidWorkload")
            }
        };
        Self {
            scope,
            reason: reason.to_owned(),
            message: format!("error: {error}"),
        }
    }
}
