//! Creation times and product decision 13: what is too young waits.

use kubectl_imgpolicy::image::FetchFailureKind;
use kubectl_imgpolicy::policy::WarningCode;

use crate::support::oracle::{built, image, time};
use crate::support::scenario::Scenario;

/// Now is 2026-11-21T12:00:00Z, and the images' own dates count.
fn scenario() -> Scenario {
    Scenario::following("semver:*", "org/app:1.0.0")
        .annotation("imgpolicy.dev/min-age", "72h")
        .annotation("imgpolicy.dev/min-age-clock", "image")
        .image("1.0.0", built("2026-01-01"))
}

#[test]
fn a_tag_that_is_too_young_leaves_the_election_to_the_next() {
    let judged = scenario()
        .image("1.0.1", built("2026-11-10"))
        .image("1.0.2", built("2026-11-20"))
        .decide("app");
    assert_eq!(judged.says(), "update newer-image 1.0.1");
    assert_eq!(judged.verdict("1.0.2"), "too-young");
    assert_eq!(
        judged.warning(WarningCode::TooYoung),
        "1.0.2 is younger than the minimum age until 2026-11-23T00:00:00Z"
    );
    let young = &judged.examination.candidates;
    let young = young
        .iter()
        .find(|c| c.tag.as_str() == "1.0.2")
        .expect("it");
    assert_eq!(young.ripe_at, Some(time("2026-11-23")));
}

#[test]
fn the_running_tag_ends_the_walk_whatever_its_age() {
    let judged = scenario().image("1.0.2", built("2026-11-20")).decide("app");
    assert_eq!(judged.says(), "keep up-to-date 1.0.0");
    assert_eq!(judged.warns(), "too-young");
}

#[test]
fn a_tag_is_ripe_at_the_very_second() {
    for (created, elected) in [
        ("2026-11-18T12:00:00Z", "1.0.1"),
        ("2026-11-18T12:00:01Z", "1.0.0"),
    ] {
        let judged = scenario().image("1.0.1", built(created)).decide("app");
        assert_eq!(judged.elected(), elected);
    }
}

#[test]
fn the_age_counts_from_a_clock_that_the_image_cannot_set() {
    let old = || built("2026-01-01");
    for (image, expected) in [
        // Nobody tells a time: it is too young, however old it says that it is.
        (old(), ("too-young", "")),
        (old().pushed("2026-11-20"), ("too-young", "")),
        (old().pushed("2026-11-10"), ("elected", "push")),
        (old().last_modified("2026-11-20"), ("too-young", "")),
        (
            old().last_modified("2026-11-10"),
            ("elected", "last-modified"),
        ),
        (old().first_seen("2026-11-20"), ("too-young", "")),
        (old().first_seen("2026-11-10"), ("elected", "first-seen")),
        // The push is the registry's own word; the others only bound it.
        (
            old().pushed("2026-11-10").last_modified("2026-11-20"),
            ("elected", "push"),
        ),
        (
            old().pushed("2026-11-20").first_seen("2026-11-10"),
            ("too-young", ""),
        ),
        (
            old().last_modified("2026-11-10").first_seen("2026-11-20"),
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
        // A time of 1970 is no clock.
        (old().pushed("1970-01-01"), ("too-young", "")),
        (old().last_modified("1970-01-01"), ("too-young", "")),
        (
            old().last_modified("1970-01-01").first_seen("2026-11-10"),
            ("elected", "first-seen"),
        ),
        // A date in the future is none.
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
        let told = judged.facts.as_ref().and_then(|facts| facts.age_clock);
        assert_eq!(told.map_or("", |clock| clock.as_str()), clock, "{image:?}");
    }
}

#[test]
fn a_tag_without_a_clock_names_the_way_out() {
    let young = |image| {
        Scenario::following("semver:*", "org/app:1.0.0")
            .annotation("imgpolicy.dev/min-age", "72h")
            .image("1.0.0", built("2026-01-01"))
            .image("1.0.1", image)
            .decide("app")
    };
    assert_eq!(
        young(built("2026-01-01")).warning(WarningCode::TooYoung),
        "the age of 1.0.1 is not known: the registry tells no time for it, and no cache remembers \
         when it came; --min-age-clock=image counts from the image's own date"
    );
    assert_eq!(
        young(built("2026-01-01").first_seen("2026-11-20")).warning(WarningCode::TooYoung),
        "1.0.1 is younger than the minimum age until 2026-11-23T00:00:00Z, counted from when it \
         was first seen here; --min-age-clock=image counts from the image's own date"
    );
    assert_eq!(
        young(built("2026-01-01").pushed("2026-11-20")).warning(WarningCode::TooYoung),
        "1.0.1 is younger than the minimum age until 2026-11-23T00:00:00Z"
    );
}

#[test]
fn the_stricter_clock_counts_and_only_beside_an_age() {
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
        // A workload does not choose the clock of somebody else's age.
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
fn a_tag_of_unknown_age_is_rejected() {
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
            "the age of 1.0.1 is not known: it names no usable time of creation"
        );
    }
}

