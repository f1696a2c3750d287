//! Whom the entries of a Kustomization reach: by label, by folder, by annotation,
//! and beside what a workload says itself.

use kubectl_imgpolicy::policy::WarningCode;
use serde_json::json;

use super::image_policies::{entry, semver};
use crate::support::scenario::Scenario;

#[test]
fn live_a_kustomization_reaches_what_it_labelled_alone() {
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

#[test]
fn in_files_a_kustomization_reaches_what_lies_in_its_folder() {
    let range = |range: &str| json!([entry(json!({"semver": {"range": range}}))]);
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
    // A base lies in no folder, so both may build on it.
    assert_eq!(
        scenario("base/deployment.yaml").says(),
        "unknown invalid-policy -"
    );
}

#[test]
fn in_files_a_kustomization_without_a_folder_of_its_own_reaches_every_file() {
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
fn the_workloads_own_filter_wins_with_a_warning() {
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
fn an_entry_wins_over_what_automation_alone_implies() {
    let judged = Scenario::governed_by(semver(), "org/app:1.0.0")
        .annotation("fluxcd.io/automated", "true")
        .tags(&["1.0.0", "1.0.1", "2.0.0"])
        .decide("app");
    assert_eq!(judged.elected(), "1.0.1");
    assert_eq!(judged.warns(), "");
}

#[test]
fn an_entry_automates_unless_the_workload_says_otherwise() {
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
fn a_dangling_filter_stops_entries_too() {
    let judged = Scenario::governed_by(semver(), "org/app:1.0.0")
        .annotation("fluxcd.io/tag.ap", "semver:~1.0")
        .tags(&["1.0.0", "1.0.1"])
        .decide("app");
    assert_eq!(judged.says(), "unknown invalid-policy -");
}

#[test]
fn the_workload_may_narrow_an_entry_and_not_replace_its_filters() {
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
fn the_annotation_holds_the_same_block_as_text() {
    for text in [BLOCK.to_owned(), format!("imagePolicies:{BLOCK}")] {
        let judged = annotated(&text).decide("app");
        assert_eq!(judged.says(), "update newer-image 1.0.1");
        let origin = judged.policy.as_ref().map(|p| p.origin.as_str());
        let expected = "imagePolicies entry app-image of Kustomization flux-system/apps";
        assert_eq!(origin, Some(expected));
    }
}

#[test]
fn the_annotation_and_the_spec_may_say_the_same() {
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
fn an_annotation_that_cannot_be_read_stops_what_automation_alone_implies() {
    for text in ["- name: [", "just text", "a: &x [*x]", "imagePolicies: 1"] {
        let scenario = annotated(text);
        assert_eq!(
            scenario.decide("app").says(),
            "keep manual -",
            "nobody asked for it"
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
fn an_entry_that_matches_no_container_is_told_with_near_names() {
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
fn an_entry_without_an_image_is_told() {
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
fn another_kind_of_object_has_no_entries() {
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
