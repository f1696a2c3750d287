//! The fields of one object that are written, in two forms: a patch for the API, and
//! field edits for a file.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::record::recorded_change::RecordedChange;
use crate::workload::{ContainerType, Observed, Workload, WorkloadKind, plain_scalar, value_at};

/// The fields that are written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Edit {
    /// Annotations of the object itself, never of its Pod template; `None`
    /// removes the key.
    pub annotations: BTreeMap<String, Option<String>>,
    /// Images of containers of a Pod template.
    pub images: Vec<ImageEdit>,
    /// Scalars of a Helm release's values.
    pub values: Vec<ValueEdit>,
    /// The images that these fields replace, for a record of the edit. They are not written.
    pub replaced: Vec<RecordedChange>,
}

/// A new image for a container that is known to exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageEdit {
    /// The container's name.
    pub container: String,
    /// Container or init container.
    pub container_type: ContainerType,
    /// The complete image as it is written.
    pub image: String,
}

/// A scalar in a Helm release's values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueEdit {
    /// The keys from `spec.values` to it.
    pub path: Vec<String>,
    /// Its new text; `None` removes the key.
    pub text: Option<String>,
    /// Whether the text is written without quotes, so that YAML reads it as a number
    /// or a boolean.
    pub is_plain: bool,
}

impl ValueEdit {
    /// The new value; null if the key is removed.
    #[must_use]
    pub fn value(&self) -> Value {
        value(self.text.as_deref(), self.is_plain)
    }
}

fn value(text: Option<&str>, is_plain: bool) -> Value {
    match text {
        Some(text) if is_plain => plain_scalar(text),
        text => json!(text),
    }
}

/// How the API applies a patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatchKind {
    /// Lists are merged by their items' names: siblings stay.
    Strategic,
    /// Lists are replaced; the only kind of merge that custom resources support.
    Merge,
    /// Operations that are applied all together or not at all, including tests of
    /// current values.
    Json,
}

/// One request to the API.
#[derive(Debug, Clone, PartialEq)]
pub struct Patch {
    /// How it is applied.
    pub kind: PatchKind,
    /// Its content.
    pub body: Value,
}

/// One field of a manifest: its path and its new text; `None` removes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldEdit {
    /// Keys and list indexes from the object's root.
    pub path: Vec<String>,
    /// The new text.
    pub text: Option<String>,
    /// Whether the text is written without quotes: see [`ValueEdit::is_plain`].
    pub is_plain: bool,
}

impl FieldEdit {
    /// The new value; null if the key is removed.
    #[must_use]
    pub fn value(&self) -> Value {
        value(self.text.as_deref(), self.is_plain)
    }
}

