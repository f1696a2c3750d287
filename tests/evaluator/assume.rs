//! `--assume`: what a policy would elect for containers without one.

use kubectl_imgpolicy::evaluator::assess;

use crate::support::oracle::{built, time};
use crate::support::scenario::{Judged, Scenario};

fn suggested(judged: &Judged) -> (String, String) {
    let suggestion = judged.suggestion.clone().expect("a suggestion");
    let latest = suggestion.latest.and_then(|image| image.tag().cloned());
    let latest = latest.map_or_else(|| "-".to_owned(), |tag| tag.to_string());
    (suggestion.policy.filter, latest)
}

fn assuming(policy: &str, image: &str) -> Scenario {
    let policy = policy.to_owned();
    Scenario::deployment()
        .container("app", image)
        .settings(|s| s.assume = Some(policy))
}

#[test]
fn auto_suits_the_running_tag() {
    for (running, tags, expected) in [
        (
            "1.2.3",
            &["1.2.3", "1.3.0", "2.0.0"][..],
            ("semver:^1.2", "1.3.0"),
        ),
        (
            "1.2.3-alpine",
            &["1.2.3-alpine", "1.3.0", "1.2.9-alpine"],
            ("semver:^1.2 of *-alpine", "1.2.9-alpine"),
        ),
        (
            "stg-4s7bsgv",
            &["stg-4s7bsgv", "stg-9", "dev-9"],
            ("glob:stg-*", "stg-9"),
        ),
        ("230", &["230", "231", "1.0.0"], ("numerical", "231")),
        ("latest", &["latest", "1.0.0"], ("semver:*", "1.0.0")),
        (
            "7-alpine",
            &["7-alpine", "8-alpine", "9"],
            ("semver:* of *-alpine", "8-alpine"),
        ),
    ] {
        let mut scenario = assuming("auto", &format!("org/app:{running}"));
        for (at, tag) in tags.iter().enumerate() {
            scenario = scenario.image(tag, built(&format!("2026-01-0{}", at + 1)));
        }
        if running == "stg-4s7bsgv" {
            scenario = scenario.image("dev-9", built("2026-02-01"));
        }
        let judged = scenario.decide("app");
        let (policy, latest) = suggested(&judged);
        assert_eq!((policy.as_str(), latest.as_str()), expected, "{running}");
    }
}

#[test]
fn assumed_policy_changes_neither_outcome_nor_policy_nor_latest() {
    let judged = assuming("semver:*", "org/app:1.0.0")
        .tags(&["1.0.0", "2.0.0"])
        .decide("app");
    assert_eq!(judged.says(), "keep manual -");
    assert_eq!(judged.policy, None);
    assert_eq!(judged.policy_reason, None);
    assert!(!judged.is_behind());
    let origin = judged.suggestion.clone().map(|s| s.policy.origin);
    assert_eq!(origin.as_deref(), Some("flag --assume"));
}

#[test]
fn container_with_a_policy_gets_no_assumed_one() {
    let judged = assuming("semver:*", "org/app:1.0.0")
        .annotation("fluxcd.io/tag.app", "semver:~1.0")
        .tags(&["1.0.0", "2.0.0"])
        .decide("app");
    assert_eq!(judged.suggestion, None);
    assert_eq!(judged.says(), "keep manual 1.0.0");
}

#[test]
fn flags_of_the_run_apply_to_assumed_policies() {
    let judged = assuming("semver:*", "org/app:1.0.0")
        .settings(|s| s.min_age = Some(jiff::SignedDuration::from_hours(72)))
        .image("1.0.0", built("2026-01-01"))
        .image("1.0.1", built("2026-01-01").pushed("2026-01-01"))
        .image("2.0.0", built("2026-11-21"))
        .decide("app");
    assert_eq!(suggested(&judged).1, "1.0.1");
}

#[test]
fn minimum_age_of_the_workload_applies_to_assumed_policies() {
    let judged = assuming("semver:*", "org/app:1.0.0")
        .annotation("imgpolicy.dev/min-age", "72h")
        .image("1.0.0", built("2026-01-01"))
        .image("2.0.0", built("2026-11-21"))
        .decide("app");
    assert_eq!(suggested(&judged).1, "1.0.0");
}

#[test]
fn malformed_assumed_policy_fails_the_run() {
    let mut snapshot = assuming("semver:?", "org/app:1.0.0").snapshot();
    let error = assess(&snapshot).expect_err("no policy").to_string();
    assert!(error.starts_with("--assume: "), "{error}");
    snapshot.settings.assume = None;
    assert!(assess(&snapshot).is_ok());
    assert_eq!(snapshot.observed_at, time("2026-11-21T12:00:00Z"));
}
