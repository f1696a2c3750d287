//! The names and labels of the objects.

use serde_json::{Value, json};

/// The controller's ServiceAccount, Deployment and roles.
pub(super) const CONTROLLER: &str = "imgpolicy-controller";

/// The Deployment and the Service of the cache.
pub(super) const MEMCACHED: &str = "imgpolicy-memcached";

/// The Secret with the key of the cache.
pub(super) const CACHE_KEY: &str = "imgpolicy-cache-key";

/// A part of the installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Component {
    Controller,
    Memcached,
}

impl Component {
    /// The labels that select its Pods.
    pub(super) fn labels(self) -> Value {
        let component = match self {
            Self::Controller => "controller",
            Self::Memcached => "memcached",
        };
        json!({
            "app.kubernetes.io/name": "imgpolicy",
            "app.kubernetes.io/component": component,
        })
    }

    /// The metadata of one of its objects.
    pub(super) fn metadata(self, namespace: &str, name: &str) -> Value {
        json!({"name": name, "namespace": namespace, "labels": self.labels()})
    }
}

/// What the security standard `restricted` demands of a Pod. `user`: who the process runs as.
pub(super) fn pod_security(user: u32) -> Value {
    json!({
        "runAsNonRoot": true,
        "runAsUser": user,
        "runAsGroup": user,
        "fsGroup": user,
        "seccompProfile": {"type": "RuntimeDefault"},
    })
}

/// What it demands of a container, and that nothing can be written.
pub(super) fn container_security() -> Value {
    json!({
        "allowPrivilegeEscalation": false,
        "readOnlyRootFilesystem": true,
        "capabilities": {"drop": ["ALL"]},
    })
}
