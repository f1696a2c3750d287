//! Several replicas of the controller, some of which are killed, stopped or cut off. The API
//! server's audit log is the judge: every update is made, and none is made twice.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use super::controller::SHORT_LEASE;
use crate::audit::ImageChanged;
use crate::binary::say;
use crate::controller_process::ControllerProcess;
use crate::cut_line::CutLine;
use crate::fleet::Fleet;
use crate::kubeconfigs::{self, User};
use crate::shop::Shop;
use crate::stale_plans::{Random, seed};

/// The arguments of each replica, with limits that do not matter.
const ARGUMENTS: [&str; 6] = [
    "--max-updates",
    "10000",
    "--max-rollouts",
    "4",
    "--max-failures",
    "1000",
];

/// The times of the Lease.
#[derive(Debug, Clone, Copy)]
pub(super) struct LeaseScale {
    /// They set the times, and a scan interval of 1 s.
    flags: &'static [&'static str],
    /// How long after its last renewal a leader stops to lead.
    deadline: Duration,
    /// How soon another one leads: a Lease, a retry period, and what a machine under load adds.
    takeover: Duration,
}

/// A Lease of 3 s instead of 15 s.
pub(super) const SHORT: LeaseScale = LeaseScale {
    flags: &SHORT_LEASE,
    deadline: Duration::from_secs(2),
    takeover: Duration::from_secs(10),
};

/// The times that users have.
#[cfg(feature = "soak")]
pub(super) const FULL: LeaseScale = LeaseScale {
    flags: &["--sync-interval", "1s"],
    deadline: Duration::from_secs(10),
    takeover: Duration::from_secs(20),
};

const UPDATED_WITHIN: Duration = Duration::from_secs(180);

/// How long a replica that goes on after a pause gets to do what it must not do.
const WATCHED_FOR: Duration = Duration::from_secs(4);

/// Deployments, and the times of the replicas that update them.
pub(super) struct Rolling {
    fleet: Fleet,
    lease: LeaseScale,
}

impl Rolling {
    pub(super) async fn open(namespace: &'static str, size: usize, lease: LeaseScale) -> Self {
        let shop = Shop::open_rolling(namespace).await;
        let fleet = Fleet::new(shop, "Deployment", size);
        fleet.shop.deployed(&fleet.workloads()).await;
        Self { fleet, lease }
    }

    fn replica(&self, user: User) -> ControllerProcess {
        let shop = &self.fleet.shop;
        let kubeconfig = kubeconfigs::of_user(shop.plane, user, shop.namespace);
        self.replica_with(&kubeconfig)
    }

    fn replica_with(&self, kubeconfig: &Path) -> ControllerProcess {
        let arguments = [&ARGUMENTS[..], self.lease.flags].concat();
        ControllerProcess::start_as(kubeconfig, &arguments)
    }
}

/// Replicas of the controller in the namespace of a fleet, each of its own user.
struct Replicas {
    all: Vec<(User, ControllerProcess)>,
    takeover: Duration,
}

impl Replicas {
    fn start(rolling: &Rolling, users: impl IntoIterator<Item = User>) -> Self {
        let start = |user| (user, rolling.replica(user));
        Self {
            all: users.into_iter().map(start).collect(),
            takeover: rolling.lease.takeover,
        }
    }

    /// Who leads, as far as the logs say.
    fn leader(&self) -> Option<usize> {
        let mut all = self.all.iter();
        all.position(|(_, replica)| says_it_leads(replica))
    }

