//! An object as it was read just before it is changed.
//!
//! A [`Workload`] is small and has only what decisions need. [`Observed`] adds
//! everything that a safe edit needs: the object's version, all its annotations, and
//! who wrote which field.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use super::decode::{DecodeError, decode};
use super::object::Workload;
use super::owner::{Owner, OwnerMarker};

/// The annotation of `kubectl apply`: a copy of the whole object.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// An object with everything that an edit needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// The workload, as used for decisions.
    pub workload: Workload,
    /// Every annotation of the object, except the copy of `kubectl apply`.
    pub annotations: BTreeMap<String, String>,
    /// The object's own labels.
    pub labels: BTreeMap<String, String>,
    /// The object's UID; `None` for files.
    pub uid: Option<String>,
    /// The resource version that was read; `None` for files.
    pub resource_version: Option<String>,
    /// Whether it was created by `kubectl apply`, which compares with its own copy.
    pub applied_by_kubectl: bool,
    /// `metadata.ownerReferences` as they were read; null if there are none.
    pub owner_references: Value,
    /// The owners that its markers name, the one that reverts an edit soonest first.
    pub owners: Vec<(OwnerMarker, Owner)>,
    /// Who wrote which field, from `metadata.managedFields`.
    pub writers: Writers,
    /// `spec.values` of a HelmRelease.
    pub values: Option<Value>,
}

/// The field managers of the fields that edits change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Writers {
    /// The managers of each container's image, by container name.
    pub images: BTreeMap<String, BTreeSet<String>>,
    /// The managers of any value of a HelmRelease.
    pub values: BTreeSet<String>,
    /// The managers of each annotation, by key.
    pub annotations: BTreeMap<String, BTreeSet<String>>,
    /// The managers that applied containers or values server-side, and whether one of the
    /// images or values is still theirs. Their next apply conflicts with other writers.
    pub appliers: BTreeMap<String, bool>,
}

impl Observed {
    /// Reads an object, from the API or from a file. `Ok(None)` if it is not a
    /// workload.
    ///
    /// # Errors
    ///
    /// The object is a workload, but it is not valid.
    pub fn read(object: &Value, namespace: &str) -> Result<Option<Self>, DecodeError> {
        let Some(workload) = decode(object, namespace)? else {
            return Ok(None);
        };
        let metadata = &object["metadata"];
        let mut annotations = texts(&metadata["annotations"]);
        let applied_by_kubectl = annotations.remove(LAST_APPLIED).is_some();
        let labels = texts(&metadata["labels"]);
        let references = Vec::deserialize(&metadata["ownerReferences"]).unwrap_or_default();
        let owners =
            Owner::all_from_markers(&labels, &annotations, &references, &workload.id.namespace);
        Ok(Some(Self {
            annotations,
            labels,
            owners,
            owner_references: metadata["ownerReferences"].clone(),
            uid: metadata["uid"].as_str().map(str::to_owned),
            resource_version: metadata["resourceVersion"].as_str().map(str::to_owned),
            applied_by_kubectl,
            writers: Writers::read(&metadata["managedFields"]),
            values: object.pointer("/spec/values").cloned(),
            workload,
        }))
    }
}

