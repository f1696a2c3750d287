//! Product decision 9: a failure affects only its own row, and nothing is guessed.

use kubectl_imgpolicy::evaluator::assess;
use kubectl_imgpolicy::image::FetchFailureKind;

use crate::support::oracle::{built, image};
use crate::support::scenario::Scenario;

#[test]
fn each_failure_of_the_tag_list_has_its_reason() {
    for (kind, reason) in [
        (FetchFailureKind::NotFound, "image-not-found"),
        (FetchFailureKind::Unauthorized, "unauthorized"),
        (FetchFailureKind::RateLimited, "rate-limited"),
        (FetchFailureKind::Unreachable, "registry-unreachable"),
        (FetchFailureKind::Registry, "registry-error"),
    ] {
        let judged = Scenario::following("semver:*", "org/app:1.0.0")
            .tags_fail(kind)
            .decide("app");
        assert_eq!(judged.says(), format!("unknown {reason} -"));
        assert_eq!(judged.message, format!("the oracle fails: {kind:?}"));
    }
}

#[test]
fn irrelevant_failure_changes_nothing() {
    let judged = Scenario::following("semver:*", "org/app:1.0.0")
        .image("1.0.0", image().created_fails(FetchFailureKind::Registry))
        .image("1.0.1", image().created_fails(FetchFailureKind::Registry))
        .decide("app");
    assert_eq!(judged.says(), "update newer-image 1.0.1");
    // In creation order, only the times of matching tags are requested.
    let judged = Scenario::following("glob:dev-*", "org/app:dev-1")
        .image("dev-1", built("2026-01-01"))
        .image("dev-2", built("2026-01-02"))
        .image("main-1", image().created_fails(FetchFailureKind::Registry))
        .decide("app");
    assert_eq!(judged.says(), "update newer-image dev-2");
}

#[test]
fn repository_without_tags_has_no_matching_tag() {
    let judged = Scenario::following("semver:*", "org/app:1.0.0").decide("app");
    assert_eq!(judged.says(), "keep no-matching-tag -");
    assert_eq!(judged.message, "the repository has no tags");
}

#[test]
fn no_tag_matches_if_every_matching_manifest_is_missing() {
    let judged = Scenario::following("glob:*", "org/app:1")
        .image("2", image().gone())
        .image("3", image().gone())
        .decide("app");
    assert_eq!(judged.says(), "keep no-matching-tag -");
    assert_eq!(
        judged.message,
        "none of 2 tags matches glob:*; 2 do, but their manifests are missing"
    );
}

#[test]
fn snapshot_without_the_facts_says_so() {
    let snapshot = Scenario::following("semver:*", "org/app:1.0.0").snapshot();
    let rows = assess(&snapshot).expect("assesses").rows;
    assert_eq!(rows[0].decision.message, "the tag list was not requested");
    assert_eq!(rows[0].decision.reason.as_str(), "registry-error");
}

#[test]
fn stopped_scan_omits_undecided_containers() {
    let mut snapshot = Scenario::following("semver:*", "org/app:1.0.0")
        .container("manual", "org/other:1.0.0")
        .annotation("fluxcd.io/tag.manual", "semver:?")
        .snapshot();
    snapshot.partial = true;
    let assessment = assess(&snapshot).expect("assesses");
    let names: Vec<&str> = assessment
        .rows
        .iter()
        .map(|r| r.container.as_str())
        .collect();
    assert_eq!(names, ["manual"]);
    assert!(assessment.partial);
}

#[test]
fn summary_counts_by_state_and_outcome() {
    let mut snapshot = Scenario::following("semver:?", "org/app:1.0.0").snapshot();
    let manual = Scenario::deployment()
        .container("app", "org/app:1")
        .workload();
    let locked = Scenario::deployment()
        .annotation("fluxcd.io/locked", "true")
        .container("app", "org/app:1")
        .workload();
    snapshot.workloads.extend([manual, locked]);
    let summary = assess(&snapshot).expect("assesses").summary();
    assert_eq!(
        (summary.containers, summary.automated, summary.undecided),
        (3, 1, 1)
    );
    assert_eq!(
        (summary.manual, summary.locked, summary.locked_behind),
        (1, 1, 0)
    );
}