    /// Waits until one of them leads, and returns which one and how long that took.
    async fn wait_for_leader(&self) -> (usize, Duration) {
        let started = Instant::now();
        loop {
            if let Some(leader) = self.leader() {
                return (leader, started.elapsed());
            }
            assert!(started.elapsed() < self.takeover, "{}", self.logs());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until a line of one of them contains a text.
    async fn one_says(&self, text: &str) {
        let started = Instant::now();
        let says = |(_, replica): &(User, ControllerProcess)| !replica.lines(text).is_empty();
        while !self.all.iter().any(says) {
            let late = started.elapsed() > UPDATED_WITHIN;
            assert!(!late, "none says {text:?}: {}", self.logs());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn logs(&self) -> String {
        let logs = self.all.iter();
        let logs = logs.map(|(user, replica)| format!("{}:\n{}", user.name(), replica.log()));
        logs.collect()
    }
}

/// Whether the last line about the Lease says that this replica leads.
fn says_it_leads(replica: &ControllerProcess) -> bool {
    let lines = replica.lines("this replica ");
    let last = lines.iter().rfind(|line| line.contains("lead"));
    last.is_some_and(|line| line.contains("this replica leads"))
}

/// What killed leaders have led to.
pub(super) struct Takeovers {
    /// The longest time until another one led.
    pub(super) slowest: Duration,
    /// The updates that were made.
    pub(super) updates: usize,
}

/// Kills the leader this many times at random moments while updates are made. Another one takes
/// over, and each update is made once.
pub(super) async fn kill_leaders(mut rolling: Rolling, kills: usize, seed: u64) -> Takeovers {
    let mut random = Random::new(seed);
    let mut replicas = Replicas::start(&rolling, (0..3).map(User::Replica));
    rolling.fleet.all_have("1.0.1", || replicas.logs()).await;
    let mut slowest = Duration::ZERO;
    for _ in 0..kills {
        let tag = rolling.fleet.push().await;
        replicas.one_says(&format!("{tag}: updated")).await;
        tokio::time::sleep(Duration::from_millis(random.below(1500))).await;
        let (leader, _) = replicas.wait_for_leader().await;
        let (user, killed) = replicas.all.remove(leader);
        killed.kill();
        let (_, took) = replicas.wait_for_leader().await;
        slowest = slowest.max(took);
        replicas.all.push((user, rolling.replica(user)));
        rolling.fleet.all_have(&tag, || replicas.logs()).await;
    }
    let last = rolling.fleet.tags.last().cloned().unwrap_or_default();
    rolling
        .fleet
        .each_was_updated_once(&last, &format!("seed {seed}"));
    Takeovers {
        slowest,
        updates: rolling.fleet.names.len() * rolling.fleet.tags.len(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_leaders_leave_no_update_undone_and_none_done_twice() {
    let seed = seed();
    say(&format!("killed leaders: seed {seed}"));
    let rolling = Rolling::open("replicas-killed", 20, SHORT).await;
    let takeovers = kill_leaders(rolling, 5, seed).await;
    say(&format!(
        "5 killed leaders, {} updates: another leads after {:?} at most",
        takeovers.updates, takeovers.slowest
    ));
}

/// Two replicas, the first of which leads and has begun the next update.
async fn begun(rolling: &mut Rolling, first: ControllerProcess) -> (Replicas, String) {
    let mut replicas = Replicas::start(rolling, []);
    replicas.all.push((User::Replica(0), first));
    rolling.fleet.all_have("1.0.1", || replicas.logs()).await;
    let second = User::Replica(1);
    replicas.all.push((second, rolling.replica(second)));
    replicas
        .one_says(" leads; this replica writes nothing")
        .await;
    let tag = rolling.fleet.push().await;
    replicas.one_says(&format!("{tag}: updated")).await;
    (replicas, tag)
}

/// Asserts that the second replica has made updates, that none was made twice, and that the
/// first one has sent nothing after it went on at a time of the audit log.
fn second_has_gone_on(fleet: &Fleet, replicas: &Replicas, tag: &str, resumed: &str) {
    let changes = fleet.each_was_updated_once(tag, &replicas.logs());
    let [old, new] = [User::Replica(0), User::Replica(1)].map(User::name);
    let by_new = changes.iter().find(|change| change.user == new);
    let by_new = by_new.unwrap_or_else(|| panic!("no update was left: {}", replicas.logs()));
    let late = |change: &&ImageChanged| change.user == old && change.received > by_new.received;
    assert_eq!(changes.iter().find(late), None, "{}", replicas.logs());
    let patches = fleet.shop.plane.audited_patches(fleet.shop.namespace);
    let late: Vec<_> = patches
        .iter()
        .filter(|patch| patch.is_of(User::Replica(0)) && *patch.received > *resumed)
        .collect();
    // Only a request that had passed its check arrives late, and the API server refuses it.
    assert!(late.iter().all(|patch| patch.code == 409), "{late:#?}");
    assert!(late.len() <= 1, "{late:#?}");
}

/// The time now, as the audit log writes it.
fn now() -> String {
    let now = jiff::Timestamp::now();
    now.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

/// Stops the leader as a whole while it makes updates, and lets it go on once another one has
/// made them, but not before this time is over.
pub(super) async fn stop_leader(mut rolling: Rolling, pause: Duration) {
    let first = rolling.replica(User::Replica(0));
    let (replicas, tag) = begun(&mut rolling, first).await;
    let stopped = Instant::now();
    replicas.all[0].1.freeze(true);
    rolling.fleet.all_have(&tag, || replicas.logs()).await;
    tokio::time::sleep(pause.saturating_sub(stopped.elapsed())).await;
    let resumed = now();
    replicas.all[0].1.freeze(false);
    tokio::time::sleep(WATCHED_FOR).await;
    assert!(!says_it_leads(&replicas.all[0].1), "{}", replicas.logs());
    second_has_gone_on(&rolling.fleet, &replicas, &tag, &resumed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leader_that_was_stopped_for_a_while_writes_nothing_after_another_one() {
    let rolling = Rolling::open("replicas-stopped", 12, SHORT).await;
    stop_leader(rolling, Duration::ZERO).await;
}

/// Cuts the leader off from the API server while it makes updates, and connects it again once
/// another one has made them, but not before this time is over. Returns how long the leader led
/// without a connection.
pub(super) async fn cut_off_leader(mut rolling: Rolling, pause: Duration) -> Duration {
    let (plane, namespace) = (rolling.fleet.shop.plane, rolling.fleet.shop.namespace);
    let line = CutLine::to(plane.url.trim_start_matches("https://"));
    let user = User::Replica(0);
    let kubeconfig = kubeconfigs::of_user_through(plane, user, &line.address, namespace);
    let first = rolling.replica_with(&kubeconfig);
    let (replicas, tag) = begun(&mut rolling, first).await;
    line.cut(true);
    let cut = Instant::now();
    while says_it_leads(&replicas.all[0].1) {
        assert!(
            cut.elapsed() < rolling.lease.takeover,
            "{}",
            replicas.logs()
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let led = cut.elapsed();
    // The rest is the time until it says so.
    let limit = rolling.lease.deadline + Duration::from_secs(1);
    assert!(led < limit, "{led:?}");
    rolling.fleet.all_have(&tag, || replicas.logs()).await;
    tokio::time::sleep(pause.saturating_sub(cut.elapsed())).await;
    let resumed = now();
    line.cut(false);
    tokio::time::sleep(WATCHED_FOR).await;
    second_has_gone_on(&rolling.fleet, &replicas, &tag, &resumed);
    led
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leader_that_was_cut_off_for_a_while_writes_nothing_after_another_one() {
    let rolling = Rolling::open("replicas-cut", 12, SHORT).await;
    let led = cut_off_leader(rolling, Duration::ZERO).await;
    say(&format!(
        "a leader that is cut off stops to lead after {led:?}"
    ));
}

/// What became of locks that were set while updates were made.
#[derive(Default)]
pub(super) struct LockTally {
    /// Workloads that were updated before their lock.
    pub(super) too_late: usize,
    /// Workloads that were not updated because of their lock.
    pub(super) in_time: usize,
}

/// In each round, locks every workload at a random moment while updates are made. A lock that
/// the API server has accepted is obeyed.
pub(super) async fn race_locks(mut rolling: Rolling, rounds: usize, seed: u64) -> LockTally {
    let mut random = Random::new(seed);
    let replicas = Replicas::start(&rolling, [User::Replica(0)]);
    rolling.fleet.all_have("1.0.1", || replicas.logs()).await;
    let mut tally = LockTally::default();
    for _ in 0..rounds {
        let tag = rolling.fleet.push().await;
        replicas.one_says(&format!("{tag}: updated")).await;
        let mut names = rolling.fleet.names.clone();
        while !names.is_empty() {
            let at = usize::try_from(random.below(names.len() as u64)).expect("small");
            lock(&rolling.fleet.shop, &names.swap_remove(at), true).await;
            tokio::time::sleep(Duration::from_millis(random.below(150))).await;
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        let tags = rolling.fleet.current_tags().await;
        let updated = tags.iter().filter(|one| **one == tag).count();
        tally.too_late += updated;
        tally.in_time += tags.len() - updated;
        for name in &rolling.fleet.names {
            lock(&rolling.fleet.shop, name, false).await;
        }
        rolling.fleet.all_have(&tag, || replicas.logs()).await;
        let changes = rolling
            .fleet
            .each_was_updated_once(&tag, &format!("seed {seed}"));
        let wrong: Vec<_> = changes.iter().filter(|change| change.was_locked).collect();
        assert!(wrong.is_empty(), "seed {seed}: {wrong:#?}");
    }
    tally
}

async fn lock(shop: &Shop, name: &str, is_locked: bool) {
    let value = is_locked.then_some("true");
    let patch = json!({"metadata": {"annotations": {"fluxcd.io/locked": value}}});
    shop.patch("Deployment", name, &patch).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lock_that_is_set_between_a_decision_and_its_write_is_obeyed() {
    let seed = seed();
    let rolling = Rolling::open("replicas-locks", 20, SHORT).await;
    let tally = race_locks(rolling, 2, seed).await;
    say(&format!(
        "locks while updates are made, seed {seed}: {} in time, {} too late",
        tally.in_time, tally.too_late
    ));
    assert!(tally.in_time > 0, "seed {seed}");
}