#[test]
fn where_nothing_older_is_electable_the_row_is_undecided() {
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
            "never of a lower tag"
        );
    }
}

#[test]
fn the_longer_of_flag_and_annotation_counts() {
    let hours = |hours| Some(jiff::SignedDuration::from_hours(hours));
    let of = |annotation: &str, flag| {
        Scenario::following("semver:*", "org/app:1.0.0")
            .annotation("imgpolicy.dev/min-age", annotation)
            .annotation("imgpolicy.dev/min-age-clock", "image")
            .settings(|s| s.min_age = flag)
            .image("1.0.0", built("2026-01-01"))
            .image("1.0.1", built("2026-11-20"))
            .decide("app")
            .elected()
    };
    assert_eq!(of("1h", None), "1.0.1");
    assert_eq!(of("1h", hours(72)), "1.0.0");
    assert_eq!(of("72h", hours(1)), "1.0.0");
    assert_eq!(of("0s", None), "1.0.1");
}

#[test]
fn no_minimum_asks_for_no_age() {
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
fn an_age_that_cannot_be_read_stops_the_update() {
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
fn a_month_of_young_tags_is_one_warning() {
    let mut scenario = scenario();
    for patch in 1..=9 {
        scenario = scenario.image(&format!("1.0.{patch}"), built("2026-11-20"));
    }
    let judged = scenario.decide("app");
    assert_eq!(
        judged.warning(WarningCode::TooYoung),
        "1.0.9 is younger than the minimum age until 2026-11-23T00:00:00Z; the same holds for 8 \
         more tags"
    );
}

#[test]
fn an_age_that_cannot_be_had_decides_nothing() {
    let judged = scenario()
        .image("1.0.1", image().created_fails(FetchFailureKind::Registry))
        .decide("app");
    assert_eq!(judged.says(), "unknown registry-error -");
}

#[test]
fn a_tag_without_a_manifest_is_not_called_young() {
    let judged = scenario().image("1.0.1", image().gone()).decide("app");
    assert_eq!(judged.says(), "keep up-to-date 1.0.0");
    assert_eq!(judged.verdict("1.0.1"), "no-manifest");
    assert_eq!(judged.warns(), "");
}

#[test]
fn in_the_order_of_time_an_image_without_a_time_is_rejected_by_itself() {
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
fn a_clock_that_is_a_day_ahead_is_believed() {
    let judged = Scenario::following("glob:*", "org/app:a")
        .image("a", built("2026-01-01"))
        .image("b", built("2026-11-22T12:00:00Z"))
        .decide("app");
    assert_eq!(judged.says(), "update newer-image b");
}

#[test]
fn a_running_image_without_a_time_cannot_be_compared() {
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
fn a_time_that_cannot_be_had_decides_nothing_in_the_order_of_time() {
    use FetchFailureKind::{CannotBePulled, RateLimited, Registry, Unauthorized, Unreachable};
    for (kind, failing) in [
        (RateLimited, &["a", "c"][..]),
        (Registry, &["a", "c"]),
        (Unreachable, &["a", "c"]),
        // Of other tags these are the image's own failures.
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
