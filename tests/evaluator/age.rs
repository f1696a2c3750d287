//! Creation times and product decision 13: images that are too young are not written.

use kubectl_imgpolicy::image::FetchFailureKind;
use kubectl_imgpolicy::policy::WarningCode;

use crate::support::oracle::{OracleImage, built, image, time};
use crate::support::scenario::{Judged, Scenario};

/// Now is 2026-11-21T12:00:00Z, and ages count from the images' own dates.
fn scenario() -> Scenario {
    Scenario::following("semver:*", "org/app:1.0.0")
        .annotation("imgpolicy.dev/min-age", "72h")
        .annotation("imgpolicy.dev/min-age-clock", "image")
        .image("1.0.0", built("2026-01-01"))
}

#[test]
fn too_young_tag_is_skipped_for_the_next_one() {
    let judged = scenario()
        .image("1.0.1", built("2026-11-10"))
        .image("1.0.2", built("2026-11-20"))
        .decide("app");
    assert_eq!(judged.says(), "update newer-image 1.0.1");
    assert_eq!(judged.verdict("1.0.2"), "too-young");
    assert_eq!(
        judged.warning(WarningCode::TooYoung),
        "1.0.2 does not reach the minimum age until 2026-11-23T00:00:00Z"
    );
    let young = &judged.examination.candidates;
    let young = young
        .iter()
        .find(|c| c.tag.as_str() == "1.0.2")
        .expect("it");
    assert_eq!(young.ripe_at, Some(time("2026-11-23")));
}

#[test]
fn search_stops_at_the_running_tag_whatever_its_age() {
    let judged = scenario().image("1.0.2", built("2026-11-20")).decide("app");
    assert_eq!(judged.says(), "keep up-to-date 1.0.0");
    assert_eq!(judged.warns(), "too-young");
}

#[test]
fn tag_is_old_enough_at_the_exact_second() {
    for (created, elected) in [
        ("2026-11-18T12:00:00Z", "1.0.1"),
        ("2026-11-18T12:00:01Z", "1.0.0"),
    ] {
        let judged = scenario().image("1.0.1", built(created)).decide("app");
        assert_eq!(judged.elected(), elected);
    }
}

fn long_ago() -> OracleImage {
    built("2026-01-01")
}

#[test]
fn age_counts_from_a_clock_that_the_image_cannot_set() {
    for (image, expected) in [
        // No clock: it is too young, whatever its own date says.
        (long_ago(), ("too-young", "")),
        (long_ago().pushed("2026-11-20"), ("too-young", "")),
        (long_ago().pushed("2026-11-10"), ("elected", "push")),
        (long_ago().last_modified("2026-11-20"), ("too-young", "")),
        (
            long_ago().last_modified("2026-11-10"),
            ("elected", "last-modified"),
        ),
        (long_ago().first_seen("2026-11-20"), ("too-young", "")),
        (
            long_ago().first_seen("2026-11-10"),
            ("elected", "first-seen"),
        ),
        // The registry reports the push time; the other clocks are only bounds.
        (
            long_ago().pushed("2026-11-10").last_modified("2026-11-20"),
            ("elected", "push"),
        ),
        (
            long_ago().pushed("2026-11-20").first_seen("2026-11-10"),
            ("too-young", ""),
        ),
        (
            long_ago()
                .last_modified("2026-11-10")
                .first_seen("2026-11-20"),
            ("elected", "last-modified"),
        ),
        // The image's own date can only make it younger.
        (
            built("2026-11-20").pushed("2026-11-19T12:00:00Z"),
            ("too-young", ""),
        ),
        (
            built("2026-11-20").first_seen("2026-11-10"),
            ("too-young", ""),
        ),
        (image().first_seen("2026-11-10"), ("elected", "first-seen")),
        // A time of 1970 is not a clock.
        (long_ago().pushed("1970-01-01"), ("too-young", "")),
        (long_ago().last_modified("1970-01-01"), ("too-young", "")),
        (
            long_ago()
                .last_modified("1970-01-01")
                .first_seen("2026-11-10"),
            ("elected", "first-seen"),
        ),
        // A date in the future is ignored.
        (
            built("2030-01-01").first_seen("2026-11-10"),
            ("elected", "first-seen"),
        ),
    ] {
        let judged = Scenario::following("semver:*", "org/app:1.0.0")
            .annotation("imgpolicy.dev/min-age", "72h")
            .image("1.0.0", built("2026-01-01"))
            .image("1.0.1", image.clone())
            .decide("app");
        let (verdict, clock) = expected;
        assert_eq!(judged.verdict("1.0.1"), verdict, "{image:?}");
        let clock_used = judged.facts.as_ref().and_then(|facts| facts.age_clock);
        assert_eq!(
            clock_used.map_or("", |clock| clock.as_str()),
            clock,
            "{image:?}"
        );
    }
}

/// The decision between 1.0.0, which is old enough, and this 1.0.1.
fn with_newer(image: OracleImage) -> Judged {
    Scenario::following("semver:*", "org/app:1.0.0")
        .annotation("imgpolicy.dev/min-age", "72h")
        .image("1.0.0", built("2026-01-01"))
        .image("1.0.1", image)
        .decide("app")
}

