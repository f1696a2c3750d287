//! A workload: one object whose containers have images.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::container::{Container, ContainerType};
use super::id::{WorkloadId, WorkloadKind};
use super::owner::Owner;
use super::pull_secrets::{PullSecretRefs, Reader};
use super::scheduling::Scheduling;

/// An object whose containers are rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Workload {
    /// What it is called.
    pub id: WorkloadId,
    /// The object's own annotations, never those of its Pod template; only
    /// those that are read here.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    /// Containers first, then init containers, as the spec lists them.
    pub containers: Vec<Container>,
    /// Where its Pods can run.
    #[serde(default)]
    pub scheduling: Scheduling,
    /// Who made it, if a marker tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managed_by: Option<Owner>,
    /// The labels by which its Pods are found; empty where it selects none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pod_labels: BTreeMap<String, String>,
    /// With which Secrets its Pods pull their images.
    #[serde(default, skip_serializing_if = "PullSecretRefs::is_empty")]
    pub pull_secrets: PullSecretRefs,
    /// The file it was read from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<ManifestSource>,
    /// Whether SOPS keeps a checksum over it in that file, which any change would
    /// break.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_sealed: bool,
}

impl Workload {
    /// A workload that runs one image and exists nowhere: policies are tried on
    /// containers.
    #[must_use]
    pub fn running(image: &str) -> Self {
        Self {
            id: WorkloadId {
                namespace: String::new(),
                name: "test".to_owned(),
                kind: WorkloadKind::Deployment,
                api_version: "apps/v1".to_owned(),
            },
            annotations: BTreeMap::new(),
            containers: vec![Container {
                name: "test".to_owned(),
                container_type: ContainerType::Container,
                image: image.to_owned(),
                marker: None,
                obstacle: None,
                numeric_tag: None,
            }],
            scheduling: Scheduling::default(),
            managed_by: None,
            pod_labels: BTreeMap::new(),
            pull_secrets: PullSecretRefs::default(),
            source: None,
            is_sealed: false,
        }
    }

    /// Whose pull secrets its images are pulled with. `None`: it is in no
    /// cluster, or a chart makes its Pods and nothing here tells how.
    #[must_use]
    pub fn reader(&self) -> Option<Reader> {
        let is_known = self.source.is_none() && self.id.kind != WorkloadKind::HelmRelease;
        is_known.then(|| Reader {
            namespace: self.id.namespace.clone(),
            pull_secrets: self.pull_secrets.clone(),
        })
    }
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ManifestSource {
    /// The path as given, or `-` for standard input.
    pub file: String,
    /// The line on which the document begins, from 1.
    pub line: usize,
}