fn texts(mapping: &Value) -> BTreeMap<String, String> {
    let entries = mapping.as_object().into_iter().flatten();
    entries
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

impl Writers {
    /// Reads `metadata.managedFields`.
    fn read(managed_fields: &Value) -> Self {
        let mut writers = Self::default();
        for entry in managed_fields.as_array().into_iter().flatten() {
            let Some(manager) = entry["manager"].as_str() else {
                continue;
            };
            // A subresource is the status or the scale.
            if entry["subresource"].as_str().is_some_and(|s| !s.is_empty()) {
                continue;
            }
            let fields = &entry["fieldsV1"];
            let annotations = fields.pointer("/f:metadata/f:annotations");
            for key in keys(annotations) {
                let key = key.strip_prefix("f:").unwrap_or(key);
                let managers = writers.annotations.entry(key.to_owned()).or_default();
                managers.insert(manager.to_owned());
            }
            let is_apply = entry["operation"] == "Apply";
            if fields.pointer("/f:spec/f:values").is_some() {
                writers.values.insert(manager.to_owned());
                if is_apply {
                    writers.appliers.insert(manager.to_owned(), true);
                }
            }
            for pod in [
                "/f:spec/f:template/f:spec",
                "/f:spec/f:jobTemplate/f:spec/f:template/f:spec",
            ] {
                let Some(pod) = fields.pointer(pod) else {
                    continue;
                };
                for list in ["f:containers", "f:initContainers"] {
                    for (key, fields) in pod[list].as_object().into_iter().flatten() {
                        let Some(name) = container_name(key) else {
                            continue;
                        };
                        let has_image = fields.get("f:image").is_some();
                        if has_image {
                            let managers = writers.images.entry(name).or_default();
                            managers.insert(manager.to_owned());
                        }
                        if is_apply {
                            let owns = writers.appliers.entry(manager.to_owned()).or_default();
                            *owns |= has_image;
                        }
                    }
                }
            }
        }
        writers
    }
}

fn keys(mapping: Option<&Value>) -> impl Iterator<Item = &str> {
    let mapping = mapping.and_then(Value::as_object).into_iter();
    mapping.flat_map(|mapping| mapping.keys().map(String::as_str))
}

/// Parses `k:{"name":"app"}`.
fn container_name(key: &str) -> Option<String> {
    let key: Value = serde_json::from_str(key.strip_prefix("k:")?).ok()?;
    Some(key.get("name")?.as_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn field_managers_of_images_and_annotations_are_read() {
        let fields = json!({
            "f:metadata": {"f:annotations": {".": {}, "f:fluxcd.io/automated": {}}},
            "f:spec": {"f:template": {"f:spec": {
                "f:containers": {"k:{\"name\":\"app\"}": {".": {}, "f:image": {}, "f:name": {}},
                    "k:{\"name\":\"side\"}": {"f:env": {}}},
                "f:initContainers": {"k:{\"name\":\"setup\"}": {"f:image": {}}}}}}});
        let resources = json!({"f:spec": {"f:template": {"f:spec": {"f:containers":
            {"k:{\"name\":\"app\"}": {".": {}, "f:name": {}, "f:resources": {}}}}}}});
        let object = json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "uid": "u", "resourceVersion": "7",
                "annotations": {LAST_APPLIED: "{}", "team": "shop"},
                "managedFields": [
                    {"manager": "kustomize-controller", "operation": "Update",
                        "fieldsV1": fields},
                    {"manager": "ci", "operation": "Apply", "fieldsV1": fields},
                    {"manager": "sizer", "operation": "Apply", "fieldsV1": resources},
                    {"manager": "kubelet", "subresource": "status", "fieldsV1": fields}]}});
        let observed = Observed::read(&object, "default")
            .expect("decodes")
            .expect("a workload");
        let both = ["ci", "kustomize-controller"].map(str::to_owned);
        let both = BTreeSet::from(both);
        let images = &observed.writers.images;
        assert_eq!(images.get("app"), Some(&both));
        assert_eq!(images.get("setup"), Some(&both));
        assert_eq!(images.get("side"), None);
        let annotations = &observed.writers.annotations;
        assert_eq!(annotations.get("fluxcd.io/automated"), Some(&both));
        let appliers = [("ci", true), ("sizer", false)];
        assert_eq!(
            observed.writers.appliers,
            BTreeMap::from(appliers.map(|(name, owns)| (name.to_owned(), owns)))
        );
        assert!(observed.applied_by_kubectl);
        assert_eq!(
            observed.annotations,
            BTreeMap::from([("team".to_owned(), "shop".to_owned())])
        );
        assert_eq!(observed.resource_version.as_deref(), Some("7"));
    }
}
