//! Fetching creation times in the order of pushes: fewer requests, the same decision.

use kubectl_imgpolicy::evaluator::Decision;
use kubectl_imgpolicy::image::{Fact, FetchFailureKind, RepositoryMetadata, TagOrDigest};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::support::oracle::{OracleImage, built, image};
use crate::support::scenario::{Judged, Scenario};

/// `glob:*`, with a registry that reports push times first.
fn scenario(running: &str) -> Scenario {
    let mut scenario = Scenario::following("glob:*", &format!("org/app:{running}"));
    scenario.oracle.bounds_first = true;
    scenario
}

/// Built and pushed within an hour of noon on this day.
fn pushed(day: &str) -> OracleImage {
    built(&format!("{day}T12:00:00Z")).pushed(&format!("{day}T13:00:00Z"))
}

/// The tags whose creation time was requested.
fn dated(judged: &Judged) -> Vec<String> {
    let asked = judged.asked();
    let mut times: Vec<String> = asked
        .iter()
        .filter_map(|fact| fact.strip_prefix("created ").map(str::to_owned))
        .collect();
    times.sort();
    let twice = times.windows(2).filter(|pair| pair[0] == pair[1]);
    twice.map(|pair| pair[0].clone()).collect()
}

#[test]
fn only_the_last_pushed_and_the_running_of_a_thousand_tags_are_dated() {
    let mut scenario = scenario("build-0100");
    for number in 0..1000_i64 {
        let day = jiff::civil::date(2023, 1, 1) + jiff::ToSpan::days(number);
        scenario = scenario.image(&format!("build-{number:04}"), pushed(&day.to_string()));
    }
    let judged = scenario.decide("app");
    assert_eq!(judged.says(), "update newer-image build-0999");
    assert_eq!(
        judged.message,
        "build-0999 is the newest of 1000 tags that match glob:*"
    );
    let expected = ["0100", "0996", "0997", "0998", "0999"].map(|n| format!("build-{n}"));
    assert_eq!(dated(&judged), expected);
    assert_eq!(judged.verdict("build-0998"), "accepted");
    assert_eq!(judged.verdict("build-0995"), "older-by-push-time");
    assert_eq!(judged.examination.funnel[0].left, 5);
    let candidates = judged.examination.candidates.iter();
    let listed: Vec<&str> = candidates.map(|c| c.tag.as_str()).collect();
    assert_eq!(
        &listed[3..7],
        ["build-0996", "build-0100", "build-0995", "build-0994"]
    );
}

#[test]
fn image_pushed_long_after_its_build_is_dated() {
    // A mirror: everything was pushed on one day, in another order.
    let mut scenario = scenario("t0");
    for number in 0..9 {
        let image = built(&format!("2026-01-0{}", number + 1))
            .pushed(&format!("2026-02-01T{:02}:00:00Z", 20 - number));
        scenario = scenario.image(&format!("t{number}"), image);
    }
    let judged = scenario.decide("app");
    assert_eq!(judged.says(), "update newer-image t8");
    assert_eq!(dated(&judged).len(), 9);
}

#[test]
fn tag_with_an_equal_bound_is_dated() {
    for (pushed_at, elected, verdict) in [
        ("2026-01-09T12:00:00Z", "z", "elected"),
        ("2026-01-09T11:59:59Z", "b", "older-by-push-time"),
    ] {
        let mut scenario = scenario("a")
            .image("a", pushed("2026-01-01"))
            .image("b", pushed("2026-01-10"))
            .image("z", built("2026-01-10T12:00:00Z").pushed(pushed_at));
        // The first tags to be dated: pushed last, and built long before.
        for tag in ["c", "d", "e", "f"] {
            let image = built("2025-01-01").pushed("2026-01-10T13:00:00Z");
            scenario = scenario.image(tag, image);
        }
        let judged = scenario.decide("app");
        assert_eq!(judged.elected(), elected);
        assert_eq!(judged.verdict("z"), verdict);
    }
}

