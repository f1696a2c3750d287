//! All objects of an installation.

use serde_json::{Value, json};

use super::controller::{controller, disruption_budget};
use super::installation::{CacheKeySecret, Installation};
use super::memcached::{memcached, memcached_service};
use super::names::{CACHE_KEY, CONTROLLER, Component};
use super::network::{controller_policy, memcached_policy};
use super::roles::roles;

impl Installation {
    /// All objects, those first that others need.
    #[must_use]
    pub fn objects(&self) -> Vec<Value> {
        let namespace = &self.namespace;
        let mut objects = Vec::new();
        if self.creates_namespace {
            objects.push(json!({
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": {
                    "name": namespace,
                    "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
                },
            }));
        }
        objects.push(json!({
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": Component::Controller.metadata(namespace, CONTROLLER),
        }));
        objects.extend(roles(self));
        if let Some(CacheKeySecret::New(key)) = &self.cache_key {
            objects.push(json!({
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": Component::Controller.metadata(namespace, CACHE_KEY),
                "type": "Opaque",
                "data": {"key": key},
            }));
        }
        if self.has_memcached {
            objects.push(memcached_policy(namespace));
            objects.push(memcached_service(namespace));
            objects.push(memcached(namespace));
        }
        objects.push(controller_policy(self));
        objects.push(disruption_budget(namespace));
        objects.push(controller(self));
        objects
    }
}
