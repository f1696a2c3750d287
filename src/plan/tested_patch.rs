//! The patch for an object that others write all the time.
//!
//! A patch with a resource version is refused if anything in the object was written
//! since, so it never succeeds on an object whose status changes between any two
//! requests. This patch tests only what the edit depends on: that it is the same
//! object, the containers with their images, the annotations that it replaces, and
//! every annotation and label that a policy or an owner may have, present or not.
//! Other writes do not prevent it.
//!
//! It is the second choice, because the server answers a failed test with 422 and
//! does not say which test failed: the object must be read again to see the change.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::edit::{Edit, ImageEdit, Patch, PatchKind, list_key, pod_spec};
use super::safeguards::owners;
use crate::policy::AnnotationKey;
use crate::workload::{Observed, WorkloadKind};

impl Edit {
    /// The patch that tests the fields that it writes. `None`: some of them cannot be
    /// tested in this object.
    #[must_use]
    pub fn tested_patch(&self, object: &Observed) -> Option<Patch> {
        // Values of a Helm release may be in a mapping that does not exist yet.
        if object.workload.id.kind == WorkloadKind::HelmRelease {
            return None;
        }
        // The mapping would have to be created, but others may create it meanwhile.
        if object.annotations.is_empty() && !object.applied_by_kubectl {
            return None;
        }
        let mut steps = vec![test("/metadata/uid", json!(object.uid.as_ref()?))];
        for image in &self.images {
            steps.extend(self::image(image, object)?);
        }
        // What others decide meanwhile is honoured, as with a resource version.
        for key in self.deciding_annotations() {
            let path = format!("/metadata/annotations/{}", escaped(&key));
            steps.push(test(&path, json!(object.annotations.get(&key))));
        }
        if !self.images.is_empty() {
            steps.extend(owner_tests(object));
        }
        for (key, text) in &self.annotations {
            let path = format!("/metadata/annotations/{}", escaped(key));
            let now = object.annotations.get(key);
            // A missing key passes the test for null.
            steps.push(test(&path, json!(now)));
            match (text, now) {
                (Some(text), _) => steps.push(json!({"op": "add", "path": path, "value": text})),
                (None, Some(_)) => steps.push(json!({"op": "remove", "path": path})),
                (None, None) => {}
            }
        }
        Some(Patch {
            kind: PatchKind::Json,
            body: Value::Array(steps),
        })
    }
}

impl Edit {
    /// The annotations that the edit depends on but does not write.
    fn deciding_annotations(&self) -> BTreeSet<String> {
        let guards = [AnnotationKey::Locked, AnnotationKey::Ignore];
        let mut keys: BTreeSet<String> = guards
            .into_iter()
            .chain(
                self.images
                    .iter()
                    .flat_map(|image| AnnotationKey::deciding(&image.container)),
            )
            .flat_map(AnnotationKey::spellings)
            .collect();
        if !self.images.is_empty() {
            keys.extend(owners::deciding_annotations().map(str::to_owned));
        }
        keys.retain(|key| !self.annotations.contains_key(key));
        keys
    }
}

/// The tests that nobody takes over the object.
fn owner_tests(object: &Observed) -> Vec<Value> {
    let references = test("/metadata/ownerReferences", object.owner_references.clone());
    // A key of a mapping that does not exist cannot be tested.
    if object.labels.is_empty() {
        return vec![references, test("/metadata/labels", Value::Null)];
    }
    let labels = owners::deciding_labels().into_iter().map(|key| {
        let path = format!("/metadata/labels/{}", escaped(&key));
        test(&path, json!(object.labels.get(&key)))
    });
    labels.chain([references]).collect()
}

/// The operations that write an image to its container.
fn image(edit: &ImageEdit, object: &Observed) -> Option<[Value; 3]> {
    let containers = object.workload.containers.iter();
    let (index, container) = containers
        .filter(|c| c.container_type == edit.container_type)
        .enumerate()
        .find(|(_, container)| container.name == edit.container)?;
    let pod = pod_spec(object.workload.id.kind).join("/");
    let path = format!("/{pod}/{}/{index}", list_key(edit.container_type));
    Some([
        test(&format!("{path}/name"), json!(container.name)),
        test(&format!("{path}/image"), json!(container.image)),
        json!({"op": "replace", "path": format!("{path}/image"), "value": edit.image}),
    ])
}

fn test(path: &str, value: Value) -> Value {
    json!({"op": "test", "path": path, "value": value})
}

