//! Which workloads the entries of a Kustomization apply to: by label, folder and
//! annotation, and together with the annotations of a workload.

use kubectl_imgpolicy::policy::WarningCode;
use serde_json::{Value, json};

use super::image_policies::{entry, semver};
use crate::support::scenario::Scenario;

#[test]
fn live_kustomization_applies_only_to_labelled_workloads() {
    let scenario = |label: Option<&str>| {
        let scenario = Scenario::deployment()
            .kustomization("apps", json!([semver()]))
            .container("app", "org/app:1.0.0")
            .tags(&["1.0.0", "1.0.1"]);
        match label {
            Some(name) => scenario.applied_by(name),
            None => scenario,
        }
    };
    assert_eq!(
        scenario(Some("apps")).decide("app").says(),
        "update newer-image 1.0.1"
    );
    assert_eq!(
        scenario(Some("other")).decide("app").says(),
        "keep manual -"
    );
    assert_eq!(scenario(None).decide("app").says(), "keep manual -");
}

fn range(range: &str) -> Value {
    json!([entry(json!({"semver": {"range": range}}))])
}

#[test]
fn kustomization_file_applies_to_its_folder() {
    let scenario = |file: &str| {
        Scenario::deployment()
            .kustomization_at("apps", "./apps", range("~1.0"))
            .kustomization_at("prod", "./apps/my-app/overlays/production", range("^1.0"))
            .container("app", "org/app:1.0.0")
            .in_file(file)
            .tags(&["1.0.0", "1.0.1", "1.2.0"])
            .decide("app")
    };
    assert_eq!(scenario("repo/apps/web/deployment.yaml").elected(), "1.0.1");
    let innermost = "checkout/apps/my-app/overlays/production/deployment.yaml";
    assert_eq!(scenario(innermost).elected(), "1.2.0");
    // A base is in neither folder, so both may use it.
    assert_eq!(
        scenario("base/deployment.yaml").says(),
        "unknown invalid-policy -"
    );
}

#[test]
fn kustomization_file_without_its_own_folder_applies_to_every_file() {
    for path in ["./", ".", "", "./apps/my-app/overlays/production"] {
        let judged = Scenario::deployment()
            .kustomization_at("apps", path, json!([semver()]))
            .container("app", "org/app:1.0.0")
            .in_file("apps/my-app/base/deployment.yaml")
            .tags(&["1.0.0", "1.0.1"])
            .decide("app");
        assert_eq!(judged.says(), "update newer-image 1.0.1", "{path:?}");
    }
}

#[test]
fn filter_of_the_workload_takes_precedence_with_a_warning() {
    let judged = Scenario::governed_by(semver(), "org/app:1.0.0")
        .annotation("fluxcd.io/automated", "true")
        .annotation("fluxcd.io/tag.app", "semver:*")
        .tags(&["1.0.0", "1.0.1", "2.0.0"])
        .decide("app");
    assert_eq!(judged.elected(), "2.0.0");
    assert_eq!(
        judged.warning(WarningCode::PolicyConflict),
        "imagePolicies entry app-image of Kustomization flux-system/apps also applies; \
         annotation fluxcd.io/tag.app is used"
    );
}

#[test]
fn entry_takes_precedence_over_plain_automation() {
    let judged = Scenario::governed_by(semver(), "org/app:1.0.0")
        .annotation("fluxcd.io/automated", "true")
        .tags(&["1.0.0", "1.0.1", "2.0.0"])
        .decide("app");
    assert_eq!(judged.elected(), "1.0.1");
    assert_eq!(judged.warns(), "");
}

#[test]
fn entry_automates_unless_the_workload_says_otherwise() {
    let scenario = Scenario::governed_by(semver(), "org/app:1.0.0").tags(&["1.0.0", "1.0.1"]);
    assert_eq!(scenario.decide("app").says(), "update newer-image 1.0.1");
    for (key, value, says) in [
        ("fluxcd.io/automated", "false", "keep manual 1.0.1"),
        ("flux.weave.works/automated", "false", "keep manual 1.0.1"),
        ("fluxcd.io/automated", "False", "keep manual 1.0.1"),
        ("fluxcd.io/locked", "true", "keep locked 1.0.1"),
        ("fluxcd.io/ignore", "true", "keep ignored -"),
        ("fluxcd.io/automated", "true", "update newer-image 1.0.1"),
    ] {
        let judged = scenario.clone().annotation(key, value).decide("app");
        assert_eq!(judged.says(), says, "{key}: {value}");
    }
}

#[test]
fn dangling_filter_also_stops_entries() {
    let judged = Scenario::governed_by(semver(), "org/app:1.0.0")
        .annotation("fluxcd.io/tag.ap", "semver:~1.0")
        .tags(&["1.0.0", "1.0.1"])
        .decide("app");
    assert_eq!(judged.says(), "unknown invalid-policy -");
}

