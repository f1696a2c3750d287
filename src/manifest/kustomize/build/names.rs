//! Changes names, namespaces, labels and annotations.

use super::built::BuiltObject;
use crate::manifest::kustomize::spec::KustomizationSpec;
use crate::manifest::kustomize::traced::TracedValue;

/// Kinds whose names and namespaces are not changed.
const KEPT_NAMES: [&str; 3] = ["CustomResourceDefinition", "APIService", "Namespace"];

/// Kinds without a namespace. Others than these make no difference to a workload.
const CLUSTER_KINDS: [&str; 8] = [
    "APIService",
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "Namespace",
    "PersistentVolume",
    "PriorityClass",
    "StorageClass",
];

/// Sets the namespace and adds the prefix and the suffix.
pub(crate) fn rename(spec: &KustomizationSpec, object: &mut BuiltObject) {
    let kind = object.value.text_at(&["kind"]).to_owned();
    if !spec.namespace.is_empty() {
        object.remember();
        if kind == "Namespace" {
            set_metadata(object, "name", spec.namespace.clone());
        } else if !CLUSTER_KINDS.contains(&kind.as_str()) {
            set_metadata(object, "namespace", spec.namespace.clone());
        }
    }
    if KEPT_NAMES.contains(&kind.as_str()) {
        return;
    }
    for (prefix, suffix) in [
        (spec.name_prefix.as_str(), ""),
        ("", spec.name_suffix.as_str()),
    ] {
        if !(prefix.is_empty() && suffix.is_empty()) {
            object.remember();
            let name = object.value.text_at(&["metadata", "name"]);
            let name = format!("{prefix}{name}{suffix}");
            set_metadata(object, "name", name);
        }
    }
}

fn set_metadata(object: &mut BuiltObject, key: &str, text: String) {
    if let Some(metadata) = object.value.mapping_at("metadata") {
        metadata.set(key, TracedValue::text(text));
    }
}

/// Adds labels or annotations.
pub(crate) fn add_texts<'t>(
    object: &mut TracedValue,
    field: &str,
    texts: impl ExactSizeIterator<Item = (&'t String, &'t String)>,
) {
    if texts.len() == 0 {
        return;
    }
    let metadata = object.mapping_at("metadata");
    let Some(mapping) = metadata.and_then(|metadata| metadata.mapping_at(field)) else {
        return;
    };
    for (key, text) in texts {
        mapping.set(key, TracedValue::text(text.as_str()));
    }
}
