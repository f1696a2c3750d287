//! The Deployment of the controller.

use serde_json::{Value, json};

use super::installation::{CacheKeySecret, Installation};
use super::names::{CONTROLLER, Component, container_security, pod_security};

/// The user of the image, which is not in any list of users.
const USER: u32 = 65532;

/// Where the key of the cache is mounted.
const KEY_FOLDER: &str = "/etc/imgpolicy/cache-key";

/// How long a stop may take. The controller needs less than 15 seconds.
const GRACE_SECONDS: u32 = 30;

pub(super) fn disruption_budget(namespace: &str) -> Value {
    json!({
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": Component::Controller.metadata(namespace, CONTROLLER),
        "spec": {
            "maxUnavailable": 1,
            "selector": {"matchLabels": Component::Controller.labels()},
        },
    })
}

pub(super) fn controller(installation: &Installation) -> Value {
    let mut pod = json!({
        "serviceAccountName": CONTROLLER,
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "securityContext": pod_security(USER),
        "topologySpreadConstraints": [{
            "maxSkew": 1,
            "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": Component::Controller.labels()},
        }],
        "containers": [container(installation)],
    });
    if let Some(key) = &installation.cache_key {
        pod["volumes"] = json!([{
            "name": "cache-key",
            "secret": {
                "secretName": key.name(),
                // The group of the Pod gets the right to read it, too.
                "defaultMode": 0o400,
                "items": [{"key": "key", "path": "key"}],
            },
        }]);
    }
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": Component::Controller.metadata(&installation.namespace, CONTROLLER),
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": Component::Controller.labels()},
            "template": {
                "metadata": {"labels": Component::Controller.labels()},
                "spec": pod,
            },
        },
    })
}

fn container(installation: &Installation) -> Value {
    let mut container = json!({
        "name": "controller",
        "image": installation.image,
        "args": arguments(installation),
        // The name by which a replica leads.
        "env": [{
            "name": "POD_NAME",
            "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}},
        }],
        "ports": [{"name": "metrics", "containerPort": installation.metrics_port}],
        "livenessProbe": {"httpGet": {"path": "/healthz", "port": "metrics"}},
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "metrics"}},
        "resources": {
            "requests": {"cpu": "50m", "memory": "64Mi"},
            "limits": {"memory": "192Mi"},
        },
        "securityContext": container_security(),
    });
    if installation.cache_key.is_some() {
        container["volumeMounts"] =
            json!([{"name": "cache-key", "mountPath": KEY_FOLDER, "readOnly": true}]);
    }
    container
}

fn arguments(installation: &Installation) -> Vec<String> {
    let mut arguments = vec!["controller".to_owned(), "run".to_owned()];
    arguments.extend_from_slice(&installation.arguments);
    let key: Option<&CacheKeySecret> = installation.cache_key.as_ref();
    arguments.extend(key.map(|_| format!("--cache-key-file={KEY_FOLDER}/key")));
    arguments
}
