//! `status` names the controllers that work on the workloads.
#![cfg(unix)]

use serde_json::{Value, json};

use super::kubeconfig::kubeconfig;
use super::text;
use crate::support::api_server::{ApiServer, Head};
use crate::support::program::{Outcome, TestEnvironment};

const LEASES: &str = "/apis/coordination.k8s.io/v1/leases?";

/// A Lease of a controller in the namespace `imgpolicy`.
fn lease(governs: &str, renewed: &str) -> Value {
    json!({"metadata": {"name": "imgpolicy-controller", "namespace": "imgpolicy",
            "annotations": {"imgpolicy.dev/namespaces": governs}},
        "spec": {"holderIdentity": "pod-1_a", "leaseDurationSeconds": 15, "renewTime": renewed}})
}

fn list(items: &Value) -> (u16, String) {
    let list = json!({"kind": "List", "apiVersion": "v1", "metadata": {}, "items": items});
    (200, list.to_string())
}

fn answer(head: &Head, leases: &Result<Value, u16>) -> (u16, String) {
    let refused = |code: u16| {
        let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure",
            "code": code, "reason": "Forbidden", "message": "no"});
        (code, status.to_string())
    };
    let path = head.line().trim_start_matches("GET ");
    if path.contains("/leases") {
        return match leases {
            Ok(leases) => list(leases),
            Err(code) => refused(*code),
        };
    }
    let path = path.split('?').next().unwrap_or_default();
    let web = json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"template": {"spec": {"containers": [{"name": "app", "image": "app:1"}]}}}});
    match path {
        "/apis/apps/v1/namespaces/shop/deployments" | "/apis/apps/v1/deployments" => {
            list(&json!([web]))
        }
        "/apis/apps/v1/namespaces/shop/deployments/web" => (200, web.to_string()),
        path if path.starts_with("/apis/helm")
            || path.starts_with("/apis/flux")
            || path.starts_with("/apis/image") =>
        {
            refused(404)
        }
        _ => list(&json!([])),
    }
}

/// Runs the program in a cluster with these Leases. Returns the requests for Leases too.
fn run(leases: Result<Value, u16>, words: &[&str]) -> (Outcome, Vec<String>) {
    let server = ApiServer::plain(move |head| answer(head, &leases));
    let environment = TestEnvironment::new();
    let cluster = json!({"server": format!("http://{}", server.address())});
    environment.write("config", kubeconfig(&cluster, &json!({})));
    environment.write(
        "web.yaml",
        super::deployment("web", &[], &[("app", "app:1")]),
    );
    let outcome = environment.run(words.iter().chain(&["--kubeconfig", "config"]));
    let asked = server.take_heads().into_iter();
    let asked = asked.map(|head| head.line().to_owned());
    let asked = asked.filter(|line| line.contains("/leases"));
    (outcome.expect(0), asked.collect())
}

fn lines(outcome: &Outcome) -> Vec<&str> {
    let lines = outcome.stderr.lines();
    lines.filter(|line| line.contains("controller")).collect()
}

#[test]
fn controllers_that_work_on_the_namespace_are_named_with_one_request() {
    let leases = json!([
        lease("bank,shop", "2026-01-01T00:00:00Z"),
        lease("bank", "2026-01-01T00:00:00Z"),
        lease("*", "9000-01-01T00:00:00Z"),
    ]);
    let (outcome, asked) = run(Ok(leases.clone()), &["status", "-n", "shop"]);
    let found = lines(&outcome);
    assert_eq!(found.len(), 2, "{outcome:#?}");
    let start = "controller: leader pod-1_a in namespace imgpolicy, last seen ";
    assert!(found.iter().all(|line| line.starts_with(start)));
    assert!(found[0].ends_with(" ago; it does not renew its Lease"));
    assert!(found[1].ends_with("last seen 0s ago"));
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert!(asked[0].starts_with(&format!("GET {LEASES}")), "{asked:?}");

    let (outcome, _) = run(Ok(leases), &["status", "-A", "-o", "json"]);
    let json = outcome.json();
    let all = json["controllers"].as_array().expect("a list");
    assert_eq!(all.len(), 3);
    assert_eq!(text(&all[0], "leader"), "pod-1_a");
    assert_eq!(text(&all[0], "namespace"), "imgpolicy");
    assert_eq!(text(&all[0], "renewed"), "2026-01-01T00:00:00Z");
    assert_eq!(
        (&all[0]["expired"], &all[2]["expired"]),
        (&json!(true), &json!(false))
    );
}

#[test]
fn without_the_right_or_a_lease_nothing_is_said() {
    for leases in [Err(403), Err(404), Ok(json!([]))] {
        let (outcome, asked) = run(leases.clone(), &["status", "-n", "shop"]);
        assert_eq!(lines(&outcome), [""; 0], "{leases:?}");
        assert!(outcome.stdout.contains("deployment/web"), "{outcome:#?}");
        assert_eq!(asked.len(), 1, "{asked:?}");
        let (outcome, _) = run(leases, &["status", "-n", "shop", "-o", "json"]);
        assert_eq!(outcome.json()["controllers"], Value::Null);
    }
}

#[test]
fn only_status_of_a_cluster_asks_for_controllers() {
    for words in [
        &["status", "-f", "web.yaml"][..],
        &["explain", "deployment/web", "-n", "shop"],
        &["update", "--all", "--dry-run", "-n", "shop"],
        &["images", "-n", "shop"],
    ] {
        let leases = json!([lease("*", "2026-01-01T00:00:00Z")]);
        let (outcome, asked) = run(Ok(leases), words);
        assert_eq!(asked, [""; 0], "{words:?}");
        assert_eq!(lines(&outcome), [""; 0], "{words:?}");
    }
}