#[test]
fn creation_more_than_a_day_after_the_push_counts_as_missing() {
    for (created, elected) in [("2026-01-11T13:00:00Z", "b"), ("2026-01-11T13:00:01Z", "a")] {
        for bounds_first in [false, true] {
            let mut scenario = scenario("a")
                .image("a", pushed("2026-01-01"))
                .image("b", built(created).pushed("2026-01-10T13:00:00Z"));
            scenario.oracle.bounds_first = bounds_first;
            let judged = scenario.decide("app");
            assert_eq!(judged.elected(), elected, "{created}");
            if elected == "a" {
                assert_eq!(judged.verdict("b"), "no-creation-time");
            }
        }
    }
}

#[test]
fn unknown_push_time_is_no_bound() {
    let judged = scenario("a")
        .image("a", built("2026-01-01").pushed("0001-01-01"))
        .image("b", built("2026-01-02").pushed("1970-01-01"))
        .decide("app");
    assert_eq!(judged.says(), "update newer-image b");
}

fn failing() -> OracleImage {
    image().created_fails(FetchFailureKind::RateLimited)
}

fn with_third(image: OracleImage) -> Judged {
    scenario("a")
        .image("a", pushed("2026-01-01"))
        .image("b", pushed("2026-01-10"))
        .image("c", image)
        .decide("app")
}

#[test]
fn failure_of_a_tag_that_cannot_win_changes_nothing() {
    let judged = with_third(failing().pushed("2026-01-05"));
    assert_eq!(judged.says(), "update newer-image b");
    assert_eq!(judged.verdict("c"), "older-by-push-time");
    for may_win in [failing(), failing().pushed("2026-01-09T13:00:00Z")] {
        let judged = with_third(may_win);
        assert_eq!(judged.says(), "unknown rate-limited -");
        assert_eq!(judged.examination.tags, 3);
    }
}

#[test]
fn failure_of_an_old_running_tag_leaves_the_row_undecided() {
    let running = image()
        .created_fails(FetchFailureKind::Unreachable)
        .pushed("2025-01-01");
    let judged = scenario("a")
        .image("a", running)
        .image("b", pushed("2026-01-10"))
        .decide("app");
    assert_eq!(judged.says(), "unknown registry-unreachable -");
}

#[test]
fn refused_tags_are_followed_by_earlier_pushes_in_few_rounds() {
    let mut scenario = scenario("d00").annotation("imgpolicy.dev/min-age", "60d");
    for number in 0..100_i64 {
        let day = jiff::civil::date(2026, 8, 12) + jiff::ToSpan::days(number);
        scenario = scenario.image(&format!("d{number:02}"), pushed(&day.to_string()));
    }
    let judged = scenario.decide("app");
    // 2026-09-22T12:00:00Z is 60 days ago.
    assert_eq!(judged.says(), "update newer-image d40");
    assert_eq!(judged.verdict("d41"), "too-young");
    assert_eq!(judged.verdict("d01"), "older-by-push-time");
    assert!(dated(&judged).len() <= 90, "{}", dated(&judged).len());
}

#[test]
fn all_tags_without_a_usable_time_are_checked() {
    let mut scenario = scenario("x");
    for number in 0..40 {
        let epoch = built("1970-01-01").pushed(&format!("2026-01-01T00:00:{number:02}Z"));
        scenario = scenario.image(&format!("t{number}"), epoch);
    }
    let judged = scenario.decide("app");
    assert_eq!(judged.says(), "keep no-matching-tag -");
    assert_eq!(
        judged.message,
        "none of 40 tags matches glob:*; 40 do, but have no usable creation time"
    );
}

#[test]
fn rounds_are_few_if_no_tag_can_be_elected() {
    let mut scenario = scenario("x");
    for number in 0..500_i64 {
        let day = jiff::civil::date(2024, 1, 1) + jiff::ToSpan::days(number * 2 % 499);
        let epoch = built("1970-01-01").pushed(&day.to_string());
        scenario = scenario.image(&format!("t{number}"), epoch);
    }
    let snapshot = scenario.snapshot();
    let subjects = snapshot.subjects().expect("subjects");
    let mut metadata = RepositoryMetadata::default();
    let mut rounds = 0;
    loop {
        let needs = subjects[0].needs(&metadata);
        if needs.is_empty() {
            break;
        }
        for fact in needs {
            scenario.oracle.answer(&fact, &mut metadata);
        }
        rounds += 1;
    }
    // The tags, the pushes, and 4, 4, 8, … of 500.
    assert!(rounds <= 10, "{rounds}");
}

