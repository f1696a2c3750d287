//! The times at which updates may start.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::json;

use super::window::Windows;
use super::{Schedule, ScheduleFlags, namespace_schedule};
use crate::workload::{Workload, decode};

fn time(text: &str) -> Timestamp {
    text.parse().expect(text)
}

fn workload(annotations: &[(&str, &str)]) -> Workload {
    let annotations: BTreeMap<&str, &str> = annotations.iter().copied().collect();
    let object = json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "annotations": annotations}});
    decode(&object, "default")
        .expect("decodes")
        .expect("a workload")
}

fn schedule(own: &[(&str, &str)], of_namespace: &[(&str, &str)]) -> Schedule {
    schedule_of_run(own, of_namespace, &ScheduleFlags::NONE)
}

fn schedule_of_run(
    own: &[(&str, &str)],
    of_namespace: &[(&str, &str)],
    flags: &ScheduleFlags,
) -> Schedule {
    let of_namespace: BTreeMap<&str, &str> = of_namespace.iter().copied().collect();
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": "shop", "annotations": of_namespace}});
    let namespaces = namespace_schedule(&namespace).into_iter().collect();
    Schedule::of(&workload(own), &namespaces, flags).expect("valid")
}

const WINDOW: &str = "imgpolicy.dev/window";
const FREEZE: &str = "imgpolicy.dev/freeze";

/// Checks that updates may start only at the second of each pair of times; the first is
/// before it.
fn assert_opens(key: &str, text: &str, cases: &[(&str, &str)]) {
    let schedule = schedule(&[(key, text)], &[]);
    for (at, opens) in cases {
        let closure = schedule.closure(time(at));
        let until = closure.and_then(|closure| closure.until);
        assert_eq!(until, Some(time(opens)), "{text} at {at}");
        assert_eq!(schedule.closure(time(opens)), None, "{text} at {opens}");
    }
}

fn assert_open(key: &str, text: &str, times: &[&str]) {
    let schedule = schedule(&[(key, text)], &[]);
    for at in times {
        assert_eq!(schedule.closure(time(at)), None, "{text} at {at}");
    }
}

#[test]
fn window_opens_at_its_first_minute_and_closes_at_its_last() {
    let office = "Mon-Fri 09:00-16:00 Europe/Berlin; Sat 10:00-12:00";
    // Saturday, Sunday, Monday. Without a zone, it is UTC.
    assert_opens(
        WINDOW,
        office,
        &[
            ("2026-11-21T09:59:59Z", "2026-11-21T10:00:00Z"),
            ("2026-11-21T12:00:00Z", "2026-11-23T08:00:00Z"),
            ("2026-11-22T08:00:00Z", "2026-11-23T08:00:00Z"),
            ("2026-11-23T07:59:59Z", "2026-11-23T08:00:00Z"),
            ("2026-11-23T15:00:00Z", "2026-11-24T08:00:00Z"),
        ],
    );
    let open = [
        "2026-11-21T11:59:59Z",
        "2026-11-23T08:00:00Z",
        "2026-11-23T14:59:59Z",
    ];
    assert_open(WINDOW, office, &open);
}

#[test]
fn window_across_midnight_belongs_to_the_day_on_which_it_begins() {
    let night = "Fri 22:00-02:00";
    // Also across the end of a month and of a year: 2026-12-31 is a Thursday.
    let open = [
        "2026-11-20T22:00:00Z",
        "2026-11-21T01:59:59Z",
        "2027-01-01T22:00:00Z",
    ];
    assert_open(WINDOW, night, &open);
    assert_opens(
        WINDOW,
        night,
        &[
            ("2026-11-20T01:00:00Z", "2026-11-20T22:00:00Z"),
            ("2026-11-21T02:00:00Z", "2026-11-27T22:00:00Z"),
            ("2026-11-21T23:00:00Z", "2026-11-27T22:00:00Z"),
            ("2026-12-31T22:00:00Z", "2027-01-01T22:00:00Z"),
        ],
    );
    let always = "23:00-01:00";
    assert_open(
        WINDOW,
        always,
        &["2026-11-30T23:30:00Z", "2027-01-01T00:59:00Z"],
    );
}

