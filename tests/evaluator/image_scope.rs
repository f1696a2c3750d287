//! `--include-image` and `--exclude-image`: excluded images are listed, and nothing is
//! requested for them.

use kubectl_imgpolicy::evaluator::{Snapshot, SnapshotError};
use serde_json::json;

use crate::support::scenario::{Judged, Scenario};

/// The container `app` of an automated workload, with these globs.
fn scoped(image: &str, include: &[&str], exclude: &[&str]) -> Scenario {
    let globs = |globs: &[&str]| globs.iter().map(ToString::to_string).collect();
    Scenario::following("semver:*", image)
        .tags(&["1.0.0", "1.0.1"])
        .settings(|s| s.include_images = globs(include))
        .settings(|s| s.exclude_images = globs(exclude))
}

fn decide(image: &str, include: &[&str], exclude: &[&str]) -> Judged {
    scoped(image, include, exclude).decide("app")
}

#[test]
fn excluded_image_is_kept_and_nothing_is_requested() {
    let judged = decide("nginx:1.0.0", &[], &["docker.io/library/*"]);
    assert_eq!(judged.says(), "keep excluded -");
    assert_eq!(
        judged.message,
        "docker.io/library/nginx matches --exclude-image docker.io/library/*"
    );
    assert_eq!(judged.asked(), [""; 0]);
    assert_eq!(judged.facts, None);
    assert_eq!(
        judged.policy.as_ref().map(|p| p.filter.as_str()),
        Some("semver:*"),
        "the policy is shown"
    );
    assert_eq!(
        (judged.examination.tags, judged.warns()),
        (0, String::new())
    );
}

#[test]
fn star_matches_slashes_and_other_characters_are_literal() {
    for (glob, is_left_out) in [
        ("docker.io/library/nginx", true),
        ("docker.io/*", true),
        ("*", true),
        ("*nginx", true),
        ("*/nginx", true),
        ("docker.io/nginx", false),
        ("nginx", false),
        ("docker.io/library/ngin?", false),
        ("docker.io/library/nginx:*", false),
        ("docker.io", false),
    ] {
        let judged = decide("nginx:1.0.0", &[], &["quay.io/*", glob]);
        let reason = if is_left_out {
            "excluded"
        } else {
            "newer-image"
        };
        assert_eq!(judged.reason.as_str(), reason, "{glob}");
    }
}

#[test]
fn included_images_exclude_all_others_and_exclusion_takes_precedence() {
    let image = "ghcr.io/org/app:1.0.0";
    for (include, exclude, expected) in [
        (&["ghcr.io/*"][..], &[][..], "newer-image"),
        (&["quay.io/*", "*/org/*"], &[], "newer-image"),
        (&["quay.io/*"], &[], "excluded"),
        (&["ghcr.io/*"], &["*/app"], "excluded"),
        (&["ghcr.io/*"], &["*/other"], "newer-image"),
    ] {
        let judged = decide(image, include, exclude);
        assert_eq!(judged.reason.as_str(), expected, "{include:?} {exclude:?}");
    }
    assert_eq!(
        decide(image, &["quay.io/*", "a/*"], &[]).message,
        "ghcr.io/org/app does not match --include-image quay.io/* and 1 more"
    );
}

fn excluded_with(key: &str, value: &str) -> Judged {
    scoped("nginx:1.0.0", &[], &["*"])
        .annotation(key, value)
        .decide("app")
}

#[test]
fn container_that_is_not_automated_keeps_the_reason_of_its_state() {
    let locked = excluded_with("fluxcd.io/locked", "true");
    assert_eq!(locked.says(), "keep locked -");
    assert_eq!(
        locked.message,
        "locked; docker.io/library/nginx matches --exclude-image *"
    );
    assert_eq!(
        excluded_with("fluxcd.io/ignore", "true").says(),
        "keep ignored -"
    );
    assert_eq!(
        excluded_with("fluxcd.io/automated", "false").says(),
        "keep manual -"
    );
    assert_eq!(
        excluded_with("fluxcd.io/tag.app", "semver:?").says(),
        "keep excluded -"
    );
}

