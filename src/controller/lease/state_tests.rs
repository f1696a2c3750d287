use serde_json::json;

use super::*;

fn lease(version: &str, holder: &str, renewed: &str) -> Lease {
    let object = json!({"metadata": {"resourceVersion": version},
        "spec": {"holderIdentity": holder, "leaseDurationSeconds": 15, "leaseTransitions": 4,
            "acquireTime": "2026-01-01T00:00:00Z", "renewTime": renewed}});
    Lease::decode(object).expect("a Lease")
}

const NOON: &str = "2026-01-01T12:00:00Z";
const LATER: &str = "2026-01-01T12:00:02Z";

fn at(start: Instant, seconds: u64) -> Instant {
    start + Duration::from_secs(seconds)
}

fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn state() -> (LeaseState, Instant) {
    (LeaseState::new("us", LeaseTimes::default()), Instant::now())
}

fn reported(lease: Lease, at: Instant) -> Sighting {
    Sighting {
        version: lease.version_number(),
        lease: Some(lease),
        asked: None,
        at,
    }
}

fn version(state: &LeaseState) -> Option<&str> {
    state.lease().map(|lease| lease.version.as_str())
}

#[test]
fn unchanged_content_is_not_a_renewal() {
    let (mut state, start) = state();
    state.saw(reported(lease("5", "pod-1", NOON), start));
    // An annotation changes only the version.
    state.saw(reported(lease("6", "pod-1", NOON), at(start, 9)));
    assert_eq!(version(&state), Some("6"));
    assert_eq!(state.taken_until(), Some(at(start, 15)));
    state.saw(reported(lease("7", "pod-1", LATER), at(start, 10)));
    assert_eq!(state.taken_until(), Some(at(start, 25)));
}

#[test]
fn late_report_of_an_older_state_is_ignored() {
    let (mut state, start) = state();
    let newest = lease("10", "us", NOON);
    state.wrote(newest, None, start, at(start, 1), Duration::from_secs(2));
    let old = lease("9", "pod-1", NOON);
    assert!(!state.saw(reported(old.clone(), at(start, 2))));
    // A GET that was sent before our write had an answer.
    let answer = Sighting::answer(Some(old.clone()), start, at(start, 2));
    assert!(!state.saw(answer));
    assert!(!state.saw(Sighting::answer(None, start, at(start, 2))));
    assert_eq!(version(&state), Some("10"));
    // After a restore of the server's data, versions are lower.
    let answer = Sighting::answer(Some(old), at(start, 2), at(start, 3));
    assert!(state.saw(answer));
    assert!(state.saw(reported(lease("10", "pod-2", LATER), at(start, 4))));
    assert_eq!(version(&state), Some("10"));
}

fn deletion(at: Instant) -> Sighting {
    Sighting {
        lease: None,
        version: Some(6),
        asked: None,
        at,
    }
}

#[test]
fn deleted_lease_stays_taken_for_a_duration_whoever_held_it() {
    for holder in ["pod-1", "", "us"] {
        let (mut state, start) = state();
        state.saw(reported(lease("5", holder, NOON), start));
        assert!(state.saw(deletion(at(start, 3))));
        state.saw(Sighting::answer(None, at(start, 4), at(start, 4)));
        assert_eq!(state.taken_until(), Some(at(start, 18)), "{holder}");
    }
}

#[test]
fn leader_may_create_its_deleted_lease_at_once() {
    for (deleted, expected) in [(3, None), (10, Some(25))] {
        let (mut state, start) = state();
        let pause = Duration::from_secs(2);
        state.wrote(lease("5", "us", NOON), None, start, start, pause);
        assert!(state.saw(deletion(at(start, deleted))));
        let expected = expected.map(|seconds| at(start, seconds));
        assert_eq!(state.taken_until(), expected, "{deleted}");
    }
}

#[test]
fn lease_that_existed_meanwhile_may_have_had_a_holder() {
    let (mut state, start) = state();
    state.saw(Sighting::answer(None, start, start));
    assert_eq!(state.taken_until(), None);
    // The creation met a Lease, which was deleted before it was read.
    state.conflicted(start);
    state.saw(Sighting::answer(None, at(start, 1), at(start, 1)));
    assert_eq!(state.taken_until(), Some(at(start, 16)));
    assert!(state.saw(deletion(at(start, 5))));
    assert_eq!(state.taken_until(), Some(at(start, 20)));
}