#[test]
fn days_may_be_lists_and_ranges_across_the_end_of_the_week() {
    // Monday 2026-11-23 to Sunday 2026-11-29.
    for (days, open) in [
        ("Mon", "1......"),
        ("sat,SUN", ".....11"),
        ("Fri-Mon", "1...111"),
        ("Tue-Wed,Sat", ".11..1."),
        ("Mon-Sun", "1111111"),
    ] {
        let windows = Windows::parse(&format!("{days} 00:00-24:00")).expect(days);
        let found: String = (23..30)
            .map(|day| time(&format!("2026-11-{day}T23:59:59Z")))
            .map(|at| if windows.is_open(at) { '1' } else { '.' })
            .collect();
        assert_eq!(found, open, "{days}");
    }
}

#[test]
fn window_follows_the_clock_of_its_zone() {
    assert_open(
        WINDOW,
        "Sat 00:00-24:00 Asia/Tokyo",
        &["2026-11-20T15:00:00Z", "2026-11-21T14:59:59Z"],
    );
    assert_opens(
        WINDOW,
        "09:00-10:00 Asia/Kolkata",
        &[("2026-11-21T04:30:00Z", "2026-11-22T03:30:00Z")],
    );
    // An hour later in UTC once the summer is over.
    let morning = "09:00-10:00 America/New_York";
    assert_open(
        WINDOW,
        morning,
        &["2026-07-01T13:30:00Z", "2026-12-01T14:30:00Z"],
    );
}

#[test]
fn hour_that_a_clock_skips_in_spring_is_in_no_window() {
    // At 01:00 UTC of Sunday 2027-03-28, the clock jumps from 02:00 to 03:00.
    assert_opens(
        WINDOW,
        "Sun 02:15-02:45 Europe/Berlin",
        &[("2027-03-28T00:00:00Z", "2027-04-04T00:15:00Z")],
    );
    assert_opens(
        WINDOW,
        "Sun 02:30-04:00 Europe/Berlin",
        &[("2027-03-28T00:59:59Z", "2027-03-28T01:00:00Z")],
    );
    // In Cairo it jumps at midnight, so that the day begins at 01:00.
    assert_opens(
        WINDOW,
        "Fri 00:00-02:00 Africa/Cairo",
        &[("2026-04-23T21:59:59Z", "2026-04-23T22:00:00Z")],
    );
}

#[test]
fn hour_that_a_clock_shows_twice_in_autumn_is_in_the_window_twice() {
    // At 01:00 UTC of Sunday 2026-10-25, the clock goes back from 03:00 to 02:00.
    let hour = "Sun 02:00-03:00 Europe/Berlin";
    assert_open(
        WINDOW,
        hour,
        &[
            "2026-10-25T00:00:00Z",
            "2026-10-25T01:00:00Z",
            "2026-10-25T01:59:59Z",
        ],
    );
    assert_opens(
        WINDOW,
        hour,
        &[
            ("2026-10-24T23:59:59Z", "2026-10-25T00:00:00Z"),
            ("2026-10-25T02:00:00Z", "2026-11-01T01:00:00Z"),
        ],
    );
    assert_opens(
        WINDOW,
        "Sun 02:30-02:45 Europe/Berlin",
        &[("2026-10-25T00:45:00Z", "2026-10-25T01:30:00Z")],
    );
}