impl Edit {
    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.annotations.is_empty() && self.images.is_empty() && self.values.is_empty()
    }

    /// Whether an image is replaced.
    #[must_use]
    pub fn writes_images(&self) -> bool {
        !self.images.is_empty() || !self.values.is_empty()
    }

    /// The patch that makes this edit. It carries the resource version that was read,
    /// so it fails if the object has been written since.
    #[must_use]
    pub fn patch(&self, object: &Observed) -> Patch {
        let mut metadata = Map::new();
        if let Some(version) = &object.resource_version {
            metadata.insert("resourceVersion".to_owned(), json!(version));
        }
        if !self.annotations.is_empty() {
            metadata.insert("annotations".to_owned(), json!(self.annotations));
        }
        let mut body = json!({ "metadata": metadata });
        let kind = object.workload.id.kind;
        if kind == WorkloadKind::HelmRelease {
            // A merge patch with `spec: null` would delete the whole spec.
            if !self.values.is_empty() {
                body["spec"] = json!({"values": self.values_patch(object)});
            }
            return Patch {
                kind: PatchKind::Merge,
                body,
            };
        }
        for list in [ContainerType::Container, ContainerType::InitContainer] {
            let mut edits: Vec<&ImageEdit> = self.images.iter().collect();
            edits.retain(|edit| edit.container_type == list);
            if edits.is_empty() {
                continue;
            }
            // The server orders the containers as the patch does.
            let containers = &object.workload.containers;
            edits.sort_by_key(|edit| containers.iter().position(|c| c.name == edit.container));
            let images: Vec<Value> = edits
                .into_iter()
                .map(|edit| json!({"name": edit.container, "image": edit.image}))
                .collect();
            let mut pod = &mut body;
            for key in pod_spec(kind) {
                pod = &mut pod[*key];
            }
            pod[list_key(list)] = Value::Array(images);
        }
        Patch {
            kind: PatchKind::Strategic,
            body,
        }
    }

    /// The values that a merge patch contains. It replaces lists, so a value in a list is
    /// written together with the rest of the list.
    fn values_patch(&self, object: &Observed) -> Value {
        let mut patch = json!({});
        let before = object.values.as_ref().and_then(Value::as_object);
        let mut after = before.cloned().unwrap_or_default();
        for edit in &self.values {
            put_scalar(&mut after, edit);
        }
        for edit in &self.values {
            let list = (1..edit.path.len()).find(|&keys| {
                let value = value_at(&after, &edit.path[..keys]);
                value.is_some_and(Value::is_array)
            });
            let (path, value) = match list {
                Some(keys) => (
                    &edit.path[..keys],
                    value_at(&after, &edit.path[..keys]).cloned(),
                ),
                None => (&edit.path[..], Some(edit.value())),
            };
            put(&mut patch, path, value.unwrap_or_default());
        }
        patch
    }

    /// The fields of a manifest's object that the edit writes; containers that the
    /// object does not have are omitted.
    #[must_use]
    pub fn field_edits(&self, object: &Value) -> Vec<FieldEdit> {
        let annotations = self.annotations.iter().map(|(key, text)| FieldEdit {
            path: owned(&["metadata", "annotations", key]),
            text: text.clone(),
            is_plain: false,
        });
        let values = self.values.iter().map(|edit| {
            let mut path = owned(&["spec", "values"]);
            path.extend(edit.path.iter().cloned());
            FieldEdit {
                path,
                text: edit.text.clone(),
                is_plain: edit.is_plain,
            }
        });
        let api_version = object["apiVersion"].as_str().unwrap_or_default();
        let kind = object["kind"].as_str().unwrap_or_default();
        let kind = WorkloadKind::from_api(api_version, kind);
        let images = self.images.iter().filter_map(|edit| {
            let mut path = owned(pod_spec(kind?));
            let pod = path.iter().try_fold(object, |at, key| at.get(key))?;
            let list = list_key(edit.container_type);
            let index = pod
                .get(list)?
                .as_array()?
                .iter()
                .position(|container| container["name"] == edit.container.as_str())?;
            path.extend([list.to_owned(), index.to_string(), "image".to_owned()]);
            Some(FieldEdit {
                path,
                text: Some(edit.image.clone()),
                is_plain: false,
            })
        });
        annotations.chain(images).chain(values).collect()
    }

    /// The workload after the edit, to preview its effect. Images in a Helm release's
    /// values are not changed, because an edit of policies touches none.
    #[must_use]
    pub fn apply_to(&self, workload: &Workload) -> Workload {
        let mut edited = workload.clone();
        for (key, text) in &self.annotations {
            match text {
                Some(text) => edited.annotations.insert(key.clone(), text.clone()),
                None => edited.annotations.remove(key),
            };
        }
        for edit in &self.images {
            let container = edited
                .containers
                .iter_mut()
                .find(|c| c.name == edit.container && c.container_type == edit.container_type);
            if let Some(container) = container {
                container.image.clone_from(&edit.image);
            }
        }
        edited
    }
}

fn owned(keys: &[&str]) -> Vec<String> {
    keys.iter().map(|&key| key.to_owned()).collect()
}

/// The path from an object to its Pod spec.
pub(crate) fn pod_spec(kind: WorkloadKind) -> &'static [&'static str] {
    match kind {
        WorkloadKind::CronJob => &["spec", "jobTemplate", "spec", "template", "spec"],
        _ => &["spec", "template", "spec"],
    }
}

pub(crate) fn list_key(list: ContainerType) -> &'static str {
    match list {
        ContainerType::Container => "containers",
        ContainerType::InitContainer => "initContainers",
    }
}

/// Writes a scalar into the values of a release, if its block exists.
pub(crate) fn put_scalar(values: &mut Map<String, Value>, edit: &ValueEdit) {
    let Some((last, above)) = edit.path.split_last() else {
        return;
    };
    let block = match above.split_first() {
        None => Some(values),
        Some((first, rest)) => {
            let block = rest.iter().try_fold(values.get_mut(first), |at, key| {
                Some(match at? {
                    Value::Array(items) => items.get_mut(key.parse::<usize>().ok()?),
                    value => value.get_mut(key),
                })
            });
            block.flatten().and_then(Value::as_object_mut)
        }
    };
    if let Some(block) = block {
        match edit.text {
            Some(_) => block.insert(last.clone(), edit.value()),
            None => block.remove(last),
        };
    }
}

