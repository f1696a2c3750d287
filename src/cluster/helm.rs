//! Which versions of Flux's HelmRelease a cluster serves.

use futures_util::future::join_all;
use serde::Deserialize;

use super::connection::Cluster;
use super::error::ClusterError;
use super::resource::Resource;
use crate::workload::WorkloadKind;

/// Flux 2's group, then the Helm operator's of Flux 1.
const GROUPS: [&str; 2] = ["helm.toolkit.fluxcd.io", "helm.fluxcd.io"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ApiGroup {
    preferred_version: Option<GroupVersion>,
    #[serde(default)]
    versions: Vec<GroupVersion>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GroupVersion {
    group_version: String,
}

impl Cluster {
    /// The HelmRelease collections of this cluster, none where it has none. A
    /// group that may not be looked up counts as absent.
    pub(super) async fn helm_releases(&self) -> Result<Vec<Resource>, ClusterError> {
        let groups = join_all(GROUPS.map(|group| self.group_version(group))).await;
        let mut resources = Vec::new();
        for version in groups {
            if let Some(version) = version? {
                resources.push(Resource::new(&version, WorkloadKind::HelmRelease.plural()));
            }
        }
        Ok(resources)
    }

    async fn group_version(&self, group: &str) -> Result<Option<String>, ClusterError> {
        let path = format!("/apis/{group}");
        let body = match self.fetch_path(&path).await {
            Err(error) if error.is_not_found() || error.is_forbidden() => return Ok(None),
            body => body?,
        };
        let group: ApiGroup =
            serde_json::from_str(&body).map_err(|error| ClusterError::malformed(&path, &error))?;
        Ok(group
            .preferred_version
            .or_else(|| group.versions.into_iter().next())
            .map(|version| version.group_version))
    }
}
