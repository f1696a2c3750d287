//! An API server inside the test process: objects by path.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Request, Response};
use kube::client::Body;
use kubectl_imgpolicy::cluster::Cluster;
use serde_json::{Value, json};
use tokio::sync::Notify;

/// Objects, and the requests for them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Objects {
    by_path: BTreeMap<String, Value>,
    forbidden: Vec<&'static str>,
    silent: bool,
    asked: Arc<Mutex<Vec<String>>>,
    was_asked: Arc<Notify>,
}

impl Objects {
    /// A Secret with a login, of the current type.
    pub(crate) fn secret(self, namespace: &str, name: &str, config: &Value) -> Self {
        let object = json!({"kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
            "data": {".dockerconfigjson": STANDARD.encode(config.to_string())}});
        self.object(namespace, "secrets", name, object)
    }

    /// A service account that names Secrets.
    pub(crate) fn account(self, namespace: &str, name: &str, secrets: &[&str]) -> Self {
        let secrets: Vec<Value> = secrets.iter().map(|name| json!({"name": name})).collect();
        let object = json!({"kind": "ServiceAccount", "imagePullSecrets": secrets});
        self.object(namespace, "serviceaccounts", name, object)
    }

    pub(crate) fn object(
        mut self,
        namespace: &str,
        plural: &str,
        name: &str,
        object: Value,
    ) -> Self {
        let path = format!("/api/v1/namespaces/{namespace}/{plural}/{name}");
        self.by_path.insert(path, object);
        self
    }

    /// Rejects every request whose path contains this.
    pub(crate) fn forbidding(mut self, part: &'static str) -> Self {
        self.forbidden.push(part);
        self
    }

    /// Never responds.
    pub(crate) fn silent(mut self) -> Self {
        self.silent = true;
        self
    }

    /// Returns after the first request.
    pub(crate) async fn was_asked(&self) {
        self.was_asked.notified().await;
    }

    /// The requested paths, sorted, without their common prefix.
    pub(crate) fn asked(&self) -> Vec<String> {
        let asked = self.asked.lock().expect("no panic before");
        let short = |path: &String| path.trim_start_matches("/api/v1/namespaces/").to_owned();
        let mut asked: Vec<String> = asked.iter().map(short).collect();
        asked.sort();
        asked
    }

    pub(crate) fn cluster(&self) -> Cluster {
        let objects = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let path = request.uri().path().to_owned();
            let (code, body) = objects.answer(&path);
            let mut asked = objects.asked.lock().expect("no panic before");
            asked.push(path);
            objects.was_asked.notify_one();
            let silent = objects.silent;
            let response = Response::builder()
                .status(code)
                .body(Body::from(body.to_string().into_bytes()))
                .expect("a response");
            async move {
                if silent {
                    std::future::pending::<()>().await;
                }
                Ok::<_, Infallible>(response)
            }
        });
        let client = kube::Client::new(service, "default");
        Cluster::from_client(client, None, "https://h:6443")
    }

    fn answer(&self, path: &str) -> (u16, Value) {
        let failure = |code: u16, reason: &str| {
            let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure",
                "code": code, "reason": reason, "message": format!("{path}: {reason}")});
            (code, status)
        };
        if self.forbidden.iter().any(|part| path.contains(part)) {
            return failure(403, "Forbidden");
        }
        match self.by_path.get(path) {
            Some(object) => (200, object.clone()),
            None => failure(404, "NotFound"),
        }
    }
}
