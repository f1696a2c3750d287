//! The `imagePolicies` of Flux Kustomizations in a cluster.
//!
//! This needs `get` for `kustomizations.kustomize.toolkit.fluxcd.io` in the namespaces of the
//! Kustomizations that apply the workloads. With `list`, many of one namespace need one request.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, stream};
use serde_json::Value;

use super::owners::KUSTOMIZATIONS;
use crate::cluster::api::api_group::ServedKind;
use crate::cluster::api::error::ClusterError;
use crate::cluster::api::page::ListRequest;
use crate::cluster::api::selection::Scope;
use crate::cluster::connect::connection::Cluster;
use crate::policy::ImagePolicies;
use crate::workload::Owner;

/// The maximum number of concurrent requests.
const AT_ONCE: usize = 8;

/// From this number on, the Kustomizations of one namespace are listed instead.
const LIST_FROM: usize = 16;

/// Kustomizations with `imagePolicies`, as far as they can be read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LiveImagePolicies {
    /// The Kustomizations, with the fields that are read.
    pub objects: Vec<Value>,
    /// What could not be read, one line each.
    pub notes: Vec<String>,
}

impl Cluster {
    /// Reads the Kustomizations among these owners, each once. Without any, nothing is
    /// requested.
    pub async fn image_policies_of(&self, owners: BTreeSet<Owner>) -> LiveImagePolicies {
        let mut found = LiveImagePolicies::default();
        let owners: Vec<Owner> = owners
            .into_iter()
            .filter(|owner| owner.kind == "Kustomization" && owner.namespace.is_some())
            .collect();
        if owners.is_empty() {
            return found;
        }
        let served = match self.served(&KUSTOMIZATIONS, None).await {
            Ok(served) => served,
            Err(error) => {
                found.notes.push(unreadable(&error));
                return found;
            }
        };
        let served = &served;
        let owners = self.without_listed(owners, served, &mut found).await;
        let objects = owners.iter().map(|owner| async move {
            let object = self.owner_object_at(served, owner).await;
            (owner, object)
        });
        let objects: Vec<_> = stream::iter(objects).buffered(AT_ONCE).collect().await;
        let mut forbidden = BTreeSet::new();
        for (owner, object) in objects {
            match object {
                Ok(Some(object)) => found.objects.extend(LiveImagePolicies::part(&object)),
                Ok(None) => {}
                // A label may be older than its Kustomization.
                Err(error) if error.is_not_found() => {}
                Err(error) if error.is_forbidden() => {
                    forbidden.extend(owner.namespace.as_deref());
                }
                Err(error) => found.notes.push(unreadable(&error)),
            }
        }
        let resource = KUSTOMIZATIONS.newest().qualified();
        let notes = forbidden.into_iter().map(|namespace| {
            format!(
                "note: no permission to get {resource} in {namespace}, so their imagePolicies are \
                 not known (kubectl auth can-i get {resource} -n {namespace})"
            )
        });
        found.notes.extend(notes);
        found
    }

    /// Lists the namespaces with many of the owners, and returns the owners that are still to be
    /// read. Listing may be forbidden where reading is not.
    async fn without_listed(
        &self,
        owners: Vec<Owner>,
        served: &ServedKind,
        found: &mut LiveImagePolicies,
    ) -> Vec<Owner> {
        let (ServedKind::At(resource) | ServedKind::Perhaps(resource)) = served else {
            return owners;
        };
        let mut by_namespace: BTreeMap<String, Vec<Owner>> = BTreeMap::new();
        for owner in owners {
            let namespace = owner.namespace.clone().unwrap_or_default();
            by_namespace.entry(namespace).or_default().push(owner);
        }
        let mut unread = Vec::new();
        for (namespace, owners) in by_namespace {
            let scope = Scope::Namespace(namespace);
            if owners.len() < LIST_FROM || scope.check().is_err() {
                unread.extend(owners);
                continue;
            }
            let list = ListRequest {
                path: resource.path(&scope),
                ..ListRequest::default()
            };
            let listed = self.list(&list, |text| LiveImagePolicies::of(text, &owners));
            match listed.await {
                Ok(parts) => found.objects.extend(parts.into_iter().flatten()),
                Err(error) => {
                    tracing::debug!("Kustomizations are read one by one: {error}");
                    unread.extend(owners);
                }
            }
        }
        unread
    }
}

impl LiveImagePolicies {
    /// What is kept of an object in a list, if it is one of these owners.
    fn of(text: &str, owners: &[Owner]) -> Option<Value> {
        let object: Value = serde_json::from_str(text).ok()?;
        let name = object["metadata"]["name"].as_str()?;
        owners.iter().find(|owner| owner.name == name)?;
        Self::part(&object)
    }

    /// What is kept of an object; `None` if it has no policies.
    fn part(object: &Value) -> Option<Value> {
        ImagePolicies::read(object, "default")?;
        Some(ImagePolicies::relevant_part(object))
    }
}

