//! `imagePolicies` of a Flux Kustomization in a cluster.
#![cfg(unix)]

use serde_json::{Value, json};

use super::kubeconfig::kubeconfig;
use super::text;
use crate::support::api_server::{ApiServer, Head};
use crate::support::program::{Outcome, TestEnvironment};
use crate::support::registry::TestRegistry;

const GROUP: &str = "kustomize.toolkit.fluxcd.io";

/// A cluster with Deployments of the namespace `shop`, and at most one Kustomization.
struct Fleet {
    workloads: Vec<Value>,
    /// `None`: it may not be read.
    kustomization: Option<Value>,
}

/// A Deployment that the Kustomization `flux-system/apps` applies.
fn applied(name: &str, image: &str, annotations: &Value) -> Value {
    json!({"metadata": {"name": name, "namespace": "shop", "annotations": annotations,
            "labels": {"kustomize.toolkit.fluxcd.io/name": "apps",
                "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}},
        "spec": {"template": {"spec": {"containers": [{"name": "app", "image": image}]}}}})
}

fn kustomization(annotation: &str, policies: &Value) -> Value {
    json!({"apiVersion": format!("{GROUP}/v1"), "kind": "Kustomization",
        "metadata": {"name": "apps", "namespace": "flux-system",
            "annotations": {"imgpolicy.dev/image-policies": annotation}},
        "spec": {"path": "./apps", "imagePolicies": policies}})
}

/// An entry for an image.
fn entry(name: &str, image: &str, range: &str) -> Value {
    json!({"name": name, "policy": {"semver": {"range": range}}, "oci": {"image": image}})
}

fn answer(head: &Head, fleet: &Fleet) -> (u16, String) {
    let path = head.line().trim_start_matches("GET ");
    let path = path.split(['?', ' ']).next().unwrap_or_default();
    let refused = |code: u16, reason: &str, message: &str| {
        let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure",
            "code": code, "reason": reason, "message": message});
        (code, status.to_string())
    };
    let version = format!("/apis/{GROUP}/v1");
    match path.strip_prefix(&version) {
        Some("") => {
            let kinds = json!([{"name": "kustomizations", "namespaced": true}]);
            let body = json!({"kind": "APIResourceList", "resources": kinds});
            return (200, body.to_string());
        }
        Some("/namespaces/flux-system/kustomizations/apps") => {
            return match &fleet.kustomization {
                Some(object) => (200, object.to_string()),
                None => refused(403, "Forbidden", "kustomizations is forbidden"),
            };
        }
        _ => {}
    }
    match path {
        "/apis/kustomize.toolkit.fluxcd.io" => {
            let versions = json!([{"groupVersion": format!("{GROUP}/v1")}]);
            let body = json!({"kind": "APIGroup", "versions": versions});
            (200, body.to_string())
        }
        "/apis/apps/v1/namespaces/shop/deployments" => {
            let body = json!({"kind": "List", "items": fleet.workloads});
            (200, body.to_string())
        }
        path if ["/apis/helm", "/apis/image", "/apis/flux", "/apis/kustomize"]
            .iter()
            .any(|absent| path.starts_with(absent)) =>
        {
            refused(404, "NotFound", "not found")
        }
        _ => (200, json!({"kind": "List", "items": []}).to_string()),
    }
}

fn status(fleet: Fleet) -> Outcome {
    let server = ApiServer::plain(move |head| answer(head, &fleet));
    let environment = TestEnvironment::new();
    let cluster = json!({"server": format!("http://{}", server.address())});
    environment.write("config", kubeconfig(&cluster, &json!({})));
    let words = [
        "status",
        "-o",
        "json",
        "--kubeconfig",
        "config",
        "-n",
        "shop",
    ];
    environment.run(words)
}

fn row(json: &Value, name: &str) -> Value {
    let items = json["items"].as_array().expect("items");
    let found = items.iter().find(|item| item["workload"]["name"] == name);
    found.expect("a row").clone()
}