#[test]
fn workload_may_restrict_an_entry_but_not_replace_its_filters() {
    let scenario =
        Scenario::governed_by(semver(), "org/app:1.0.0").tags(&["1.0.0", "1.0.1", "1.0.2"]);
    let narrowed = scenario
        .clone()
        .annotation("imgpolicy.dev/ignore-tags.app", r#"["2$"]"#);
    assert_eq!(narrowed.decide("app").elected(), "1.0.1");
    for name in ["filter-tags", "extract", "allow-tags"] {
        let judged = scenario
            .clone()
            .annotation(&format!("imgpolicy.dev/{name}.app"), "x")
            .decide("app");
        assert_eq!(judged.says(), "unknown invalid-policy -", "{name}");
        assert!(
            judged
                .message
                .contains("it does not apply to imagePolicies entry app-image")
        );
    }
}

fn annotated(text: &str) -> Scenario {
    Scenario::deployment()
        .policy_object(json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": "apps", "namespace": "flux-system",
                "annotations": {"imgpolicy.dev/image-policies": text}},
            "spec": {"path": "./"}}))
        .applied_by("apps")
        .container("app", "org/app:1.0.0")
        .tags(&["1.0.0", "1.0.1", "1.2.0"])
}

const BLOCK: &str = "
- name: app-image
  policy:
    semver:
      range: '~1.0' # as in the spec
  dockerhub:
    image: org/app
";

#[test]
fn annotation_contains_the_same_block_as_text() {
    for text in [BLOCK.to_owned(), format!("imagePolicies:{BLOCK}")] {
        let judged = annotated(&text).decide("app");
        assert_eq!(judged.says(), "update newer-image 1.0.1");
        let origin = judged.policy.as_ref().map(|p| p.origin.as_str());
        let expected = "imagePolicies entry app-image of Kustomization flux-system/apps";
        assert_eq!(origin, Some(expected));
    }
}

#[test]
fn annotation_and_spec_may_have_the_same_entry() {
    let entry = json!({"name": "app-image", "policy": {"semver": {"range": "~1.0"}},
        "dockerhub": {"image": "org/app"}});
    let judged = Scenario::deployment()
        .policy_object(json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": "apps", "namespace": "flux-system",
                "annotations": {"imgpolicy.dev/image-policies": BLOCK}},
            "spec": {"imagePolicies": [entry]}}))
        .applied_by("apps")
        .container("app", "org/app:1.0.0")
        .tags(&["1.0.0", "1.0.1"])
        .decide("app");
    assert_eq!(judged.says(), "update newer-image 1.0.1");
}

#[test]
fn invalid_annotation_stops_plain_automation() {
    for text in ["- name: [", "just text", "a: &x [*x]", "imagePolicies: 1"] {
        let scenario = annotated(text);
        assert_eq!(
            scenario.decide("app").says(),
            "keep manual -",
            "it was not requested"
        );
        let automated = scenario.annotation("fluxcd.io/automated", "true");
        let judged = automated.decide("app");
        assert_eq!(judged.says(), "unknown invalid-policy -", "{text}");
        assert!(
            judged
                .message
                .starts_with("imagePolicies of Kustomization flux-system/apps: "),
            "{}",
            judged.message
        );
        assert_eq!(automated.unmatched(), std::slice::from_ref(&judged.message));
    }
}

#[test]
fn entry_without_a_container_is_reported_with_similar_names() {
    let scenario = |image: &str| {
        Scenario::deployment()
            .kustomization("apps", json!([semver()]))
            .container("app", image)
            .unmatched()
    };
    assert_eq!(scenario("org/app:1"), [""; 0]);
    let sentence = "imagePolicies entry app-image of Kustomization flux-system/apps does not \
                    match any container: its image docker.io/org/app must be the same as in the \
                    manifest";
    assert_eq!(scenario("quay.io/else/thing:1"), [sentence]);
    let near = format!("{sentence} (similar: docker.io/orgs/app)");
    assert_eq!(scenario("orgs/app:1"), [near]);
}

#[test]
fn entry_without_an_image_is_reported() {
    let entry = json!({"name": "x", "policy": {"semver": {"range": "*"}}});
    let scenario = Scenario::governed_by(entry, "org/app:1");
    assert_eq!(
        scenario.unmatched(),
        [
            "imagePolicies entry x of Kustomization flux-system/apps: it has no image; one \
             block of aws, gcr, oci, dockerhub, azure, github is required"
        ]
    );
}

#[test]
fn other_kinds_of_objects_have_no_entries() {
    for (api, kind) in [
        ("kustomize.config.k8s.io/v1beta1", "Kustomization"),
        ("kustomize.toolkit.fluxcd.io/v1", "GitRepository"),
    ] {
        let judged = Scenario::deployment()
            .policy_object(json!({"apiVersion": api, "kind": kind,
                "metadata": {"name": "apps", "namespace": "flux-system"},
                "spec": {"imagePolicies": [semver()]}}))
            .applied_by("apps")
            .container("app", "org/app:1.0.0")
            .decide("app");
        assert_eq!(judged.says(), "keep manual -");
    }
}
