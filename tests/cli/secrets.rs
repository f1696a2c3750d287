//! Credentials: used for their own registry, shown nowhere.
#![cfg(unix)]

use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use super::{automated, text, with_manifest};
use crate::support::program::{Outcome, TestEnvironment};
use crate::support::registry::{Access, TestRegistry};

const PASSWORD: &str = "hunter2";
/// `me:hunter2` in Base64, without the last letters, which depend on what follows.
const ENCODED: &str = "bWU6aHVudGVyM";

fn guarded(access: Access) -> (TestRegistry, TestEnvironment) {
    let registry = TestRegistry::start();
    registry.tag("org/app", ["1.0.0", "1.0.1"]);
    registry.require(access);
    let environment = with_manifest(&automated("semver:~1.0", &registry.image("org/app:1.0.0")));
    (registry, environment)
}

/// Runs `status` at the highest log level and asserts that no secret is shown.
fn status(environment: &TestEnvironment) -> Outcome {
    let outcome = environment
        .run(["status", "-f", "web.yaml", "-o", "json", "-v=9"])
        .expect(0);
    for stream in [&outcome.stdout, &outcome.stderr] {
        for secret in [PASSWORD, ENCODED, "Bearer", "Basic "] {
            assert!(!stream.contains(secret), "{secret}: {outcome:#?}");
        }
    }
    // The log is not empty.
    assert!(
        outcome.stderr.contains("/v2/org/app/tags/list"),
        "{outcome:#?}"
    );
    outcome
}

fn login(environment: &TestEnvironment, registry: &TestRegistry, password: &str) {
    let config = json!({"auths": {registry.host(): {"username": "me", "password": password}}});
    environment.write(".docker/config.json", config.to_string());
}

#[test]
fn docker_config_in_the_home_directory_is_used() {
    for access in [
        Access::Basic("me", PASSWORD),
        Access::TokenFor("me", PASSWORD),
    ] {
        let (registry, environment) = guarded(access);
        let without = status(&environment).item();
        assert_eq!(text(&without, "reason"), "unauthorized");
        login(&environment, &registry, PASSWORD);
        assert_eq!(text(&status(&environment).item(), "outcome"), "update");
    }
}

#[test]
fn wrong_password_is_reported_without_being_shown() {
    let (registry, environment) = guarded(Access::Basic("me", "right"));
    login(&environment, &registry, PASSWORD);
    let item = status(&environment).item();
    assert_eq!(text(&item, "reason"), "unauthorized");
    assert!(
        text(&item, "message").contains("docker login")
            || text(&item, "message").contains("credential"),
        "{item}"
    );
}

#[test]
fn credential_helper_on_the_path_is_used() {
    let (registry, environment) = guarded(Access::TokenFor("me", PASSWORD));
    let config = json!({"credHelpers": {registry.host(): "test"}});
    environment.write(".docker/config.json", config.to_string());
    let answer = format!(r#"{{"Username":"me","Secret":"{PASSWORD}"}}"#);
    let script =
        format!("#!/bin/sh\nread -r server\necho 'noise {PASSWORD}' >&2\necho '{answer}'\n");
    let path = environment.write("bin/docker-credential-test", script);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("mode");
    assert_eq!(text(&status(&environment).item(), "outcome"), "update");
}

#[test]
fn output_of_a_failing_credential_helper_is_not_quoted() {
    let (registry, environment) = guarded(Access::TokenFor("me", PASSWORD));
    let config = json!({"credHelpers": {registry.host(): "test"}});
    environment.write(".docker/config.json", config.to_string());
    let script = format!("#!/bin/sh\necho 'password is {PASSWORD}'\nexit 1\n");
    let path = environment.write("bin/docker-credential-test", script);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("mode");
    let item = status(&environment).item();
    assert_eq!(text(&item, "outcome"), "unknown");
    assert!(
        text(&item, "message").contains("docker-credential-test"),
        "{item}"
    );
}

#[test]
fn credentials_go_to_their_own_registry_only() {
    let (registry, environment) = guarded(Access::Basic("me", PASSWORD));
    let other = TestRegistry::start();
    other.tag("org/app", ["1.0.0"]);
    other.require(Access::Basic("you", "other"));
    login(&environment, &registry, PASSWORD);
    environment.write(
        "web.yaml",
        automated("semver:~1.0", &other.image("org/app:1.0.0")),
    );
    assert_eq!(text(&status(&environment).item(), "reason"), "unauthorized");
    assert!(
        other
            .requests()
            .iter()
            .all(|request| request.authorization.is_none())
    );
}

#[test]
fn requests_are_logged_at_level_4_and_above() {
    let (_registry, environment) = guarded(Access::Open);
    let said = |level: &str| {
        environment
            .run(["status", "-f", "web.yaml", level])
            .expect(0)
            .stderr
    };
    assert!(!said("-v=0").contains("request"));
    let summary = said("-v=3");
    // The list, then the elected and the running tag.
    assert!(
        summary.contains("4 requests") && !summary.contains("/v2/"),
        "{summary}"
    );
    assert!(said("-v=4").contains("/v2/org/app/tags/list"));
}
