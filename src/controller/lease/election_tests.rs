use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::cluster::fake::{Asked, Sent, answering, forbidden, no_such_object, status};
use crate::controller::lease::NotLeader;

/// The Lease of a fake API server, which can refuse writes.
#[derive(Default)]
struct Stored {
    lease: Option<Value>,
    version: u64,
    /// How many writes meet another one.
    conflicts: usize,
}

impl Stored {
    fn answer(&mut self, sent: &Sent) -> (u16, String) {
        if sent.uri.contains("watch=true") {
            // A watch that ends at once.
            return (200, String::new());
        }
        if sent.method == "GET" {
            return match &self.lease {
                Some(lease) => (200, lease.to_string()),
                None => no_such_object("leases", "imgpolicy-controller"),
            };
        }
        let old = self.lease.as_ref();
        let old = old.map(|lease| lease["metadata"]["resourceVersion"].clone());
        if self.conflicts > 0 || old.unwrap_or_default() != sent.body["metadata"]["resourceVersion"]
        {
            self.conflicts = self.conflicts.saturating_sub(1);
            return status(409, "Conflict", "the object has been modified");
        }
        self.store(sent.body.clone());
        (200, self.lease.clone().expect("stored").to_string())
    }

    fn store(&mut self, mut lease: Value) {
        self.version += 1;
        lease["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.lease = Some(lease);
    }
}

type Server = Arc<Mutex<Stored>>;

/// A candidate, its requests, and the server. It runs until it is aborted.
fn start() -> (Leadership, tokio::task::JoinHandle<()>, Asked, Server) {
    let server: Server = Arc::default();
    let stored = Arc::clone(&server);
    let (cluster, asked) =
        answering(move |sent| stored.lock().expect("no panic before").answer(sent));
    let times = LeaseTimes::default();
    let (leadership, election) = LeaderElection::new(cluster, "shop", "us", times, noon);
    (leadership, tokio::spawn(election.run()), asked, server)
}

fn noon() -> Timestamp {
    "2026-01-01T12:00:00Z".parse().expect("a time")
}

async fn seconds(seconds: f64) {
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn leader_stops_at_the_deadline_although_its_election_is_dead() {
    let (mut leadership, election, ..) = start();
    assert!(leadership.changed().await);
    election.abort();
    seconds(9.9).await;
    assert!(leadership.is_leader());
    seconds(0.1).await;
    assert!(!leadership.is_leader());
    let refused = leadership.confirm().await.expect_err("too late");
    assert_eq!(refused, NotLeader::Standby { holder: None });
}

#[tokio::test(start_paused = true)]
async fn write_is_confirmed_only_in_the_same_term() {
    let (mut leadership, _election, asked, server) = start();
    assert!(leadership.changed().await);
    assert_eq!(leadership.confirm().await, Ok(()));
    assert!(asked.lines().last().expect("a GET").starts_with("GET "));
    {
        let mut stored = server.lock().expect("no panic before");
        let mut lease = stored.lease.clone().expect("a Lease");
        lease["spec"]["leaseTransitions"] = json!(2);
        stored.store(lease);
    }
    let refused = leadership.confirm().await.expect_err("another term");
    let holder = Some("us".to_owned());
    assert_eq!(refused, NotLeader::Standby { holder });
}

#[tokio::test(start_paused = true)]
async fn release_is_tried_again_after_a_conflict() {
    for (conflicts, is_released) in [(0, true), (2, true), (3, false)] {
        let (mut leadership, _election, _, server) = start();
        assert!(leadership.changed().await);
        server.lock().expect("no panic before").conflicts = conflicts;
        let released = leadership.release().await;
        assert_eq!(released.is_ok(), is_released, "{released:?}");
        let stored = server.lock().expect("no panic before");
        let lease = stored.lease.as_ref().expect("a Lease");
        assert_eq!(lease["spec"]["holderIdentity"] == "", is_released);
        assert!(!leadership.is_leader());
    }
}

#[tokio::test(start_paused = true)]
async fn notes_are_written_with_renewals_but_not_by_a_new_leader() {
    let (mut leadership, _election, asked, server) = start();
    let stored = |key: &str| {
        let stored = server.lock().expect("no panic before");
        let lease = stored.lease.as_ref().expect("a Lease");
        lease["metadata"]["annotations"][key].clone()
    };
    {
        let mut stored = server.lock().expect("no panic before");
        let metadata = json!({"annotations": {"a": "of another", "b": "of another"}});
        stored.store(json!({"metadata": metadata, "spec": {"holderIdentity": ""}}));
    }
    leadership.note("a", Some("ours".to_owned()));
    assert!(leadership.changed().await);
    // What the last leader has noted can be read before it is replaced.
    assert_eq!(leadership.noted("a").as_deref(), Some("of another"));
    assert_eq!(stored("a"), "of another");
    let requests = asked.sent().len();
    seconds(2.5).await;
    assert_eq!(
        (stored("a"), stored("b")),
        (json!("ours"), json!("of another"))
    );
    assert_eq!(leadership.noted("a").as_deref(), Some("ours"));
    assert!(
        asked.sent().len() <= requests + 6,
        "no request of their own"
    );
    // The last note is written when the Lease is given back.
    leadership.note("a", None);
    leadership.note("b", Some("ours".to_owned()));
    leadership.release().await.expect("released");
    assert_eq!((stored("a"), stored("b")), (Value::Null, json!("ours")));
}

#[tokio::test(start_paused = true)]
async fn failures_are_not_answered_with_many_requests() {
    for (answer, most) in [
        (forbidden(), 70),
        // The Lease is written by others all the time.
        (status(409, "Conflict", "the object has been modified"), 400),
    ] {
        let held = json!({"metadata": {"resourceVersion": "1"}}).to_string();
        let is_conflict = answer.0 == 409;
        let (cluster, asked) = answering(move |sent| {
            if is_conflict && sent.method == "GET" && !sent.uri.contains("watch=true") {
                (200, held.clone())
            } else {
                answer.clone()
            }
        });
        let times = LeaseTimes::default();
        let (leadership, election) = LeaderElection::new(cluster, "shop", "us", times, noon);
        tokio::spawn(election.run());
        seconds(60.0).await;
        let requests = asked.lines().len();
        assert!((20..=most).contains(&requests), "{requests}");
        assert!(!leadership.is_leader());
    }
}

#[tokio::test(start_paused = true)]
async fn election_ends_when_nobody_asks_for_it() {
    let (leadership, election, ..) = start();
    seconds(5.0).await;
    assert!(!election.is_finished());
    drop(leadership);
    seconds(5.0).await;
    assert!(election.is_finished());
}
