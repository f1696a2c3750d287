//! Names for tab completion: metadata only, so that a keystroke stays cheap.

use futures_util::future::join_all;
use serde::Deserialize;

use super::connection::Cluster;
use super::error::ClusterError;
use super::page::List;
use super::resource::Resource;
use super::selection::Scope;
use crate::workload::WorkloadKind;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Object {
    metadata: ObjectMetadata,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ObjectMetadata {
    name: String,
}

impl Cluster {
    /// The names of the workloads of one kind in scope, sorted, each once.
    ///
    /// # Errors
    ///
    /// They cannot be listed.
    pub async fn names(
        &self,
        kind: WorkloadKind,
        scope: &Scope,
    ) -> Result<Vec<String>, ClusterError> {
        scope.check()?;
        let resources = match Resource::built_in(kind) {
            Some(resource) => vec![resource],
            None => self.helm_releases().await?,
        };
        let lists = resources
            .iter()
            .map(|resource| self.names_at(resource.path(scope)));
        let mut names = Vec::new();
        for list in join_all(lists).await {
            names.extend(list?);
        }
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// The names of the namespaces, sorted.
    ///
    /// # Errors
    ///
    /// They cannot be listed.
    pub async fn namespaces(&self) -> Result<Vec<String>, ClusterError> {
        let path = Resource::new("v1", "namespaces").path(&Scope::AllNamespaces);
        let mut names = self.names_at(path).await?;
        names.sort();
        Ok(names)
    }

    async fn names_at(&self, path: String) -> Result<Vec<String>, ClusterError> {
        let list = List {
            path,
            metadata_only: true,
            ..List::default()
        };
        let read = |text: &str| {
            let object: Object = serde_json::from_str(text).unwrap_or_default();
            object.metadata.name
        };
        let mut names = self.list(&list, read).await?;
        names.retain(|name| !name.is_empty());
        Ok(names)
    }
}
