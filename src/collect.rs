//! The way in: what a cluster or files say, and what registries answer, joined
//! into one [`Snapshot`]. The only place where the three meet.
//!
//! First the objects: [`from_cluster`] or [`from_files`]. Then [`scan`]: for each
//! repository the evaluator is asked what it needs, that is fetched, and it is
//! asked again until it can decide. So nothing is fetched that no decision uses.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::pin;

use futures_util::future::{Either, select};
use futures_util::{StreamExt, stream};
use jiff::Timestamp;

use crate::cluster::{AccessError, Cluster, ClusterError, Coverage, Selection, Uncovered, What};
use crate::evaluator::{ScopeError, Settings, Snapshot, SnapshotError, Subject};
use crate::files::{FileError, FileListing};
use crate::image::{CanonicalName, Fact, ImageReference, RepositoryMetadata};
use crate::policy::ImagePolicies;
use crate::registry::Registries;
use crate::workload::Workload;

/// How many repositories are scanned side by side; each host has its own, lower
/// bound on requests.
const REPOSITORIES_AT_ONCE: usize = 64;

/// Reads the workloads that a selection names, and what their decisions need of
/// the cluster: the Pods of rows that have a policy or a moving tag, and the
/// nodes' platforms if any row has a policy.
///
/// # Errors
///
/// Nothing can be read at all; what is refused in part is in the snapshot.
pub async fn from_cluster(
    cluster: &Cluster,
    selection: &Selection,
    settings: Settings,
    now: Timestamp,
) -> Result<Snapshot, CollectError> {
    let listing = cluster.workloads(selection).await?;
    let mut snapshot = Snapshot::new(now);
    snapshot.settings = settings;
    snapshot.context = cluster.context().map(str::to_owned);
    snapshot.workloads = listing.workloads;
    snapshot.errors = listing.errors.into_iter().map(ScopeError::from).collect();

    let wanted = wanted_of_cluster(&snapshot)?;
    let pods_of: Vec<&Workload> = snapshot
        .workloads
        .iter()
        .filter(|w| wanted.pods.contains(&w.id))
        .collect();
    let pods = async {
        if pods_of.is_empty() {
            None
        } else {
            Some(cluster.pod_facts(&pods_of, coverage(selection)).await)
        }
    };
    let nodes = async {
        if wanted.nodes {
            cluster.node_platforms().await
        } else {
            None
        }
    };
    let (pods, nodes) = futures_util::join!(pods, nodes);
    snapshot.nodes = nodes;
    if let Some(pods) = pods {
        snapshot.pods = pods.images.into_iter().collect();
        snapshot.uncovered = by_owner(pods.uncovered);
        snapshot.notes.extend(pods.note);
    }
    Ok(snapshot)
}

/// Whoever asked for single workloads or labels knows that the rest has no row.
fn coverage(selection: &Selection) -> Coverage {
    if selection.what == What::Everything && selection.label_selector.is_none() {
        Coverage::Whole
    } else {
        Coverage::Own
    }
}

/// The Pods without a row by the kind of their owner, empty for nobody.
fn by_owner(uncovered: Uncovered) -> Vec<(String, usize)> {
    let bare = (uncovered.bare > 0).then(|| (String::new(), uncovered.bare));
    uncovered.by_owner.into_iter().chain(bare).collect()
}

/// What has to be asked of the cluster beside the workloads.
struct Wanted {
    pods: BTreeSet<crate::workload::WorkloadId>,
    nodes: bool,
}

fn wanted_of_cluster(snapshot: &Snapshot) -> Result<Wanted, SnapshotError> {
    let mut wanted = Wanted {
        pods: BTreeSet::new(),
        nodes: false,
    };
    for subject in snapshot.subjects()? {
        let has_policy = subject.repository().is_some();
        wanted.nodes |= has_policy;
        let image = subject.container.image.parse::<ImageReference>();
        if has_policy || image.is_ok_and(|image| image.is_mutable()) {
            wanted.pods.insert(subject.workload.id.clone());
        }
    }
    Ok(wanted)
}

/// Takes what files hold.
///
/// # Errors
///
/// `--assume` is no policy.
pub fn from_files(
    listing: FileListing,
    settings: Settings,
    now: Timestamp,
) -> Result<Snapshot, CollectError> {
    let mut snapshot = Snapshot::new(now);
    snapshot.settings = settings;
    snapshot.workloads = listing.workloads;
    snapshot.errors = listing.errors.iter().map(ScopeError::from).collect();
    snapshot.policy_objects = listing
        .objects
        .into_iter()
        .map(|(_, object)| ImagePolicies::relevant_part(&object))
        .collect();
    snapshot.notes = snapshot.sources().unmatched(snapshot.workloads.iter());
    Ok(snapshot)
}

/// How far a scan has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Repositories that are decided.
    pub done: usize,
    /// Repositories in all.
    pub repositories: usize,
}

/// Asks the registries what the decisions need and puts the answers into the
/// snapshot. When `stop` completes first, what was learnt so far is kept and the
/// snapshot is marked partial.
///
/// # Errors
///
/// `--assume` is no policy.
pub async fn scan(
    snapshot: &mut Snapshot,
    registries: &Registries,
    report: &dyn Fn(Progress),
    stop: impl Future<Output = ()>,
) -> Result<(), CollectError> {
    let subjects = snapshot.subjects()?;
    let mut by_repository: BTreeMap<&CanonicalName, Vec<&Subject<'_>>> = BTreeMap::new();
    for subject in &subjects {
        if let Some(name) = subject.repository() {
            by_repository.entry(name).or_default().push(subject);
        }
    }
    let repositories = by_repository.len();
    report(Progress {
        done: 0,
        repositories,
    });
    let answers = RefCell::new(BTreeMap::new());
    let work = stream::iter(by_repository).for_each_concurrent(
        REPOSITORIES_AT_ONCE,
        |(name, subjects)| {
            let answers = &answers;
            async move {
                let metadata = settle(name, &subjects, registries).await;
                let done = {
                    let mut answers = answers.borrow_mut();
                    answers.insert(name.clone(), metadata);
                    answers.len()
                };
                report(Progress { done, repositories });
            }
        },
    );
    let stopped = match select(pin!(work), pin!(stop)).await {
        Either::Left(_) => false,
        Either::Right(_) => true,
    };
    snapshot.repositories = answers.into_inner();
    snapshot.partial |= stopped;
    Ok(())
}

/// Asks about one repository until every container that uses it can be decided.
pub async fn settle(
    name: &CanonicalName,
    subjects: &[&Subject<'_>],
    registries: &Registries,
) -> RepositoryMetadata {
    let mut metadata = RepositoryMetadata::default();
    loop {
        let mut facts: Vec<Fact> = subjects.iter().flat_map(|s| s.needs(&metadata)).collect();
        facts.sort_unstable();
        facts.dedup();
        if facts.is_empty() {
            return metadata;
        }
        registries
            .answer(registries.user(), name, facts, &mut metadata)
            .await;
    }
}

/// Why there is nothing to decide.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// The cluster answers nothing.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// A setting of the run is malformed.
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
            FileError::NotUtf8 { at } => (format!("file/{}:{}", at.file, at.line), "NotUtf8"),
            FileError::Document { file, error } => {
                (format!("file/{file}:{}", error.line), "InvalidDocument")
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
