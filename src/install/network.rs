//! Who may reach the Pods. Clusters whose network does not enforce policies ignore this.

use serde_json::{Value, json};

use super::installation::Installation;
use super::memcached::MEMCACHED_PORT;
use super::names::{CONTROLLER, Component, MEMCACHED};

/// memcached has no password, so only the controller may reach it. It reaches nobody.
pub(super) fn memcached_policy(namespace: &str) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": Component::Memcached.metadata(namespace, MEMCACHED),
        "spec": {
            "podSelector": {"matchLabels": Component::Memcached.labels()},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{
                "from": [{"podSelector": {"matchLabels": Component::Controller.labels()}}],
                "ports": [{"protocol": "TCP", "port": MEMCACHED_PORT}],
            }],
        },
    })
}

/// Only the metrics can be reached. The controller itself reaches the API server, registries and
/// proxies, whose addresses are not known here.
pub(super) fn controller_policy(installation: &Installation) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": Component::Controller.metadata(&installation.namespace, CONTROLLER),
        "spec": {
            "podSelector": {"matchLabels": Component::Controller.labels()},
            "policyTypes": ["Ingress"],
            "ingress": [{"ports": [{"protocol": "TCP", "port": installation.metrics_port}]}],
        },
    })
}
