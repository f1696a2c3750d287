//! The platforms of a cluster's nodes.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::cluster::api::page::ListRequest;
use crate::cluster::api::resource::Resource;
use crate::cluster::api::selection::Scope;
use crate::cluster::connect::connection::Cluster;
use crate::image::Platform;

#[derive(Default, Deserialize)]
#[serde(default)]
struct NodeObject {
    metadata: NodeMetadata,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct NodeMetadata {
    labels: Option<BTreeMap<String, String>>,
}

impl Cluster {
    /// The distinct platforms of the nodes, sorted; `None`: they are unknown, because there
    /// are no nodes or they may not be read. That is not an error: a user who may read only
    /// workloads gets a complete result without them.
    pub async fn node_platforms(&self) -> Option<Vec<Platform>> {
        let list = ListRequest {
            path: Resource::new("v1", "nodes").path(&Scope::AllNamespaces),
            metadata_only: true,
            ..ListRequest::default()
        };
        match self.list(&list, platform).await {
            Ok(platforms) => {
                let mut platforms: Vec<Platform> = platforms.into_iter().flatten().collect();
                platforms.sort();
                platforms.dedup();
                (!platforms.is_empty()).then_some(platforms)
            }
            Err(error) => {
                tracing::debug!("the nodes' platforms are unknown: {error}");
                None
            }
        }
    }
}

fn platform(node: &str) -> Option<Platform> {
    let node: NodeObject = serde_json::from_str(node).ok()?;
    let labels = node.metadata.labels?;
    let os = labels.get("kubernetes.io/os")?;
    Some(Platform::new(os, labels.get("kubernetes.io/arch")?, ""))
}
