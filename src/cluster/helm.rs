//! Where a cluster has Flux's HelmReleases.

use futures_util::future::join_all;

use super::api_group::{CustomKind, Served};
use super::connection::Cluster;
use super::error::ClusterError;
use super::resource::Resource;
use crate::workload::WorkloadKind;

/// Flux 2's HelmReleases.
pub(super) const HELM_RELEASES: CustomKind = CustomKind {
    group: "helm.toolkit.fluxcd.io",
    plural: "helmreleases",
    released: &["v2", "v2beta2", "v2beta1"],
};

/// Those of Flux 2 and of the Helm operator of Flux 1: while one moves to the
/// other a cluster has both.
const KINDS: [CustomKind; 2] = [
    HELM_RELEASES,
    CustomKind {
        group: "helm.fluxcd.io",
        released: &["v1"],
        ..HELM_RELEASES
    },
];

/// A collection that a type may mean.
pub(super) enum Collection {
    /// The server has it.
    There(Resource),
    /// See [`Served::Perhaps`].
    Perhaps(Resource),
    /// Whether the server has it cannot be read.
    Unknown(Resource, ClusterError),
}

impl Collection {
    pub(super) fn resource(&self) -> &Resource {
        match self {
            Self::There(resource) | Self::Perhaps(resource) | Self::Unknown(resource, _) => {
                resource
            }
        }
    }
}

impl Cluster {
    /// The collections of a kind, none where the cluster does not have it.
    pub(super) async fn collections(&self, kind: WorkloadKind) -> Vec<Collection> {
        match Resource::built_in(kind) {
            Some(resource) => vec![Collection::There(resource)],
            None => self.helm_releases().await,
        }
    }

    async fn helm_releases(&self) -> Vec<Collection> {
        let served = join_all(KINDS.iter().map(|kind| self.served(kind, None))).await;
        let collections = KINDS.iter().zip(served).filter_map(|(kind, served)| {
            Some(match served {
                Ok(Served::At(resource)) => Collection::There(resource),
                Ok(Served::Perhaps(resource)) => Collection::Perhaps(resource),
                Ok(Served::Nowhere) => return None,
                Err(error) => Collection::Unknown(kind.newest(), error),
            })
        });
        collections.collect()
    }
}
