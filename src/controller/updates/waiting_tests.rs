//! Which updates begin, over minutes that pass in an instant.

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::plan::ImageChange;
use crate::workload::{ContainerType, Workload};

fn limits(max_updates: usize, max_rollouts: usize) -> UpdateLimits {
    UpdateLimits {
        max_updates,
        max_rollouts,
        max_failures: 10,
        by: "imgpolicy".to_owned(),
    }
}

fn workload(name: &str, image: &str) -> Workload {
    let mut workload = Workload::running(image);
    workload.id.name = name.to_owned();
    workload.id.namespace = "shop".to_owned();
    workload
}

fn change(name: &str, image: &str) -> Change {
    let from = "registry.example/org/app:1";
    Change::of_images(
        workload(name, from).id,
        vec![ImageChange::new(
            "test",
            ContainerType::Container,
            from,
            image.parse().expect("an image"),
        )],
    )
}

fn index(names: &[String]) -> WatchedWorkloads {
    let mut index = WatchedWorkloads::default();
    for name in names {
        index.apply(workload(name, "registry.example/org/app:1"));
    }
    index
}

fn names(changes: &[Change]) -> Vec<&str> {
    let names = changes.iter().map(|change| change.workload.name.as_str());
    names.collect()
}

#[test]
fn others_wait_until_the_first_workload_has_the_image_and_is_not_in_progress() {
    let all = ["a", "b", "c"].map(str::to_owned);
    let mut index = index(&all);
    let mut waiting = WaitingUpdates::new(limits(30, 5));
    let new = "registry.example/org/app:2";
    for name in &all {
        waiting.add(change(name, new));
    }
    let now = Timestamp::UNIX_EPOCH;
    let (first, held) = waiting.take_startable(&index, now);
    assert_eq!((names(&first), held.len()), (vec!["a"], 2));
    // The watch may be late: nothing shows the write yet.
    assert_eq!(names(&waiting.take_startable(&index, now).0), [""; 0]);
    index.apply(workload("a", new));
    assert_eq!(names(&waiting.take_startable(&index, now).0), [""; 0]);
    waiting.end(&first[0].workload, true, now);
    assert_eq!(names(&waiting.take_startable(&index, now).0), ["b", "c"]);
}

#[test]
fn no_more_updates_begin_in_a_minute_and_at_a_time_than_allowed() {
    let all: Vec<String> = (0..20).map(|n| format!("w{n:02}")).collect();
    let index = index(&all);
    let mut waiting = WaitingUpdates::new(limits(4, 2));
    for (n, name) in all.iter().enumerate() {
        // Different images, so that none has to be first.
        waiting.add(change(name, &format!("registry.example/org/app:{}", n + 2)));
    }
    let mut begun: Vec<i64> = Vec::new();
    for second in 0..600 {
        let now = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second);
        let (startable, _) = waiting.take_startable(&index, now);
        assert!(startable.len() <= 2);
        for change in startable {
            begun.push(second);
            waiting.end(&change.workload, true, now);
        }
    }
    assert_eq!(begun.len(), 20);
    for first in &begun {
        let within = begun.iter().filter(|at| (*first..first + 60).contains(*at));
        assert!(within.count() <= 4, "{begun:?}");
    }
}

#[test]
fn new_leader_counts_the_updates_of_the_one_before() {
    let mut index = WatchedWorkloads::default();
    let now: Timestamp = "2026-11-30T10:00:30Z".parse().expect("a time");
    for name in ["a", "b"] {
        let mut updated = workload(name, "registry.example/org/app:2");
        let record = r#"{"time":"2026-11-30T10:00:00Z","by":"imgpolicy","number":"1","changes":[],"records":{}}"#;
        let key = "imgpolicy.dev/last-update".to_owned();
        updated.annotations.insert(key, record.to_owned());
        index.apply(updated);
    }
    index.apply(workload("c", "registry.example/org/app:1"));
    let mut waiting = WaitingUpdates::new(limits(2, 5));
    waiting.begin(&index, now);
    waiting.add(change("c", "registry.example/org/other:2"));
    assert!(waiting.take_startable(&index, now).0.is_empty());
    let later = now + SignedDuration::from_secs(60);
    assert_eq!(names(&waiting.take_startable(&index, later).0), ["c"]);
}

#[test]
fn update_that_is_held_back_uses_up_no_rate_and_keeps_no_other_waiting() {
    let all = ["a", "b", "c", "d"].map(str::to_owned);
    let index = index(&all);
    let mut waiting = WaitingUpdates::new(limits(1, 5));
    let new = "registry.example/org/app:2";
    for name in &all {
        waiting.add(change(name, new));
    }
    let now = Timestamp::UNIX_EPOCH;
    assert_eq!(names(&waiting.take_startable(&index, now).0), ["a"]);
    // Somebody else manages it, as in each round from now on.
    waiting.end(&workload("a", new).id, false, now);
    waiting.add(change("a", new));
    let (startable, _) = waiting.take_startable(&index, now);
    assert_eq!(names(&startable), ["a"], "one per minute may be written");
    waiting.end(&workload("a", new).id, false, now);
    // It is not due until it is decided again, so another workload gets the image first.
    assert_eq!(names(&waiting.take_startable(&index, now).0), ["b"]);
    // One that was written counts.
    waiting.end(&workload("b", new).id, true, now);
    assert!(waiting.take_startable(&index, now).0.is_empty());
}
