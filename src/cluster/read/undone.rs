//! Which Deployments went back to an older revision.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, stream};
use serde_json::Value;

use crate::cluster::api::error::ClusterError;
use crate::cluster::api::page::ListRequest;
use crate::cluster::api::resource::Resource;
use crate::cluster::api::selection::Scope;
use crate::cluster::connect::connection::Cluster;
use crate::workload::{UndoneRevision, WorkloadId, undone_revision};

/// The number of concurrent requests.
const AT_ONCE: usize = 8;

impl Cluster {
    /// What was undone in these Deployments. Never fails: where the ReplicaSets may not be
    /// read, nothing is known.
    ///
    /// Per namespace, the metadata of the ReplicaSets is read. Whole ReplicaSets, for their
    /// images, are read only if a Deployment went back.
    pub async fn undone_revisions(
        &self,
        deployments: &BTreeSet<WorkloadId>,
    ) -> Vec<(WorkloadId, UndoneRevision)> {
        let mut namespaces: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for id in deployments {
            namespaces
                .entry(&id.namespace)
                .or_default()
                .insert(&id.name);
        }
        let reads = namespaces.iter().map(|(namespace, names)| async move {
            let undone = self.undone_in(namespace, names).await;
            undone.unwrap_or_else(|error| {
                tracing::debug!("the ReplicaSets of {namespace} are unknown: {error}");
                Vec::new()
            })
        });
        let undone: Vec<_> = stream::iter(reads).buffered(AT_ONCE).collect().await;
        let undone = undone.into_iter().flatten();
        undone
            .filter_map(|(namespace, name, undone)| {
                let mut ids = deployments.iter();
                let id = ids.find(|id| id.namespace == namespace && id.name == name)?;
                Some(((*id).clone(), undone))
            })
            .collect()
    }

    async fn undone_in(
        &self,
        namespace: &str,
        names: &BTreeSet<&str>,
    ) -> Result<Vec<(String, String, UndoneRevision)>, ClusterError> {
        let known = undone_by_deployment(&self.replica_sets(namespace, true).await?, names);
        if known.is_empty() {
            return Ok(Vec::new());
        }
        let whole = self.replica_sets(namespace, false).await?;
        let undone = undone_by_deployment(&whole, names).into_iter();
        Ok(undone
            .map(|(name, undone)| (namespace.to_owned(), name, undone))
            .collect())
    }

    async fn replica_sets(
        &self,
        namespace: &str,
        metadata_only: bool,
    ) -> Result<Vec<Value>, ClusterError> {
        let scope = Scope::Namespace(namespace.to_owned());
        let list = ListRequest {
            path: Resource::new("apps/v1", "replicasets").path(&scope),
            metadata_only,
            ..ListRequest::default()
        };
        let sets = self.list(&list, |text| serde_json::from_str(text).ok());
        Ok(sets.await?.into_iter().flatten().collect())
    }
}

/// What was undone in the Deployments with these names.
fn undone_by_deployment(
    replica_sets: &[Value],
    names: &BTreeSet<&str>,
) -> BTreeMap<String, UndoneRevision> {
    let mut by_deployment: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for set in replica_sets {
        if let Some(name) = deployment_of(set).filter(|name| names.contains(name)) {
            by_deployment.entry(name).or_default().push(set);
        }
    }
    by_deployment
        .into_iter()
        .filter_map(|(name, sets)| Some((name.to_owned(), undone_revision(&sets)?)))
        .collect()
}

/// The name of the Deployment that controls a ReplicaSet.
fn deployment_of(replica_set: &Value) -> Option<&str> {
    let owners = replica_set["metadata"]["ownerReferences"].as_array()?;
    let mut deployments = owners
        .iter()
        .filter(|owner| owner["kind"] == "Deployment" && owner["controller"] == true);
    deployments.next()?["name"].as_str()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cluster::fake::{cluster, forbidden, page};
    use crate::workload::WorkloadKind;

    fn deployments(names: &[&str]) -> BTreeSet<WorkloadId> {
        let id = |name: &&str| WorkloadId {
            namespace: "shop".to_owned(),
            name: (*name).to_owned(),
            kind: WorkloadKind::Deployment,
            api_version: "apps/v1".to_owned(),
        };
        names.iter().map(id).collect()
    }

    /// A ReplicaSet of a Deployment, as its current revision `now` and formerly `before`.
    fn replica_set(deployment: &str, now: &str, before: &str) -> Value {
        let owner = json!({"kind": "Deployment", "name": deployment, "controller": true});
        json!({"metadata": {"ownerReferences": [owner], "annotations": {
            "deployment.kubernetes.io/revision": now,
            "deployment.kubernetes.io/revision-history": before}}})
    }

    #[tokio::test]
    async fn whole_replica_sets_are_read_only_after_a_deployment_went_back() {
        let (cluster, requests) = cluster(|_| {
            let sets = [
                replica_set("web", "2", ""),
                replica_set("web", "1", ""),
                replica_set("other", "3", "1"),
                replica_set("other", "2", ""),
            ];
            page(json!(sets), "")
        });
        let of_web = cluster.undone_revisions(&deployments(&["web"])).await;
        assert_eq!(of_web, []);
        assert_eq!(requests.uris().len(), 1);
        let of_both = cluster
            .undone_revisions(&deployments(&["other", "web"]))
            .await;
        let undone: Vec<_> = of_both
            .iter()
            .map(|(id, u)| (&*id.name, u.revision))
            .collect();
        assert_eq!(undone, [("other", 2)]);
        assert_eq!(requests.uris().len(), 3);
        let path = "/apis/apps/v1/namespaces/shop/replicasets?";
        assert!(requests.uris().iter().all(|uri| uri.starts_with(path)));
    }

    #[tokio::test]
    async fn nothing_is_known_if_replica_sets_may_not_be_read() {
        let (cluster, _) = cluster(|_| forbidden());
        assert_eq!(cluster.undone_revisions(&deployments(&["web"])).await, []);
        let (cluster, requests) = self::cluster(|_| forbidden());
        assert_eq!(cluster.undone_revisions(&BTreeSet::new()).await, []);
        assert_eq!(requests.uris(), [""; 0]);
    }
}
