//! The namespaces that are being deleted.

use std::collections::BTreeSet;

use kube::api::GetParams;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::cluster::api::error::ClusterError;
use crate::cluster::api::page::ListRequest;
use crate::cluster::api::resource::Resource;
use crate::cluster::api::selection::Scope;
use crate::cluster::connect::connection::Cluster;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Namespace {
    metadata: NamespaceMetadata,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct NamespaceMetadata {
    name: String,
    deletion_timestamp: Option<IgnoredAny>,
}

impl Namespace {
    /// The name, if the namespace is being deleted.
    fn terminating(text: &str) -> Option<String> {
        let Self { metadata } = serde_json::from_str(text).unwrap_or_default();
        let is_terminating = metadata.deletion_timestamp.is_some();
        is_terminating.then_some(metadata.name)
    }
}

impl Cluster {
    /// The namespaces in scope that are being deleted, as far as they may be read: a user
    /// who may read only workloads gets a complete result without them.
    pub async fn terminating_namespaces(&self, scope: &Scope) -> BTreeSet<String> {
        match self.try_terminating_namespaces(scope).await {
            Ok(namespaces) => namespaces,
            Err(error) => {
                tracing::debug!("which namespaces are being deleted is not known: {error}");
                BTreeSet::new()
            }
        }
    }

    async fn try_terminating_namespaces(
        &self,
        scope: &Scope,
    ) -> Result<BTreeSet<String>, ClusterError> {
        scope.check()?;
        let path = Resource::new("v1", "namespaces").path(&Scope::AllNamespaces);
        let Some(name) = scope.namespace() else {
            let list = ListRequest {
                path,
                metadata_only: true,
                ..ListRequest::default()
            };
            let namespaces = self.list(&list, Namespace::terminating).await?;
            return Ok(namespaces.into_iter().flatten().collect());
        };
        let request = kube::core::Request::new(path).get_metadata(name, &GetParams::default());
        let body = self.fetch(request).await?;
        Ok(Namespace::terminating(&body).into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cluster::fake::{cluster, forbidden, page};

    fn namespace(name: &str, deleted: Option<&str>) -> serde_json::Value {
        json!({"metadata": {"name": name, "deletionTimestamp": deleted}})
    }

    #[tokio::test]
    async fn terminating_namespaces_are_found_in_one_namespace_or_in_all() {
        let time = Some("2026-01-01T00:00:00Z");
        let (cluster, requests) = cluster(move |uri| match uri {
            "/api/v1/namespaces/old" => (200, namespace("old", time).to_string()),
            "/api/v1/namespaces/shop" => (200, namespace("shop", None).to_string()),
            "/api/v1/namespaces/secret" => forbidden(),
            _ => page(json!([namespace("shop", None), namespace("old", time)]), ""),
        });
        for (scope, expected) in [
            (Scope::Namespace("old".to_owned()), &["old"][..]),
            (Scope::Namespace("shop".to_owned()), &[]),
            (Scope::Namespace("secret".to_owned()), &[]),
            (Scope::Namespace("../old".to_owned()), &[]),
            (Scope::AllNamespaces, &["old"]),
        ] {
            let found = cluster.terminating_namespaces(&scope).await;
            assert_eq!(Vec::from_iter(found), expected, "{scope:?}");
        }
        assert_eq!(requests.uris().len(), 4);
    }
}
