//! Product decision 14: the variant of an image does not change without an override.

use crate::support::scenario::Scenario;

fn following(policy: &str, running: &str) -> Scenario {
    Scenario::following(policy, &format!("org/app:{running}"))
}

#[test]
fn running_tag_is_kept_if_the_elected_one_is_of_another_variant() {
    for (policy, running, other) in [
        ("semver:^1.2", "1.2.3-alpine", "1.2.4"),
        ("semver:^1.2-0", "1.2.3-alpine", "1.2.4-slim"),
        ("semver:^1.2-0", "1.2.3-alpine3.18", "1.2.4-alpine3.19"),
    ] {
        let judged = following(policy, running)
            .tags(&[running, other])
            .decide("app");
        assert_eq!(
            judged.says(),
            format!("keep variant-change {other}"),
            "{running}"
        );
    }
}

#[test]
fn message_says_how_to_follow_the_variant() {
    let judged = following("semver:^1.2", "1.2.3-alpine3.18")
        .tags(&["1.2.4"])
        .decide("app");
    assert_eq!(
        judged.message,
        "1.2.4 is the only tag that matches semver:^1.2, but it is not the \
         variant alpine3.18, unlike the running 1.2.3-alpine3.18; to stay on that variant, set imgpolicy.dev/filter-tags to \
         ^(?P<v>.*)-alpine3\\.18$ and imgpolicy.dev/extract to $v for this container"
    );
}

#[test]
fn annotations_from_the_message_follow_the_variant() {
    let judged = following("semver:^1.2", "1.2.3-alpine3.18")
        .annotation("imgpolicy.dev/filter-tags.app", r"^(?P<v>.*)-alpine3\.18$")
        .annotation("imgpolicy.dev/extract.app", "$v")
        .tags(&[
            "1.2.3-alpine3.18",
            "1.2.4",
            "1.2.4-alpine3.18",
            "1.2.5-alpine3.19",
        ])
        .decide("app");
    assert_eq!(judged.says(), "update newer-image 1.2.4-alpine3.18");
}

#[test]
fn pre_release_stage_is_not_a_variant() {
    for running in [
        "1.2.3-rc.1",
        "1.2.3-RC1",
        "1.2.3-beta",
        "1.2.3-4-gabcdef",
        "1.2.3-SNAPSHOT",
    ] {
        let judged = following("semver:^1.2", running)
            .tags(&[running, "1.2.3"])
            .decide("app");
        assert_eq!(judged.says(), "update newer-image 1.2.3", "{running}");
    }
}

#[test]
fn same_variant_is_followed() {
    let judged = following("semver:^1.2-0", "1.2.3-alpine")
        .tags(&["1.2.3-alpine", "1.2.4-alpine"])
        .decide("app");
    assert_eq!(judged.says(), "update newer-image 1.2.4-alpine");
}

#[test]
fn running_tag_without_a_variant_may_get_one() {
    let judged = following("semver:^1.2-0", "1.2.3").tags(&["1.2.3", "1.2.4-alpine"]);
    assert_eq!(
        judged.decide("app").says(),
        "update newer-image 1.2.4-alpine"
    );
}

#[test]
fn flag_annotation_or_exact_pin_allows_a_variant_change() {
    let scenario = following("semver:^1.2", "1.2.3-alpine").tags(&["1.2.3-alpine", "1.2.4"]);
    let flag = scenario.clone().settings(|s| s.allow_variant_change = true);
    assert_eq!(flag.decide("app").says(), "update newer-image 1.2.4");
    let annotation = scenario.annotation("imgpolicy.dev/allow-variant-change", "true");
    assert_eq!(annotation.decide("app").says(), "update newer-image 1.2.4");
    let pin = following("semver:1.2.4", "1.2.3-alpine").tags(&["1.2.3-alpine", "1.2.4"]);
    assert_eq!(pin.decide("app").says(), "update newer-image 1.2.4");
}

#[test]
fn lower_tag_of_another_variant_is_a_downgrade() {
    let judged = following("semver:~1.1", "1.2.3-alpine")
        .tags(&["1.1.0"])
        .decide("app");
    assert_eq!(judged.says(), "keep downgrade 1.1.0");
}

#[test]
fn other_orders_ignore_variants() {
    let judged = following("alphabetical", "1.2.3-alpine").tags(&["1.2.3-alpine", "1.2.4"]);
    assert_eq!(judged.decide("app").says(), "update newer-image 1.2.4");
}