fn put(at: &mut Value, path: &[String], value: Value) {
    let at = path.iter().fold(at, |at, key| &mut at[key.as_str()]);
    *at = value;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observed(object: &Value) -> Observed {
        Observed::read(object, "default")
            .expect("decodes")
            .expect("a workload")
    }

    fn image(container: &str, container_type: ContainerType) -> ImageEdit {
        ImageEdit {
            container: container.to_owned(),
            container_type,
            image: "org/app:2".to_owned(),
        }
    }

    fn deployment() -> Value {
        json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "resourceVersion": "7"},
            "spec": {"template": {"spec": {
                "initContainers": [{"name": "setup", "image": "org/app:1"}],
                "containers": [{"name": "side", "image": "org/side:1"},
                    {"name": "app", "image": "org/app:1"}]}}}})
    }

    #[test]
    fn patch_names_containers_and_carries_the_resource_version() {
        let edit = Edit {
            annotations: BTreeMap::from([("a".to_owned(), None)]),
            images: vec![
                image("app", ContainerType::Container),
                image("setup", ContainerType::InitContainer),
            ],
            ..Edit::default()
        };
        let patch = edit.patch(&observed(&deployment()));
        assert_eq!(patch.kind, PatchKind::Strategic);
        assert_eq!(
            patch.body,
            json!({"metadata": {"resourceVersion": "7", "annotations": {"a": null}},
                "spec": {"template": {"spec": {
                    "containers": [{"name": "app", "image": "org/app:2"}],
                    "initContainers": [{"name": "setup", "image": "org/app:2"}]}}}})
        );
    }

    #[test]
    fn patch_keeps_the_order_of_containers() {
        let edit = Edit {
            images: ["app", "side"]
                .map(|name| image(name, ContainerType::Container))
                .to_vec(),
            ..Edit::default()
        };
        let patch = edit.patch(&observed(&deployment()));
        let containers = &patch.body["spec"]["template"]["spec"]["containers"];
        assert_eq!(containers[0]["name"], "side");
        assert_eq!(containers[1]["name"], "app");
    }

    #[test]
    fn annotation_edit_does_not_touch_the_spec() {
        let edit = Edit {
            annotations: BTreeMap::from([("a".to_owned(), Some("b".to_owned()))]),
            ..Edit::default()
        };
        let release = json!({"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
            "metadata": {"name": "web", "resourceVersion": "7"},
            "spec": {"values": {"image": "org/app:1"}}});
        for object in [deployment(), release] {
            let patch = edit.patch(&observed(&object));
            // Even `spec: null` would be a change.
            assert_eq!(patch.body.get("spec"), None, "{object}");
        }
    }

    #[test]
    fn cron_job_containers_are_found_below_the_job_template() {
        let mut object = deployment();
        let template = object["spec"]["template"].take();
        object["apiVersion"] = json!("batch/v1");
        object["kind"] = json!("CronJob");
        object["spec"] = json!({"jobTemplate": {"spec": {"template": template}}});
        let edit = Edit {
            images: vec![image("app", ContainerType::Container)],
            ..Edit::default()
        };
        let pod = "/spec/jobTemplate/spec/template/spec/containers/0/image";
        let patch = edit.patch(&observed(&object));
        assert_eq!(patch.body.pointer(pod), Some(&json!("org/app:2")));
        let place = edit.field_edits(&object).remove(0);
        assert_eq!(
            place.path.join("/"),
            "spec/jobTemplate/spec/template/spec/containers/1/image"
        );
    }

    #[test]
    fn list_of_helm_release_values_is_patched_as_a_whole() {
        let object = json!({"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
            "metadata": {"name": "web", "resourceVersion": "7"},
            "spec": {"values": {"extra": {"sidecars": [
                {"name": "a", "image": "org/a:1", "env": []},
                {"name": "b", "image": {"repository": "org/b", "tag": "1"}}]}}}});
        let edit = |path: &[&str], text: &str| ValueEdit {
            path: path.iter().map(|&key| key.to_owned()).collect(),
            text: Some(text.to_owned()),
            is_plain: false,
        };
        let edit = Edit {
            values: vec![
                edit(&["extra", "sidecars", "0", "image"], "org/a:2"),
                edit(&["extra", "sidecars", "1", "image", "tag"], "2"),
            ],
            ..Edit::default()
        };
        let patch = edit.patch(&observed(&object));
        assert_eq!(
            patch.body["spec"],
            json!({"values": {"extra": {"sidecars": [
                {"name": "a", "image": "org/a:2", "env": []},
                {"name": "b", "image": {"repository": "org/b", "tag": "2"}}]}}})
        );
    }

    #[test]
    fn helm_release_values_are_merged_at_their_path() {
        let object = json!({"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
            "metadata": {"name": "web", "resourceVersion": "7"},
            "spec": {"values": {"app": {"image": {"repository": "org/app", "tag": "1"}}}}});
        let edit = Edit {
            values: vec![ValueEdit {
                path: ["app", "image", "tag"].map(str::to_owned).to_vec(),
                text: Some("2".to_owned()),
                is_plain: false,
            }],
            ..Edit::default()
        };
        let patch = edit.patch(&observed(&object));
        assert_eq!(patch.kind, PatchKind::Merge);
        assert_eq!(
            patch.body,
            json!({"metadata": {"resourceVersion": "7"},
                "spec": {"values": {"app": {"image": {"tag": "2"}}}}})
        );
    }
}