/// A key as one token of a JSON pointer.
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::workload::ContainerType;

    fn observed(annotations: Value) -> Observed {
        let object = json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "uid": "u-1", "resourceVersion": "7",
                "annotations": annotations},
            "spec": {"template": {"spec": {
                "initContainers": [{"name": "setup", "image": "org/setup:1"}],
                "containers": [{"name": "side", "image": "org/side:1"},
                    {"name": "app", "image": "org/app:1"}]}}}});
        let observed = Observed::read(&object, "default").expect("decodes");
        observed.expect("a workload")
    }

    fn edit() -> Edit {
        Edit {
            annotations: BTreeMap::from([
                ("a/b~c".to_owned(), Some("new".to_owned())),
                ("gone".to_owned(), None),
                ("old".to_owned(), None),
            ]),
            images: vec![ImageEdit {
                container: "app".to_owned(),
                container_type: ContainerType::Container,
                image: "org/app:2".to_owned(),
            }],
            ..Edit::default()
        }
    }

    #[test]
    fn each_field_is_tested_before_it_is_written() {
        let patch = edit().tested_patch(&observed(json!({"old": "1"})));
        let patch = patch.expect("a patch");
        assert_eq!(patch.kind, PatchKind::Json);
        let app = "/spec/template/spec/containers/1";
        let image = format!("{app}/image");
        let expected = [
            json!({"op": "test", "path": "/metadata/uid", "value": "u-1"}),
            json!({"op": "test", "path": format!("{app}/name"), "value": "app"}),
            json!({"op": "test", "path": image, "value": "org/app:1"}),
            json!({"op": "replace", "path": image, "value": "org/app:2"}),
        ];
        let steps = patch.body.as_array().expect("steps");
        assert_eq!(steps[..4], expected);
        let expected = [
            json!({"op": "test", "path": "/metadata/annotations/a~1b~0c", "value": null}),
            json!({"op": "add", "path": "/metadata/annotations/a~1b~0c", "value": "new"}),
            json!({"op": "test", "path": "/metadata/annotations/gone", "value": null}),
            json!({"op": "test", "path": "/metadata/annotations/old", "value": "1"}),
            json!({"op": "remove", "path": "/metadata/annotations/old"}),
        ];
        assert_eq!(steps[steps.len() - 5..], expected);
    }

    #[test]
    fn every_key_that_a_policy_or_an_owner_can_have_is_tested() {
        let object = observed(json!({"fluxcd.io/automated": "true"}));
        let patch = edit().tested_patch(&object).expect("a patch");
        let steps = patch.body.as_array().expect("steps");
        let value = |path: &str| {
            let mut tests = steps.iter().filter(|step| step["op"] == "test");
            let found = tests.find(|step| step["path"] == path);
            found.unwrap_or_else(|| panic!("{path} is not tested"))["value"].clone()
        };
        let automated = value("/metadata/annotations/fluxcd.io~1automated");
        assert_eq!(automated, "true");
        for key in [
            "flux.weave.works~1automated",
            "fluxcd.io~1tag.app",
            "filter.fluxcd.io~1app",
            "flux.weave.works~1tag.app",
            "fluxcd.io~1tag_all",
            "fluxcd.io~1locked",
            "flux.weave.works~1locked",
            "fluxcd.io~1ignore",
            "flux.weave.works~1ignore",
            "imgpolicy.dev~1filter-tags.app",
            "imgpolicy.dev~1extract.app",
            "imgpolicy.dev~1allow-tags.app",
            "imgpolicy.dev~1ignore-tags.app",
            "imgpolicy.dev~1policy.app",
            "imgpolicy.dev~1min-age",
            "imgpolicy.dev~1min-age-clock",
            "imgpolicy.dev~1allow-downgrade",
            "imgpolicy.dev~1allow-variant-change",
            "argocd.argoproj.io~1tracking-id",
            "meta.helm.sh~1release-name",
            "kustomize.toolkit.fluxcd.io~1reconcile",
        ] {
            assert!(
                value(&format!("/metadata/annotations/{key}")).is_null(),
                "{key}"
            );
        }
        assert!(value("/metadata/ownerReferences").is_null());
        // A key of labels that do not exist cannot be tested.
        assert!(value("/metadata/labels").is_null());
        // Policies of other containers are no obstacle.
        let side = steps
            .iter()
            .any(|step| step["path"].to_string().contains("side"));
        assert!(!side, "{steps:?}");
    }

    #[test]
    fn labels_of_owners_are_tested_one_by_one() {
        let mut object = observed(json!({"a": "b"}));
        let key = "kustomize.toolkit.fluxcd.io/name";
        object.labels.insert("team".to_owned(), "shop".to_owned());
        object.labels.insert(key.to_owned(), "apps".to_owned());
        let patch = edit().tested_patch(&object).expect("a patch");
        let steps = patch.body.as_array().expect("steps");
        let labels: Vec<&Value> = steps
            .iter()
            .filter(|step| step["path"].to_string().contains("/metadata/labels/"))
            .collect();
        let test = |key: &str, value: Value| json!({"op": "test", "path": format!("/metadata/labels/{key}"), "value": value});
        assert!(labels.contains(&&test("kustomize.toolkit.fluxcd.io~1name", json!("apps"))));
        assert!(labels.contains(&&test("helm.toolkit.fluxcd.io~1name", Value::Null)));
        assert!(labels.contains(&&test("app.kubernetes.io~1instance", Value::Null)));
        assert_eq!(labels.len(), 7, "{labels:?}");
    }

    #[test]
    fn object_without_annotations_has_no_tested_patch() {
        assert_eq!(edit().tested_patch(&observed(json!({}))), None);
    }
}
