//! Candidates for the Lease, with a Lease of 3 s instead of 15 s, and who of them leads.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use kubectl_imgpolicy::cluster::{CONTROLLER_LEASE, Cluster, ConnectionOptions};
use kubectl_imgpolicy::controller::lease::{
    LeaderElection, Leadership, LeaseTimes, unique_identity,
};
use serde_json::{Value, json};

use crate::control_plane::ControlPlane;
use crate::kubeconfigs::{self, User};

/// How often it is looked who leads.
const SAMPLE: Duration = Duration::from_millis(20);

pub(crate) const DURATION: Duration = Duration::from_secs(3);
pub(crate) const DEADLINE: Duration = Duration::from_secs(2);
pub(crate) const RETRY: Duration = Duration::from_millis(400);

/// The times of 15, 10, 2 and 3 s, five times shorter.
pub(crate) fn times() -> LeaseTimes {
    let request = Duration::from_millis(600);
    LeaseTimes::new(DURATION, DEADLINE, RETRY, request).expect("valid times")
}

/// A replica that runs in this process.
pub(crate) struct Candidate {
    pub(crate) leadership: Leadership,
    election: tokio::task::JoinHandle<()>,
}

impl Candidate {
    pub(crate) fn start(cluster: Cluster, namespace: &str, name: &str) -> Self {
        Self::start_with_clock(cluster, namespace, name, Timestamp::now)
    }

    pub(crate) fn start_with_clock(
        cluster: Cluster,
        namespace: &str,
        name: &str,
        clock: fn() -> Timestamp,
    ) -> Self {
        let identity = unique_identity(name);
        let (leadership, election) =
            LeaderElection::new(cluster, namespace, &identity, times(), clock);
        Self {
            leadership,
            election: tokio::spawn(election.run()),
        }
    }

    pub(crate) fn leads(&self) -> bool {
        self.leadership.is_leader()
    }

    /// Ends without a word, as by `kill -9`.
    pub(crate) fn kill(self) {
        self.election.abort();
    }

    /// Waits until it leads, and returns how long that took.
    pub(crate) async fn wait_until_it_leads(&self, limit: Duration) -> Duration {
        let started = Instant::now();
        wait_until(limit, || self.leads()).await;
        started.elapsed()
    }
}

impl Drop for Candidate {
    fn drop(&mut self) {
        self.election.abort();
    }
}

pub(crate) async fn wait_until(limit: Duration, mut is_true: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_true() {
        assert!(started.elapsed() < limit, "not within {limit:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A connection of an administrator through `127.0.0.1:PORT`, which leads to the API server.
pub(crate) async fn through(plane: &ControlPlane, address: &str, namespace: &str) -> Cluster {
    let options = ConnectionOptions {
        kubeconfig: Some(kubeconfigs::of_user(plane, User::Admin, namespace)),
        server: Some(format!("https://{address}")),
        ..ConnectionOptions::default()
    };
    Cluster::connect(&options).await.expect("a kubeconfig")
}

/// The path of the Lease.
pub(crate) fn path(namespace: &str) -> String {
    format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/{CONTROLLER_LEASE}")
}

/// The `spec` of the Lease.
pub(crate) async fn stored(plane: &ControlPlane, namespace: &str) -> Value {
    let mut lease = plane.get(&path(namespace)).await.expect("a Lease");
    lease["spec"].take()
}

/// Writes the Lease in the name of another holder, whose clock is wrong by this many seconds.
pub(crate) async fn hold(plane: &ControlPlane, namespace: &str, holder: &str, wrong_by: i64) {
    let now = Timestamp::now() + jiff::SignedDuration::from_secs(wrong_by);
    let renewed = now.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string();
    let seconds = DURATION.as_secs();
    plane
        .apply(&[
            json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"namespace": namespace, "name": CONTROLLER_LEASE},
            "spec": {"holderIdentity": holder, "leaseDurationSeconds": seconds,
                "renewTime": renewed}}),
        ])
        .await;
}

/// Looks all the time who leads, by the monotonic clock of this process.
pub(crate) struct Watcher {
    candidates: Arc<Mutex<Vec<Leadership>>>,
    most: Arc<Mutex<(usize, usize)>>,
    task: std::thread::JoinHandle<()>,
    stop: Arc<std::sync::atomic::AtomicBool>,
}

impl Watcher {
    pub(crate) fn start() -> Self {
        let candidates: Arc<Mutex<Vec<Leadership>>> = Arc::default();
        let most: Arc<Mutex<(usize, usize)>> = Arc::default();
        let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let (watched, seen, stopped) = (candidates.clone(), most.clone(), stop.clone());
        let task = std::thread::spawn(move || {
            while !stopped.load(std::sync::atomic::Ordering::Relaxed) {
                let watched = watched.lock().expect("no panic before");
                let leaders = watched.iter().filter(|one| one.is_leader()).count();
                drop(watched);
                let mut seen = seen.lock().expect("no panic before");
                *seen = (seen.0.max(leaders), seen.1 + 1);
                drop(seen);
                std::thread::sleep(SAMPLE);
            }
        });
        Self {
            candidates,
            most,
            task,
            stop,
        }
    }

    pub(crate) fn add(&self, candidate: &Candidate) {
        let mut candidates = self.candidates.lock().expect("no panic before");
        candidates.push(candidate.leadership.clone());
    }

    /// The most that led at the same time, and how often that was looked at.
    pub(crate) fn end(self) -> (usize, usize) {
        self.stop.store(true, std::sync::atomic::Ordering::Relaxed);
        self.task.join().expect("it ran");
        *self.most.lock().expect("no panic before")
    }
}
