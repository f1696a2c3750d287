//! Finds what files say about the workloads in a cluster.

use super::declared_image::DeclaredImage;
use super::git_source::GitSource;
use crate::workload::object::Workload;

/// What a folder builds.
#[derive(Debug)]
pub struct DeclaredFolder {
    /// The workloads. One without a namespace has an empty one.
    pub workloads: Vec<Workload>,
    /// Why the changes of the owner are not in them, as a sentence; `None`: they are.
    pub without_owner: Option<String>,
}

impl DeclaredFolder {
    /// Finds the object from which a workload of the cluster was made.
    #[must_use]
    pub fn find(&self, live: &Workload, source: &GitSource) -> Option<&Workload> {
        let mut declared = self.workloads.iter();
        declared.find(|declared| {
            let mut name = declared.id.name.clone();
            let mut namespace = declared.id.namespace.as_str();
            if self.without_owner.is_some() {
                name = source.name(&name);
                namespace = source.target_namespace().unwrap_or(namespace);
            }
            let namespace = match namespace {
                "" => source.default_namespace(),
                namespace => Some(namespace),
            };
            live.id.kind == declared.id.kind
                && name == live.id.name
                && namespace.is_none_or(|namespace| namespace == live.id.namespace)
        })
    }

    /// Adds to the containers of a workload what a workload of this folder says about their
    /// images.
    pub fn add_to(&self, live: &mut Workload, declared: &Workload, source: &GitSource) {
        live.root.clone_from(&declared.root);
        for container in &mut live.containers {
            let mut found = declared.containers.iter();
            let found = found.find(|found| {
                found.name == container.name && found.container_type == container.container_type
            });
            let Some(found) = found else { continue };
            container.written_at.clone_from(&found.written_at);
            let undecided = source.why_undecided(&found.image);
            container.declared = Some(Box::new(DeclaredImage {
                undecided: undecided.or_else(|| self.without_owner.clone()),
                image: found.image.clone(),
            }));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::workload::{FluxRepository, Owner, decode};

    fn workload(namespace: &str, name: &str, image: &str) -> Workload {
        let object = json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"namespace": namespace, "name": name},
            "spec": {"template": {"spec": {"containers": [{"name": "app", "image": image}]}}}});
        let found = decode(&object, "").expect("it is valid");
        found.expect("it is a workload")
    }

    fn kustomization(spec: &serde_json::Value) -> GitSource {
        let owner = Owner {
            kind: "Kustomization".to_owned(),
            namespace: Some("flux-system".to_owned()),
            name: "apps".to_owned(),
        };
        let object = json!({"metadata": {"namespace": "flux-system", "name": "apps"},
            "spec": spec});
        let repository = FluxRepository {
            url: "https://git.example.com/fleet".to_owned(),
            branch: Ok(None),
        };
        GitSource::of_kustomization(&owner, &object, &repository)
    }

    fn folder(without_owner: Option<&str>) -> DeclaredFolder {
        DeclaredFolder {
            workloads: vec![
                workload("shop", "web", "app:1"),
                workload("", "api", "app:2"),
            ],
            without_owner: without_owner.map(str::to_owned),
        }
    }

    fn found(
        folder: &DeclaredFolder,
        source: &GitSource,
        namespace: &str,
        name: &str,
    ) -> Option<String> {
        let live = workload(namespace, name, "app:0");
        let found = folder.find(&live, source)?;
        Some(found.containers[0].image.clone())
    }

    #[test]
    fn objects_are_found_by_their_names_in_the_cluster() {
        let spec = json!({"targetNamespace": "prod", "namePrefix": "a-", "nameSuffix": "-z"});
        let plain = kustomization(&json!({}));
        let built = folder(None);
        let image = found(&built, &plain, "shop", "web");
        assert_eq!(image.as_deref(), Some("app:1"));
        assert_eq!(found(&built, &plain, "other", "web"), None);
        // An object without a namespace gets that of the Kustomization.
        let image = found(&built, &plain, "flux-system", "api");
        assert_eq!(image.as_deref(), Some("app:2"));
        assert_eq!(found(&built, &plain, "shop", "api"), None);
        // What was built with the owner has its names.
        let renaming = kustomization(&spec);
        assert_eq!(found(&built, &renaming, "prod", "a-web-z"), None);
        assert!(found(&built, &renaming, "shop", "web").is_some());
        let unbuilt = folder(Some("why"));
        let image = found(&unbuilt, &renaming, "prod", "a-web-z");
        assert_eq!(image.as_deref(), Some("app:1"));
        assert_eq!(found(&unbuilt, &renaming, "shop", "web"), None);
    }

    #[test]
    fn drift_is_only_reported_where_the_files_and_the_owner_decide() {
        let source = kustomization(&json!({}));
        for (why, live, drift) in [
            (None, "app:1", Some(false)),
            (None, "app:9", Some(true)),
            (Some("it cannot be built"), "app:9", None),
        ] {
            let folder = folder(why);
            let mut live = workload("shop", "web", live);
            folder.add_to(&mut live, &folder.workloads[0], &source);
            let container = &live.containers[0];
            let declared = container.declared.as_ref().expect("it is declared");
            assert_eq!(declared.is_drift(&container.image), drift);
            assert_eq!(declared.undecided.as_deref(), why);
        }
    }
}
