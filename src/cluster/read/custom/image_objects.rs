//! Flux's ImagePolicy and ImageRepository objects in a cluster.
//!
//! They only add to what is known about workloads. So they are read only if the server has
//! the kinds, and a user who may not read them gets a complete result without them.

use futures_util::future::join_all;
use kube::api::GetParams;
use serde_json::Value;

use crate::cluster::api::api_group::{CustomKind, ServedKind};
use crate::cluster::api::error::ClusterError;
use crate::cluster::api::page::ListRequest;
use crate::cluster::api::resource::Resource;
use crate::cluster::api::selection::Scope;
use crate::cluster::connect::connection::Cluster;
use crate::policy::FluxObjects;

/// The kind that says whether the server has any of them.
const IMAGE_POLICIES: CustomKind = CustomKind {
    group: "image.toolkit.fluxcd.io",
    plural: "imagepolicies",
    released: &["v1", "v1beta2", "v1beta1"],
};

/// The kind that they refer to, in the same version.
const IMAGE_REPOSITORIES: &str = "imagerepositories";

/// Flux's image objects, as far as they can be read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ImageObjects {
    /// ImagePolicy, ImageRepository and Namespace objects, with the fields that elections
    /// need.
    pub objects: Vec<Value>,
    /// What could not be read, one line each.
    pub notes: Vec<String>,
}

impl Cluster {
    /// Reads Flux's image objects of all namespaces or, if the user may not list those, of
    /// the context's namespace.
    pub async fn image_objects(&self) -> ImageObjects {
        let mut found = ImageObjects::default();
        let policies = match self.served(&IMAGE_POLICIES, None).await {
            Ok(ServedKind::At(resource) | ServedKind::Perhaps(resource)) => resource,
            Ok(ServedKind::Nowhere) => return found,
            Err(error) => {
                tracing::debug!("Flux's image objects are unknown: {error}");
                return found;
            }
        };
        found.add(&policies, self.list_readable(&policies).await);
        if found.objects.is_empty() {
            return found;
        }
        let repositories = Resource::new(&policies.api_version, IMAGE_REPOSITORIES);
        let listed = self.list_readable(&repositories).await;
        found.add(&repositories, listed);
        let namespaces = FluxObjects::foreign_namespaces(&found.objects);
        let namespaces = join_all(namespaces.iter().map(|name| self.namespace_labels(name)));
        found.objects.extend(namespaces.await.into_iter().flatten());
        found
    }

    /// Lists a kind in all namespaces, or in the context's own.
    async fn list_readable(&self, resource: &Resource) -> Result<Vec<Value>, ClusterError> {
        match self.list_image_kind(resource, &Scope::AllNamespaces).await {
            Err(error) if error.is_forbidden() => {
                let own = Scope::Namespace(self.namespace().to_owned());
                self.list_image_kind(resource, &own).await
            }
            listed => listed,
        }
    }

    async fn list_image_kind(
        &self,
        resource: &Resource,
        scope: &Scope,
    ) -> Result<Vec<Value>, ClusterError> {
        let list = ListRequest {
            path: resource.path(scope),
            ..ListRequest::default()
        };
        let kind = if resource.plural == IMAGE_REPOSITORIES {
            "ImageRepository"
        } else {
            "ImagePolicy"
        };
        let items = self
            .list(&list, |text| {
                let mut object: Value = serde_json::from_str(text).ok()?;
                // The items of a list need not say their kind.
                object["apiVersion"] = Value::from(resource.api_version.as_str());
                object["kind"] = Value::from(kind);
                FluxObjects::relevant_part(&object, self.namespace())
            })
            .await?;
        Ok(items.into_iter().flatten().collect())
    }

    /// The Namespace object; `None` if it cannot be read.
    async fn namespace_labels(&self, name: &str) -> Option<Value> {
        let path = Resource::new("v1", "namespaces").path(&Scope::AllNamespaces);
        let request = kube::core::Request::new(path);
        let request = request.get(name, &GetParams::default()).ok()?;
        let body = self.fetch(Ok(request)).await.ok()?;
        let object: Value = serde_json::from_str(&body).ok()?;
        FluxObjects::relevant_part(&object, name)
    }
}

impl ImageObjects {
    fn add(&mut self, resource: &Resource, listed: Result<Vec<Value>, ClusterError>) {
        match listed {
            Ok(objects) => self.objects.extend(objects),
            Err(error) if error.is_not_found() => {}
            Err(error) if error.is_forbidden() => self.notes.push(format!(
                "note: no permission to list {0}, so policies of Flux are not shown \
                 (kubectl auth can-i list {0} -A)",
                resource.qualified()
            )),
            Err(error) => self.notes.push(format!(
                "note: {} could not be listed, so policies of Flux are not shown: {}",
                resource.qualified(),
                error.line()
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cluster::fake;

    fn names(found: &ImageObjects) -> Vec<&str> {
        let objects = found.objects.iter();
        objects
            .filter_map(|object| object["kind"].as_str())
            .collect()
    }

    fn policy() -> Value {
        json!({"metadata": {"name": "app", "namespace": "shop"}, "spec": {
            "imageRepositoryRef": {"name": "app", "namespace": "flux-system"},
            "policy": {"semver": {"range": "*"}}}})
    }

    #[tokio::test]
    async fn cluster_without_the_kinds_costs_one_request() {
        let (cluster, asked) = fake::cluster(|_| fake::not_found());
        assert_eq!(cluster.image_objects().await, ImageObjects::default());
        assert_eq!(asked.uris(), ["/apis/image.toolkit.fluxcd.io"]);
    }

    #[tokio::test]
    async fn objects_of_one_namespace_are_read_if_the_others_are_forbidden() {
        let (cluster, asked) = fake::cluster(|uri| match uri.split('?').next() {
            Some("/apis/image.toolkit.fluxcd.io") => {
                fake::group(&["image.toolkit.fluxcd.io/v1beta2"])
            }
            Some("/apis/image.toolkit.fluxcd.io/v1beta2") => fake::kinds(&["imagepolicies"]),
            Some("/apis/image.toolkit.fluxcd.io/v1beta2/namespaces/shop/imagepolicies") => {
                fake::page(json!([policy()]), "")
            }
            Some("/api/v1/namespaces/shop") => {
                let namespace = json!({"apiVersion": "v1", "kind": "Namespace",
                    "metadata": {"name": "shop", "labels": {"team": "a"}}});
                (200, namespace.to_string())
            }
            _ => fake::forbidden(),
        });
        let found = cluster.image_objects().await;
        assert_eq!(
            names(&found),
            ["ImagePolicy", "Namespace"],
            "{:#?}",
            asked.uris()
        );
        let note = "no permission to list imagerepositories.image.toolkit.fluxcd.io";
        assert!(found.notes[0].contains(note), "{:#?}", found.notes);
        assert_eq!(found.notes.len(), 1);
    }
}
