//! The races between writes, tried many more times: `make soak`.

use crate::binary::say;
use crate::control_plane::ControlPlane;
use crate::interrupts::{interrupt_runs, open};
use crate::stale_plans::{DECISIONS, Random, Tries, UNRELATED, seed, try_decision, try_unrelated};

/// The tries of each kind of change.
const TRIES: usize = 200;

/// The runs that are interrupted.
const INTERRUPTED_RUNS: usize = 200;

fn first_line(program: &str, arguments: &[&str]) -> String {
    let output = std::process::Command::new(program).args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let text = text.unwrap_or_default();
    text.lines().next().unwrap_or("unknown").trim().to_owned()
}

/// The commit that is tested.
pub(crate) fn commit() -> String {
    first_line("git", &["rev-parse", "--short", "HEAD"])
}

/// Cores, memory and kernel.
pub(crate) fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = memory
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"));
    let kib: u64 = kib
        .and_then(|text| text.trim().strip_suffix(" kB")?.trim().parse().ok())
        .unwrap_or_default();
    let kernel = first_line("uname", &["-sr"]);
    format!("{cores} cores, {} MiB of memory, {kernel}", kib / 1024)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn soak() {
    let seed = seed();
    let mut random = Random::new(seed);
    let namespace = ControlPlane::shared().namespace("soak").await;
    let mut rows = Vec::new();
    let mut failures = 0;
    for (kind, change) in DECISIONS {
        let tries = Tries {
            kind,
            change,
            count: TRIES,
        };
        let tally = try_decision(namespace, &tries, &mut random).await;
        failures += tally.stale + tally.abandoned;
        rows.push(format!(
            "| {kind} | decision | {TRIES} | {} | {} | {} | {} |",
            tally.written, tally.refused, tally.stale, tally.abandoned
        ));
    }
    for (kind, change) in UNRELATED {
        let tries = Tries {
            kind,
            change,
            count: TRIES,
        };
        let tally = try_unrelated(namespace, &tries, &mut random).await;
        failures += TRIES - tally.written;
        rows.push(format!(
            "| {kind} | unrelated | {TRIES} | {} | {} | {} | {} |",
            tally.written, tally.refused, tally.stale, tally.abandoned
        ));
    }
    let shop = open("soak-interrupts", INTERRUPTED_RUNS + 2).await;
    let tally = interrupt_runs(&shop, INTERRUPTED_RUNS, &mut random).await;
    failures += tally.wrong;
    let commit = commit();
    say(&format!(
        "seed {seed}, commit {commit}, {}\n\
         | change | kind | tries | written | refused | stale | abandoned |\n\
         |---|---|---|---|---|---|---|\n{}\n\
         | Ctrl-C, {INTERRUPTED_RUNS} runs of 60 workloads | in the middle of the write | written | \
         not started | unknown | wrong | |\n\
         | | {} | {} | {} | {} | {} | |",
        machine(),
        rows.join("\n"),
        tally.in_the_middle,
        tally.written,
        tally.not_started,
        tally.unknown,
        tally.wrong,
    ));
    assert_eq!(failures, 0);
}
