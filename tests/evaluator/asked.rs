//! What a decision costs: only the necessary facts are requested, each once.

use crate::support::oracle::{built, digest, image};
use crate::support::scenario::Scenario;

/// The facts of one round are in no particular order.
fn sorted(scenario: &Scenario) -> Vec<String> {
    let mut asked = scenario.decide("app").asked();
    asked.sort();
    asked
}

#[test]
fn semver_requests_only_the_tag_list() {
    for tags in [&["1.0.0"][..], &["0.9.0"], &[]] {
        let scenario = Scenario::following("semver:*", "org/app:1.0.0").tags(tags);
        assert_eq!(sorted(&scenario), ["tags"], "{tags:?}");
    }
}

#[test]
fn update_reads_elected_and_running_image_if_platforms_are_unknown() {
    let scenario = Scenario::following("semver:*", "org/app:1.0.0").tags(&["1.0.0", "1.0.1"]);
    let expected = ["platforms 1.0.0", "platforms 1.0.1", "tags"];
    assert_eq!(sorted(&scenario), expected);
}

#[test]
fn running_image_is_read_only_if_a_platform_is_missing() {
    let both = ["linux/amd64", "linux/arm64"];
    let scenario = Scenario::following("semver:*", "org/app:1.0.0")
        .nodes(&both)
        .image("1.0.0", image().platforms(&both));
    let full = scenario.clone().image("1.0.1", image().platforms(&both));
    assert_eq!(sorted(&full), ["platforms 1.0.1", "tags"]);
    let half = scenario.image("1.0.1", image());
    assert_eq!(
        sorted(&half),
        ["platforms 1.0.0", "platforms 1.0.1", "tags"]
    );
}

#[test]
fn running_image_that_is_gone_or_untagged_is_not_requested() {
    for running in ["org/app:0.9.0", "org/app"] {
        let scenario = Scenario::following("semver:*", running).tags(&["1.0.1", "latest"]);
        assert_eq!(sorted(&scenario), ["platforms 1.0.1", "tags"], "{running}");
    }
}

#[test]
fn update_requests_platforms_if_any_platform_is_possible() {
    let scenario = Scenario::following("semver:*", "org/app:1.0.0")
        .nodes(&["linux/amd64"])
        .tags(&["1.0.0", "1.0.1", "1.0.2", "0.9.0"]);
    assert_eq!(sorted(&scenario), ["platforms 1.0.2", "tags"]);
}

#[test]
fn minimum_age_checks_one_tag_at_a_time() {
    let scenario = Scenario::following("semver:*", "org/app:1.0.0")
        .annotation("imgpolicy.dev/min-age", "72h")
        .nodes(&["linux/amd64"])
        .image("1.0.0", built("2026-01-01"))
        .image("1.0.1", built("2026-01-01"))
        .image("1.0.2", built("2026-01-02").pushed("2026-01-02"))
        .image("1.0.3", built("2026-11-21").pushed("2026-11-21"));
    let asked = scenario.decide("app").asked();
    let expected = [
        "tags",
        "platforms 1.0.3",
        "created 1.0.3",
        "platforms 1.0.2",
        "created 1.0.2",
    ];
    assert_eq!(asked, expected);
}

#[test]
fn creation_order_requests_times_of_matching_tags_and_the_running_one() {
    let scenario = Scenario::following("glob:dev-*", "org/app:main-1")
        .nodes(&["linux/amd64"])
        .image("dev-1", built("2026-01-01"))
        .image("dev-2", built("2026-01-02"))
        .image("main-1", built("2025-01-01"))
        .image("other", built("2025-01-01"));
    let expected = [
        "created dev-1",
        "created dev-2",
        "created main-1",
        "platforms dev-2",
        "tags",
    ];
    assert_eq!(sorted(&scenario), expected);
}

#[test]
fn creation_order_requests_no_time_if_there_is_nothing_to_order() {
    for (policy, tags) in [
        ("glob:dev-*", &["dev-1", "main"][..]),
        ("glob:dev-*", &["main"]),
        ("glob:dev-1", &["dev-1", "main"]),
    ] {
        let scenario = Scenario::following(policy, "org/app:dev-1").tags(tags);
        assert_eq!(sorted(&scenario), ["tags"], "{policy} {tags:?}");
    }
}

#[test]
fn manual_container_without_a_policy_requests_nothing() {
    let scenario = Scenario::deployment()
        .container("app", "org/app:1.0.0")
        .pod("app", &digest(1).to_string())
        .nodes(&["linux/amd64"])
        .annotation("imgpolicy.dev/min-age", "72h");
    assert_eq!(sorted(&scenario), [""; 0]);
}

#[test]
fn digests_request_only_what_tags_serve() {
    let pin = format!("digest:{}", digest(2));
    for (policy, expected) in [
        (
            pin.as_str(),
            vec![
                "digest 1.0.0".to_owned(),
                format!("digest {}", digest(2)),
                format!("platforms {}", digest(2)),
            ],
        ),
        (
            "digest:1.0.0",
            vec!["digest 1.0.0".to_owned(), "platforms 1.0.0".to_owned()],
        ),
    ] {
        let scenario = Scenario::following(policy, "org/app:1.0.0")
            .nodes(&["linux/amd64"])
            .image("1.0.0", image().digest(1))
            .image("other", image().digest(2));
        assert_eq!(sorted(&scenario), expected, "{policy}");
    }
}

#[test]
fn locked_container_requests_the_same_facts_as_an_update() {
    let scenario = Scenario::following("semver:*", "org/app:1.0.0")
        .annotation("fluxcd.io/locked", "true")
        .nodes(&["linux/amd64"])
        .tags(&["1.0.0", "1.0.1"]);
    assert_eq!(sorted(&scenario), ["platforms 1.0.1", "tags"]);
}
