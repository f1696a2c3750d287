//! Flux's ImagePolicy objects in a cluster.
#![cfg(unix)]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::kubeconfig::kubeconfig;
use super::text;
use crate::support::api_server::{ApiServer, Head};
use crate::support::program::{Outcome, TestEnvironment};
use crate::support::registry::tls::Authority;
use crate::support::registry::{Access, TestRegistry};

/// Which objects the cluster has.
struct Flux {
    policies: Vec<Value>,
    repositories: Vec<Value>,
    /// Whether this user may list them.
    is_readable: bool,
    /// Secrets in flux-system: the name, and the type and the data, or why they may not be read.
    secrets: Vec<(&'static str, Result<Value, u16>)>,
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

const SECRETS: &str = "/api/v1/namespaces/flux-system/secrets/";

fn secret(kind: &str, data: &[(&str, &str)]) -> Result<Value, u16> {
    let data = data
        .iter()
        .map(|(key, text)| ((*key).to_owned(), STANDARD.encode(text).into()));
    let data: serde_json::Map<String, Value> = data.collect();
    Ok(json!({"kind": "Secret", "apiVersion": "v1", "type": kind, "data": data}))
}

/// Answers like a cluster with the Deployment `web` in the namespace `shop`, which runs
/// this image.
fn answer(head: &Head, image: &str, flux: &Flux) -> (u16, String) {
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
        path if path.starts_with(SECRETS) => {
            let mut secrets = flux.secrets.iter();
            let found = secrets.find(|(name, _)| path == format!("{SECRETS}{name}"));
            match found {
                Some((_, Ok(secret))) => (200, secret.to_string()),
                Some((_, Err(code))) => refused(*code, "Forbidden"),
                None => refused(404, "NotFound"),
            }
        }
        path if path.starts_with("/apis/helm") || path.starts_with("/apis/flux") => {
            refused(404, "NotFound")
        }
        _ => list(&json!([])),
    }
}

/// Runs the program in a cluster whose Deployment runs org/app:1.0.0 of the registry.
fn run(registry: &TestRegistry, flux: Flux, words: &[&str]) -> Outcome {
    let image = registry.image("org/app:1.0.0");
    let server = ApiServer::plain(move |head| answer(head, &image, &flux));
    let environment = TestEnvironment::new();
    let cluster = json!({"server": format!("http://{}", server.address())});
    environment.write("config", kubeconfig(&cluster, &json!({})));
    let more = ["--kubeconfig", "config", "-n", "shop"];
    environment.run(words.iter().chain(&more))
}

fn flux(registry: &TestRegistry, policies: &[&str], is_readable: bool) -> Flux {
    let spec = json!({"image": registry.image("org/app"), "secretRef": {"name": "pull"}});
    let config = json!({"auths": {registry.host(): {"username": "robot", "password": "pass"}}});
    let pull = secret(
        "kubernetes.io/dockerconfigjson",
        &[(".dockerconfigjson", &config.to_string())],
    );
    Flux {
        policies: policies.iter().map(|name| policy(name)).collect(),
        repositories: vec![object("app", &spec)],
        is_readable,
        secrets: vec![("pull", pull)],
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

#[test]
fn certificates_are_read_from_the_secret_and_a_refusal_makes_the_policy_unknown() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let certificate = authority.certify("127.0.0.1").requiring(&clients);
    let registry = TestRegistry::start_tls(&certificate);
    registry.tag("org/app", ["1.0.0", "1.1.0"]);
    registry.require(Access::Basic("robot", "pass"));
    let (own, key) = clients.certify("flux").pem();
    let ca = authority.pem();
    let tls = |data: &[(&str, &str)]| secret("kubernetes.io/tls", data);
    let all = [
        ("ca.crt", ca.as_str()),
        ("tls.crt", &own),
        ("tls.key", &key),
    ];
    for (found, expected) in [
        (tls(&all), Ok("1.1.0")),
        (
            Err(403),
            Err(
                "certSecretRef flux-system/ca: no permission to read it (check with: kubectl \
                 auth can-i get secrets/ca -n flux-system)",
            ),
        ),
        (
            Err(404),
            Err("certSecretRef flux-system/ca: it does not exist"),
        ),
        (
            tls(&all[..2]),
            Err("certSecretRef flux-system/ca: it has tls.crt but no tls.key"),
        ),
        (
            tls(&[("ca.crt", "hunter2")]),
            Err("certSecretRef flux-system/ca: its certificate authority is not a certificate"),
        ),
        // Without a client certificate, the registry does not answer.
        (tls(&all[..1]), Err("org/app")),
    ] {
        let mut flux = flux(&registry, &["app"], true);
        flux.repositories[0]["spec"]["certSecretRef"] = json!({"name": "ca"});
        flux.secrets.push(("ca", found));
        let outcome = run(&registry, flux, &["status", "-o", "json", "-v=9"]);
        let row = outcome.json()["imagePolicies"][0].clone();
        match expected {
            Ok(tag) => assert_eq!(text(&row["now"], "tag"), tag, "{outcome:#?}"),
            Err(message) => {
                assert!(row["now"].is_null(), "{outcome:#?}");
                assert!(text(&row, "message").contains(message), "{message}: {row}");
            }
        }
        for private in ["hunter2", "PRIVATE KEY", &key[60..90]] {
            assert!(!outcome.stdout.contains(private), "{outcome:#?}");
            assert!(!outcome.stderr.contains(private), "{outcome:#?}");
        }
    }
}

#[test]
fn images_name_the_policies_that_elect_from_their_repository() {
    let registry = TestRegistry::start();
    let words = ["images", "-o", "json"];
    let two = flux(&registry, &["app", "next"], true);
    let outcome = run(&registry, two, &words).expect(0);
    let item = outcome.json()["items"][0].clone();
    assert_eq!(
        item["imagePolicies"],
        json!(["flux-system/app", "flux-system/next"]),
        "{item}"
    );
    let table = run(&registry, flux(&registry, &["app"], true), &["images"]).expect(0);
    let lines: Vec<&str> = table.stdout.lines().collect();
    assert!(lines[0].ends_with("IMAGE POLICY"), "{table:#?}");
    assert!(lines[1].ends_with("flux-system/app"), "{table:#?}");
    // Nothing is elected for this list.
    assert_eq!(registry.paths(), [""; 0]);
    // Another repository has none.
    let mut other = flux(&registry, &["app"], true);
    other.repositories[0]["spec"]["image"] = json!("other.example/app");
    let table = run(&registry, other, &["images"]).expect(0);
    assert!(!table.stdout.contains("IMAGE POLICY"), "{table:#?}");
    let refused = run(&registry, flux(&registry, &["app"], false), &["images"]).expect(0);
    let note = "note: no permission to list imagepolicies.image.toolkit.fluxcd.io";
    assert!(refused.stderr.contains(note), "{refused:#?}");
}
