//! Who leads, by a Lease of a real API server. The Lease lasts 3 s instead of 15 s.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use kubectl_imgpolicy::cluster::CONTROLLER_LEASE;
use kubectl_imgpolicy::controller::lease::NotLeader;
use serde_json::{Value, json};

use crate::binary::say;
use crate::candidates::{
    Candidate, DEADLINE, DURATION, RETRY, Watcher, hold, path, stored, through, wait_until,
};
use crate::control_plane::ControlPlane;
use crate::cut_line::CutLine;
use crate::kubeconfigs::User;
use crate::slow_line::slow_line;

/// The time that the machine may add to what is expected.
const SLACK: Duration = Duration::from_secs(1);

/// Clocks of other holders, in seconds.
const WRONG_CLOCKS: [i64; 4] = [-7200, -40, 40, 7200];

const ROUNDS: usize = 10;

fn host(plane: &ControlPlane) -> &str {
    plane.url.trim_start_matches("https://")
}

async fn start(plane: &ControlPlane, namespace: &str, name: &str) -> Candidate {
    let cluster = plane.connect(User::Admin, namespace).await;
    Candidate::start(cluster, namespace, name)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn first_candidate_leads_at_once_and_renews() {
    let plane = ControlPlane::shared();
    let namespace = plane.namespace("lease-first").await;
    let mut candidate = start(plane, namespace, "pod-1").await;
    let changed = tokio::time::timeout(SLACK, candidate.leadership.changed());
    assert!(changed.await.expect("within a second"));
    let identity = candidate.leadership.identity().to_owned();
    assert_eq!(candidate.leadership.holder(), Some(identity.clone()));
    let first = stored(plane, namespace).await;
    assert_eq!(first["holderIdentity"], identity.as_str());
    assert_eq!(first["leaseDurationSeconds"], 3);
    assert_eq!(first["leaseTransitions"], 0);
    tokio::time::sleep(2 * RETRY).await;
    let later = stored(plane, namespace).await;
    assert_ne!(first["renewTime"], later["renewTime"]);
    for key in ["acquireTime", "leaseTransitions", "holderIdentity"] {
        assert_eq!(first[key], later[key]);
    }
    candidate.leadership.confirm().await.expect("it leads");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn holder_that_renews_is_never_deposed_whatever_its_clock_says() {
    let plane = ControlPlane::shared();
    let wrong_clocks = WRONG_CLOCKS.map(async |wrong_by| {
        let namespace = format!("lease-skew{wrong_by}").leak();
        plane.namespace(namespace).await;
        hold(plane, namespace, "foreign", wrong_by).await;
        let candidate = start(plane, namespace, "pod-1").await;
        let started = Instant::now();
        while started.elapsed() < 4 * DURATION {
            hold(plane, namespace, "foreign", wrong_by).await;
            let until = Instant::now() + DURATION / 10;
            while Instant::now() < until {
                assert!(!candidate.leads(), "{wrong_by}");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        assert_eq!(candidate.leadership.holder().as_deref(), Some("foreign"));
        let stopped = hold_and_wait(plane, namespace, wrong_by, &candidate).await;
        say(&format!(
            "a clock {wrong_by} s wrong: taken after {stopped:?}"
        ));
        assert!(
            stopped >= DURATION - Duration::from_millis(50),
            "{stopped:?}"
        );
        assert!(stopped < DURATION + RETRY + SLACK, "{stopped:?}");
        let spec = stored(plane, namespace).await;
        assert_eq!(spec["leaseTransitions"], 1);
    });
    futures_util::future::join_all(wrong_clocks).await;
}

/// The foreign holder renews once more and stops. Returns when the candidate leads.
async fn hold_and_wait(
    plane: &ControlPlane,
    namespace: &str,
    wrong_by: i64,
    candidate: &Candidate,
) -> Duration {
    hold(plane, namespace, "foreign", wrong_by).await;
    candidate.wait_until_it_leads(3 * DURATION).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn six_standbys_never_lead_at_the_same_time() {
    let plane = ControlPlane::shared();
    let namespace = plane.namespace("lease-six").await;
    let slow = slow_line(host(plane), Duration::from_millis(300));
    for round in 0..ROUNDS {
        hold(plane, namespace, &format!("foreign-{round}"), 0).await;
        let watcher = Watcher::start();
        let mut candidates = Vec::new();
        for n in 0..6 {
            let name = format!("pod-{n}");
            let cluster = match n {
                0 => through(plane, &slow, namespace).await,
                _ => plane.connect(User::Admin, namespace).await,
            };
            candidates.push(Candidate::start(cluster, namespace, &name));
        }
        candidates.iter().for_each(|one| watcher.add(one));
        let leads = || candidates.iter().any(Candidate::leads);
        wait_until(DURATION + RETRY + SLACK, leads).await;
        // The first leader dies, and another one follows.
        let first = candidates.iter().position(Candidate::leads).expect("one");
        candidates.remove(first).kill();
        let leads = || candidates.iter().any(Candidate::leads);
        wait_until(DURATION + RETRY + SLACK, leads).await;
        let (most, samples) = watcher.end();
        assert_eq!(most, 1, "round {round}, {samples} samples");
        assert!(samples > 100, "{samples}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn released_lease_is_taken_at_once() {
    let plane = ControlPlane::shared();
    let namespace = plane.namespace("lease-release").await;
    let first = start(plane, namespace, "pod-1").await;
    first.wait_until_it_leads(SLACK).await;
    let second = start(plane, namespace, "pod-2").await;
    let expected = first.leadership.identity();
    wait_until(SLACK, || {
        second.leadership.holder().as_deref() == Some(expected)
    })
    .await;
    assert!(!second.leads());
    let watcher = Watcher::start();
    watcher.add(&first);
    watcher.add(&second);
    first.leadership.release().await.expect("released");
    assert!(!first.leads());
    let took = second.wait_until_it_leads(SLACK).await;
    say(&format!("a released Lease is taken after {took:?}"));
    let refused = first
        .leadership
        .confirm()
        .await
        .expect_err("it leads no longer");
    assert!(matches!(refused, NotLeader::Standby { .. }), "{refused}");
    tokio::time::sleep(RETRY).await;
    assert_eq!(watcher.end().0, 1);
    let spec = stored(plane, namespace).await;
    assert_eq!(spec["leaseTransitions"], 1);
    assert!(first.leadership.release().await.is_err(), "it has ended");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn release_clears_the_holder() {
    let plane = ControlPlane::shared();
    let namespace = plane.namespace("lease-clear").await;
    let candidate = start(plane, namespace, "pod-1").await;
    candidate.wait_until_it_leads(SLACK).await;
    candidate.leadership.release().await.expect("released");
    let spec = stored(plane, namespace).await;
    assert_eq!(spec["holderIdentity"].as_str().unwrap_or_default(), "");
    assert_eq!(spec["leaseDurationSeconds"], 1);
    assert_eq!(candidate.leadership.holder(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leader_that_is_cut_off_stops_before_another_leads() {
    let plane = ControlPlane::shared();
    let namespace = plane.namespace("lease-cut").await;
    let line = CutLine::to(host(plane));
    let cluster = through(plane, &line.address, namespace).await;
    let first = Candidate::start(cluster, namespace, "pod-1");
    first.wait_until_it_leads(SLACK).await;
    let second = start(plane, namespace, "pod-2").await;
    let watcher = Watcher::start();
    watcher.add(&first);
    watcher.add(&second);
    tokio::time::sleep(2 * RETRY).await;

    line.cut(true);
    let cut = Instant::now();
    wait_until(DEADLINE + SLACK / 5, || !first.leads()).await;
    let stopped = cut.elapsed();
    let took = second.wait_until_it_leads(DURATION + RETRY + SLACK).await + stopped;
    say(&format!(
        "cut off: stops after {stopped:?}, another leads after {took:?}"
    ));
    assert!(
        stopped <= DEADLINE + Duration::from_millis(50),
        "{stopped:?}"
    );
    assert!(took >= stopped + times_between(), "{stopped:?} {took:?}");
    let refused = first.leadership.confirm().await.expect_err("cut off");
    assert!(matches!(refused, NotLeader::Standby { .. }), "{refused}");

    // What was held back arrives late, and changes nothing.
    let before = stored(plane, namespace).await;
    line.cut(false);
    let expected = second.leadership.identity().to_owned();
    wait_until(DURATION, || {
        first.leadership.holder().as_ref() == Some(&expected)
    })
    .await;
    assert!(second.leads() && !first.leads());
    let after = stored(plane, namespace).await;
    assert_eq!(before["leaseTransitions"], after["leaseTransitions"]);
    assert_eq!(watcher.end().0, 1);
}

/// The old leader's last request has ended by then.
fn times_between() -> Duration {
    crate::candidates::times().request_timeout()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn write_is_not_confirmed_while_the_lease_cannot_be_read() {
    let plane = ControlPlane::shared();
    let namespace = plane.namespace("lease-fence").await;
    let line = CutLine::to(host(plane));
    let cluster = through(plane, &line.address, namespace).await;
    let candidate = Candidate::start(cluster, namespace, "pod-1");
    candidate.wait_until_it_leads(SLACK).await;
    candidate.leadership.confirm().await.expect("it leads");
    line.cut(true);
    let refused = candidate.leadership.confirm().await.expect_err("cut off");
    assert_eq!(
        refused.to_string(),
        "it cannot be confirmed that this replica leads: reading the Lease took longer than 600ms"
    );
    line.cut(false);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leader_stops_when_another_takes_its_lease_by_force() {
    let plane = ControlPlane::shared();
    let namespace = plane.namespace("lease-force").await;
    let candidate = start(plane, namespace, "pod-1").await;
    candidate.wait_until_it_leads(SLACK).await;
    hold(plane, namespace, "by-hand", 0).await;
    // Either the watch was faster, or the fence reads it.
    let refused = candidate
        .leadership
        .confirm()
        .await
        .expect_err("another holds it");
    assert_eq!(
        refused.to_string(),
        "this replica does not lead: by-hand does"
    );
    wait_until(SLACK, || !candidate.leads()).await;
    candidate
        .wait_until_it_leads(DURATION + RETRY + SLACK)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn annotation_on_the_lease_is_kept_and_does_not_end_the_term() {
    let plane = ControlPlane::shared();
    let namespace = plane.namespace("lease-note").await;
    let candidate = start(plane, namespace, "pod-1").await;
    candidate.wait_until_it_leads(SLACK).await;
    for n in 0..20 {
        let note =
            json!({"metadata": {"annotations": {"imgpolicy.dev/resumed-at": n.to_string()}}});
        let request = http::Request::patch(path(namespace))
            .header("Content-Type", "application/merge-patch+json")
            .body(note.to_string().into_bytes())
            .expect("a request");
        let patched = plane.kube_client().request_text(request).await;
        patched.expect("patched");
        assert!(candidate.leads());
        tokio::time::sleep(RETRY / 2).await;
    }
    let lease = plane.get(&path(namespace)).await.expect("a Lease");
    assert_eq!(
        lease["metadata"]["annotations"]["imgpolicy.dev/resumed-at"],
        "19"
    );
    assert_eq!(lease["spec"]["leaseTransitions"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleted_lease_is_created_again_by_its_leader() {
    let plane = ControlPlane::shared();
    let namespace = plane.namespace("lease-deleted").await;
    let first = start(plane, namespace, "pod-1").await;
    first.wait_until_it_leads(SLACK).await;
    let second = start(plane, namespace, "pod-2").await;
    wait_until(SLACK, || second.leadership.holder().is_some()).await;
    let watcher = Watcher::start();
    watcher.add(&first);
    watcher.add(&second);
    let request = http::Request::delete(path(namespace)).body(Vec::new());
    let client = plane.kube_client();
    let deleted = client.request_text(request.expect("a request"));
    deleted.await.expect("deleted");
    let started = Instant::now();
    while plane.get(&path(namespace)).await.is_err() {
        assert!(started.elapsed() < SLACK, "not created again");
    }
    wait_until(SLACK, || first.leads()).await;
    tokio::time::sleep(DURATION).await;
    assert!(first.leads() && !second.leads());
    assert_eq!(watcher.end().0, 1);
}

fn two_hours_ahead() -> Timestamp {
    Timestamp::now() + SignedDuration::from_hours(2)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leader_with_a_wrong_clock_is_followed_in_time_after_kill() {
    let plane = ControlPlane::shared();
    let namespace = plane.namespace("lease-kill").await;
    let cluster = plane.connect(User::Admin, namespace).await;
    let first = Candidate::start_with_clock(cluster, namespace, "pod-1", two_hours_ahead);
    first.wait_until_it_leads(SLACK).await;
    let second = start(plane, namespace, "pod-2").await;
    tokio::time::sleep(DURATION).await;
    assert!(first.leads() && !second.leads());
    let watcher = Watcher::start();
    watcher.add(&first);
    watcher.add(&second);
    // The rest of the process goes on for a while.
    let left = first.leadership.clone();
    first.kill();
    assert!(left.is_leader());
    wait_until(DEADLINE + SLACK / 5, || !left.is_leader()).await;
    let took = second.wait_until_it_leads(DURATION + RETRY + SLACK).await;
    say(&format!(
        "another leads {took:?} after the deadline of a killed leader"
    ));
    tokio::time::sleep(RETRY).await;
    assert_eq!(watcher.end().0, 1);
}

fn rule(verbs: &[&str]) -> Value {
    json!({"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": verbs})
}

/// Rights on the one Lease. Only a creation cannot be limited to a name.
fn rules(verbs: &[&str]) -> Value {
    let named: Vec<&str> = verbs
        .iter()
        .filter(|verb| **verb != "create")
        .copied()
        .collect();
    let mut rules = vec![rule(&named)];
    rules[0]["resourceNames"] = json!([CONTROLLER_LEASE]);
    if verbs.contains(&"create") {
        rules.push(rule(&["create"]));
    }
    json!(rules)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rights_on_the_one_lease_are_enough_and_none_is_idle() {
    let plane = ControlPlane::shared();
    for (name, verbs, leads) in [
        ("all", &["get", "watch", "update", "create"][..], true),
        ("no-get", &["watch", "update", "create"], false),
        ("no-update", &["get", "watch", "create"], false),
        ("no-create", &["get", "watch", "update"], false),
        // Without a watch it is read in each retry period.
        ("no-watch", &["get", "update", "create"], true),
    ] {
        let namespace: &str = format!("lease-rights-{name}").leak();
        plane.namespace(namespace).await;
        if name == "no-update" {
            hold(plane, namespace, "", 0).await;
        }
        plane.allow_in(namespace, User::Nobody, rules(verbs)).await;
        let cluster = plane.connect(User::Nobody, namespace).await;
        let candidate = Candidate::start(cluster, namespace, "pod-1");
        tokio::time::sleep(SLACK).await;
        assert_eq!(candidate.leads(), leads, "{name}");
        if !leads {
            continue;
        }
        // Another writes the Lease; it is seen by a watch soon, and by reading later.
        hold(plane, namespace, "by-hand", 0).await;
        wait_until(SLACK, || !candidate.leads()).await;
        let asked = plane.audited(User::Nobody, &format!("/{namespace}/leases"));
        let watches = asked
            .iter()
            .filter(|uri| uri.contains("watch=true"))
            .count();
        // The log has a line for the start and the end of each; a refusal has both at once.
        assert!((1..=2).contains(&watches), "{name}: {asked:#?}");
    }
}
