//! What is reported and recorded, and what is not repeated.

use std::cell::{Cell, RefCell};
use std::hash::RandomState;

use jiff::SignedDuration;

use super::*;
use crate::controller::queue::QueueTimes;
use crate::evaluator::{Snapshot, assess};
use crate::plan::{HoldReason, ImageChange, Plan};
use crate::policy::FailedRollout;
use crate::workload::{ContainerType, Workload};

const OLD: &str = "registry.example/org/app:1";
const NEW: &str = "registry.example/org/app:2";
const OTHER: &str = "registry.example/org/other:2";

fn now() -> Timestamp {
    "2026-11-30T12:00:00Z".parse().expect("a time")
}

fn limits() -> UpdateLimits {
    UpdateLimits {
        max_updates: 1000,
        max_rollouts: 1000,
        max_failures: 10,
        by: "imgpolicy".to_owned(),
    }
}

fn workload(name: &str, annotations: &[(&str, String)]) -> Workload {
    let mut workload = Workload::running(OLD);
    workload.id.namespace = "shop".to_owned();
    workload.id.name = name.to_owned();
    let annotations = annotations.iter();
    workload.annotations = annotations
        .map(|(key, value)| ((*key).to_owned(), value.clone()))
        .collect();
    workload
}

fn change(name: &str, to: &str) -> Change {
    let to = to.parse().expect("an image");
    let image = ImageChange::new("app", ContainerType::Container, OLD, to);
    Change::of_images(workload(name, &[]).id, vec![image])
}

fn owned(name: &str) -> HeldBack {
    HeldBack {
        workload: workload(name, &[]).id,
        root: None,
        container: Some("app".to_owned()),
        from: Some(OLD.to_owned()),
        to: Some(OTHER.parse().expect("an image")),
        hold: HoldReason::Owned,
        message: "managed by Flux".to_owned(),
    }
}

/// A namespace in which rollouts to the new image failed in two workloads, so that a third does
/// not get it.
fn index() -> WatchedWorkloads {
    let mut index = WatchedWorkloads::default();
    for name in ["failed-1", "failed-2"] {
        let image = NEW.parse().expect("an image");
        let at = now() - SignedDuration::from_mins(5);
        let failed = FailedRollout::new("app", &image, None, at, "no Pod started");
        let text = FailedRollout::to_text(&[failed]).expect("a list");
        index.apply(workload(name, &[("imgpolicy.dev/failed", text)]));
    }
    for name in ["stopped", "owned"] {
        index.apply(workload(name, &[]));
    }
    index
}

/// A round about all workloads: one has a policy that cannot be read, one is stopped by a
/// breaker, and one belongs to Flux, which shows only before the write.
fn decided() -> Decided {
    let policy = [
        ("fluxcd.io/automated", "true".to_owned()),
        ("fluxcd.io/tag.test", "semver:nonsense".to_owned()),
    ];
    let mut snapshot = Snapshot::new(now());
    snapshot.workloads = vec![
        workload("invalid", &policy),
        workload("owned", &[]),
        workload("stopped", &[]),
    ];
    let assessment = assess(&snapshot).expect("settings");
    Decided {
        uses: BTreeMap::new(),
        scans: BTreeMap::new(),
        scan_time: None,
        rows: assessment.rows,
        plan: Plan {
            changes: vec![change("owned", OTHER), change("stopped", NEW)],
            ..Plan::default()
        },
        notes: Vec::new(),
    }
}

/// What a write before which it was held back gives.
fn held_at_write() -> Delivered {
    Delivered {
        held_back: vec![owned("owned")],
        ..Delivered::new(change("owned", OTHER))
    }
}

fn events(progress: &mut Progress<'_>) -> Vec<String> {
    let mut events = Vec::new();
    while let Some((id, event)) = progress.reported().take_event() {
        events.push(format!(
            "{} {}: {}: {}",
            id.name, event.reason, event.action, event.note
        ));
    }
    events.sort();
    events
}

#[test]
fn unchanged_rounds_report_and_record_nothing() {
    let reports = Cell::new(0_usize);
    let report = |_: ControllerEvent<'_>| reports.set(reports.get() + 1);
    let mut progress = Progress::new(limits(), &report);
    let mut queue = ScanQueue::new(
        QueueTimes::spread(Duration::from_secs(300)),
        RandomState::new(),
    );
    let mut index = index();
    let mut after_first = None;
    for round in 0..1000 {
        // Less than an hour in all, so that the breaker stays open.
        let at = now() + SignedDuration::from_millis(1000 * round);
        progress.take_decided(None, decided(), &mut queue, Duration::ZERO);
        for change in progress.take_startable(&index, at) {
            assert_eq!(change.workload.name, "owned");
            progress.take_delivered(&held_at_write(), &mut index, at);
        }
        if after_first.is_none() {
            let events = events(&mut progress);
            assert_eq!(events.len(), 3, "{events:#?}");
            for (event, start) in events.iter().zip([
                "invalid PolicyInvalid: ReadPolicy test: container test: ",
                &format!("owned UpdateHeld: Update app to {OTHER}: managed by Flux"),
                &format!("stopped UpdateHeld: Update app to {NEW}: rollouts of {NEW}"),
            ]) {
                assert!(event.starts_with(start), "{event}");
            }
            after_first = Some(reports.get());
        }
        assert_eq!(events(&mut progress), [""; 0]);
        assert_eq!(Some(reports.get()), after_first, "round {round}");
    }
}

