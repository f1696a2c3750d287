//! Flux's ImagePolicy objects in a cluster.
#![cfg(unix)]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::kubeconfig::kubeconfig;
use super::text;
use crate::support::api_server::{ApiServer, Head};
use crate::support::program::{Outcome, TestEnvironment};
use crate::support::registry::{Access, TestRegistry};

/// Which objects the cluster has.
struct Flux {
    policies: Vec<Value>,
    repositories: Vec<Value>,
    /// Whether this user may list them.
    is_readable: bool,
}

fn object(name: &str, spec: &Value) -> Value {
    json!({"metadata": {"name": name, "namespace": "flux-system"}, "spec": spec,
        "status": {"latestRef": {"name": "other", "tag": "1.0.0"}}})
}

fn policy(name: &str) -> Value {
    object(
        name,
        &json!({"imageRepositoryRef": {"name": "app"}, "policy": {"semver": {"range": "1.x"}}}),
    )
}

/// Answers like a cluster with the Deployment `web` in the namespace `shop`, which runs
/// this image.
fn answer(head: &Head, image: &str, flux: &Flux, secret: &str) -> (u16, String) {
    let line = head.line();
    let path = line.trim_start_matches("GET ");
    let path = path.split('?').next().unwrap_or_default();
    let group = "image.toolkit.fluxcd.io";
    let list = |items: &Value| (200, json!({"kind": "List", "items": items}).to_string());
    let refused = |code: u16, reason: &str| {
        let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure",
            "code": code, "reason": reason, "message": reason});
        (code, status.to_string())
    };
    match path {
        "/apis/apps/v1/namespaces/shop/deployments" => list(&json!([{
            "metadata": {"name": "web", "namespace": "shop"},
            "spec": {"template": {"spec": {"containers": [{"name": "app", "image": image}]}}},
        }])),
        "/apis/image.toolkit.fluxcd.io" => {
            let versions = json!([{"groupVersion": format!("{group}/v1")}]);
            let body = json!({"kind": "APIGroup", "versions": versions});
            (200, body.to_string())
        }
        "/apis/image.toolkit.fluxcd.io/v1" => {
            let kinds = json!([{"name": "imagepolicies", "namespaced": true}]);
            let body = json!({"kind": "APIResourceList", "resources": kinds});
            (200, body.to_string())
        }
        path if path.starts_with("/apis/image") && !flux.is_readable => refused(403, "Forbidden"),
        "/apis/image.toolkit.fluxcd.io/v1/imagepolicies" => list(&json!(flux.policies)),
        "/apis/image.toolkit.fluxcd.io/v1/imagerepositories" => list(&json!(flux.repositories)),
        "/api/v1/namespaces/flux-system/secrets/pull" => (200, secret.to_owned()),
        path if path.starts_with("/apis/helm") || path.starts_with("/apis/flux") => {
            refused(404, "NotFound")
        }
        _ => list(&json!([])),
    }
}

/// Runs the program in a cluster whose Deployment runs org/app:1.0.0 of the registry.
fn run(registry: &TestRegistry, flux: Flux, words: &[&str]) -> Outcome {
    let image = registry.image("org/app:1.0.0");
    let config = json!({"auths": {registry.host(): {"username": "robot", "password": "pass"}}});
    let secret = json!({"kind": "Secret", "apiVersion": "v1",
        "type": "kubernetes.io/dockerconfigjson",
        "data": {".dockerconfigjson": STANDARD.encode(config.to_string())}});
    let secret = secret.to_string();
    let server = ApiServer::plain(move |head| answer(head, &image, &flux, &secret));
    let environment = TestEnvironment::new();
    let cluster = json!({"server": format!("http://{}", server.address())});
    environment.write("config", kubeconfig(&cluster, &json!({})));
    let more = ["--kubeconfig", "config", "-n", "shop"];
    environment.run(words.iter().chain(&more))
}

fn flux(registry: &TestRegistry, policies: &[&str], is_readable: bool) -> Flux {
    let spec = json!({"image": registry.image("org/app"), "secretRef": {"name": "pull"}});
    Flux {
        policies: policies.iter().map(|name| policy(name)).collect(),
        repositories: vec![object("app", &spec)],
        is_readable,
    }
}

#[test]
fn container_is_tied_to_the_only_policy_of_its_image_and_read_with_its_secret() {
    let registry = TestRegistry::start();
    registry.tag("org/app", ["1.0.0", "1.1.0", "2.0.0"]);
    registry.require(Access::Basic("robot", "pass"));
    let status = ["status", "-o", "json"];
    let outcome = run(&registry, flux(&registry, &["app"], true), &status).expect(0);
    let json = outcome.json();
    let row = &json["items"][0];
    assert_eq!(text(row, "imagePolicy"), "flux-system/app", "{outcome:#?}");
    assert_eq!(
        text(&row["policy"], "origin"),
        "ImagePolicy flux-system/app, inferred from the image"
    );
    assert_eq!(text(row, "state"), "manual");
    assert_eq!(text(row, "latest"), registry.image("org/app:1.1.0"));
    let policy = &json["imagePolicies"][0];
    assert_eq!(text(&policy["now"], "tag"), "1.1.0");
    assert_eq!(text(&policy["recorded"], "tag"), "1.0.0");
    assert_eq!(policy["sameAsRecorded"], false);
    // An update of the workload is not for this program to plan.
    let update = ["update", "--all", "--include-manual", "--dry-run"];
    let outcome = run(&registry, flux(&registry, &["app"], true), &update).expect(0);
    assert!(outcome.stderr.contains("nothing to update"), "{outcome:#?}");
    // With two policies, it is not known which of them applies.
    let outcome = run(&registry, flux(&registry, &["app", "next"], true), &status).expect(0);
    assert_eq!(outcome.json()["items"][0]["policy"], Value::Null);
}

#[test]
fn policies_that_may_not_be_read_are_a_note() {
    let registry = TestRegistry::start();
    let outcome = run(&registry, flux(&registry, &["app"], false), &["status"]).expect(0);
    assert!(outcome.stdout.contains("deployment/web"), "{outcome:#?}");
    let note = "note: no permission to list imagepolicies.image.toolkit.fluxcd.io";
    assert!(outcome.stderr.contains(note), "{outcome:#?}");
}