#[test]
fn freeze_includes_its_first_and_its_last_day() {
    let year_end = "2026-12-20/2027-01-02 year end; 2026-12-24";
    assert_open(
        FREEZE,
        year_end,
        &["2026-12-19T23:59:59Z", "2027-01-03T00:00:00Z"],
    );
    assert_opens(
        FREEZE,
        year_end,
        &[
            ("2026-12-20T00:00:00Z", "2027-01-03T00:00:00Z"),
            ("2026-12-24T12:00:00Z", "2027-01-03T00:00:00Z"),
            ("2027-01-02T23:59:59Z", "2027-01-03T00:00:00Z"),
        ],
    );
    assert_opens(
        FREEZE,
        "2026-12-24 Europe/Berlin",
        &[("2026-12-23T23:00:00Z", "2026-12-24T23:00:00Z")],
    );
    let frozen = schedule(&[(FREEZE, year_end)], &[]).closure(time("2026-12-24T12:00:00Z"));
    assert_eq!(
        frozen.expect("frozen").to_string(),
        "updates wait until 2027-01-03T00:00:00Z: frozen through 2027-01-02: year end (annotation \
         imgpolicy.dev/freeze)"
    );
}

#[test]
fn every_annotation_of_the_workload_and_of_its_namespace_must_allow_an_update() {
    let own = [(WINDOW, "Mon-Fri 09:00-16:00")];
    let of_namespace = [
        (WINDOW, "Wed 15:00-18:00"),
        (FREEZE, "2026-11-25/2026-11-26 launch"),
    ];
    let both = schedule(&own, &of_namespace);
    // Saturday; the first Wednesday is frozen.
    let closure = both.closure(time("2026-11-21T12:00:00Z")).expect("closed");
    assert_eq!(closure.until, Some(time("2026-12-02T15:00:00Z")));
    assert_eq!(
        closure.message,
        "outside the window Mon-Fri 09:00-16:00 (annotation imgpolicy.dev/window)"
    );
    let closure = both.closure(time("2026-11-25T15:30:00Z")).expect("closed");
    assert_eq!(
        closure.message,
        "frozen through 2026-11-26: launch (annotation imgpolicy.dev/freeze of namespace shop)"
    );
    assert_eq!(both.closure(time("2026-12-02T15:59:59Z")), None);
}

#[test]
fn flags_of_the_run_must_allow_an_update_too() {
    let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
    let flags = ScheduleFlags {
        windows: texts(&["Mon-Fri 09:00-16:00", "Wed 15:00-18:00"]),
        freezes: texts(&["2026-11-25/2026-11-26 launch"]),
    };
    // The workload has none; the first Wednesday is frozen.
    let alone = schedule_of_run(&[], &[], &flags);
    let closure = alone.closure(time("2026-11-25T15:30:00Z")).expect("closed");
    assert_eq!(closure.until, Some(time("2026-12-02T15:00:00Z")));
    assert_eq!(
        closure.message,
        "frozen through 2026-11-26: launch (flag --freeze)"
    );
    let closure = alone.closure(time("2026-11-23T15:30:00Z")).expect("closed");
    assert_eq!(
        closure.message,
        "outside the window Wed 15:00-18:00 (flag --window)"
    );
    assert_eq!(alone.closure(time("2026-12-02T15:59:59Z")), None);
    // None of the three lifts what another forbids.
    let all = schedule_of_run(
        &[(WINDOW, "15:30-24:00")],
        &[(FREEZE, "2026-12-02")],
        &flags,
    );
    let closure = all.closure(time("2026-11-25T15:30:00Z")).expect("closed");
    assert_eq!(closure.until, Some(time("2026-12-09T15:30:00Z")));
}

#[test]
fn windows_that_never_meet_say_so() {
    let never = schedule(
        &[(WINDOW, "Mon 09:00-10:00")],
        &[(WINDOW, "Tue 09:00-10:00")],
    );
    let closure = never.closure(time("2026-11-23T09:30:00Z")).expect("closed");
    assert_eq!(
        closure.to_string(),
        "no update may start: outside the window Tue 09:00-10:00 (annotation \
         imgpolicy.dev/window of namespace shop), and no time within a year is allowed"
    );
    let frozen = schedule(&[(FREEZE, "2026-01-01/9999-12-31")], &[]);
    let closure = frozen
        .closure(time("2026-11-23T09:30:00Z"))
        .expect("closed");
    assert_eq!(closure.until, None);
}

