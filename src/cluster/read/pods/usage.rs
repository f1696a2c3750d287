//! All running images, whether or not their Pods belong to a workload.

use super::pod::Pod;
use super::pods::UNFINISHED;
use crate::cluster::api::access::AccessError;
use crate::cluster::api::error::ClusterError;
use crate::cluster::api::page::ListRequest;
use crate::cluster::api::resource::Resource;
use crate::cluster::api::selection::Scope;
use crate::cluster::connect::connection::Cluster;
use crate::workload::{ContainerType, Owner};

/// One container of a Pod that has not finished.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PodUsage {
    /// The Pod's namespace.
    pub namespace: String,
    /// The Pod's name.
    pub pod: String,
    /// The Pod's topmost owner: the Deployment or Rollout above a ReplicaSet, the CronJob
    /// above a Job… `None`: a bare Pod.
    pub owner: Option<Owner>,
    /// The container's name. It may be an injected sidecar or an ephemeral container.
    pub container: String,
    /// The list of the Pod's spec that contains it.
    pub container_type: ContainerType,
    /// The image as written in the Pod.
    pub image: String,
    /// The `imageID` that the runtime reports; empty before the container has started.
    pub image_id: String,
}

/// The running containers, and the errors of Pods that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PodUsages {
    /// Sorted by namespace, Pod, and position in the Pod.
    pub containers: Vec<PodUsage>,
    /// Why Pods are missing.
    pub errors: Vec<AccessError>,
}

impl Cluster {
    /// Lists the containers of all Pods in scope that have not finished.
    ///
    /// # Errors
    ///
    /// The server does not respond, or does not accept the credentials or the selector.
    pub async fn pod_usages(
        &self,
        scope: &Scope,
        label_selector: Option<&str>,
    ) -> Result<PodUsages, ClusterError> {
        scope.check()?;
        let resource = Resource::new("v1", "pods");
        let list = ListRequest {
            path: resource.path(scope),
            label_selector,
            field_selector: Some(UNFINISHED),
            ..ListRequest::default()
        };
        let pods = match self.list(&list, usages_of).await {
            Ok(pods) => pods,
            Err(error) if error.is_fatal() || error.is_transport() => return Err(error),
            Err(error) => {
                return Ok(PodUsages {
                    containers: Vec::new(),
                    errors: vec![AccessError::for_resource(scope, &resource, "list", &error)],
                });
            }
        };
        let mut usages = PodUsages::default();
        for pod in pods {
            match pod {
                Ok(containers) => usages.containers.extend(containers),
                Err(error) => usages.errors.push(AccessError::new(
                    scope,
                    &ClusterError::malformed(&format!("GET {}", list.path), &error),
                )),
            }
        }
        // Kubernetes sorts pages by namespace and name, but other servers may not.
        usages
            .containers
            .sort_by_cached_key(|usage| (usage.namespace.clone(), usage.pod.clone()));
        Ok(usages)
    }
}

fn usages_of(text: &str) -> Result<Vec<PodUsage>, serde_json::Error> {
    let pod: Pod = serde_json::from_str(text)?;
    if pod.is_gone() {
        return Ok(Vec::new());
    }
    let owner = pod.top_owner().owner(&pod.metadata.namespace);
    Ok(pod
        .containers()
        .map(|container| PodUsage {
            namespace: pod.metadata.namespace.clone(),
            pod: pod.metadata.name.clone(),
            owner: owner.clone(),
            container: container.name.to_owned(),
            container_type: container.container_type,
            image: container.image.to_owned(),
            image_id: container.image_id.to_owned(),
        })
        .collect())
}
