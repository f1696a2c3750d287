//! The memcached that the replicas of the controller share.

use serde_json::{Value, json};

use super::names::{Component, MEMCACHED, container_security, pod_security};

/// How the controller reaches it.
pub const MEMCACHED_ADDRESS: &str = "imgpolicy-memcached:11211";

/// Its port.
pub(super) const MEMCACHED_PORT: u16 = 11211;

const IMAGE: &str = "docker.io/library/memcached:1.6.39-alpine";

/// The user of that image.
const USER: u32 = 11211;

pub(super) fn memcached_service(namespace: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": Component::Memcached.metadata(namespace, MEMCACHED),
        "spec": {
            "selector": Component::Memcached.labels(),
            "ports": [{"name": "memcached", "port": MEMCACHED_PORT, "targetPort": "memcached"}],
        },
    })
}

/// One replica: what it loses, the controller reads again.
pub(super) fn memcached(namespace: &str) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": Component::Memcached.metadata(namespace, MEMCACHED),
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": Component::Memcached.labels()},
            "template": {
                "metadata": {"labels": Component::Memcached.labels()},
                "spec": {
                    "automountServiceAccountToken": false,
                    "securityContext": pod_security(USER),
                    "containers": [{
                        "name": "memcached",
                        "image": IMAGE,
                        "args": ["--memory-limit=64", "--port=11211"],
                        "ports": [{"name": "memcached", "containerPort": MEMCACHED_PORT}],
                        "readinessProbe": {"tcpSocket": {"port": "memcached"}},
                        "resources": {
                            "requests": {"cpu": "10m", "memory": "32Mi"},
                            "limits": {"memory": "128Mi"},
                        },
                        "securityContext": container_security(),
                    }],
                },
            },
        },
    })
}
