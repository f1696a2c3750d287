//! When repositories are asked, over hours that pass in an instant.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::time::Duration;

use super::{QueueTimes, ScanClass, ScanOutcome, ScanQueue};
use crate::image::CanonicalName;

const INTERVAL: Duration = Duration::from_secs(300);

type Queue = ScanQueue<BuildHasherDefault<DefaultHasher>>;

fn queue() -> Queue {
    ScanQueue::new(QueueTimes::spread(INTERVAL), BuildHasherDefault::default())
}

fn name(text: &str) -> CanonicalName {
    let image: crate::image::ImageReference = text.parse().expect("an image");
    image.canonical().clone()
}

fn names(host: &str, count: usize, class: ScanClass) -> BTreeMap<CanonicalName, ScanClass> {
    (0..count)
        .map(|n| (name(&format!("{host}/org/app-{n}")), class))
        .collect()
}

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// Runs the queue second by second; `answer` says what comes of each scan. Returns the second of
/// each scan.
fn run(
    queue: &mut Queue,
    from: u64,
    until: u64,
    mut answer: impl FnMut(u64, &CanonicalName) -> ScanOutcome,
) -> Vec<u64> {
    let mut scans = Vec::new();
    for second in from..until {
        for name in queue.take_due(seconds(second), usize::MAX) {
            scans.push(second);
            let outcome = answer(second, &name);
            queue.finish(&name, outcome, seconds(second));
        }
    }
    scans
}

/// The most scans in any ten seconds.
fn densest(scans: &[u64]) -> usize {
    let windows = scans.iter().enumerate().map(|(at, first)| {
        let rest = scans[at..].iter();
        rest.take_while(|second| **second < first + 10).count()
    });
    windows.max().unwrap_or_default()
}

#[test]
fn scans_of_many_repositories_are_spread_over_the_interval() {
    let mut queue = queue();
    queue.keep(
        &names("registry.example", 501, ScanClass::Automated),
        seconds(0),
    );
    let scans = run(&mut queue, 0, 4 * 300, |_, _| ScanOutcome::Answered);
    let mean = 501.0 * 10.0 / 300.0;
    assert!((densest(&scans) as f64) < 3.0 * mean, "{}", densest(&scans));
    // Each is scanned once per interval, give or take a tenth.
    assert!((4 * 501 - 501..=4 * 501 + 501).contains(&scans.len()));
}

#[test]
fn few_repositories_do_not_wait_an_interval_for_their_first_scan() {
    let mut queue = queue();
    queue.keep(
        &names("registry.example", 1, ScanClass::Automated),
        seconds(7),
    );
    assert_eq!(queue.take_due(seconds(7), 10).len(), 1);
    let mut queue = self::queue();
    queue.keep(
        &names("registry.example", 10, ScanClass::Automated),
        seconds(0),
    );
    let scans = run(&mut queue, 0, 10, |_, _| ScanOutcome::Answered);
    assert_eq!(scans.len(), 10);
}

#[test]
fn repository_without_automated_workloads_is_scanned_four_times_less_often() {
    for (class, expected) in [(ScanClass::Automated, 40), (ScanClass::Other, 10)] {
        let mut queue = queue();
        queue.keep(&names("registry.example", 1, class), seconds(0));
        let scans = run(&mut queue, 0, 40 * 300, |_, _| ScanOutcome::Answered).len();
        assert!(
            scans.abs_diff(expected) <= expected / 10 + 1,
            "{class:?}: {scans}"
        );
    }
}

#[test]
fn automation_brings_the_next_scan_forward() {
    let mut queue = queue();
    queue.keep(&names("registry.example", 1, ScanClass::Other), seconds(0));
    run(&mut queue, 0, 10, |_, _| ScanOutcome::Answered);
    queue.keep(
        &names("registry.example", 1, ScanClass::Automated),
        seconds(10),
    );
    assert!(queue.next_at().expect("an entry") <= seconds(310));
}

#[test]
fn requested_scan_comes_first() {
    let mut queue = queue();
    queue.keep(
        &names("registry.example", 20, ScanClass::Automated),
        seconds(0),
    );
    run(&mut queue, 0, 20, |_, _| ScanOutcome::Answered);
    let wanted = name("registry.example/org/app-7");
    queue.request(&wanted, seconds(400));
    let only = std::slice::from_ref(&wanted);
    assert_eq!(queue.take_due(seconds(400), 1), only);
    // A request during the scan leads to another one.
    queue.request(&wanted, seconds(401));
    queue.finish(&wanted, ScanOutcome::Answered, seconds(402));
    assert_eq!(queue.take_due(seconds(402), 1), only);
    queue.finish(&wanted, ScanOutcome::Answered, seconds(403));
    assert_ne!(queue.take_due(seconds(403), 1), [wanted]);
}

#[test]
fn repository_is_asked_less_often_the_longer_it_refuses() {
    let mut queue = queue();
    queue.keep(
        &names("registry.example", 1, ScanClass::Automated),
        seconds(0),
    );
    let scans = run(&mut queue, 0, 8000, |_, _| ScanOutcome::Refused);
    let pauses: Vec<u64> = scans.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(pauses, [30, 60, 120, 240, 480, 960, 1800, 1800, 1800]);
}

#[test]
fn refusal_of_one_repository_does_not_affect_others() {
    let mut queue = queue();
    queue.keep(
        &names("registry.example", 2, ScanClass::Automated),
        seconds(0),
    );
    let bad = name("registry.example/org/app-0");
    let mut good = 0;
    run(&mut queue, 0, 3000, |_, name| {
        if *name == bad {
            return ScanOutcome::Refused;
        }
        good += 1;
        ScanOutcome::Answered
    });
    assert!(good >= 9, "{good}");
}

