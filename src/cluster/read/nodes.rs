//! On which platforms a cluster can run anything.

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
    /// The platforms of the nodes, each once, sorted. `None`: they may not be
    /// read, or there are none, and nothing is known. That is no error: who may
    /// only read workloads gets a complete answer without them.
    pub async fn node_platforms(&self) -> Option<Vec<Platform>> {
        let list = ListRequest {
            path: Resource::new("v1", "nodes").path(&Scope::AllNamespaces),
            metadata_only: true,
            ..ListRequest::default()
        };
        let read = |text: &str| {
            let node: NodeObject = serde_json::from_str(text).ok()?;
            let labels = node.metadata.labels?;
            let os = labels.get("kubernetes.io/os")?;
            Some(Platform::new(os, labels.get("kubernetes.io/arch")?, ""))
        };
        match self.list(&list, read).await {
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
