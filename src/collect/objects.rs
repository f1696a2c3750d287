//! The objects that a plan changes, as they are in the cluster just before they
//! are written: the whole objects, and the owners that would revert a change.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, stream};

use crate::cluster::{Cluster, ClusterError};
use crate::evaluator::ScopeError;
use crate::plan::{Ownership, owner_questions, ownership};
use crate::workload::{Observed, WorkloadId, consequences};

/// How many objects are read concurrently.
const OBJECTS_AT_ONCE: usize = 8;

/// An object as it is now.
#[derive(Debug)]
pub struct ObservedObject {
    /// What a plan needs to know about it.
    pub observed: Observed,
    /// What a new image triggers, one sentence each.
    pub consequences: Vec<String>,
}

/// The objects that were read, and the errors of those that could not be read.
#[derive(Debug, Default)]
pub struct ObservedObjects {
    /// Each object by the workload that it describes.
    pub by_id: BTreeMap<WorkloadId, ObservedObject>,
    /// One error per object that could not be read.
    pub errors: Vec<ScopeError>,
}

/// Reads whole objects from the cluster.
pub async fn observe(
    cluster: &Cluster,
    ids: impl IntoIterator<Item = WorkloadId>,
) -> ObservedObjects {
    let read: Vec<(WorkloadId, Result<Option<ObservedObject>, String>)> = stream::iter(ids)
        .map(|id| async {
            let object = observe_one(cluster, &id).await;
            (id, object)
        })
        .buffered(OBJECTS_AT_ONCE)
        .collect()
        .await;
    let mut objects = ObservedObjects::default();
    for (id, object) in read {
        match object {
            Ok(Some(object)) => {
                objects.by_id.insert(id, object);
            }
            // The kind of an object never changes.
            Ok(None) => {}
            Err(message) => objects.errors.push(ScopeError {
                scope: format!("{}/{id}", id.namespace),
                reason: "Unreadable".to_owned(),
                message,
            }),
        }
    }
    objects
}

async fn observe_one(cluster: &Cluster, id: &WorkloadId) -> Result<Option<ObservedObject>, String> {
    let object = cluster
        .object(id)
        .await
        .map_err(|error| ClusterError::line(&error))?;
    let observed =
        Observed::read(&object, &id.namespace).map_err(|error| format!("error: {id}: {error}"))?;
    Ok(observed.map(|observed| ObservedObject {
        observed,
        consequences: consequences(&object),
    }))
}

/// Finds out who owns the objects. An object without a known owner has no entry.
pub async fn owners(
    cluster: &Cluster,
    objects: &BTreeMap<WorkloadId, ObservedObject>,
) -> BTreeMap<WorkloadId, Ownership> {
    let questions: BTreeSet<_> = objects
        .values()
        .flat_map(|object| owner_questions(&object.observed))
        .collect();
    let questions: Vec<_> = questions.into_iter().collect();
    let answers = if questions.is_empty() {
        Vec::new()
    } else {
        cluster.owner_answers(&questions).await
    };
    objects
        .iter()
        .filter_map(|(id, object)| Some((id.clone(), ownership(&object.observed, &answers)?)))
        .collect()
}
