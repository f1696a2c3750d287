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

/// What `--assume auto` suggests for a running tag; the later tags are the newer images.
fn suggestion(running: &str, tags: &[&str]) -> Option<(String, String)> {
    let mut scenario = assuming("auto", &format!("org/app:{running}"));
    for (at, tag) in std::iter::once(&running).chain(tags).enumerate() {
        scenario = scenario.image(
            tag,
            built(&format!("2026-{:02}-{:02}", at / 28 + 1, at % 28 + 1)),
        );
    }
    let judged = scenario.decide("app");
    judged.suggestion.is_some().then(|| suggested(&judged))
}

#[test]
fn auto_suggests_only_tags_of_the_same_shape() {
    // Tags of other shapes, most of which are newer or greater.
    let others = [
        "20240923",
        "20240923.1",
        "2024-09-23-2",
        "99999",
        "v999",
        "99.9",
        "v99.9.9",
        "1.99.0-musl",
        "1.99.0-alpine3.19",
        "v1.99.0-rc.1",
        "1.99.0-rc.1-alpine",
        "1.9.9.9.9",
        "3.9.9.9",
        "3.9.9-ls999",
        "arm64-1.99.0",
        "amd64-1.99",
        "jdk-99",
        "jre-17.99.0",
        "1.99.0-r1-alpine",
        "v1.99.0-eks-1",
        "1.99.0-debian-13-r9",
        "main",
        "develop",
        "edge",
        "sha-main",
        "main-9e3bdaf",
        "9e3bdaf01",
        "RELEASE.2026-01-01T00-00-00Z.fips",
        "RELEASE.2026",
        "stg-main",
        "stg-4s7bsgv-arm64",
        "17-jdk",
        "99.9-slim",
        "99.9.9-slim",
    ];
    let sha = "9e3bdaf0129e3bdaf0129e3bdaf0129e3bdaf012";
    let newer_sha = "0123456789012345678901234567890123456789";
    for (running, newer, policy) in [
        ("3", "4", "numerical"),
        ("9", "10", "numerical"),
        ("230", "231", "numerical"),
        ("20250101", "20250102", "numerical"),
        ("v2", "v3", "semver:*"),
        ("1.2", "1.3", "semver:^1.2"),
        ("1.2.3", "1.3.0", "semver:^1.2"),
        ("v1.2.3", "v1.3.0", "semver:^1.2"),
        ("1.2.3-rc.9", "1.2.3-rc.10", "semver:^1.2.3-rc.9"),
        ("1.2.3-beta.1", "1.2.3", "semver:^1.2.3-beta.1"),
        ("1.2.3-alpine", "1.3.0-alpine", "semver:^1.2 of *-alpine"),
        ("v1.2.3-alpine", "v1.3.0-alpine", "semver:^1.2 of *-alpine"),
        ("7-alpine", "8-alpine", "semver:* of *-alpine"),
        ("3.11-slim", "3.12-slim", "semver:^3.11 of *-slim"),
        (
            "1.2.3-alpine3.18",
            "1.3.0-alpine3.18",
            "semver:^1.2 of *-alpine3.18",
        ),
        ("1.2.3.4", "1.2.3.10", "semver:^1.2.0-0 of *.*.*.*"),
        ("1.2.3.4", "1.3.0.1", "semver:^1.2.0-0 of *.*.*.*"),
        (
            "3.0.3.624-ls135",
            "3.0.3.1000-ls2",
            "semver:^3.0.0-0 of *.*.*.*-ls*",
        ),
        (
            "3.0.3.624-ls135",
            "3.0.3.624-ls1000",
            "semver:^3.0.0-0 of *.*.*.*-ls*",
        ),
        ("1.2.3-ls9", "1.2.3-ls10", "semver:^1.2.0-0 of *-ls*"),
        ("0.2.3-r9", "0.2.4-r0", "semver:~0.2.0-0 of *-r*"),
        ("0.0.3-r9", "0.0.4-r0", "semver:~0.0.0-0 of *-r*"),
        ("1.2.3-r12", "1.2.3-r13", "semver:^1.2.0-0 of *-r*"),
        ("1.2.3-9", "1.2.3-10", "semver:^1.2.0-0 of *-*"),
        (
            "1.2.3-debian-12-r9",
            "1.2.3-debian-12-r10",
            "semver:^1.2.0-0 of *-debian-12-r*",
        ),
        (
            "v1.10.1-eksbuild.6",
            "v1.10.1-eksbuild.10",
            "semver:^1.10.0-0 of *-eksbuild.*",
        ),
        (
            "v1.10.1-eksbuild.6",
            "v1.11.0-eksbuild.1",
            "semver:^1.10.0-0 of *-eksbuild.*",
        ),
        ("v1.27.3-k3s1", "v1.27.4-k3s1", "semver:^1.27.0-0 of *-k3s*"),
        ("amd64-1.2.3", "amd64-1.2.6", "semver:^1.2 of amd64-*"),
        ("jdk-17.0.2", "jdk-17.0.10", "semver:^17.0 of jdk-*"),
        (
            "jdk-17.0.2_8",
            "jdk-17.0.2_10",
            "semver:^17.0.0-0 of jdk-*_*",
        ),
        ("8u392-b08", "8u402-b06", "semver:>=0.0.0-0 of *u*-b*"),
        ("2024.01.15", "2024.02.01", "semver:^2024.1"),
        ("2024-01-15", "2024-10-08", "semver:>=0.0.0-0 of *-*-*"),
        ("20240115-9", "20240115-10", "semver:>=0.0.0-0 of *-*"),
        ("20250115.9", "20250116.1", "semver:*"),
        (
            "RELEASE.2024-01-16T16-07-38Z",
            "RELEASE.2024-02-06T09-08-07Z",
            "semver:>=0.0.0-0 of RELEASE.*-*-*T*-*-*Z",
        ),
        (
            "1.2.3-4-g9e3bdaf",
            "1.2.3-12-gaaaaaaa",
            "semver:^1.2.0-0 of *-*-g*",
        ),
        ("build-230", "build-1000", "numerical of build-*"),
        (
            "main-9e3bdaf-1700000000",
            "main-0aaaaaa-1700000001",
            "numerical of main-*-*",
        ),
        ("9e3bdaf", "0aaaaaa", "regex:^[0-9a-f]{7}$"),
        ("sha-9e3bdaf", "sha-0aaaaaa", "regex:^sha-[0-9a-f]{7}$"),
        (sha, newer_sha, "regex:^[0-9a-f]{40}$"),
        ("stg-4s7bsgv", "stg-9x7bsgv", "glob:stg-*"),
    ] {
        let stays = suggestion(running, &others);
        let found = stays.unwrap_or_else(|| panic!("{running} has no suggestion"));
        assert_eq!((found.0.as_str(), found.1.as_str()), (policy, running));
        let tags: Vec<&str> = std::iter::once(newer).chain(others).collect();
        let found = suggestion(running, &tags).expect("a suggestion");
        assert_eq!(found.1, newer, "{running}");
    }
}