#[test]
fn creation_that_arrives_late_does_not_end_the_term_of_another() {
    let pause = Duration::from_secs(2);
    for by_report in [true, false] {
        let (mut state, start) = state();
        state.saw(reported(lease("5", "pod-1", NOON), at(start, 1)));
        state.saw(deletion(at(start, 2)));
        let ours = lease("7", "us", NOON);
        if by_report {
            state.saw(reported(ours, at(start, 3)));
        } else {
            state.wrote(ours, None, start, at(start, 3), pause);
        }
        assert_eq!(state.taken_until(), Some(at(start, 17)));
        assert_eq!(state.term(), None);
        let renewed = lease("8", "us", LATER);
        state.wrote(renewed, Some("7"), at(start, 17), at(start, 17), pause);
        assert!(state.term().is_some());
    }
}

#[test]
fn report_from_before_a_deletion_is_ignored() {
    let (mut state, start) = state();
    state.saw(reported(lease("5", "pod-1", NOON), start));
    state.saw(deletion(start));
    assert!(!state.saw(reported(lease("5", "pod-1", NOON), start)));
    assert!(state.saw(reported(lease("7", "pod-1", NOON), start)));
}

#[test]
fn term_counts_from_the_sending_of_the_renewal() {
    let (mut state, start) = state();
    let pause = Duration::from_millis(2100);
    state.wrote(lease("5", "us", NOON), None, start, at(start, 3), pause);
    let expected = LeaderTerm {
        transitions: 4,
        until: at(start, 10),
        renew_at: start + pause,
    };
    assert_eq!(state.term(), Some(&expected));
    state.step_down();
    assert_eq!(state.term(), None);
}

#[test]
fn write_counts_although_a_watch_reported_it_first() {
    let (mut state, start) = state();
    let pause = Duration::from_secs(2);
    state.saw(reported(lease("4", "us", NOON), start));
    state.saw(reported(lease("6", "us", LATER), at(start, 2)));
    state.wrote(
        lease("5", "us", LATER),
        Some("4"),
        at(start, 1),
        at(start, 3),
        pause,
    );
    assert_eq!(version(&state), Some("6"));
    assert_eq!(state.term().map(|term| term.until), Some(at(start, 11)));
}

#[test]
fn write_that_was_not_stored_is_a_failure() {
    let pause = Duration::from_secs(2);
    for answer in [lease("5", "us", NOON), lease("6", "pod-1", LATER)] {
        let (mut state, start) = state();
        state.saw(reported(lease("5", "us", NOON), start));
        state.wrote(answer, Some("5"), at(start, 1), at(start, 1), pause);
        assert_eq!(state.term(), None);
        assert_eq!(state.not_before(), Some(at(start, 3)));
    }
}

#[test]
fn conflict_is_followed_by_a_read_and_an_answer_ends_the_pause() {
    let (mut state, start) = state();
    state.saw(reported(lease("5", "us", NOON), start));
    state.conflicted(start);
    assert!(state.must_read());
    assert_eq!(state.not_before(), Some(start + Duration::from_millis(500)));
    let answer = Sighting::answer(Some(lease("6", "us", LATER)), start, at(start, 1));
    state.saw(answer);
    assert!(!state.must_read());
    assert_eq!(state.not_before(), None);
}

/// What a process writes that has seen the Lease with this holder.
fn claim(holder: Option<&str>) -> LeaseSpec {
    let (mut state, start) = state();
    let lease = holder.map(|holder| lease("5", holder, NOON));
    state.saw(Sighting::answer(lease, start, start));
    state.claim(time(LATER))
}

#[test]
fn transitions_and_acquire_time_change_only_with_the_holder() {
    let started = "2026-01-01T00:00:00Z";
    for (holder, acquired, transitions) in [
        (None, LATER, 0),
        (Some(""), LATER, 5),
        (Some("pod-1"), LATER, 5),
        (Some("us"), started, 4),
    ] {
        let expected = LeaseSpec {
            holder_identity: Some("us".to_owned()),
            lease_duration_seconds: Some(15),
            acquire_time: Some(time(acquired)),
            renew_time: Some(time(LATER)),
            lease_transitions: Some(transitions),
        };
        assert_eq!(claim(holder), expected, "{holder:?}");
    }
}

#[test]
fn every_renewal_changes_the_lease_although_the_clock_is_stopped() {
    let (mut state, start) = state();
    state.saw(reported(lease("5", "us", NOON), start));
    let written = state.claim(time(NOON)).renew_time;
    assert_eq!(written, Some(time("2026-01-01T12:00:00.000001Z")));
}

#[test]
fn only_the_holder_resigns_and_the_transitions_stay() {
    for (holder, expected) in [("us", true), ("pod-1", false), ("", false)] {
        let (mut state, start) = state();
        state.saw(reported(lease("5", holder, NOON), start));
        let written = state.resignation(time(LATER));
        let expected = expected.then(|| LeaseSpec {
            holder_identity: Some(String::new()),
            lease_duration_seconds: Some(1),
            acquire_time: Some(time(LATER)),
            renew_time: Some(time(LATER)),
            lease_transitions: Some(4),
        });
        assert_eq!(written, expected, "{holder}");
    }
}