#[test]
fn host_that_is_down_gets_one_request_at_a_time_and_recovers_within_an_interval() {
    let mut queue = queue();
    let mut all = names("down.example", 100, ScanClass::Automated);
    all.extend(names("up.example", 1, ScanClass::Automated));
    queue.keep(&all, seconds(0));
    run(&mut queue, 0, 301, |_, _| ScanOutcome::Answered);
    let end = 301 + 20 * 300;
    let mut probes = Vec::new();
    let mut others = 0;
    run(&mut queue, 301, end, |second, name| {
        if name.registry() == "up.example" {
            others += 1;
            return ScanOutcome::Answered;
        }
        probes.push(second);
        ScanOutcome::Unreachable
    });
    // The other host is not affected.
    assert!(others >= 18, "{others}");
    // Those that were due in the same second had all begun before the first one failed.
    probes.dedup();
    let pauses: Vec<u64> = probes.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(pauses[..5], [30, 60, 120, 240, 300]);
    assert!(pauses.iter().all(|pause| *pause <= 301));
    let mut seen = BTreeSet::new();
    let after = run(&mut queue, end, end + 331, |_, name| {
        seen.insert(name.clone());
        ScanOutcome::Answered
    });
    assert_eq!(seen.len(), 101);
    assert!(densest(&after) < 100, "{}", densest(&after));
}

#[test]
fn scans_that_had_begun_before_an_outage_do_not_lengthen_it() {
    let mut queue = queue();
    queue.keep(
        &names("registry.example", 3, ScanClass::Automated),
        seconds(0),
    );
    let taken = queue.take_due(seconds(5), 10);
    assert_eq!(taken.len(), 3);
    for name in &taken {
        queue.finish(name, ScanOutcome::Unreachable, seconds(6));
    }
    assert_eq!(queue.next_at(), Some(seconds(36)));
    assert_eq!(queue.take_due(seconds(36), 10).len(), 1);
    // While the probe is under way, nothing else is sent, and there is nothing to wait for.
    assert_eq!(queue.take_due(seconds(40), 10), []);
    assert_eq!(queue.next_at(), None);
}

#[test]
fn pause_that_a_registry_asks_for_is_kept() {
    for (wanted, pause) in [(Some(900), 900), (Some(1), 30), (None, 30)] {
        let mut queue = queue();
        queue.keep(
            &names("registry.example", 2, ScanClass::Automated),
            seconds(0),
        );
        let first = queue.take_due(seconds(5), 1);
        let outcome = ScanOutcome::RateLimited(wanted.map(seconds));
        queue.finish(&first[0], outcome, seconds(10));
        assert_eq!(queue.take_due(seconds(10 + pause - 1), 10), []);
        assert_eq!(queue.take_due(seconds(10 + pause), 10).len(), 1);
    }
}

#[test]
fn repository_that_nothing_uses_any_more_is_forgotten() {
    let mut queue = queue();
    queue.keep(
        &names("registry.example", 3, ScanClass::Automated),
        seconds(0),
    );
    let running = queue.take_due(seconds(3), 1);
    queue.keep(&BTreeMap::new(), seconds(3));
    assert_eq!(queue.len(), 1);
    queue.finish(&running[0], ScanOutcome::Answered, seconds(4));
    queue.keep(&BTreeMap::new(), seconds(4));
    assert!(queue.is_empty());
}

#[test]
fn pause_is_known_until_it_is_over_and_earlier_scans_do_not_end_it() {
    let mut queue = queue();
    let all = names("registry.example", 3, ScanClass::Automated);
    queue.keep(&all, seconds(0));
    let taken = queue.take_due(seconds(5), 10);
    assert_eq!(queue.running().count(), 3);
    let outcome = ScanOutcome::RateLimited(Some(seconds(900)));
    queue.finish(&taken[0], outcome, seconds(10));
    queue.finish(&taken[1], ScanOutcome::Answered, seconds(11));
    queue.finish(&taken[2], ScanOutcome::Unreachable, seconds(12));
    let pauses = |left| BTreeMap::from([("registry.example".to_owned(), seconds(left))]);
    assert_eq!(queue.pauses(seconds(20)), pauses(890));
    assert_eq!(queue.take_due(seconds(909), 10), []);
    assert_eq!(queue.pauses(seconds(910)), BTreeMap::new());
    let probe = queue.take_due(seconds(910), 10);
    assert_eq!(probe.len(), 1);
    queue.finish(&probe[0], ScanOutcome::Answered, seconds(911));
    assert_eq!(queue.take_due(seconds(945), 10).len(), 2);
    // An outage is not a pause that the host has asked for.
    queue.finish(&taken[0], ScanOutcome::Unreachable, seconds(950));
    assert_eq!(queue.pauses(seconds(951)), BTreeMap::new());
}

#[test]
fn pause_that_another_replica_was_asked_for_holds_for_every_repository_of_the_host() {
    let mut queue = queue();
    queue.pause("registry.example", seconds(60), seconds(1));
    // A shorter one does not end it.
    queue.pause("registry.example", seconds(20), seconds(2));
    let all = names("registry.example", 3, ScanClass::Automated);
    queue.keep(&all, seconds(2));
    let name = all.keys().next().expect("a name");
    queue.request(name, seconds(3));
    assert_eq!(queue.take_due(seconds(60), 10), []);
    assert_eq!(queue.next_at(), Some(seconds(61)));
    assert_eq!(queue.take_due(seconds(61), 10), std::slice::from_ref(name));
}