#[test]
fn entries_of_the_annotation_and_of_the_spec_elect_for_images_of_their_kustomization() {
    let registry = TestRegistry::start();
    registry.tag("org/app", ["1.0.0", "1.1.0", "2.0.0"]);
    registry.tag("org/api", ["1.0.0", "1.2.0", "2.0.0"]);
    let annotation = json!([entry("app", &registry.image("org/app"), "1.x")]).to_string();
    let spec = json!([entry("api", &registry.image("org/api"), "<1.2.0")]);
    let app = registry.image("org/app:1.0.0");
    let mut other = applied("other", &app, &json!({}));
    other["metadata"]["labels"]["kustomize.toolkit.fluxcd.io/name"] = json!("gone");
    let outcome = status(Fleet {
        workloads: vec![
            applied("app", &app, &json!({})),
            applied("api", &registry.image("org/api:1.0.0"), &json!({})),
            other,
        ],
        kustomization: Some(kustomization(&annotation, &spec)),
    });
    let json = outcome.expect(0).json();
    let app = row(&json, "app");
    assert_eq!(text(&app, "state"), "automated", "{app:#}");
    assert_eq!(text(&app, "latest"), registry.image("org/app:1.1.0"));
    assert_eq!(
        text(&app["policy"], "origin"),
        "imagePolicies entry app of Kustomization flux-system/apps"
    );
    let api = row(&json, "api");
    assert_eq!(text(&api, "reason"), "up-to-date", "{api:#}");
    assert_eq!(text(&api["policy"], "filter"), "semver:<1.2.0");
    assert_eq!(row(&json, "other")["policy"], Value::Null);
}

#[test]
fn annotation_of_the_workload_takes_precedence_over_the_entry() {
    let registry = TestRegistry::start();
    registry.tag("org/app", ["1.0.0", "1.1.0", "2.0.0"]);
    let annotation = json!([entry("app", &registry.image("org/app"), "1.x")]).to_string();
    let own = json!({"fluxcd.io/automated": "true", "fluxcd.io/tag.app": "semver:2.x"});
    let outcome = status(Fleet {
        workloads: vec![applied("app", &registry.image("org/app:1.0.0"), &own)],
        kustomization: Some(kustomization(&annotation, &Value::Null)),
    });
    let row = row(&outcome.expect(0).json(), "app");
    assert_eq!(
        text(&row, "latest"),
        registry.image("org/app:2.0.0"),
        "{row:#}"
    );
    assert_eq!(row["warnings"][0]["code"], "policy-conflict", "{row:#}");
}

#[test]
fn invalid_entry_names_the_policy_the_field_and_the_kustomization() {
    let registry = TestRegistry::start();
    registry.tag("org/app", ["1.0.0"]);
    let mut entry = entry("app", &registry.image("org/app"), "1.x");
    entry["alowTags"] = json!(["x"]);
    let annotation = json!([entry]).to_string();
    let outcome = status(Fleet {
        workloads: vec![applied("app", &registry.image("org/app:1.0.0"), &json!({}))],
        kustomization: Some(kustomization(&annotation, &Value::Null)),
    });
    let row = row(&outcome.json(), "app");
    assert_eq!(text(&row, "reason"), "invalid-policy", "{row:#}");
    for word in ["app", "alowTags", "Kustomization flux-system/apps"] {
        assert!(text(&row, "message").contains(word), "{row:#}");
    }
}

#[test]
fn kustomization_that_may_not_be_read_is_a_note_with_the_missing_permission() {
    let outcome = status(Fleet {
        workloads: vec![applied("app", "reg.example/app:1.0.0", &json!({}))],
        kustomization: None,
    });
    let hint = "kubectl auth can-i get kustomizations.kustomize.toolkit.fluxcd.io -n flux-system";
    assert!(outcome.expect(0).stderr.contains(hint));
}