#[test]
fn push_time_is_requested_for_a_minimum_age() {
    use kubectl_imgpolicy::image::Known;
    let scenario = Scenario::following("semver:*", "org/app:1.0.0")
        .annotation("imgpolicy.dev/min-age", "72h")
        .tags(&["1.0.0"]);
    for (created, says) in [("2026-01-01", "rate-limited"), ("2026-11-21", "up-to-date")] {
        let scenario = scenario.clone().image("1.0.1", built(created));
        let snapshot = scenario.snapshot();
        let subjects = snapshot.subjects().expect("subjects");
        let mut metadata = scenario.oracle.omniscience();
        let version = TagOrDigest::Tag("1.0.1".parse().expect("a tag"));
        let entry = metadata.images.get_mut(&version).expect("it");
        entry.pushed = Known::NotAsked;
        assert_eq!(
            subjects[0].needs(&metadata),
            [Fact::Pushed(version.clone())]
        );
        let failure = kubectl_imgpolicy::image::FetchFailure {
            kind: FetchFailureKind::RateLimited,
            message: "too many".to_owned(),
        };
        let entry = metadata.images.get_mut(&version).expect("it");
        entry.pushed = Known::Failed(failure);
        let decision = subjects[0].decide(&metadata);
        assert_eq!(decision.reason.as_str(), says, "{created}");
    }
}

/// A time in whole hours, so that many times are equal; now is hour 120.
fn at(hour: i64) -> String {
    let start: jiff::Timestamp = "2026-11-16T12:00:00Z".parse().expect("a time");
    (start + jiff::SignedDuration::from_hours(hour)).to_string()
}

/// An image that was pushed near its creation, long after it, at the bound, beyond it,
/// or at an unknown time.
fn any_image() -> impl Strategy<Value = OracleImage> {
    use FetchFailureKind::{NotFound, RateLimited};
    let hours = (0..24_i64).prop_map(|sixths| sixths * 6);
    let pushed_after = prop_oneof![
        8 => select(vec![0, 1, 2, 6]).prop_map(Some),
        4 => select(vec![-24, -18, -12, 48, 96]).prop_map(Some),
        1 => Just(Some(-25)),
        1 => Just(None),
    ];
    let created =
        prop_oneof![12 => Just(0), 1 => Just(1), 1 => Just(2), 1 => Just(3), 1 => Just(4)];
    let platforms = select(vec![
        &["linux/amd64"][..],
        &["linux/amd64"],
        &["linux/arm64"],
        &[],
    ]);
    (hours, pushed_after, created, platforms, 0..16_u8).prop_map(
        |(hour, pushed_after, created, platforms, fault)| {
            let mut image = match created {
                1 => image(),
                2 => built("1970-01-01"),
                _ => built(&at(hour)),
            };
            image = match created {
                3 => image.created_fails(NotFound),
                4 => image.created_fails(RateLimited),
                _ => image.platforms(platforms),
            };
            if fault == 0 {
                image = image.platforms_fail(RateLimited);
            }
            image.gone = fault == 1;
            match pushed_after {
                Some(after) => image.pushed(&at(hour + after)),
                None => image,
            }
        },
    )
}