#[test]
fn message_for_a_tag_without_a_clock_names_the_flag() {
    assert_eq!(
        with_newer(built("2026-01-01")).warning(WarningCode::TooYoung),
        "the age of 1.0.1 is not known: the registry reports no time for it, and no cache recorded \
         when it was first seen; --min-age-clock=image counts from the image's own date"
    );
    assert_eq!(
        with_newer(built("2026-01-01").first_seen("2026-11-20")).warning(WarningCode::TooYoung),
        "1.0.1 does not reach the minimum age until 2026-11-23T00:00:00Z, counted from when it \
         was first seen here; --min-age-clock=image counts from the image's own date"
    );
    assert_eq!(
        with_newer(built("2026-01-01").pushed("2026-11-20")).warning(WarningCode::TooYoung),
        "1.0.1 does not reach the minimum age until 2026-11-23T00:00:00Z"
    );
}

#[test]
fn stricter_clock_applies_only_with_a_minimum_age() {
    use kubectl_imgpolicy::policy::MinAgeClock::{Image, Registry};
    let hours = Some(jiff::SignedDuration::from_hours(72));
    for (annotations, age, clock, elected) in [
        (
            &[("min-age", "72h"), ("min-age-clock", "image")][..],
            None,
            None,
            "1.0.1",
        ),
        (
            &[("min-age", "72h"), ("min-age-clock", "registry")],
            None,
            Some(Image),
            "1.0.0",
        ),
        (
            &[("min-age", "72h"), ("min-age-clock", "image")],
            None,
            Some(Registry),
            "1.0.0",
        ),
        (&[("min-age", "72h")], None, Some(Image), "1.0.1"),
        (&[], hours, Some(Image), "1.0.1"),
        (&[], hours, None, "1.0.0"),
        // A workload cannot choose the clock for the age of the flag.
        (&[("min-age-clock", "image")], hours, None, "1.0.0"),
    ] {
        let mut scenario = Scenario::following("semver:*", "org/app:1.0.0")
            .settings(|s| (s.min_age, s.min_age_clock) = (age, clock))
            .image("1.0.0", built("2026-01-01"))
            .image("1.0.1", built("2026-01-01"));
        for (key, value) in annotations {
            scenario = scenario.annotation(&format!("imgpolicy.dev/{key}"), value);
        }
        assert_eq!(
            scenario.decide("app").elected(),
            elected,
            "{annotations:?} {clock:?}"
        );
    }
    let judged = scenario()
        .annotation("imgpolicy.dev/min-age-clock", "sundial")
        .image("1.0.1", built("2026-01-01"))
        .decide("app");
    assert_eq!(judged.says(), "unknown invalid-policy -");
    assert_eq!(
        judged.message,
        "annotation imgpolicy.dev/min-age-clock: the clock of a minimum age must be registry or image, \
         not \"sundial\""
    );
}

#[test]
fn tag_of_unknown_age_is_rejected() {
    for created in [
        None,
        Some("1970-01-01"),
        Some("1980-01-01"),
        Some("2027-01-01"),
    ] {
        let image = created.map_or_else(image, built);
        let judged = scenario().image("1.0.1", image).decide("app");
        assert_eq!(judged.verdict("1.0.1"), "too-young", "{created:?}");
        assert_eq!(
            judged.warning(WarningCode::TooYoung),
            "the age of 1.0.1 is not known: it has no usable creation time"
        );
    }
}

#[test]
fn row_is_undecided_if_no_older_tag_can_be_elected() {
    for lower in [&[][..], &["0.9.0"][..]] {
        let mut scenario = Scenario::following("semver:<1.0.0 || >1.0.0", "org/app:1.0.0")
            .annotation("imgpolicy.dev/min-age", "3d")
            .annotation("imgpolicy.dev/min-age-clock", "image")
            .image("1.0.0", built("2026-01-01"))
            .image("1.0.1", built("2026-11-20"));
        for tag in lower {
            scenario = scenario.image(tag, built("2025-01-01"));
        }
        let judged = scenario.decide("app");
        assert_eq!(judged.says(), "unknown too-young -", "{lower:?}");
        assert_eq!(
            judged.asked(),
            [
                "tags",
                "platforms 1.0.1",
                "platforms 1.0.0",
                "created 1.0.1"
            ],
            "never for a lower tag"
        );
    }
}

fn hours(hours: i64) -> Option<jiff::SignedDuration> {
    Some(jiff::SignedDuration::from_hours(hours))
}

fn elected_with(annotation: &str, flag: Option<jiff::SignedDuration>) -> String {
    Scenario::following("semver:*", "org/app:1.0.0")
        .annotation("imgpolicy.dev/min-age", annotation)
        .annotation("imgpolicy.dev/min-age-clock", "image")
        .settings(|s| s.min_age = flag)
        .image("1.0.0", built("2026-01-01"))
        .image("1.0.1", built("2026-11-20"))
        .decide("app")
        .elected()
}

