//! An API server inside a test: a function from a request to an answer, and the
//! URIs that were asked for.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http::{Request, Response};
use kube::client::Body;
use serde_json::{Value, json};
use tower::service_fn;

use super::connection::Cluster;

/// The URIs asked for, in the order in which they came in.
#[derive(Clone, Default)]
pub(super) struct Asked(Arc<Mutex<Vec<String>>>);

impl Asked {
    pub(super) fn uris(&self) -> Vec<String> {
        self.0.lock().expect("no panic before").clone()
    }

    pub(super) fn sorted(&self) -> Vec<String> {
        let mut uris = self.uris();
        uris.sort();
        uris
    }
}

/// A cluster whose answers, status and body, come from `answer`. The namespace
/// of its context is `shop`.
pub(super) fn cluster<F>(answer: F) -> (Cluster, Asked)
where
    F: Fn(&str) -> (u16, String) + Send + Sync + 'static,
{
    let asked = Asked::default();
    let log = asked.clone();
    let service = service_fn(move |request: Request<Body>| {
        let uri = request.uri().to_string();
        let (status, body) = answer(&uri);
        log.0.lock().expect("no panic before").push(uri);
        let response = Response::builder()
            .status(status)
            .body(Body::from(body.into_bytes()))
            .expect("a response");
        async move { Ok::<_, Infallible>(response) }
    });
    let client = kube::Client::new(service, "shop");
    (Cluster::from_client(client, None, "https://h:6443"), asked)
}

/// An error as the API words it.
pub(super) fn status(code: u16, reason: &str, message: &str) -> (u16, String) {
    let body = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure",
        "code": code, "reason": reason, "message": message});
    (code, body.to_string())
}

pub(super) fn forbidden() -> (u16, String) {
    status(
        403,
        "Forbidden",
        "deployments.apps is forbidden: User \"eve\" cannot list",
    )
}

pub(super) fn not_found() -> (u16, String) {
    let message = "the server could not find the requested resource";
    status(404, "NotFound", message)
}

/// A page of a list; an empty token ends it.
pub(super) fn page(items: Value, token: &str) -> (u16, String) {
    let body = json!({"kind": "List", "metadata": {"continue": token}, "items": items});
    (200, body.to_string())
}

/// A Deployment-like item of a list, without the `kind` that items lack.
pub(super) fn item(name: &str) -> Value {
    json!({"metadata": {"name": name, "namespace": "shop"},
        "spec": {"selector": {"matchLabels": {"app": name}},
            "template": {"spec": {"containers": [{"name": "app", "image": "org/app:1"}]}}}})
}