#[test]
fn nonsense_is_an_error_that_names_the_annotation_and_the_fault() {
    for (key, text, fault) in [
        (WINDOW, "", "it has an empty window"),
        (WINDOW, "Mon 09:00-10:00;", "it has an empty window"),
        (WINDOW, "Mon", "\"Mon\" has no times"),
        (WINDOW, "Mo 09:00-10:00", "\"Mo\" is not a day"),
        (WINDOW, "Mon- 09:00-10:00", "\"\" is not a day"),
        (WINDOW, "Mon,,Tue 09:00-10:00", "\"\" is not a day"),
        (
            WINDOW,
            "Mon 9:00-10:00",
            "\"9:00-10:00\" is not a range of times",
        ),
        (WINDOW, "Mon 09:00", "\"09:00\" is not a range of times"),
        (WINDOW, "09:00-24:01", "is not a range of times"),
        (WINDOW, "24:00-02:00", "is not a range of times"),
        (WINDOW, "09:60-10:00", "is not a range of times"),
        (WINDOW, "+9:00-10:00", "\"+9:00\" is not a day"),
        (WINDOW, "09:00-09:00", "09:00-09:00 begins when it ends"),
        (WINDOW, "09:00-10:00 CET", "\"CET\" is not a time zone"),
        (
            WINDOW,
            "09:00-10:00 Europe/Berln",
            "\"Europe/Berln\" is not a time zone",
        ),
        (
            WINDOW,
            "09:00-10:00 UTC Mon",
            "\"Mon\" is not expected after the time zone",
        ),
        (FREEZE, " ", "it has an empty freeze"),
        (FREEZE, "christmas", "\"christmas\" is not a range of dates"),
        (FREEZE, "2026-12-24/", "is not a range of dates"),
        (FREEZE, "2026-13-01", "is not a range of dates"),
        (FREEZE, "20261224", "is not a range of dates"),
        (FREEZE, "2026-12-24T00:00:00Z", "is not a range of dates"),
        (FREEZE, "2027-01-02/2026-12-20", "ends before it begins"),
        (FREEZE, "2026-12-24 Europe/Berln", "is not a time zone"),
    ] {
        let own = workload(&[(key, text)]);
        let error = Schedule::of(&own, &BTreeMap::new(), &ScheduleFlags::NONE);
        let message = error.expect_err(text).to_string();
        assert!(
            message.starts_with(&format!("annotation {key}: ")),
            "{message}"
        );
        assert!(message.contains(fault), "{text:?}: {message}");
    }
    let many = |count: usize| vec!["Mon 09:00-10:00"; count].join(";");
    assert!(Windows::parse(&many(64)).is_ok());
    assert!(Windows::parse(&many(65)).is_err());
}

const ZONES: [&str; 5] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Cairo",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Quarters of an hour are enough: every clock jumps at one, and every window is made of
    /// them.
    #[test]
    fn next_opening_is_the_first_quarter_of_an_hour_that_is_open(
        first in 0..7usize,
        last in 0..7usize,
        from in 0..96u16,
        length in 1..96u16,
        zone in 0..ZONES.len(),
        quarters in 0..(366 * 96i64),
    ) {
        let days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
        let to = (from + length) % 96;
        let clock = |quarter: u16| format!("{:02}:{:02}", quarter / 4, quarter % 4 * 15);
        let text = format!(
            "{}-{} {}-{} {}",
            days[first], days[last], clock(from), clock(to), ZONES[zone]
        );
        let windows = Windows::parse(&text).expect("valid");
        let quarter = SignedDuration::from_mins(15);
        let at = time("2026-01-01T00:00:00Z") + SignedDuration::from_mins(15 * quarters);
        let next = windows.next_open(at).expect("it opens every week");
        let mut expected = at;
        while !windows.is_open(expected) {
            expected += quarter;
        }
        prop_assert_eq!(next, expected, "{} at {}", text, at);
    }
}