#[test]
fn auto_stays_where_only_a_similar_shape_is_newer() {
    for (running, other) in [
        ("3", "20240923"),
        ("20240101", "2025"),
        ("v2", "3"),
        ("v2", "v3.0.0"),
        ("7-alpine", "8.1.2-alpine"),
        ("1.2", "1.99.0"),
        ("1.2.3", "1.99"),
        ("1.2.3", "v1.99.0"),
        ("v1.2.3", "1.99.0"),
        ("1.2.3", "1.99.0-rc.1"),
        ("1.2.3-alpine", "v1.99.0-alpine"),
        ("1.2.3-rc.1", "1.99.0-alpine"),
        ("1.2.3-r1", "1.99.0"),
        ("1.2.3-4", "1.2.3-20240923"),
        ("1.2.3-r1", "1.2.3-ls2"),
        ("1.2.3.4", "1.9.9"),
        ("9e3bdaf", "0aaaaaab"),
        ("stg-4s7bsgv", "stg-latest"),
    ] {
        let (_, latest) = suggestion(running, &[other]).expect("a suggestion");
        assert_eq!(latest, running, "{other}");
    }
}

#[test]
fn auto_suggests_nothing_lower() {
    for (running, lower) in [
        ("1.2.3-ls10", "1.2.3-ls9"),
        ("1.2.3.10", "1.2.3.9"),
        ("v1.10.1-eksbuild.10", "v1.10.1-eksbuild.9"),
        ("build-1000", "build-999"),
        ("2024-10-08", "2024-09-15"),
    ] {
        let (_, latest) = suggestion(running, &[lower]).expect("a suggestion");
        assert_eq!(latest, running);
    }
}

#[test]
fn auto_suggests_nothing_for_a_tag_in_which_nothing_counts_up() {
    for running in [
        "main",
        "edge",
        "bullseye",
        "debian12",
        "alpine-slim",
        "arm64v8",
    ] {
        assert_eq!(
            suggestion(running, &["1.0.0", "develop"]),
            None,
            "{running}"
        );
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
