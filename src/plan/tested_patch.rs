//! The patch for an object that others write all the time.
//!
//! A patch with a resource version is refused if anything in the object was written
//! since, so it never succeeds on an object whose status changes between any two
//! requests. This patch tests only what the edit depends on: that it is the same
//! object, the containers with their images, and the annotations as they were read.
//! Other writes do not prevent it.
//!
//! It is the second choice, because the server answers a failed test with 422 and
//! does not say which test failed: the object must be read again to see the change.

use serde_json::{Value, json};

use super::edit::{Edit, ImageEdit, Patch, PatchKind, list_key, pod_spec};
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
        // A lock that is set meanwhile is honoured, as with a resource version.
        let guards = [AnnotationKey::Locked, AnnotationKey::Ignore]
            .into_iter()
            .flat_map(AnnotationKey::spellings);
        for key in guards.filter(|key| !self.annotations.contains_key(key)) {
            let path = format!("/metadata/annotations/{}", escaped(&key));
            steps.push(test(&path, json!(object.annotations.get(&key))));
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
            values: Vec::new(),
        }
    }

    #[test]
    fn each_field_is_tested_before_it_is_written() {
        let patch = edit().tested_patch(&observed(json!({"old": "1"})));
        let patch = patch.expect("a patch");
        assert_eq!(patch.kind, PatchKind::Json);
        let app = "/spec/template/spec/containers/1";
        let image = format!("{app}/image");
        let expected = json!([
            {"op": "test", "path": "/metadata/uid", "value": "u-1"},
            {"op": "test", "path": format!("{app}/name"), "value": "app"},
            {"op": "test", "path": image, "value": "org/app:1"},
            {"op": "replace", "path": image, "value": "org/app:2"},
            {"op": "test", "path": "/metadata/annotations/fluxcd.io~1locked", "value": null},
            {"op": "test", "path": "/metadata/annotations/flux.weave.works~1locked", "value": null},
            {"op": "test", "path": "/metadata/annotations/fluxcd.io~1ignore", "value": null},
            {"op": "test", "path": "/metadata/annotations/flux.weave.works~1ignore", "value": null},
            {"op": "test", "path": "/metadata/annotations/a~1b~0c", "value": null},
            {"op": "add", "path": "/metadata/annotations/a~1b~0c", "value": "new"},
            {"op": "test", "path": "/metadata/annotations/gone", "value": null},
            {"op": "test", "path": "/metadata/annotations/old", "value": "1"},
            {"op": "remove", "path": "/metadata/annotations/old"}]);
        assert_eq!(patch.body, expected);
    }

    #[test]
    fn object_without_annotations_has_no_tested_patch() {
        assert_eq!(edit().tested_patch(&observed(json!({}))), None);
    }
}
