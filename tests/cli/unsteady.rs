//! API servers that are overloaded, lose connections, or are not API servers at all.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::kubeconfig::kubeconfig;
use crate::support::api_server::{Answer, ApiServer, Cut, Head};
use crate::support::program::{Outcome, TestEnvironment};

const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/shop/deployments?&limit=500";

fn list(items: Value, token: &str) -> (u16, String) {
    let body = json!({"kind": "List", "metadata": {"continue": token}, "items": items});
    (200, body.to_string())
}

fn deployment(name: &str) -> Value {
    json!({"metadata": {"name": name, "namespace": "shop"},
        "spec": {"template": {"spec": {"containers": [{"name": "app", "image": "org/app:1"}]}}}})
}

/// A namespace with one Deployment.
fn shop(head: &Head) -> (u16, String) {
    match path(head) {
        DEPLOYMENTS => list(json!([deployment("web")]), ""),
        path if path.starts_with("/apis/helm") || path.starts_with("/apis/flux") => {
            let message = "the server could not find the requested resource";
            failed(404, "NotFound", message)
        }
        _ => list(json!([]), ""),
    }
}

fn path(head: &Head) -> &str {
    head.line().trim_start_matches("GET ")
}

fn failed(code: u16, reason: &str, message: &str) -> (u16, String) {
    let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure",
        "code": code, "reason": reason, "message": message});
    (code, status.to_string())
}

/// Runs `status` against a server that answers in this way.
fn status_with<A: Into<Answer>>(answer: impl Fn(&Head) -> A + Send + Sync + 'static) -> Outcome {
    let server = ApiServer::plain(answer);
    let environment = TestEnvironment::new();
    let cluster = json!({"server": format!("http://{}", server.address())});
    environment.write("config", kubeconfig(&cluster, &json!({})));
    environment.run(["status", "--kubeconfig", "config", "-n", "shop"])
}

/// How often each path was requested.
#[derive(Default)]
struct Counter(Mutex<BTreeMap<String, usize>>);

impl Counter {
    fn next(&self, head: &Head) -> usize {
        let mut counts = self.0.lock().expect("no panic before");
        let count = counts.entry(path(head).to_owned()).or_default();
        *count += 1;
        *count
    }
}

const ROW: &str = "deployment/web";

#[test]
fn overloaded_server_gets_the_time_that_it_requests() {
    for (code, reason) in [
        (429, "TooManyRequests"),
        (500, "ServerTimeout"),
        (503, "ServiceUnavailable"),
    ] {
        let counter = Counter::default();
        let started = Instant::now();
        let outcome = status_with(move |head| match counter.next(head) {
            // More often than a server that says nothing is asked again.
            1..=5 => Answer::from(failed(code, reason, "busy")).retry_after(0),
            6 => Answer::from(failed(code, reason, "busy")).retry_after(1),
            _ => shop(head).into(),
        })
        .expect(0);
        assert!(outcome.stdout.contains(ROW), "{outcome:#?}");
        assert!(started.elapsed() >= Duration::from_secs(1));
    }
}

#[test]
fn read_is_repeated_after_the_connection_broke() {
    for cut in [Cut::Reset, Cut::Closed, Cut::Truncated] {
        let counter = Counter::default();
        let outcome = status_with(move |head| match counter.next(head) {
            1 | 2 => Answer::from(shop(head)).cut(cut),
            _ => shop(head).into(),
        })
        .expect(0);
        assert!(outcome.stdout.contains(ROW), "{cut:?} {outcome:#?}");
    }
}

#[test]
fn answer_that_is_not_a_list_is_an_error_and_no_empty_list() {
    for (body, line) in [
        (
            json!({"message": "no route matched"}),
            "error: the server's response to GET /apis/apps/v1/namespaces/shop/deployments cannot \
             be read: it is not a list: no route matched",
        ),
        (
            json!({"kind": "Status", "status": "Failure", "code": 403, "reason": "Forbidden",
                "message": "deployments.apps is forbidden: User \"eve\" cannot list"}),
            "Error from server (Forbidden): deployments.apps is forbidden: User \"eve\" cannot list",
        ),
        (
            json!({}),
            "error: the server's response to GET /apis/apps/v1/namespaces/shop/deployments cannot \
             be read: it is not a list",
        ),
    ] {
        let body = body.to_string();
        let all = body.clone();
        let outcome = status_with(move |_| (200, all.clone())).expect(1);
        assert!(outcome.stderr.lines().any(|l| l == line), "{outcome:#?}");
        assert!(!outcome.stderr.contains("No resources"), "{outcome:#?}");
        let second = body.clone();
        let outcome = status_with(move |head| match path(head) {
            DEPLOYMENTS => list(json!([deployment("web")]), "2"),
            path if path.contains("/deployments?") => (200, second.clone()),
            _ => shop(head),
        })
        .expect(1);
        assert!(outcome.stderr.lines().any(|l| l == line), "{outcome:#?}");
    }
}

#[test]
fn page_in_html_is_reported_in_one_line() {
    for code in [200, 403, 404, 502] {
        let page = "<!DOCTYPE html>\n<html>\n<h1>Log in</h1>\n</html>";
        let outcome = status_with(move |_| (code, page.to_owned())).expect(1);
        let lines: Vec<&str> = outcome.stderr.lines().collect();
        let [line] = lines[..] else {
            panic!("{outcome:#?}");
        };
        let says = "Unable to connect to the server: something answered in HTML";
        assert!(line.starts_with(says), "{line}");
        assert!(line.contains(&format!("HTTP {code}")), "{line}");
    }
}

#[test]
fn kinds_that_cannot_be_looked_up_are_an_error() {
    let outcome = status_with(|head| match path(head) {
        path if path.starts_with("/apis/helm") => (200, json!({"message": "gone"}).to_string()),
        _ => shop(head),
    })
    .expect(1);
    assert!(outcome.stdout.contains(ROW), "{outcome:#?}");
    let says = "GET /apis/helm.toolkit.fluxcd.io cannot be read: it is not of kind APIGroup: gone";
    assert!(outcome.stderr.contains(says), "{outcome:#?}");
}
