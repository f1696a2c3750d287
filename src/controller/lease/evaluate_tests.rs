use std::time::Duration;

use serde_json::json;

use super::*;
use crate::cluster::Lease;
use crate::controller::lease::state::Sighting;
use crate::controller::lease::times::LeaseTimes;

const NOON: &str = "2026-01-01T12:00:00Z";

/// What has happened, at a number of seconds after the start.
enum Past {
    /// A GET found the Lease with this version and holder, which wrote this duration.
    Read(u64, &'static str, &'static str, i32),
    /// A GET found no Lease.
    ReadNothing(u64),
    /// Our write, sent at the first time and answered at the second, became this version.
    Wrote(u64, u64, &'static str),
    /// Our write met another one.
    Conflict(u64),
    /// A request failed.
    Failed(u64),
}

use Past::{Conflict, Failed, Read, ReadNothing, Wrote};

fn lease(version: &str, holder: &str, seconds: i32) -> Lease {
    let object = json!({"metadata": {"resourceVersion": version},
        "spec": {"holderIdentity": holder, "leaseDurationSeconds": seconds, "renewTime": NOON}});
    Lease::decode(object).expect("a Lease")
}

fn state(start: Instant, past: &[Past]) -> LeaseState {
    let pause = Duration::from_secs(2);
    let mut state = LeaseState::new("us", LeaseTimes::default());
    for event in past {
        match *event {
            Read(at, version, holder, seconds) => {
                let at = start + Duration::from_secs(at);
                let lease = Some(lease(version, holder, seconds));
                state.saw(Sighting::answer(lease, at, at));
            }
            ReadNothing(at) => {
                let at = start + Duration::from_secs(at);
                state.saw(Sighting::answer(None, at, at));
            }
            Wrote(sent, at, version) => {
                let [sent, at] = [sent, at].map(|seconds| start + Duration::from_secs(seconds));
                state.wrote(lease(version, "us", 15), None, sent, at, pause);
            }
            Conflict(at) => state.conflicted(start + Duration::from_secs(at)),
            Failed(at) => state.failed(start + Duration::from_secs(at), pause),
        }
    }
    state
}

/// The expected action, with times in milliseconds after the start.
#[derive(Debug, PartialEq)]
enum Expected {
    Reads,
    Creates,
    Acquires(&'static str),
    Renews(&'static str),
    Waits(u64),
    StepsDown(Loss),
}

use Expected::{Acquires, Creates, Reads, Renews, StepsDown, Waits};

fn check(now: u64, past: &[Past], expected: Expected) {
    let start = Instant::now();
    let action = evaluate(&state(start, past), start + Duration::from_millis(now));
    let expected_action = match &expected {
        Reads => LeaseAction::Read,
        Creates => LeaseAction::Create,
        Acquires(version) => LeaseAction::Acquire((*version).to_owned()),
        Renews(version) => LeaseAction::Renew((*version).to_owned()),
        Waits(until) => LeaseAction::Wait(start + Duration::from_millis(*until)),
        StepsDown(loss) => LeaseAction::StepDown(loss.clone()),
    };
    assert_eq!(action, expected_action, "{now} ms: {expected:?}");
}

#[test]
fn unknown_lease_is_read_and_a_missing_one_is_created() {
    check(0, &[], Reads);
    check(1_000, &[Failed(0)], Waits(2_000));
    check(2_000, &[Failed(0)], Reads);
    check(0, &[ReadNothing(0)], Creates);
}

#[test]
fn released_lease_is_taken_at_once() {
    check(0, &[Read(0, "5", "", 15)], Acquires("5"));
    check(
        0,
        &[Read(0, "5", "pod-1", 15), Read(0, "6", "", 1)],
        Acquires("6"),
    );
}

#[test]
fn foreign_lease_is_taken_when_it_was_not_seen_to_change_for_its_duration() {
    let held = [Read(3, "5", "pod-1", 15)];
    check(3_000, &held, Waits(18_000));
    check(17_999, &held, Waits(18_000));
    check(18_000, &held, Acquires("5"));
    // The holder's duration counts, not ours.
    check(30_000, &[Read(0, "5", "pod-1", 40)], Waits(40_000));
    check(5_000, &[Read(0, "5", "pod-1", 5)], Acquires("5"));
    // A renewal shows as another content.
    let renewed = [Read(0, "5", "pod-1", 15), Read(14, "6", "pod-2", 15)];
    check(20_000, &renewed, Waits(29_000));
    check(29_000, &renewed, Acquires("6"));
    // The same content in another version is not a renewal.
    let annotated = [Read(0, "5", "pod-1", 15), Read(14, "6", "pod-1", 15)];
    check(15_000, &annotated, Acquires("6"));
}

#[test]
fn deleted_lease_is_created_when_its_holder_must_have_stopped() {
    let deleted = [Read(0, "5", "pod-1", 15), ReadNothing(4)];
    check(4_000, &deleted, Waits(19_000));
    check(19_000, &deleted, Creates);
}

#[test]
fn leader_renews_after_each_retry_period() {
    let leading = [ReadNothing(0), Wrote(1, 2, "5")];
    check(2_000, &leading, Waits(3_000));
    check(3_000, &leading, Renews("5"));
    check(10_999, &leading, Renews("5"));
    // A failure does not wait longer than the term lasts.
    let failed = [ReadNothing(0), Wrote(1, 2, "5"), Failed(8)];
    check(8_500, &failed, Waits(10_000));
    let failed = [ReadNothing(0), Wrote(1, 2, "5"), Failed(10)];
    check(10_500, &failed, Waits(11_000));
}

#[test]
fn leader_stops_at_the_deadline_after_the_sending_of_the_last_renewal() {
    let leading = [ReadNothing(0), Wrote(1, 3, "5")];
    check(11_000, &leading, StepsDown(Loss::Deadline));
    check(60_000, &leading, StepsDown(Loss::Deadline));
    let renewed = [ReadNothing(0), Wrote(1, 3, "5"), Wrote(5, 6, "6")];
    check(14_999, &renewed, Renews("6"));
    check(15_000, &renewed, StepsDown(Loss::Deadline));
    // The answer came after the deadline.
    check(
        12_000,
        &[ReadNothing(0), Wrote(1, 12, "5")],
        StepsDown(Loss::Deadline),
    );
}

#[test]
fn leader_stops_when_the_lease_does_not_name_it() {
    for (change, loss) in [
        (Read(1, "6", "pod-2", 15), Loss::TakenBy("pod-2".to_owned())),
        (Read(1, "6", "", 15), Loss::Cleared),
        (ReadNothing(1), Loss::Deleted),
    ] {
        let past = [ReadNothing(0), Wrote(0, 0, "5"), change];
        check(1_000, &past, StepsDown(loss));
    }
}

#[test]
fn conflict_is_followed_by_a_read_soon() {
    let past = [ReadNothing(0), Wrote(0, 0, "5"), Conflict(2)];
    check(2_100, &past, Waits(2_500));
    check(2_500, &past, Reads);
    check(10_000, &past, StepsDown(Loss::Deadline));
}

#[test]
fn lease_that_names_us_without_a_term_is_renewed_at_once() {
    // While another may still lead, it waits.
    let late = [
        Read(0, "5", "pod-1", 15),
        ReadNothing(4),
        Read(5, "7", "us", 15),
    ];
    check(5_000, &late, Waits(19_000));
    check(19_000, &late, Renews("7"));
    // Our acquisition got no answer, but took effect.
    check(0, &[Read(0, "6", "us", 15)], Renews("6"));
    check(1_000, &[Read(0, "6", "us", 15), Failed(0)], Waits(2_000));
}
