//! The nodes of a cluster, as far as they decide where Pods can run.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::cluster::api::error::ClusterError;
use crate::cluster::api::page::ListRequest;
use crate::cluster::api::resource::Resource;
use crate::cluster::api::selection::Scope;
use crate::cluster::connect::connection::Cluster;
use crate::image::Platform;
use crate::workload::{Node, Taint};

#[derive(Default, Deserialize)]
#[serde(default)]
struct NodeObject {
    metadata: NodeMetadata,
    spec: NodeSpec,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct NodeMetadata {
    name: Option<String>,
    labels: Option<BTreeMap<String, String>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct NodeSpec {
    taints: Option<Vec<Taint>>,
    unschedulable: Option<bool>,
}

impl Cluster {
    /// The nodes; `None`: they are unknown, because there are no nodes or they may not be
    /// read. That is not an error: a user who may read only workloads gets a complete
    /// result without them.
    ///
    /// Taints are read only if the nodes have different platforms, because a node's status
    /// is large: it lists the images on the node.
    ///
    /// # Errors
    ///
    /// The nodes cannot be read for another reason than a missing permission.
    pub async fn nodes(&self) -> Result<Option<Vec<Node>>, ClusterError> {
        if self.stays_in_namespaces() {
            return Ok(None);
        }
        let nodes = async {
            let nodes = self.list_nodes(true).await?;
            let platforms: BTreeSet<&Platform> = nodes.iter().map(|node| &node.platform).collect();
            if platforms.len() > 1 {
                self.list_nodes(false).await
            } else {
                Ok(nodes)
            }
        };
        match nodes.await {
            Ok(nodes) => Ok((!nodes.is_empty()).then_some(nodes)),
            Err(error) if error.is_forbidden() => {
                tracing::debug!("the nodes are unknown: {error}");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    async fn list_nodes(&self, metadata_only: bool) -> Result<Vec<Node>, ClusterError> {
        let list = ListRequest {
            path: Resource::new("v1", "nodes").path(&Scope::AllNamespaces),
            metadata_only,
            ..ListRequest::default()
        };
        let nodes = self.list(&list, node).await?;
        // A node that does not say its platform is not one that Pods run on.
        Ok(nodes.into_iter().flatten().collect())
    }
}

fn node(text: &str) -> Option<Node> {
    let NodeObject { metadata, spec } = serde_json::from_str(text).ok()?;
    let labels = metadata.labels?;
    let platform = Platform::new(
        labels.get("kubernetes.io/os")?,
        labels.get("kubernetes.io/arch")?,
        "",
    );
    let mut node = Node {
        name: metadata.name,
        labels: Some(labels),
        ..Node::of_platform(platform)
    };
    for taint in spec.taints.into_iter().flatten() {
        node.taint(taint);
    }
    let cordon = Taint::of_cordon();
    if spec.unschedulable == Some(true) && !node.taints.contains(&cordon) {
        node.taint(cordon);
    }
    Some(node)
}
