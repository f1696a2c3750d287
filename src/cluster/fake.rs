//! A fake API server for tests: a function from a request to a response, and a log of the
//! requests.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use http::header::CONTENT_TYPE;
use http::{Request, Response};
use kube::client::Body;
use serde_json::{Value, json};
use tower::service_fn;

use super::connect::connection::Cluster;
use super::{Scope, Selection, WorkloadSelector};

/// One received request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sent {
    pub(crate) method: String,
    pub(crate) uri: String,
    /// Empty if none was given.
    pub(crate) content_type: String,
    /// Null if there was none.
    pub(crate) body: Value,
}

impl Sent {
    /// `PATCH /apis/…`, for tests that do not check the body.
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.method, self.uri)
    }
}

/// The requests in the order of arrival, and how many of them were concurrent.
#[derive(Clone, Default)]
pub(crate) struct Asked {
    sent: Arc<Mutex<Vec<Sent>>>,
    under_way: Arc<AtomicUsize>,
    most_at_once: Arc<AtomicUsize>,
}

impl Asked {
    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.sent.lock().expect("no panic before").clone()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.sent().iter().map(Sent::line).collect()
    }

    pub(crate) fn uris(&self) -> Vec<String> {
        self.sent().into_iter().map(|sent| sent.uri).collect()
    }

    pub(crate) fn sorted(&self) -> Vec<String> {
        let mut uris = self.uris();
        uris.sort();
        uris
    }

    pub(crate) fn most_at_once(&self) -> usize {
        self.most_at_once.load(Ordering::Relaxed)
    }
}

/// A cluster whose responses (status and body) come from `answer`, which sees only the
/// URI. The namespace of its context is `shop`.
pub(crate) fn cluster<F>(answer: F) -> (Cluster, Asked)
where
    F: Fn(&str) -> (u16, String) + Send + Sync + 'static,
{
    answering(move |sent| answer(&sent.uri))
}

/// Like [`cluster`], but `answer` sees the whole request.
pub(crate) fn answering<F>(answer: F) -> (Cluster, Asked)
where
    F: Fn(&Sent) -> (u16, String) + Send + Sync + 'static,
{
    let requests = Asked::default();
    let log = requests.clone();
    let answer = Arc::new(answer);
    let service = service_fn(move |request: Request<Body>| {
        let (log, answer) = (log.clone(), Arc::clone(&answer));
        async move {
            let under_way = log.under_way.fetch_add(1, Ordering::Relaxed) + 1;
            log.most_at_once.fetch_max(under_way, Ordering::Relaxed);
            // Lets concurrent requests arrive before this one is answered.
            tokio::task::yield_now().await;
            let sent = read(request).await;
            log.sent.lock().expect("no panic before").push(sent.clone());
            let (status, body) = answer(&sent);
            log.under_way.fetch_sub(1, Ordering::Relaxed);
            let response = Response::builder().status(status);
            let response = response.body(Body::from(body.into_bytes()));
            Ok::<_, Infallible>(response.expect("a response"))
        }
    });
    let client = kube::Client::new(service, "shop");
    (
        Cluster::from_client(client, None, "https://h:6443"),
        requests,
    )
}

async fn read(request: Request<Body>) -> Sent {
    let (head, body) = request.into_parts();
    let content_type = head.headers.get(CONTENT_TYPE);
    let content_type = content_type.map(|value| value.to_str().expect("text").to_owned());
    let body = body.collect_bytes().await.expect("a body");
    Sent {
        method: head.method.to_string(),
        uri: head.uri.to_string(),
        content_type: content_type.unwrap_or_default(),
        body: serde_json::from_slice(&body).unwrap_or_default(),
    }
}

/// An error response of the API.
pub(crate) fn status(code: u16, reason: &str, message: &str) -> (u16, String) {
    let body = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure",
        "code": code, "reason": reason, "message": message});
    (code, body.to_string())
}

/// The line that kubectl prints for an error response.
pub(crate) fn line_of(answer: &(u16, String)) -> String {
    let status: Value = serde_json::from_str(&answer.1).expect("a status");
    let [reason, message] = ["reason", "message"].map(|key| status[key].as_str().unwrap_or(""));
    format!("Error from server ({reason}): {message}")
}

pub(crate) fn forbidden() -> (u16, String) {
    status(
        403,
        "Forbidden",
        "deployments.apps is forbidden: User \"eve\" cannot list",
    )
}

pub(crate) fn not_found() -> (u16, String) {
    let message = "the server could not find the requested resource";
    status(404, "NotFound", message)
}

/// A page of a list; an empty token ends it.
pub(crate) fn page(items: Value, token: &str) -> (u16, String) {
    let body = json!({"kind": "List", "metadata": {"continue": token}, "items": items});
    (200, body.to_string())
}

/// A Deployment-like item of a list, without the `kind` that items lack.
pub(crate) fn item(name: &str) -> Value {
    json!({"metadata": {"name": name, "namespace": "shop"},
        "spec": {"selector": {"matchLabels": {"app": name}},
            "template": {"spec": {"containers": [{"name": "app", "image": "org/app:1"}]}}}})
}

/// The 404 for an object, which names the type that was searched.
pub(crate) fn no_such_object(resource: &str, name: &str) -> (u16, String) {
    let body = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404,
        "reason": "NotFound", "message": format!("{resource} {name:?} not found"),
        "details": {"name": name, "kind": resource}});
    (404, body.to_string())
}

/// A group's versions, the preferred one first.
pub(crate) fn group(versions: &[&str]) -> (u16, String) {
    let versions: Vec<Value> = versions
        .iter()
        .map(|version| json!({"groupVersion": version}))
        .collect();
    let body = json!({"kind": "APIGroup", "preferredVersion": versions[0], "versions": versions});
    (200, body.to_string())
}

/// The namespaced kinds of a version.
pub(crate) fn kinds(plurals: &[&str]) -> (u16, String) {
    let resources: Vec<Value> = plurals
        .iter()
        .flat_map(|plural| {
            let status = format!("{plural}/status");
            [plural.to_string(), status].map(|name| json!({"name": name, "namespaced": true}))
        })
        .collect();
    let body = json!({"kind": "APIResourceList", "resources": resources});
    (200, body.to_string())
}

/// A selection in the namespace shop.
pub(crate) fn shop(selector: WorkloadSelector) -> Selection {
    Selection {
        scope: Scope::Namespace("shop".to_owned()),
        label_selector: None,
        selector,
    }
}
