//! Finds what files say about the workloads in a cluster.

use super::declared_image::DeclaredImage;
use super::git_source::GitSource;
use crate::workload::object::Workload;

/// Finds the object of the files from which a workload of the cluster was made. A built object
/// without a namespace has an empty one.
#[must_use]
pub fn find_declared<'d>(
    live: &Workload,
    declared: &'d [Workload],
    source: &GitSource,
) -> Option<&'d Workload> {
    let mut declared = declared.iter();
    declared.find(|declared| {
        live.id.kind == declared.id.kind
            && source.name(&declared.id.name) == live.id.name
            && source
                .namespace(&declared.id.namespace)
                .is_none_or(|namespace| namespace == live.id.namespace)
    })
}

/// Adds to the containers of a workload what the files say about their images.
pub fn add_declared(live: &mut Workload, declared: &Workload, source: &GitSource) {
    live.root.clone_from(&declared.root);
    for container in &mut live.containers {
        let mut found = declared.containers.iter();
        let found = found.find(|found| {
            found.name == container.name && found.container_type == container.container_type
        });
        let Some(found) = found else { continue };
        container.written_at.clone_from(&found.written_at);
        container.declared = Some(Box::new(DeclaredImage {
            undecided: source.why_undecided(&found.image),
            image: found.image.clone(),
        }));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::workload::{Owner, decode};

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
        let object = json!({"metadata": {"namespace": "flux-system"}, "spec": spec});
        GitSource::of_kustomization(&owner, &object, "https://git.example.com/fleet")
    }

    #[test]
    fn objects_are_found_by_the_names_that_flux_gives_them() {
        let declared = [
            workload("shop", "web", "app:1"),
            workload("", "api", "app:2"),
        ];
        let image = |source: &GitSource, namespace: &str, name: &str| {
            let live = workload(namespace, name, "app:0");
            let found = find_declared(&live, &declared, source)?;
            Some(found.containers[0].image.clone())
        };
        let plain = kustomization(&json!({}));
        assert_eq!(image(&plain, "shop", "web").as_deref(), Some("app:1"));
        assert_eq!(image(&plain, "other", "web"), None);
        // An object without a namespace gets that of the Kustomization.
        assert_eq!(
            image(&plain, "flux-system", "api").as_deref(),
            Some("app:2")
        );
        assert_eq!(image(&plain, "shop", "api"), None);
        let renamed = kustomization(&json!({"targetNamespace": "prod", "namePrefix": "a-",
            "nameSuffix": "-z"}));
        assert_eq!(image(&renamed, "prod", "a-web-z").as_deref(), Some("app:1"));
        assert_eq!(image(&renamed, "shop", "web"), None);
    }

    #[test]
    fn drift_is_only_reported_where_the_files_alone_decide() {
        let declared = [workload("shop", "web", "registry.example/app:2")];
        let drift = |spec: serde_json::Value, live: &str| {
            let source = kustomization(&spec);
            let mut live = workload("shop", "web", live);
            add_declared(&mut live, &declared[0], &source);
            let container = &live.containers[0];
            container.declared.as_ref()?.is_drift(&container.image)
        };
        let same = "registry.example/app:2";
        let other = "registry.example/app:1";
        assert_eq!(drift(json!({}), same), Some(false));
        assert_eq!(drift(json!({}), other), Some(true));
        for decides in [
            json!({"patches": [{"patch": "{}"}]}),
            json!({"components": ["../x"]}),
            json!({"images": [{"name": "registry.example/app", "newTag": "3"}]}),
        ] {
            assert_eq!(drift(decides, other), None);
        }
        let elsewhere = json!({"images": [{"name": "registry.example/api", "newTag": "3"}]});
        assert_eq!(drift(elsewhere, other), Some(true));
    }
}
