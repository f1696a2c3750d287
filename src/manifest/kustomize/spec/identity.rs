//! The identities of a resource while it is built.

use crate::manifest::kustomize::traced::TracedValue;
use crate::workload::DEFAULT_NAMESPACE;

/// What distinguishes a resource from the others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ResourceId {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl ResourceId {
    pub(crate) fn of(object: &TracedValue) -> Self {
        let api_version = object.text_at(&["apiVersion"]);
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let namespace = object.text_at(&["metadata", "namespace"]);
        let namespace = if namespace.is_empty() {
            DEFAULT_NAMESPACE
        } else {
            namespace
        };
        Self {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: object.text_at(&["kind"]).to_owned(),
            namespace: namespace.to_owned(),
            name: object.text_at(&["metadata", "name"]).to_owned(),
        }
    }
}
