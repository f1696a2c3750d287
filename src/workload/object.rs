//! A workload: an object whose containers have images.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::container::{Container, ContainerType};
use super::id::{WorkloadId, WorkloadKind};
use super::owner::Owner;
use super::pull_secrets::{PullIdentity, PullSecretRefs};
use super::scheduling::scheduling::Scheduling;

/// An object whose containers are listed as rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Workload {
    /// Its identity.
    pub id: WorkloadId,
    /// The object's own annotations, not those of its Pod template; only those that
    /// this program reads.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    /// Containers first, then init containers, as the spec lists them.
    pub containers: Vec<Container>,
    /// The nodes on which its Pods can run.
    #[serde(default)]
    pub scheduling: Scheduling,
    /// Its owner, if the object has a marker of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managed_by: Option<Owner>,
    /// The labels that select its Pods; empty if it has no selector.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pod_labels: BTreeMap<String, String>,
    /// How many Pods it is to have; `None`: its manifest or its kind does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<u32>,
    /// The Secrets with which its Pods pull their images.
    #[serde(default, skip_serializing_if = "PullSecretRefs::is_empty")]
    pub pull_secrets: PullSecretRefs,
    /// The file it was read from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<ManifestSource>,
    /// The folder of the kustomization that was built, if the object is one of its results.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// Whether SOPS has a checksum over it in that file, which any change would
    /// invalidate.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_sealed: bool,
    /// Whether the API server is deleting it, or its namespace, so that a change would be
    /// pointless.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_being_deleted: bool,
}

impl Workload {
    /// A workload that runs one image and does not exist anywhere. It is used to test
    /// a policy.
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
                has_chart_tag: false,
                replaced_by: None,
                written_at: Vec::new(),
                declared: None,
            }],
            scheduling: Scheduling::default(),
            managed_by: None,
            pod_labels: BTreeMap::new(),
            replicas: None,
            pull_secrets: PullSecretRefs::default(),
            source: None,
            root: None,
            is_sealed: false,
            is_being_deleted: false,
        }
    }

    /// The identity with which its images are pulled. `None` if it is not in a
    /// cluster, or if a chart creates its Pods, because their pull secrets are then
    /// not known.
    #[must_use]
    pub fn reader(&self) -> Option<PullIdentity> {
        let is_known = self.source.is_none() && self.id.kind != WorkloadKind::HelmRelease;
        is_known.then(|| PullIdentity {
            namespace: self.id.namespace.clone(),
            pull_secrets: self.pull_secrets.clone(),
        })
    }
}

/// The file and the line of a document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ManifestSource {
    /// The path as given on the command line, or `-` for standard input.
    pub file: String,
    /// The first line of the document, counted from 1.
    pub line: usize,
}

/// `web.yaml:12`.
impl fmt::Display for ManifestSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}
