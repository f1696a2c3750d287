//! Windows and freezes hold updates back, and nothing else.

use jiff::Timestamp;
use kubectl_imgpolicy::plan::{Overrides, Plan, Refusal, UpdateSpec, plan_image};
use kubectl_imgpolicy::policy::{PolicySources, ScheduleFlags};

use super::{held, images, planned, planned_with};
use crate::support::oracle::time;
use crate::support::scenario::Scenario;

const WINDOW: &str = "imgpolicy.dev/window";
/// Closed: now is 2026-11-21T12:00:00Z, a Saturday.
const OFFICE: &str = "Mon-Fri 09:00-16:00";
const OPEN: &str = "Sat 10:00-14:00";

fn due(window: &str) -> Scenario {
    Scenario::following("semver:*", "org/app:1.0.0")
        .annotation(WINDOW, window)
        .tags(&["1.0.0", "1.0.1"])
}

fn overriding(window: bool, lock: bool) -> UpdateSpec {
    UpdateSpec {
        include_manual: true,
        overrides: Overrides {
            window,
            lock,
            ..Overrides::default()
        },
        ..UpdateSpec::default()
    }
}

#[test]
fn closed_window_holds_an_update_back_unless_it_is_overridden() {
    let plan = planned(&due(OFFICE));
    assert_eq!(
        (images(&plan), held(&plan)),
        (String::new(), "app waiting-for-window".to_owned())
    );
    let message = &plan.held_back[0].message;
    assert!(
        message.starts_with("updates wait until 2026-11-23T09:00:00Z: "),
        "{message}"
    );
    assert_eq!(
        plan.held_back[0].hold.lifted_by(),
        Some("--override-window")
    );
    let plan = planned_with(&due(OFFICE), &overriding(true, false));
    assert_eq!(images(&plan), "app=org/app:1.0.1");
    assert_eq!(images(&planned(&due(OPEN))), "app=org/app:1.0.1");
}

#[test]
fn closed_window_also_holds_what_other_flags_would_update() {
    let manual = due(OFFICE).annotation("fluxcd.io/automated", "false");
    let locked = due(OFFICE).annotation("fluxcd.io/locked", "true");
    for scenario in [manual, locked] {
        let plan = planned_with(&scenario, &overriding(false, true));
        assert_eq!(held(&plan), "app waiting-for-window");
        let plan = planned_with(&scenario, &overriding(true, true));
        assert_eq!(images(&plan), "app=org/app:1.0.1");
    }
}

#[test]
fn requested_image_waits_for_the_window_too() {
    let asked = |window: &str, spec: &UpdateSpec| -> Plan {
        let image = "org/app:1.0.1".parse().expect("an image");
        plan_image(&due(window).settled(), &image, spec).expect("a plan")
    };
    assert_eq!(
        held(&asked(OFFICE, &UpdateSpec::default())),
        "app waiting-for-window"
    );
    // What cannot be read might be a freeze.
    assert_eq!(
        held(&asked("weekdays", &UpdateSpec::default())),
        "app waiting-for-window"
    );
    for (window, spec) in [
        (OPEN, UpdateSpec::default()),
        (OFFICE, overriding(true, false)),
    ] {
        assert_eq!(
            images(&asked(window, &spec)),
            "app=org/app:1.0.1",
            "{window}"
        );
    }
}

/// Whether the only change of a plan may be written at a time, to an object with this window
/// now.
fn checked(plan: &Plan, window: &str, at: Timestamp) -> Result<(), Refusal> {
    let now = due(window).workload();
    plan.changes[0].check_policies(&now, &PolicySources::default(), at)
}

#[test]
fn window_that_closes_before_the_write_refuses_it() {
    let rested = |spec: &UpdateSpec| {
        let scenario = due(OPEN);
        let mut plan = planned_with(&scenario, spec);
        plan.rest_on(&[scenario.workload()], &PolicySources::default());
        plan
    };
    let (open, closed) = (time("2026-11-21T13:59:59Z"), time("2026-11-21T14:00:00Z"));
    let plan = rested(&UpdateSpec::default());
    assert_eq!(checked(&plan, OPEN, open), Ok(()));
    let refusal = checked(&plan, OPEN, closed).expect_err("closed");
    assert_eq!(
        refusal.to_string(),
        "container app: updates wait until 2026-11-28T10:00:00Z: outside the window Sat \
         10:00-14:00 (annotation imgpolicy.dev/window)"
    );
    // Somebody has set another window meanwhile.
    for (window, is_open) in [("12:00-15:00", true), (OFFICE, false), ("weekdays", false)] {
        let result = checked(&plan, window, open);
        assert_eq!(result.is_ok(), is_open, "{window}: {result:?}");
    }
    let plan = rested(&overriding(true, false));
    assert_eq!(checked(&plan, OPEN, closed), Ok(()));
}

#[test]
fn window_of_the_run_that_closes_before_the_write_refuses_it() {
    let sources = PolicySources {
        schedule: ScheduleFlags {
            windows: vec![OPEN.to_owned()],
            freezes: Vec::new(),
        },
        ..PolicySources::default()
    };
    let scenario = due("00:00-24:00");
    let mut plan = planned(&scenario);
    plan.rest_on(&[scenario.workload()], &sources);
    let checked = |at: &str| plan.changes[0].check_own_policies(&scenario.workload(), time(at));
    assert_eq!(checked("2026-11-21T13:59:59Z"), Ok(()));
    let refusal = checked("2026-11-21T14:00:00Z").expect_err("closed");
    assert!(
        refusal.to_string().ends_with("(flag --window)"),
        "{refusal}"
    );
}