fn unreadable(error: &ClusterError) -> String {
    format!(
        "note: a Kustomization could not be read, so its imagePolicies are not known: {}",
        error.line()
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cluster::fake;

    fn owner(namespace: &str, name: &str) -> Owner {
        Owner {
            kind: "Kustomization".to_owned(),
            namespace: Some(namespace.to_owned()),
            name: name.to_owned(),
        }
    }

    fn kustomization(name: &str, annotations: &Value) -> (u16, String) {
        let object = json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1",
            "kind": "Kustomization", "spec": {"path": "./apps", "images": []},
            "metadata": {"namespace": "shop", "name": name, "annotations": annotations}});
        (200, object.to_string())
    }

    #[tokio::test]
    async fn workloads_without_a_kustomization_cost_no_request() {
        let (cluster, asked) = fake::cluster(|_| fake::forbidden());
        let others = BTreeSet::from([
            Owner::application("shop"),
            Owner {
                namespace: None,
                ..owner("", "apps")
            },
        ]);
        let found = cluster.image_policies_of(others).await;
        assert_eq!(found, LiveImagePolicies::default());
        assert_eq!(asked.uris(), Vec::<String>::new());
    }

    #[tokio::test]
    async fn each_kustomization_is_read_once_and_what_is_forbidden_is_a_note() {
        const FOLDER: &str = "/apis/kustomize.toolkit.fluxcd.io/v1";
        let (cluster, asked) = fake::cluster(|uri| {
            let path = uri.strip_prefix(FOLDER).unwrap_or(uri);
            match path {
                "/apis/kustomize.toolkit.fluxcd.io" => {
                    fake::group(&["kustomize.toolkit.fluxcd.io/v1"])
                }
                "" => fake::kinds(&["kustomizations"]),
                "/namespaces/shop/kustomizations/with" => kustomization(
                    "with",
                    &json!({"imgpolicy.dev/image-policies": "[]", "other": "x"}),
                ),
                "/namespaces/shop/kustomizations/without" => kustomization("without", &json!({})),
                "/namespaces/shop/kustomizations/gone" => fake::not_found(),
                _ => fake::forbidden(),
            }
        });
        let owners = [
            owner("shop", "with"),
            owner("shop", "without"),
            owner("shop", "gone"),
            owner("other", "a"),
            owner("other", "b"),
        ];
        let found = cluster.image_policies_of(BTreeSet::from(owners)).await;
        let names: Vec<&Value> = found
            .objects
            .iter()
            .map(|object| &object["metadata"]["name"])
            .collect();
        assert_eq!(names, ["with"]);
        // A snapshot must not contain other annotations.
        assert_eq!(found.objects[0].to_string().matches("other").count(), 0);
        let said = "no permission to get kustomizations.kustomize.toolkit.fluxcd.io in other";
        assert_eq!(found.notes.len(), 1, "{:#?}", found.notes);
        assert!(found.notes[0].contains(said), "{:#?}", found.notes);
        let asked = asked.uris();
        let read = asked.iter().filter(|uri| uri.contains("/namespaces/"));
        assert_eq!(read.count(), 5, "{asked:#?}");
    }

    #[tokio::test]
    async fn many_kustomizations_of_one_namespace_are_listed_if_that_is_allowed() {
        const FOLDER: &str = "/apis/kustomize.toolkit.fluxcd.io/v1";
        for may_list in [true, false] {
            let (cluster, asked) = fake::cluster(move |uri| {
                let path = uri.strip_prefix(FOLDER).unwrap_or(uri);
                let annotations = json!({"imgpolicy.dev/image-policies": "[]"});
                let path = path
                    .strip_prefix("/namespaces/shop/kustomizations")
                    .unwrap_or(path);
                match path.strip_prefix('/').filter(|name| !name.contains('/')) {
                    Some(name) => kustomization(name, &annotations),
                    None if path == "/apis/kustomize.toolkit.fluxcd.io" => {
                        fake::group(&["kustomize.toolkit.fluxcd.io/v1"])
                    }
                    None if path.is_empty() => fake::kinds(&["kustomizations"]),
                    None if may_list => {
                        let names = ["app-00", "app-15", "another"];
                        let items = names.map(|name| {
                            let (_, text) = kustomization(name, &annotations);
                            serde_json::from_str::<Value>(&text).expect("JSON")
                        });
                        fake::page(json!(items), "")
                    }
                    None => fake::forbidden(),
                }
            });
            let owners = (0..LIST_FROM).map(|at| owner("shop", &format!("app-{at:02}")));
            let found = cluster.image_policies_of(owners.collect()).await;
            let asked = asked.uris();
            let read = asked.iter().filter(|uri| uri.contains("/namespaces/"));
            assert_eq!(found.notes, Vec::<String>::new());
            let counts = (found.objects.len(), read.count());
            let expected = if may_list {
                (2, 1)
            } else {
                (LIST_FROM, 1 + LIST_FROM)
            };
            assert_eq!(counts, expected, "{asked:#?}");
        }
    }
}
