//! The `imagePolicies` of Flux Kustomizations in a cluster.
//!
//! This needs `get` for `kustomizations.kustomize.toolkit.fluxcd.io` in the namespaces of the
//! Kustomizations that apply the workloads.

use std::collections::BTreeSet;

use futures_util::{StreamExt, stream};
use serde_json::Value;

use super::owners::KUSTOMIZATIONS;
use crate::cluster::api::error::ClusterError;
use crate::cluster::connect::connection::Cluster;
use crate::policy::ImagePolicies;
use crate::workload::Owner;

/// The maximum number of concurrent requests.
const AT_ONCE: usize = 8;

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
        let objects = owners.iter().map(|owner| async move {
            let object = self.owner_object_at(served, owner).await;
            (owner, object)
        });
        let objects: Vec<_> = stream::iter(objects).buffered(AT_ONCE).collect().await;
        let mut forbidden = BTreeSet::new();
        for (owner, object) in objects {
            match object {
                Ok(Some(object)) => found.add(&object),
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
}

impl LiveImagePolicies {
    fn add(&mut self, object: &Value) {
        if ImagePolicies::read(object, "default").is_some() {
            self.objects.push(ImagePolicies::relevant_part(object));
        }
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
}
