//! The namespaces that are being deleted, and when images may be updated in them.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use kube::api::GetParams;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::cluster::api::error::ClusterError;
use crate::cluster::api::page::ListRequest;
use crate::cluster::api::path_segment::check_path_segment;
use crate::cluster::api::resource::Resource;
use crate::cluster::api::selection::Scope;
use crate::cluster::connect::connection::Cluster;
use crate::policy::schedule_annotations;

/// What decisions need to know about namespaces.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NamespaceFacts {
    /// Those that the API server is deleting.
    pub terminating: BTreeSet<String>,
    /// The annotations about when images may be updated, of those that have any.
    pub schedules: BTreeMap<String, BTreeMap<String, String>>,
    /// Why they could not be read, in one word; `None`: they were read.
    pub unread: Option<String>,
}

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
    annotations: BTreeMap<String, String>,
}

impl NamespaceMetadata {
    fn read(text: &str) -> Self {
        let Namespace { metadata } = serde_json::from_str(text).unwrap_or_default();
        Self {
            annotations: schedule_annotations(metadata.annotations),
            ..metadata
        }
    }
}

impl NamespaceFacts {
    fn add(&mut self, namespace: NamespaceMetadata) {
        let NamespaceMetadata {
            name,
            deletion_timestamp,
            annotations,
        } = namespace;
        if deletion_timestamp.is_some() {
            self.terminating.insert(name.clone());
        }
        if !annotations.is_empty() {
            self.schedules.insert(name, annotations);
        }
    }
}

/// Up to this many namespaces are read one by one; a list is one request.
const FEW: usize = 4;

impl Cluster {
    /// The facts about these namespaces. Without the right to read the whole cluster's, each is
    /// read on its own.
    pub async fn facts_of_namespaces(
        &self,
        names: BTreeSet<String>,
        scope: &Scope,
    ) -> NamespaceFacts {
        if *scope == Scope::AllNamespaces && names.len() > FEW {
            return self.namespace_facts(scope).await;
        }
        let scopes: Vec<Scope> = names.into_iter().map(Scope::Namespace).collect();
        let each = scopes.iter().map(|scope| self.namespace_facts(scope));
        let mut all = NamespaceFacts::default();
        for facts in join_all(each).await {
            all.terminating.extend(facts.terminating);
            all.schedules.extend(facts.schedules);
            all.unread = all.unread.or(facts.unread);
        }
        all
    }

    /// The namespaces in scope, as far as they may be read: a user who may read only workloads
    /// gets a complete result without them.
    pub async fn namespace_facts(&self, scope: &Scope) -> NamespaceFacts {
        match self.try_namespace_facts(scope).await {
            Ok(namespaces) => namespaces,
            Err(error) => {
                tracing::debug!("namespaces are not known: {error}");
                NamespaceFacts {
                    unread: Some(error.reason().to_owned()),
                    ..NamespaceFacts::default()
                }
            }
        }
    }

    /// One annotation of a namespace; `None`: it does not have it.
    ///
    /// # Errors
    ///
    /// The namespace does not exist, may not be read, or the server does not respond.
    pub async fn namespace_annotation(
        &self,
        namespace: &str,
        key: &str,
    ) -> Result<Option<String>, ClusterError> {
        check_path_segment("namespace", namespace)?;
        let path = Resource::new("v1", "namespaces").path(&Scope::AllNamespaces);
        let request = kube::core::Request::new(path).get_metadata(namespace, &GetParams::default());
        let body = self.fetch(request).await?;
        let mut read: Namespace = serde_json::from_str(&body).unwrap_or_default();
        Ok(read.metadata.annotations.remove(key))
    }

    async fn try_namespace_facts(&self, scope: &Scope) -> Result<NamespaceFacts, ClusterError> {
        scope.check()?;
        let path = Resource::new("v1", "namespaces").path(&Scope::AllNamespaces);
        let mut facts = NamespaceFacts::default();
        let Some(name) = scope.namespace() else {
            let list = ListRequest {
                path,
                metadata_only: true,
                ..ListRequest::default()
            };
            let namespaces = self.list(&list, NamespaceMetadata::read).await?;
            namespaces.into_iter().for_each(|each| facts.add(each));
            return Ok(facts);
        };
        let request = kube::core::Request::new(path).get_metadata(name, &GetParams::default());
        let body = self.fetch(request).await?;
        facts.add(NamespaceMetadata::read(&body));
        Ok(facts)
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
            let found = cluster.namespace_facts(&scope).await.terminating;
            assert_eq!(Vec::from_iter(found), expected, "{scope:?}");
        }
        assert_eq!(requests.uris().len(), 4);
    }

    #[tokio::test]
    async fn only_annotations_about_the_time_of_updates_are_kept() {
        let annotations = json!({"imgpolicy.dev/freeze": "2026-12-24", "team": "shop"});
        let shop = json!({"metadata": {"name": "shop", "annotations": annotations}});
        let one = shop.clone();
        let (cluster, _) = cluster(move |uri| match uri {
            "/api/v1/namespaces/shop" => (200, one.to_string()),
            _ => page(json!([namespace("old", None), shop]), ""),
        });
        let freeze = [("imgpolicy.dev/freeze".to_owned(), "2026-12-24".to_owned())];
        let expected = BTreeMap::from([("shop".to_owned(), BTreeMap::from(freeze))]);
        for scope in [Scope::Namespace("shop".to_owned()), Scope::AllNamespaces] {
            assert_eq!(cluster.namespace_facts(&scope).await.schedules, expected);
        }
    }
}