#[test]
fn longer_of_flag_and_annotation_applies() {
    assert_eq!(elected_with("1h", None), "1.0.1");
    assert_eq!(elected_with("1h", hours(72)), "1.0.0");
    assert_eq!(elected_with("72h", hours(1)), "1.0.0");
    assert_eq!(elected_with("0s", None), "1.0.1");
}

#[test]
fn age_is_not_requested_without_a_minimum() {
    let judged = Scenario::following("semver:*", "org/app:1.0.0")
        .annotation("imgpolicy.dev/min-age", "0s")
        .settings(|s| s.min_age = Some(jiff::SignedDuration::ZERO))
        .tags(&["1.0.0", "1.0.1"])
        .decide("app");
    assert_eq!(judged.says(), "update newer-image 1.0.1");
    assert_eq!(
        judged.asked(),
        ["tags", "platforms 1.0.1", "platforms 1.0.0"]
    );
}

#[test]
fn invalid_minimum_age_stops_the_update() {
    for age in ["72", "soon", "-1h", "", "1 month"] {
        let judged = scenario()
            .annotation("imgpolicy.dev/min-age", age)
            .image("1.0.1", built("2026-01-01"))
            .decide("app");
        assert_eq!(judged.says(), "unknown invalid-policy -", "{age}");
        let expected = format!(
            "annotation imgpolicy.dev/min-age: {age:?} is not a valid duration; use a \
             form such as 72h, 3d or 1h30m"
        );
        assert_eq!(judged.message, expected);
    }
}

#[test]
fn many_young_tags_give_one_warning() {
    let mut scenario = scenario();
    for patch in 1..=9 {
        scenario = scenario.image(&format!("1.0.{patch}"), built("2026-11-20"));
    }
    let judged = scenario.decide("app");
    assert_eq!(
        judged.warning(WarningCode::TooYoung),
        "1.0.9 does not reach the minimum age until 2026-11-23T00:00:00Z; the same holds for 8 \
         more tags"
    );
}

#[test]
fn failure_to_fetch_the_age_leaves_the_row_undecided() {
    let judged = scenario()
        .image("1.0.1", image().created_fails(FetchFailureKind::Registry))
        .decide("app");
    assert_eq!(judged.says(), "unknown registry-error -");
}

#[test]
fn tag_without_a_manifest_is_not_called_too_young() {
    let judged = scenario().image("1.0.1", image().gone()).decide("app");
    assert_eq!(judged.says(), "keep up-to-date 1.0.0");
    assert_eq!(judged.verdict("1.0.1"), "no-manifest");
    assert_eq!(judged.warns(), "");
}

#[test]
fn image_without_a_time_is_rejected_alone_in_creation_order() {
    for bad in [
        image(),
        built("0001-01-01"),
        built("1970-01-01"),
        built("1980-01-01"),
        built("2026-11-22T12:00:01Z"),
    ] {
        let judged = Scenario::following("glob:*", "org/app:a")
            .image("a", built("2026-01-01"))
            .image("b", built("2026-01-02"))
            .image("c", bad)
            .image("d", image().gone())
            .decide("app");
        assert_eq!(judged.says(), "update newer-image b");
        assert_eq!(judged.verdict("c"), "no-creation-time");
        assert_eq!(judged.verdict("d"), "no-manifest");
    }
}

#[test]
fn creation_time_up_to_a_day_ahead_is_accepted() {
    let judged = Scenario::following("glob:*", "org/app:a")
        .image("a", built("2026-01-01"))
        .image("b", built("2026-11-22T12:00:00Z"))
        .decide("app");
    assert_eq!(judged.says(), "update newer-image b");
}

#[test]
fn running_image_without_a_time_cannot_be_compared() {
    for running in [image(), built("1970-01-01"), built("2030-01-01")] {
        let judged = Scenario::following("glob:*", "org/app:a")
            .image("a", running)
            .image("b", built("2026-01-02"))
            .decide("app");
        assert_eq!(judged.says(), "unknown no-creation-time -");
        assert!(judged.message.ends_with("use semver: or numerical"));
    }
}

#[test]
fn failure_to_fetch_a_time_leaves_creation_order_undecided() {
    use FetchFailureKind::{CannotBePulled, RateLimited, Registry, Unauthorized, Unreachable};
    for (kind, failing) in [
        (RateLimited, &["a", "c"][..]),
        (Registry, &["a", "c"]),
        (Unreachable, &["a", "c"]),
        // For other tags, these failures concern one image only.
        (Unauthorized, &["a"]),
        (CannotBePulled, &["a"]),
    ] {
        for failing in failing {
            let mut scenario = Scenario::following("glob:*", "org/app:a")
                .image("a", built("2026-01-01"))
                .image("b", built("2026-01-02"))
                .image("c", built("2025-01-01"));
            scenario = scenario.image(failing, image().created_fails(kind));
            let judged = scenario.decide("app");
            assert_eq!(judged.outcome.as_str(), "unknown", "{kind:?} {failing}");
            assert_eq!(judged.examination.tags, 3, "no tag is lost");
        }
    }
}