#[test]
fn state_that_ends_and_begins_again_is_recorded_again() {
    let mut progress = Progress::new(limits(), &|_| {});
    let mut queue = ScanQueue::new(
        QueueTimes::spread(Duration::from_secs(300)),
        RandomState::new(),
    );
    let mut index = index();
    for expected in [3, 0, 3] {
        let mut decided = decided();
        if expected == 0 {
            let mut snapshot = Snapshot::new(now());
            let names = ["invalid", "owned", "stopped"];
            snapshot.workloads = names.map(|name| workload(name, &[])).into();
            decided.rows = assess(&snapshot).expect("settings").rows;
            decided.plan = Plan::default();
        }
        progress.take_decided(None, decided, &mut queue, Duration::ZERO);
        for _ in progress.take_startable(&index, now()) {
            progress.take_delivered(&held_at_write(), &mut index, now());
        }
        let events = events(&mut progress);
        assert_eq!(events.len(), expected, "{events:#?}");
    }
}

#[test]
fn namespace_in_which_nothing_may_be_recorded_is_left_alone() {
    let notes = Cell::new(0_usize);
    let report = |event: ControllerEvent<'_>| {
        if let ControllerEvent::Note(_) = event {
            notes.set(notes.get() + 1);
        }
    };
    let mut progress = Progress::new(limits(), &report);
    let mut queue = ScanQueue::new(
        QueueTimes::spread(Duration::from_secs(300)),
        RandomState::new(),
    );
    progress.take_decided(None, decided(), &mut queue, Duration::ZERO);
    progress.reported().stop_events("shop", "Forbidden");
    progress.reported().stop_events("shop", "Forbidden");
    assert!(progress.reported().take_event().is_none());
    assert_eq!(notes.get(), 1);
}

#[test]
fn waiting_updates_and_open_breakers_are_counted() {
    let mut progress = Progress::new(limits(), &|_| {});
    let mut queue = ScanQueue::new(
        QueueTimes::spread(Duration::from_secs(300)),
        RandomState::new(),
    );
    let index = index();
    progress.take_decided(None, decided(), &mut queue, Duration::ZERO);
    progress.take_startable(&index, now());
    let figures = progress.figures(&index, now());
    let waiting = &figures.gauges.waiting;
    assert_eq!(waiting.get(&WaitCause::Breaker), Some(&1), "{waiting:?}");
    let breakers = &figures.gauges.breakers;
    assert_eq!(breakers.values().sum::<u64>(), 1, "{breakers:?}");
    let containers = &figures.gauges.containers;
    assert_eq!(containers.values().sum::<u64>(), 3, "{containers:?}");
    // The failures no longer count after an hour.
    let later = progress.figures(&index, now() + SignedDuration::from_hours(1));
    assert!(later.gauges.breakers.is_empty());
}

#[test]
fn error_of_an_update_is_reported_again_only_after_a_success() {
    let workload = Workload::running(OLD);
    let change = Change::of_images(workload.id.clone(), Vec::new());
    let with = |errors: &[&str]| Delivered {
        errors: errors.iter().map(ToString::to_string).collect(),
        ..Delivered::new(change.clone())
    };
    let reported = RefCell::new(Vec::new());
    let report = |event: ControllerEvent<'_>| {
        if let ControllerEvent::Unreadable(_, error) = event {
            reported.borrow_mut().push(error.to_owned());
        }
    };
    let limits = UpdateLimits {
        max_updates: 1,
        max_rollouts: 1,
        max_failures: 1,
        by: String::new(),
    };
    let mut progress = Progress::new(limits, &report);
    let mut index = WatchedWorkloads::default();
    for errors in [&["refused"][..], &["refused"], &["gone"], &[], &["gone"]] {
        progress.take_delivered(&with(errors), &mut index, Timestamp::UNIX_EPOCH);
    }
    assert_eq!(*reported.borrow(), ["refused", "gone", "gone"]);
    // Each is still a failure for the exit code of a single pass.
    assert_eq!(progress.summary(0).failed, 4);
}
