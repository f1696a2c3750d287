//! Finds the collections of Flux's HelmReleases in a cluster.

use futures_util::future::join_all;

use crate::cluster::api::api_group::{CustomKind, ServedKind};
use crate::cluster::api::error::ClusterError;
use crate::cluster::api::resource::Resource;
use crate::cluster::connect::connection::Cluster;
use crate::workload::WorkloadType;

/// Flux 2's HelmReleases.
pub(crate) const HELM_RELEASES: CustomKind = CustomKind {
    group: "helm.toolkit.fluxcd.io",
    plural: "helmreleases",
    released: &["v2", "v2beta2", "v2beta1"],
};

/// The HelmReleases of Flux 2, of Flux 1's Helm operator, and of its first releases. A
/// cluster that is being migrated has several of them.
const KINDS: [CustomKind; 3] = [
    HELM_RELEASES,
    CustomKind {
        group: "helm.fluxcd.io",
        released: &["v1"],
        ..HELM_RELEASES
    },
    CustomKind {
        group: "flux.weave.works",
        released: &["v1beta1"],
        ..HELM_RELEASES
    },
];

/// A collection that a type may refer to.
pub(crate) enum Collection {
    /// The server has it.
    Served(Resource),
    /// See [`ServedKind::Perhaps`].
    Perhaps(Resource),
    /// It cannot be found out whether the server has it.
    Unknown(Resource, ClusterError),
}

impl Collection {
    pub(crate) fn resource(&self) -> &Resource {
        match self {
            Self::Served(resource) | Self::Perhaps(resource) | Self::Unknown(resource, _) => {
                resource
            }
        }
    }
}

impl Cluster {
    /// The collections that a type may refer to, the newest group first; empty if the
    /// cluster does not have the type.
    pub(crate) async fn collections(&self, workload_type: &WorkloadType) -> Vec<Collection> {
        match Resource::for_type(workload_type) {
            Some(resource) => vec![Collection::Served(resource)],
            None => self.helm_releases(workload_type).await,
        }
    }

    async fn helm_releases(&self, workload_type: &WorkloadType) -> Vec<Collection> {
        let group = workload_type.group();
        let kinds: Vec<&CustomKind> = KINDS
            .iter()
            .filter(|kind| group.is_none_or(|group| group == kind.group))
            .collect();
        let lookups = kinds
            .iter()
            .map(|kind| self.served(kind, workload_type.version()));
        let served = join_all(lookups).await;
        let collections = kinds.into_iter().zip(served).filter_map(|(kind, served)| {
            Some(match served {
                Ok(ServedKind::At(resource)) => Collection::Served(resource),
                Ok(ServedKind::Perhaps(resource)) => Collection::Perhaps(resource),
                Ok(ServedKind::Nowhere) => return None,
                Err(error) => Collection::Unknown(kind.newest(), error),
            })
        });
        collections.collect()
    }
}

#[cfg(test)]
#[path = "helm_tests.rs"]
mod tests;
