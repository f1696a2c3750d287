//! Windows and freezes: an update that is elected waits until it may start.

use kubectl_imgpolicy::evaluator::{Reason, Snapshot, assess};
use kubectl_imgpolicy::policy::{ScheduleFlags, WarningCode};
use serde_json::json;

use crate::support::oracle::time;
use crate::support::scenario::Scenario;

const WINDOW: &str = "imgpolicy.dev/window";
const FREEZE: &str = "imgpolicy.dev/freeze";
const OFFICE: &str = "Mon-Fri 09:00-16:00 Europe/Berlin";

/// Now is 2026-11-21T12:00:00Z, a Saturday.
fn due() -> Scenario {
    Scenario::following("semver:*", "org/app:1.0.0").tags(&["1.0.0", "1.0.1"])
}

#[test]
fn update_outside_its_window_waits_and_shows_what_is_elected() {
    let judged = due().annotation(WINDOW, OFFICE).decide("app");
    assert_eq!(judged.says(), "keep waiting-for-window 1.0.1");
    assert_eq!(judged.policy_reason, Some(Reason::NewerImage));
    assert!(judged.is_behind());
    assert_eq!(
        judged.message,
        "1.0.1 is the highest of 2 tags that match semver:*; updates wait until 2026-11-23T08:00:00Z: \
         outside the window Mon-Fri 09:00-16:00 Europe/Berlin (annotation imgpolicy.dev/window)"
    );
    let until = judged.closure.as_ref().and_then(|closure| closure.until);
    assert_eq!(until, Some(time("2026-11-23T08:00:00Z")));
}

#[test]
fn update_within_its_window_is_not_held() {
    let judged = due().annotation(WINDOW, "Sat 12:00-12:01").decide("app");
    assert_eq!(judged.says(), "update newer-image 1.0.1");
    assert_eq!(judged.closure, None);
}

#[test]
fn annotations_of_the_namespace_hold_each_of_its_workloads() {
    for (key, text, expected) in [
        (WINDOW, OFFICE, "keep waiting-for-window 1.0.1"),
        (FREEZE, "2026-11-21", "keep waiting-for-window 1.0.1"),
        (FREEZE, "2026-11-22", "update newer-image 1.0.1"),
        (FREEZE, "never", "unknown invalid-policy -"),
    ] {
        let judged = due().namespace_annotation(key, text).decide("app");
        assert_eq!(judged.says(), expected, "{key} {text}");
    }
    // The workload's own window does not lift a freeze of the namespace.
    let both = due()
        .annotation(WINDOW, "Sat 00:00-24:00")
        .namespace_annotation(FREEZE, "2026-11-20/2026-11-22 launch");
    assert_eq!(both.decide("app").says(), "keep waiting-for-window 1.0.1");
}

#[test]
fn flags_of_the_run_hold_every_workload_and_are_saved_with_the_snapshot() {
    let mut scenario = due().annotation(WINDOW, "00:00-24:00");
    scenario.settings.schedule = ScheduleFlags {
        windows: vec![OFFICE.to_owned()],
        freezes: Vec::new(),
    };
    let judged = scenario.decide("app");
    assert_eq!(judged.says(), "keep waiting-for-window 1.0.1");
    let closure = judged.closure.as_ref().expect("closed");
    assert_eq!(closure.until, Some(time("2026-11-23T08:00:00Z")));
    assert!(
        closure.message.ends_with("Europe/Berlin (flag --window)"),
        "{closure}"
    );
    let saved = serde_json::to_string(&scenario.settled()).expect("a snapshot");
    let read = Snapshot::parse(&saved).expect("the same");
    assert_eq!(assess(&read).expect("assesses").summary().waiting, 1);

    scenario.settings.schedule.windows = vec!["weekdays".to_owned()];
    let judged = scenario.decide("app");
    assert_eq!(judged.says(), "unknown invalid-policy -");
    assert!(judged.message.starts_with("flag --window: "));
}

#[test]
fn closed_window_changes_nothing_where_no_update_is_due() {
    let running = Scenario::following("semver:*", "org/app:1.0.1").tags(&["1.0.0", "1.0.1"]);
    let judged = running.annotation(WINDOW, OFFICE).decide("app");
    assert_eq!(judged.says(), "keep up-to-date 1.0.1");
    let locked = due()
        .annotation(WINDOW, OFFICE)
        .annotation("fluxcd.io/locked", "true");
    let judged = locked.decide("app");
    assert_eq!(judged.says(), "keep locked 1.0.1");
    assert!(judged.closure.is_some());
}

#[test]
fn annotation_that_cannot_be_read_makes_every_policy_invalid() {
    let entry = json!({"name": "app", "policy": {"semver": {"range": "*"}},
        "dockerhub": {"image": "org/app"}});
    let governed = Scenario::governed_by(entry, "org/app:1.0.0").tags(&["1.0.0", "1.0.1"]);
    for scenario in [due(), governed] {
        assert_eq!(scenario.decide("app").elected(), "1.0.1");
        let judged = scenario.annotation(WINDOW, "weekdays").decide("app");
        assert_eq!(judged.says(), "unknown invalid-policy -");
        assert_eq!(
            judged.message,
            "annotation imgpolicy.dev/window: \"weekdays\" is not a day: use Mon, Tue, Wed, Thu, \
             Fri, Sat and Sun"
        );
    }
    let manual = due()
        .annotation("fluxcd.io/automated", "false")
        .annotation(FREEZE, "soon")
        .decide("app");
    assert_eq!(manual.says(), "keep manual -");
    assert!(
        manual
            .warning(WarningCode::InvalidPolicy)
            .contains("imgpolicy.dev/freeze")
    );
}

#[test]
fn misspelled_key_is_a_warning() {
    let judged = due()
        .annotation("imgpolicy.dev/windows", OFFICE)
        .decide("app");
    assert_eq!(judged.says(), "update newer-image 1.0.1");
    assert!(
        judged
            .warning(WarningCode::PolicyTypo)
            .contains("imgpolicy.dev/window")
    );
}

#[test]
fn waiting_updates_are_counted_apart_from_those_that_would_be_written() {
    let waiting = due().annotation(WINDOW, OFFICE).settled();
    let summary = assess(&waiting).expect("assesses").summary();
    assert_eq!((summary.updates, summary.waiting), (0, 1));
    let summary = assess(&due().settled()).expect("assesses").summary();
    assert_eq!((summary.updates, summary.waiting), (1, 0));
}
