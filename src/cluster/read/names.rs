//! Names for tab completion. Only metadata is read, so that a keystroke is cheap.

use futures_util::future::join_all;
use serde::Deserialize;

use super::custom::helm::Collection;
use crate::cluster::api::error::ClusterError;
use crate::cluster::api::page::ListRequest;
use crate::cluster::api::resource::Resource;
use crate::cluster::api::selection::Scope;
use crate::cluster::connect::connection::Cluster;
use crate::workload::WorkloadType;

#[derive(Default, Deserialize)]
#[serde(default)]
struct NamedObject {
    metadata: ObjectMetadata,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ObjectMetadata {
    name: String,
}

impl Cluster {
    /// The distinct names of the workloads of one type in scope, sorted. If some lists
    /// cannot be read, the names from the others.
    ///
    /// # Errors
    ///
    /// No list can be read.
    pub async fn names(
        &self,
        workload_type: &WorkloadType,
        scope: &Scope,
    ) -> Result<Vec<String>, ClusterError> {
        scope.check()?;
        let collections = self.collections(workload_type).await;
        let lists = collections.into_iter().map(|collection| async {
            match collection {
                Collection::Served(resource) => self.names_at(resource.path(scope)).await,
                // It is not known whether the server has this collection.
                Collection::Perhaps(resource) => Ok(self
                    .names_at(resource.path(scope))
                    .await
                    .unwrap_or_default()),
                Collection::Unknown(_, error) => Err(error),
            }
        });
        let mut names = Vec::new();
        let mut failure = None;
        for list in join_all(lists).await {
            match list {
                Ok(list) => names.extend(list),
                Err(error) => failure = Some(error),
            }
        }
        if let Some(error) = failure.filter(|_| names.is_empty()) {
            return Err(error);
        }
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// The names of the namespaces, sorted.
    ///
    /// # Errors
    ///
    /// The namespaces cannot be listed.
    pub async fn namespaces(&self) -> Result<Vec<String>, ClusterError> {
        let path = Resource::new("v1", "namespaces").path(&Scope::AllNamespaces);
        let mut names = self.names_at(path).await?;
        names.sort();
        Ok(names)
    }

    async fn names_at(&self, path: String) -> Result<Vec<String>, ClusterError> {
        let list = ListRequest {
            path,
            metadata_only: true,
            ..ListRequest::default()
        };
        let mut names = self
            .list(&list, |text| {
                let object: NamedObject = serde_json::from_str(text).unwrap_or_default();
                object.metadata.name
            })
            .await?;
        names.retain(|name| !name.is_empty());
        Ok(names)
    }
}