#[test]
fn excluded_container_gets_no_assumed_policy() {
    let judged = Scenario::deployment()
        .container("app", "nginx:1.0.0")
        .tags(&["1.0.1"])
        .settings(|s| s.assume = Some("auto".to_owned()))
        .settings(|s| s.exclude_images = vec!["*".to_owned()])
        .decide("app");
    assert_eq!(judged.says(), "keep manual -");
    assert_eq!(judged.suggestion, None);
    assert_eq!(judged.asked(), [""; 0]);
}

#[test]
fn invalid_image_reports_its_own_error() {
    for (include, exclude) in [(&["quay.io/*"][..], &[][..]), (&[], &["*"])] {
        let judged = decide("Not An Image", include, exclude);
        assert_eq!(judged.says(), "unknown unparsable-image -");
    }
}

#[test]
fn settings_without_globs_exclude_nothing() {
    let scenario = scoped("nginx:1.0.0", &[], &[]);
    let mut saved = serde_json::to_value(scenario.snapshot()).expect("saves");
    let settings = saved["settings"].as_object_mut().expect("an object");
    assert_eq!(settings.remove("includeImages"), Some(json!([])));
    assert_eq!(settings.remove("excludeImages"), Some(json!([])));
    let loaded = Snapshot::parse(&saved.to_string()).expect("loads");
    assert_eq!(loaded, scenario.snapshot());
}

#[test]
fn too_long_saved_glob_is_named() {
    let snapshot = scoped("nginx", &[], &["*a".repeat(600).as_str()]).snapshot();
    let error = snapshot.subjects().expect_err("too long");
    assert!(matches!(error, SnapshotError::ImageGlob { .. }));
    let text = error.to_string();
    assert!(text.starts_with("--exclude-image \"*a"), "{text}");
    assert!(text.ends_with("the glob is 1200 bytes long; at most 1024 are allowed"));
}

#[test]
fn workload_that_is_being_deleted_is_kept_and_nothing_is_requested() {
    for (locked, expected) in [("false", "keep being-deleted -"), ("true", "keep locked -")] {
        let judged = Scenario::of(json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "deletionTimestamp": "2026-11-21T11:00:00Z"},
            "spec": {"template": {"spec": {}}}}))
        .annotation("fluxcd.io/automated", "true")
        .annotation("fluxcd.io/locked", locked)
        .annotation("fluxcd.io/tag.app", "semver:*")
        .container("app", "org/app:1.0.0")
        .tags(&["1.0.0", "1.0.1"])
        .decide("app");
        assert_eq!(judged.says(), expected);
        assert_eq!(judged.asked(), [""; 0]);
    }
}

#[test]
fn placeholder_of_an_injector_is_not_an_image() {
    for policy in [None, Some("semver:*")] {
        let mut scenario = Scenario::deployment().annotation("fluxcd.io/automated", "true");
        if let Some(policy) = policy {
            scenario = scenario.annotation("fluxcd.io/tag.istio-proxy", policy);
        }
        let judged = scenario
            .container("istio-proxy", "auto")
            .decide("istio-proxy");
        assert_eq!(judged.says(), "keep excluded -");
        assert_eq!((judged.asked(), judged.warns()), (vec![], String::new()));
    }
    let manual = Scenario::deployment().container("istio-proxy", "auto");
    let manual = manual.decide("istio-proxy");
    assert_eq!(
        (manual.says().as_str(), manual.warns().as_str()),
        ("keep manual -", "")
    );
}

#[test]
fn only_the_named_containers_are_decided_and_asked_for() {
    let scenario = Scenario::deployment()
        .annotation("fluxcd.io/automated", "true")
        .container("app", "org/app:1.0.0")
        .container("side", "org/side:1.0.0")
        .settings(|s| s.containers = vec!["side".to_owned()]);
    let snapshot = scenario.snapshot();
    let subjects = snapshot.subjects().expect("subjects");
    let repositories: Vec<String> = subjects
        .iter()
        .filter_map(|subject| Some(subject.repository()?.to_string()))
        .collect();
    assert_eq!(repositories, ["docker.io/org/side"]);
}
