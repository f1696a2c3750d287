//! Which versions of Flux's HelmRelease a cluster serves.

use futures_util::future::join_all;

use super::connection::Cluster;
use super::error::ClusterError;
use super::resource::Resource;
use crate::workload::WorkloadKind;

/// Flux 2's group, then the Helm operator's of Flux 1.
const GROUPS: [&str; 2] = ["helm.toolkit.fluxcd.io", "helm.fluxcd.io"];

impl Cluster {
    /// The HelmRelease collections of this cluster, none where it has none. A
    /// group that may not be looked up counts as absent.
    pub(super) async fn helm_releases(&self) -> Result<Vec<Resource>, ClusterError> {
        let groups = join_all(GROUPS.map(|group| self.preferred_version(group))).await;
        let mut resources = Vec::new();
        for version in groups {
            let version = match version {
                Err(error) if error.is_forbidden() => None,
                version => version?,
            };
            if let Some(version) = version {
                resources.push(Resource::new(&version, WorkloadKind::HelmRelease.plural()));
            }
        }
        Ok(resources)
    }
}
