//! Follows the workloads of a collection for as long as the program runs.
//!
//! ```text
//! list ─► watch ─► watch again from the last version ─► …
//!  ^        │
//!  └── 410 ─┘
//! ```
//!
//! Each object is decoded on its own, straight into a [`Workload`], and lists are read in small
//! pages, so that thousands of large objects need little memory. Streaming lists are not used:
//! API servers that do not have them answer with errors.

use std::hash::{BuildHasher, RandomState};
use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::time::Instant;

use super::events::Event;
use crate::cluster::api::access::AccessError;
use crate::cluster::api::error::ClusterError;
use crate::cluster::api::page::ListRequest;
use crate::cluster::api::resource::Resource;
use crate::cluster::api::selection::Scope;
use crate::cluster::connect::connection::Cluster;
use crate::cluster::read::custom::helm::Collection;
use crate::cluster::read::workloads::decode_workload;
use crate::workload::{Workload, WorkloadId, WorkloadKind, WorkloadType};

/// The number of objects per page. Pages of this size were measured to need less than half the
/// memory of pages of 500 objects.
const PAGE: u32 = 100;

/// The pauses after failures: each is twice the one before it.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// After a watch of this length, the next failure counts as the first one.
const STABLE: Duration = Duration::from_secs(60);

/// The workloads of one kind in one scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchedCollection {
    kind: WorkloadKind,
    resource: Resource,
    scope: Scope,
}

/// What has become known about a collection.
#[derive(Debug)]
pub enum WatchNews<'a> {
    /// All of it, as it was listed. Workloads that are not in the list do not exist.
    Listed(Vec<Workload>, Vec<AccessError>),
    /// One workload, new or changed.
    Applied(Box<Workload>),
    /// One object that cannot be decoded.
    Unreadable(AccessError),
    /// A workload that was deleted.
    Deleted(WorkloadId),
    /// The collection cannot be read, and how long the next try is away. What is known of it
    /// may be old.
    Failed(&'a ClusterError, Duration),
}

impl WatchedCollection {
    /// Whether a workload is in this collection.
    #[must_use]
    pub fn contains(&self, id: &WorkloadId) -> bool {
        let is_in_scope = match &self.scope {
            Scope::AllNamespaces => true,
            Scope::Namespace(namespace) => id.namespace == *namespace,
        };
        is_in_scope && id.kind == self.kind && id.api_version == self.resource.api_version
    }

    fn decode(&self, text: &str) -> Result<Workload, AccessError> {
        decode_workload(self.kind, &self.resource.api_version, &self.scope, text)
    }
}

/// `deployments.apps in namespace/shop`.
impl std::fmt::Display for WatchedCollection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = self.resource.qualified();
        match &self.scope {
            Scope::AllNamespaces => write!(f, "{name} in all namespaces"),
            Scope::Namespace(namespace) => write!(f, "{name} in namespace {namespace}"),
        }
    }
}

impl Cluster {
    /// The collections of workloads that the server has, in each scope. While it cannot be found
    /// out which ones it has, tries again, with growing pauses: a kind that is left out would never
    /// be watched.
    pub async fn workload_collections(
        &self,
        scopes: &[Scope],
        mut report: impl FnMut(&ClusterError, Duration),
    ) -> Vec<WatchedCollection> {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.try_workload_collections(scopes).await {
                Ok(collections) => return collections,
                Err(error) => {
                    let wait = jittered(pause);
                    report(&error, wait);
                    tokio::time::sleep(wait).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    async fn try_workload_collections(
        &self,
        scopes: &[Scope],
    ) -> Result<Vec<WatchedCollection>, ClusterError> {
        let mut collections = Vec::new();
        for kind in WorkloadKind::ALL {
            for collection in self.collections(&WorkloadType::from(kind)).await {
                let resource = match collection {
                    Collection::Served(resource) => resource,
                    // One that perhaps exists is one that may not be read.
                    Collection::Perhaps(_) => continue,
                    Collection::Unknown(_, error) => return Err(error),
                };
                collections.extend(scopes.iter().map(|scope| WatchedCollection {
                    kind,
                    resource: resource.clone(),
                    scope: scope.clone(),
                }));
            }
        }
        Ok(collections)
    }

    /// Follows a collection and reports what becomes known about it. Never ends: after a
    /// failure it tries again, with growing pauses.
    pub async fn follow_workloads(
        &self,
        collection: &WatchedCollection,
        label_selector: Option<&str>,
        mut report: impl FnMut(WatchNews<'_>),
    ) {
        let list = ListRequest {
            path: collection.resource.path(&collection.scope),
            label_selector,
            page: Some(PAGE),
            ..ListRequest::default()
        };
        let mut version: Option<String> = None;
        let mut pause = FIRST_PAUSE;
        loop {
            let started = Instant::now();
            let failure = match &mut version {
                None => match self
                    .list_to_watch(&list, |text| collection.decode(text))
                    .await
                {
                    Ok(listed) => {
                        let mut workloads = Vec::with_capacity(listed.items.len());
                        let mut errors = Vec::new();
                        for item in listed.items {
                            match item {
                                Ok(workload) => workloads.push(workload),
                                Err(error) => errors.push(error),
                            }
                        }
                        report(WatchNews::Listed(workloads, errors));
                        version = Some(listed.version);
                        continue;
                    }
                    Err(error) => Some(error),
                },
                Some(at) => {
                    let watched = self.watch_from(collection, &list, at, &mut report);
                    watched.await.err()
                }
            };
            let Some(failure) = failure else {
                continue;
            };
            let was_stable = started.elapsed() > STABLE;
            if was_stable {
                pause = FIRST_PAUSE;
            }
            if failure.is_expired() {
                tracing::debug!("{collection} is listed again: {failure}");
                version = None;
                if was_stable {
                    continue;
                }
            }
            let wait = jittered(pause);
            report(WatchNews::Failed(&failure, wait));
            tokio::time::sleep(wait).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Watches until the server ends the watch. `at` follows the version of the collection.
    async fn watch_from(
        &self,
        collection: &WatchedCollection,
        list: &ListRequest<'_>,
        at: &mut String,
        report: &mut impl FnMut(WatchNews<'_>),
    ) -> Result<(), ClusterError> {
        let mut events = pin!(self.watch(list, at).await?);
        while let Some(event) = events.next().await {
            let text = match event? {
                Event::Bookmark(version) => {
                    *at = version;
                    continue;
                }
                Event::Applied(text) => {
                    report(match collection.decode(text.get()) {
                        Ok(workload) => WatchNews::Applied(Box::new(workload)),
                        Err(error) => WatchNews::Unreadable(error),
                    });
                    text
                }
                Event::Deleted(text) => {
                    if let Ok(workload) = collection.decode(text.get()) {
                        report(WatchNews::Deleted(workload.id));
                    }
                    text
                }
            };
            if let Some(version) = version_of(text.get()) {
                *at = version;
            }
        }
        Ok(())
    }
}

/// The version of an object.
fn version_of(text: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Versioned {
        metadata: VersionMetadata,
    }
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct VersionMetadata {
        resource_version: String,
    }
    let object: Versioned = serde_json::from_str(text).ok()?;
    Some(object.metadata.resource_version)
}

/// A pause between a half and the whole of this one, so that replicas that failed together do
/// not come back together.
fn jittered(pause: Duration) -> Duration {
    // Every new `RandomState` has different keys, which is random enough here.
    let chance = RandomState::new().hash_one(()) % 1000;
    pause / 2 + (pause / 2).mul_f64(chance as f64 / 1000.0)
}
