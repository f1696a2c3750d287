//! The Pods of a workload that do not start.

use serde::Deserialize as _;
use serde_json::Value;

use super::pod::{Pod, PodOwner, is_same_image};
use super::pods::selector;
use crate::cluster::api::error::ClusterError;
use crate::cluster::api::page::ListRequest;
use crate::cluster::api::resource::Resource;
use crate::cluster::api::selection::Scope;
use crate::cluster::connect::connection::Cluster;
use crate::workload::{PodProblem, Workload, WorkloadId, WorkloadKind, decode, waits_for_each_pod};

/// A Pod that does not start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailingPod {
    /// The Pod, and why it does not start.
    pub problem: PodProblem,
    /// Whether it still has another image than the workload, because its controller has not
    /// replaced it.
    pub is_outdated: bool,
}

impl Cluster {
    /// The Pods of a workload that do not start. Empty if the workload selects no Pods.
    ///
    /// # Errors
    ///
    /// The Pods cannot be listed.
    pub async fn failing_pods(&self, workload: &Workload) -> Result<Vec<FailingPod>, ClusterError> {
        if workload.pod_labels.is_empty() {
            return Ok(Vec::new());
        }
        let id = &workload.id;
        let selector = selector(&workload.pod_labels);
        let list = ListRequest {
            path: Resource::new("v1", "pods").path(&Scope::Namespace(id.namespace.clone())),
            label_selector: Some(&selector),
            field_selector: None,
            ..ListRequest::default()
        };
        let pods = self
            .list(&list, |text| serde_json::from_str::<Value>(text))
            .await?;
        let own = PodOwner::Workload(id.kind, id.name.clone());
        let failing = pods.into_iter().flatten().filter_map(|object| {
            let pod = Pod::deserialize(&object).ok()?;
            let problem = PodProblem::read(&object).filter(|_| pod.top_owner() == own)?;
            let is_outdated = pod.containers().any(|container| {
                let mut own = workload.containers.iter();
                let own = own.find(|own| own.name == container.name);
                own.is_some_and(|own| !is_same_image(&own.image, container.image))
            });
            Some(FailingPod {
                problem,
                is_outdated,
            })
        });
        Ok(failing.collect())
    }

    /// The Pods that a StatefulSet waits for although they do not start. It replaces them
    /// only if they are deleted. `is_corrected`: only those that have other images than
    /// its template, because that was corrected. Empty if that cannot be found out.
    pub async fn stuck_pods(&self, id: &WorkloadId, is_corrected: bool) -> Vec<PodProblem> {
        if id.kind != WorkloadKind::StatefulSet {
            return Vec::new();
        }
        let Ok(object) = self.object(id).await else {
            return Vec::new();
        };
        let workload = decode(&object, &id.namespace).ok().flatten();
        let Some(workload) = workload.filter(|_| waits_for_each_pod(&object)) else {
            return Vec::new();
        };
        let pods = self.failing_pods(&workload).await.unwrap_or_default();
        let stuck = pods
            .into_iter()
            .filter(|pod| pod.is_outdated || !is_corrected);
        stuck.map(|pod| pod.problem).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::cluster::fake::{cluster, page};
    use crate::workload::{WorkloadId, WorkloadKind};

    fn pod(name: &str, owner: &str, image: &str) -> serde_json::Value {
        json!({"metadata": {"name": name, "namespace": "shop", "labels": {"app": "db"},
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "StatefulSet",
                    "name": owner, "controller": true}]},
            "spec": {"containers": [{"name": "app", "image": image}]},
            "status": {"containerStatuses": [{"name": "app",
                "state": {"waiting": {"reason": "ErrImagePull", "message": "no"}}}]}})
    }

    async fn stuck(policy: &str, is_corrected: bool) -> Vec<String> {
        let object = json!({"apiVersion": "apps/v1", "kind": "StatefulSet",
            "metadata": {"namespace": "shop", "name": "db"},
            "spec": {"podManagementPolicy": policy, "selector": {"matchLabels": {"app": "db"}},
                "template": {"spec": {"containers": [{"name": "app", "image": "org/app:1"}]}}}});
        let (cluster, _) = cluster(move |uri| {
            if uri.contains("/pods") {
                let pods = json!([
                    pod("db-0", "db", "org/app:1"),
                    pod("db-1", "db", "org/app:2"),
                    pod("other-0", "other", "org/app:2"),
                ]);
                page(pods, "")
            } else {
                (200, object.to_string())
            }
        });
        let id = WorkloadId {
            namespace: "shop".to_owned(),
            name: "db".to_owned(),
            kind: WorkloadKind::StatefulSet,
            api_version: "apps/v1".to_owned(),
        };
        let pods = cluster.stuck_pods(&id, is_corrected).await;
        pods.into_iter().map(|stuck| stuck.pod).collect()
    }

    #[tokio::test]
    async fn only_own_pods_of_an_ordered_stateful_set_are_stuck() {
        assert_eq!(stuck("OrderedReady", false).await, ["db-0", "db-1"]);
        // After a rollback, those with the restored image are not replaced by deleting them.
        assert_eq!(stuck("OrderedReady", true).await, ["db-1"]);
        assert_eq!(stuck("Parallel", true).await, [""; 0]);
    }
}
