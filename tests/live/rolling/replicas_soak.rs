//! The faults of replicas at full size: `make soak`.

use std::time::Duration;

use super::replicas::{FULL, Rolling, cut_off_leader, kill_leaders, race_locks, stop_leader};
use crate::binary::say;
use crate::soak::{commit, machine};
use crate::stale_plans::seed;

/// The workloads, and the leaders that are killed.
const WORKLOADS: usize = 300;
const KILLS: usize = 20;

/// The workloads that are locked in each round, and the rounds.
const LOCKED: usize = 20;
const ROUNDS: usize = 10;

const STOPPED_FOR: Duration = Duration::from_secs(40);
const CUT_FOR: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn soak_of_replicas() {
    let seed = seed();
    say(&format!("seed {seed}"));
    let rolling = Rolling::open("soak-killed", WORKLOADS, FULL).await;
    let takeovers = kill_leaders(rolling, KILLS, seed).await;
    stop_leader(Rolling::open("soak-stopped", 40, FULL).await, STOPPED_FOR).await;
    let led = cut_off_leader(Rolling::open("soak-cut", 40, FULL).await, CUT_FOR).await;
    let locks = race_locks(
        Rolling::open("soak-locks", LOCKED, FULL).await,
        ROUNDS,
        seed,
    )
    .await;
    say(&format!(
        "seed {seed}, commit {}, {}\n\
         | fault | times | updates | result |\n\
         |---|---|---|---|\n\
         | leader killed | {KILLS} | {} | each made once; another leads after {:.1} s at most |\n\
         | leader stopped for {} s | 1 | 40 | each made once |\n\
         | leader cut off for {} s | 1 | 40 | each made once; it led for {:.1} s without a line |\n\
         | lock while updates are made | {} | | {} in time, {} too late, 0 ignored |",
        commit(),
        machine(),
        takeovers.updates,
        takeovers.slowest.as_secs_f64(),
        STOPPED_FOR.as_secs(),
        CUT_FOR.as_secs(),
        led.as_secs_f64(),
        LOCKED * ROUNDS,
        locks.in_time,
        locks.too_late,
    ));
}