/// Annotations that affect an election in creation order.
const ANNOTATIONS: [(&str, &str); 6] = [
    ("imgpolicy.dev/min-age", "24h"),
    ("imgpolicy.dev/min-age", "96h"),
    ("imgpolicy.dev/allow-downgrade", "true"),
    ("imgpolicy.dev/ignore-tags.app", r#"["^t1$"]"#),
    ("imgpolicy.dev/filter-tags.app", "^(?P<v>t)"),
    ("imgpolicy.dev/extract.app", "$v"),
];

prop_compose! {
    fn any_scenario()(
        policy in select(vec!["glob:*", "glob:t*", "regex:^t", "glob:t", "glob:t3", "glob:t*1*"]),
        running in prop_oneof![
            6 => select(vec!["t0", "t1", "t2", "t5", "t12", "r"]).prop_map(|tag| format!(":{tag}")),
            1 => Just(":gone".to_owned()),
            1 => Just(":latest".to_owned()),
            1 => Just(String::new()),
            1 => Just(format!(":t1@sha256:{}", "05".repeat(32))),
            1 => Just(format!("@sha256:{}", "05".repeat(32))),
        ],
        annotations in subsequence(ANNOTATIONS.to_vec(), 0..3),
        images in prop::collection::vec(any_image(), 0..24),
        other in prop::option::of(any_image()),
        nodes in prop::option::of(Just(["linux/amd64"])),
    ) -> Scenario {
        let mut scenario = Scenario::following(policy, &format!("org/app{running}"));
        for (key, value) in annotations {
            scenario = scenario.annotation(key, value);
        }
        for (number, image) in images.into_iter().enumerate() {
            scenario = scenario.image(&format!("t{number}"), image);
        }
        if let Some(image) = other {
            scenario = scenario.image("r", image);
        }
        if let Some(nodes) = nodes {
            scenario = scenario.nodes(&nodes);
        }
        scenario
    }
}

/// Whether every tag has a usable time, so that none is dropped without being counted.
fn all_are_usable(scenario: &Scenario) -> bool {
    scenario.oracle.images.values().all(|image| {
        let created = image.created.as_ref().ok().copied().flatten();
        let in_bound = created.is_some_and(|created| {
            let pushed = image.pushed.unwrap_or(jiff::Timestamp::MAX);
            created.as_second() > 1_000_000_000
                && created.as_second() - 86_400 <= pushed.as_second()
        });
        in_bound && !image.gone
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        cases: 512,
        ..ProptestConfig::default()
    })]

    #[test]
    fn decision_is_the_same_as_with_all_times(scenario in any_scenario()) {
        let snapshot = scenario.snapshot();
        let subjects = snapshot.subjects().expect("subjects");
        let mut all = scenario.oracle.omniscience();
        for tag in scenario.oracle.images.keys() {
            let version = TagOrDigest::Tag(tag.parse().expect("a tag"));
            scenario.oracle.answer(&Fact::Pushed(version), &mut all);
        }
        let eager = subjects[0].decide(&all);
        let needs = subjects[0].needs(&all);
        prop_assert!(
            needs.iter().all(|fact| matches!(fact, Fact::Digest(_) | Fact::Platforms(_))),
            "{needs:?}"
        );
        prop_assume!(needs.is_empty());

        let mut lazy_scenario = scenario.clone();
        lazy_scenario.oracle.bounds_first = true;
        let lazy = lazy_scenario.decide("app");
        let outcome = |decision: &Decision| {
            (decision.outcome, decision.reason, decision.latest.clone(), decision.warnings.clone())
        };
        prop_assert_eq!(outcome(&lazy), outcome(&eager), "{} / {}", lazy.message, eager.message);
        if all_are_usable(&scenario) {
            prop_assert_eq!(&lazy.message, &eager.message);
        }
    }
}

proptest! {
    // Each case has many tags.
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        cases: 16,
        ..ProptestConfig::default()
    })]

    #[test]
    fn few_tags_are_dated_if_pushes_follow_builds(
        minutes in prop::collection::vec(1..50_i64, 60..200),
        running in 0..60_usize,
    ) {
        let mut scenario = scenario(&format!("t{running}"));
        for (number, minutes) in minutes.iter().enumerate() {
            let day = jiff::civil::date(2026, 1, 1) + jiff::ToSpan::days(i64::try_from(number)?);
            let built_at = built(&format!("{day}T12:00:00Z"));
            let image = built_at.pushed(&format!("{day}T12:{minutes:02}:00Z"));
            scenario = scenario.image(&format!("t{number}"), image);
        }
        let judged = scenario.decide("app");
        prop_assert_eq!(judged.elected(), format!("t{}", minutes.len() - 1));
        prop_assert!(dated(&judged).len() <= 6, "{:?}", dated(&judged));
    }
}
