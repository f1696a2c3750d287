//! The examples of the two texts that the product follows, unchanged.

use kubectl_imgpolicy::workload::decode;
use serde_json::{Value, json};

use crate::support::oracle::built;
use crate::support::scenario::Scenario;

fn manifest(text: &str) -> Scenario {
    let object: Value = serde_saphyr::from_str(text).expect("YAML");
    assert!(decode(&object, "default").is_ok_and(|w| w.is_some()));
    Scenario::of(object)
}

const BY_TIME: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  annotations:
    fluxcd.io/automated: "true"
spec:
  template:
    spec:
      containers:
      - name: app
        image: docker.io/org/my-app:1.0.0
"#;

#[test]
fn plain_automation_updates_to_the_newest_image() {
    for newest in ["1.0.1", "9e3bdaf"] {
        let judged = manifest(BY_TIME)
            .image("1.0.0", built("2026-01-01"))
            .image(newest, built("2026-01-02"))
            .image("latest", built("2026-01-03"))
            .decide("app");
        assert_eq!(judged.writes(), format!("docker.io/org/my-app:{newest}"));
        assert_eq!(judged.says(), format!("update newer-image {newest}"));
    }
}

const BY_SEMVER: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  annotations:
    fluxcd.io/automated: "true"
    fluxcd.io/tag.app: semver:~1.0
spec:
  template:
    spec:
      containers:
      - name: app
        image: docker.io/org/my-app:1.0.0
"#;

#[test]
fn semver_1_0_updates_to_1_0_1_but_not_to_1_2_0() {
    let judged = manifest(BY_SEMVER)
        .tags(&["1.0.0", "1.0.1", "1.2.0"])
        .decide("app");
    assert_eq!(judged.writes(), "docker.io/org/my-app:1.0.1");
    assert_eq!(judged.verdict("1.2.0"), "out-of-range");
    assert_eq!(
        judged.message,
        "1.0.1 is the highest of 2 tags that match semver:~1.0"
    );
}

const BY_PATTERN: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  annotations:
    fluxcd.io/automated: "true"
    fluxcd.io/tag.sidecar: regex:^stg.*
    fluxcd.io/tag.app: glob:dev-*
spec:
  template:
    spec:
      containers:
      - name: sidecar
        image: docker.io/org/my-proxy:stg-4s7bsgv
      - name: app
        image: docker.io/org/my-app:dev-9e3bdaf
"#;

#[test]
fn sidecar_follows_stg_and_app_follows_dev() {
    let scenario = manifest(BY_PATTERN)
        .image("stg-4s7bsgv", built("2026-01-01"))
        .image("dev-9e3bdaf", built("2026-01-01"))
        .image("stg-new", built("2026-01-02"))
        .image("dev-new", built("2026-01-02"))
        .image("main-new", built("2026-01-03"));
    let sidecar = scenario.decide("sidecar");
    assert_eq!(sidecar.writes(), "docker.io/org/my-proxy:stg-new");
    assert_eq!(sidecar.verdict("dev-new"), "no-match");
    let app = scenario.decide("app");
    assert_eq!(app.writes(), "docker.io/org/my-app:dev-new");
    assert_eq!(
        app.policy.as_ref().map(|p| p.filter.as_str()),
        Some("glob:dev-*")
    );
}

#[test]
fn automation_is_turned_off_with_false_or_with_a_lock() {
    for (key, value, state) in [
        ("fluxcd.io/automated", "false", "manual"),
        ("fluxcd.io/locked", "true", "locked"),
    ] {
        let judged = manifest(BY_SEMVER)
            .annotation(key, value)
            .tags(&["1.0.0", "1.0.1"])
            .decide("app");
        assert_eq!(judged.state.as_str(), state);
        assert_eq!(
            judged.says(),
            format!("keep {state} 1.0.1"),
            "it is still shown"
        );
    }
}

/// Seed 000 with its comment signs removed.
fn entry() -> Value {
    serde_saphyr::from_str(
        r#"
name: my-app-image
policy:
  semver:
    range: ">=1.2.3 <2.0.0"
identifier: "v" # For tags like v1.2.3
aws: # Or 'gcr', 'oci', 'dockerhub', 'azure', 'github' etc.
  image: my-registry.com/my-app
  policy:
    tags:
      regex: "^v[0-9]+\\.[0-9]+\\.[0-9]+$" # Match semantic versioning like v1.2.3
"#,
    )
    .expect("YAML")
}

#[test]
fn kustomization_entry_updates_v1_2_3_to_v1_2_4() {
    let judged = Scenario::governed_by(entry(), "my-registry.com/my-app:v1.2.3")
        .tags(&[
            "v1.2.3",
            "v1.2.4",
            "v2.0.0",
            "v1.2.5-rc.1",
            "1.9.9",
            "latest",
        ])
        .decide("app");
    assert_eq!(judged.state.as_str(), "automated");
    assert_eq!(judged.writes(), "my-registry.com/my-app:v1.2.4");
    assert_eq!(judged.verdict("v2.0.0"), "out-of-range");
    assert_eq!(judged.verdict("v1.2.5-rc.1"), "filtered");
    assert_eq!(judged.verdict("1.9.9"), "filtered");
    let policy = judged.policy.clone().expect("a policy");
    assert_eq!(policy.filter, "semver:>=1.2.3 <2.0.0");
    assert_eq!(
        policy.origin,
        "imagePolicies entry my-app-image of Kustomization flux-system/apps"
    );
}

#[test]
fn entry_allows_and_ignores_tags_as_its_comments_say() {
    let mut entry = entry();
    entry["allowTags"] = json!(["^v1.2.4-rc.*$"]);
    entry["ignoreTags"] = json!(["^v1.2.3-beta.*$", "^v1.3"]);
    let judged = Scenario::governed_by(entry, "my-registry.com/my-app:v1.2.3")
        .tags(&["v1.2.3", "v1.2.4-rc.1", "v1.2.3-beta.1", "v1.3.0"])
        .decide("app");
    assert_eq!(judged.elected(), "v1.2.4-rc.1");
    assert_eq!(judged.verdict("v1.3.0"), "ignored");
    assert_eq!(judged.verdict("v1.2.3-beta.1"), "filtered");
}

#[test]
fn kustomization_without_its_commented_lines_has_no_policies() {
    let judged = Scenario::deployment()
        .kustomization("apps", json!(null))
        .applied_by("apps")
        .container("app", "my-registry.com/my-app:v1.2.3")
        .decide("app");
    assert_eq!(judged.says(), "keep manual -");
}

#[test]
fn digest_pins_one_image() {
    let pin = format!("digest:sha256:{}", "07".repeat(32));
    let judged = Scenario::following(&pin, "org/app:1.0")
        .image("1.0", built("2026-01-01").digest(1))
        .image("0.9", built("2025-01-01").digest(7))
        .decide("app");
    assert_eq!(
        judged.writes(),
        format!("org/app@sha256:{}", "07".repeat(32))
    );
}

#[test]
fn only_release_tags_are_considered() {
    let judged = Scenario::following("alphabetical", "org/app:release-1")
        .annotation("imgpolicy.dev/filter-tags.app", "^release-.*$")
        .tags(&["release-1", "release-2", "zeta"])
        .decide("app");
    assert_eq!(judged.says(), "update newer-image release-2");
}
