//! Errors for the parts of a request that failed, while other parts succeeded.

use serde::{Deserialize, Serialize};

use super::error::ClusterError;
use super::resource::Resource;
use super::selection::Scope;
use crate::workload::{WorkloadId, WorkloadType};

/// An error for something that the user requested and that could not be read or written,
/// while the rest could.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessError {
    /// `namespace/shop`, or `cluster` for the whole cluster.
    pub scope: String,
    /// One word: `Forbidden`, `NotFound`, `Timeout`, `Malformed`…
    pub reason: String,
    /// The whole line, as kubectl prints it.
    pub message: String,
    /// How to fix it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl AccessError {
    pub(crate) fn new(scope: &Scope, error: &ClusterError) -> Self {
        Self {
            scope: scope.label(),
            reason: error.reason().to_owned(),
            message: error.line(),
            hint: None,
        }
    }

    /// An error about a resource. If access is denied, the hint is the command that
    /// checks the permission.
    pub(crate) fn for_resource(
        scope: &Scope,
        resource: &Resource,
        verb: &str,
        error: &ClusterError,
    ) -> Self {
        let mut entry = Self::new(scope, error);
        if error.is_denied(verb) {
            let place = match scope {
                Scope::Namespace(namespace) => format!("-n {namespace}"),
                Scope::AllNamespaces => "--all-namespaces".to_owned(),
            };
            entry.hint = Some(format!(
                "kubectl auth can-i {verb} {} {place}",
                resource.qualified()
            ));
        }
        entry
    }

    /// An error about one object.
    #[must_use]
    pub fn for_object(id: &WorkloadId, verb: &str, error: &ClusterError) -> Self {
        let scope = Scope::Namespace(id.namespace.clone());
        match Resource::for_object(id) {
            Ok(resource) => Self::for_resource(&scope, &resource, verb, error),
            Err(_) => Self::new(&scope, error),
        }
    }

    /// A type that the cluster does not have.
    pub(crate) fn no_such_type(scope: &Scope, workload_type: &WorkloadType) -> Self {
        let word = workload_type.to_string();
        Self {
            scope: scope.label(),
            reason: "NotFound".to_owned(),
            message: format!("error: the server doesn't have a resource type {word:?}"),
            hint: None,
        }
    }
}
