//! ImageRepository objects in files that set certificates, a proxy, plain HTTP or a provider.

use super::elected_now::{SEMVER, marked, policy};
use super::text;
use crate::support::program::{Outcome, TestEnvironment};
use crate::support::registry::proxy::TestProxy;
use crate::support::registry::tls::Authority;
use crate::support::registry::{Access, TestRegistry};

/// A TLS registry with org/app up to 1.10.0, and its authority.
fn registry() -> (TestRegistry, Authority) {
    let authority = Authority::new();
    let registry = TestRegistry::start_tls(&authority.certify("127.0.0.1"));
    registry.tag("org/app", ["1.9.0", "1.10.0"]);
    (registry, authority)
}

/// A Secret in flux-system with these texts.
fn secret(name: &str, texts: &[(&str, &str)]) -> String {
    let mut secret = format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: {name}\n  namespace: flux-system\n\
         stringData:\n"
    );
    for (key, text) in texts {
        let lines = text.trim_end().replace('\n', "\n    ");
        secret.push_str(&format!("  {key}: |-\n    {lines}\n"));
    }
    secret + "---\n"
}

/// `status` of a marked value and these objects of Flux.
fn status(environment: &TestEnvironment, objects: &str, more: &[&str]) -> Outcome {
    let marker = format!("tag: {}\n", marked("1.9.0", "app:tag"));
    environment.write("apps/web.yaml", marker);
    environment.write("flux.yaml", objects);
    let words = ["status", "-f", "apps", "-f", "flux.yaml", "-o", "json"];
    environment.run(words.iter().chain(more))
}

#[track_caller]
fn elected(outcome: &Outcome) -> String {
    let json = outcome.json();
    let row = &json["imagePolicies"][0];
    assert!(row["now"].is_object(), "{outcome:#?}");
    text(&row["now"], "tag").to_owned()
}

#[track_caller]
fn refusal(outcome: &Outcome) -> String {
    let json = outcome.json();
    let row = &json["imagePolicies"][0];
    assert!(row["now"].is_null(), "{outcome:#?}");
    format!("{}: {}", text(row, "reason"), text(row, "message"))
}

#[test]
fn authority_in_a_secret_is_trusted_for_this_repository_only() {
    let (registry, authority) = registry();
    let environment = TestEnvironment::new();
    let own = policy(&registry, "app", SEMVER, "  certSecretRef: {name: ca}\n");
    let ca = secret("ca", &[("ca.crt", &authority.pem())]);
    let outcome = status(&environment, &format!("{own}{ca}"), &[]);
    assert_eq!(elected(&outcome), "1.10.0");

    // Another policy of the same repository without the Secret is not decided with it.
    let other = own
        .replace("name: app", "name: other")
        .replace("  certSecretRef: {name: ca}\n", "");
    let outcome = status(&environment, &format!("{own}{other}{ca}"), &[]);
    let json = outcome.json();
    let rows = json["imagePolicies"].as_array().expect("rows");
    assert_eq!(text(&rows[0]["now"], "tag"), "1.10.0", "{outcome:#?}");
    assert!(rows[1]["now"].is_null(), "{outcome:#?}");
    let message = text(&rows[1], "message");
    assert!(message.contains("cannot be trusted"), "{message}");

    // Neither is a container that runs the image.
    let web = super::automated("semver:*", &registry.image("org/app:1.9.0"));
    environment.write("web.yaml", web);
    let json = environment
        .run(["status", "-f", "web.yaml", "-f", "flux.yaml", "-o", "json"])
        .json();
    assert_eq!(text(&json["items"][0], "outcome"), "unknown", "{json}");
}

#[test]
fn secret_that_is_missing_or_switched_off_is_named() {
    let (registry, authority) = registry();
    let environment = TestEnvironment::new();
    let own = policy(&registry, "app", SEMVER, "  certSecretRef: {name: ca}\n");
    let message = refusal(&status(&environment, &own, &[]));
    let expected = "certSecretRef flux-system/ca: it is not among the files";
    assert!(message.contains(expected), "{message}");
    let encrypted = secret("ca", &[("ca.crt", "ENC[AES256_GCM,data:x]")]);
    let message = refusal(&status(&environment, &format!("{own}{encrypted}"), &[]));
    assert!(message.contains("SOPS has encrypted it"), "{message}");
    let ca = secret("ca", &[("ca.crt", &authority.pem())]);
    let off = ["--pull-secrets=off"];
    let message = refusal(&status(&environment, &format!("{own}{ca}"), &off));
    let expected = "with --pull-secrets=off, certSecretRef ca of its ImageRepository is not used";
    assert!(message.contains(expected), "{message}");
    assert_eq!(registry.paths(), [""; 0]);
}

#[test]
fn proxy_in_a_secret_is_used_with_its_login_and_never_with_the_credentials_of_the_user() {
    let (registry, authority) = registry();
    let proxy = TestProxy::to(&registry);
    let environment = TestEnvironment::new();
    let repository = "  certSecretRef: {name: ca}\n  proxySecretRef: {name: way}\n";
    let objects = policy(&registry, "app", SEMVER, repository)
        + &secret("ca", &[("ca.crt", &authority.pem())])
        + &secret(
            "way",
            &[
                ("address", &format!("http://{}", proxy.host())),
                ("username", "me"),
                ("password", "hunter2"),
            ],
        );
    let outcome = status(&environment, &objects, &["-v=9"]);
    assert_eq!(elected(&outcome), "1.10.0");
    let heads = proxy.heads().concat();
    // me:hunter2
    assert!(heads.contains("Basic bWU6aHVudGVyMg=="), "{heads}");
    for private in ["hunter2", "bWU6aHVudGVyMg"] {
        assert!(!outcome.stderr.contains(private), "{outcome:#?}");
    }
    // The user could read the repository, but the proxy belongs to somebody else.
    registry.require(Access::Basic("robot", "pass"));
    let login = serde_json::json!({"auths": {registry.host(): {"username": "robot",
        "password": "pass"}}});
    environment.write(".docker/config.json", login.to_string());
    registry.forget();
    let message = refusal(&status(&environment, &objects, &[]));
    assert!(message.contains("unauthorized"), "{message}");
    let requests = registry.requests();
    assert!(requests.iter().all(|one| one.authorization.is_none()));
}

#[test]
fn provider_is_replaced_by_the_credentials_of_the_user_and_a_note_says_so() {
    let registry = TestRegistry::start();
    registry.tag("org/app", ["1.9.0", "1.10.0"]);
    registry.require(Access::Basic("robot", "pass"));
    let environment = TestEnvironment::new();
    let login = serde_json::json!({"auths": {registry.host(): {"username": "robot",
        "password": "pass"}}});
    environment.write(".docker/config.json", login.to_string());
    let objects = policy(&registry, "app", SEMVER, "  provider: aws\n");
    let outcome = status(&environment, &objects, &[]);
    assert_eq!(elected(&outcome), "1.10.0");
    let note = "note: ImageRepository flux-system/app: the login of the provider aws is not used; \
                your own credentials for the registry are";
    assert!(outcome.stderr.contains(note), "{outcome:#?}");
    // Not over plain HTTP that the object allows.
    let objects = policy(
        &registry,
        "app",
        SEMVER,
        "  provider: aws\n  insecure: true\n",
    );
    let outcome = status(&environment, &objects, &[]);
    assert!(refusal(&outcome).contains("unauthorized"), "{outcome:#?}");
    let note = "your own credentials are not sent with its insecure: true";
    assert!(outcome.stderr.contains(note), "{outcome:#?}");
}
