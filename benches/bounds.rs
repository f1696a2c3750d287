//! Measures what a registry can make a run cost, and what many workloads cost: the peak
//! memory and the time from start to exit.
//!
//! Run `make bench-bounds`, or `cargo bench --bench bounds -- WORDS` for the cases whose
//! names contain WORDS. Everything is on loopback and in temporary folders. A missed goal is
//! reported, but is not a failure.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    unused_imports,
    clippy::print_stdout,
    reason = "this uses only a part of the shared test support"
)]

#[path = "../tests/support/content.rs"]
mod content;
#[path = "../tests/support/program.rs"]
mod program;
#[path = "../tests/support/registry/mod.rs"]
mod registry;

use std::fmt::Write as _;
use std::time::Duration;

use program::{Outcome, TestEnvironment};
use registry::{Fault, TestRegistry};

/// The maximum time of one run.
const LIMIT: Duration = Duration::from_secs(180);
/// The tags that refer to a large index.
const LARGE_TAGS: usize = 60;
const REPOSITORIES: usize = 500;
const WORKLOADS_PER_REPOSITORY: usize = 40;

/// What a run should not exceed.
struct Goal {
    mebibytes: u64,
    seconds: Option<f64>,
}

fn main() {
    let words = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    let words = words.unwrap_or_default();
    println!("| work | max RSS MiB | wall s | goals |");
    println!("|---|---|---|---|");
    for entries in [1_000, 48_000, 100_000] {
        let name = format!("{LARGE_TAGS} tags whose indexes have {entries} entries");
        if name.contains(&words) {
            let goal = Goal {
                mebibytes: 64,
                seconds: None,
            };
            report(&name, &large_indexes(entries), &goal);
        }
    }
    let name = "20,000 workloads on 500 repositories, warm";
    if name.contains(&words) {
        let goal = Goal {
            mebibytes: 160,
            seconds: Some(2.5),
        };
        report(name, &many_workloads(), &goal);
    }
}

fn report(name: &str, outcome: &Outcome, goal: &Goal) {
    let peak = outcome.peak.map(|kib| kib.div_ceil(1024));
    let seconds = outcome.took.as_secs_f64();
    let is_met = peak.is_none_or(|peak| peak <= goal.mebibytes)
        && goal.seconds.is_none_or(|most| seconds <= most);
    let peak = peak.map_or_else(|| "?".to_owned(), |peak| peak.to_string());
    let met = if is_met { "met" } else { "missed" };
    println!("| {name} | {peak} | {seconds:.2} | {met} |");
}

/// A status by creation time, with tags whose indexes have this many entries.
fn large_indexes(entries: usize) -> Outcome {
    let entry = format!(r#"{{"digest":"sha256:{}"}}"#, "a".repeat(64));
    let entries = vec![entry; entries].join(",");
    let index = format!(r#"{{"schemaVersion":2,"manifests":[{entries}]}}"#);
    let registry = TestRegistry::start();
    registry.tag("org/app", ["1.0.0"]);
    registry.list("org/app", (0..LARGE_TAGS).map(|n| format!("large-{n}")));
    registry.fault("/manifests/large-", Fault::Body(index.leak()));
    let home = TestEnvironment::new();
    home.write(
        "web.yaml",
        workload("web", &registry.image("org/app:1.0.0"), "glob:*"),
    );
    let outcome = home.program(["status", "-f", "web.yaml"]).within(LIMIT);
    outcome.run().expect(0)
}

/// A second status of many workloads, a few of which share each repository.
fn many_workloads() -> Outcome {
    let registry = TestRegistry::start();
    let home = TestEnvironment::new();
    for at in 0..REPOSITORIES {
        let repository = format!("org/app-{at}");
        registry.list(
            &repository,
            (0..199).map(|n| format!("1.{}.{}", n / 10, n % 10)),
        );
        registry.tag(&repository, ["1.0.0", "1.30.0"]);
        let image = registry.image(&format!("{repository}:1.0.0"));
        let mut manifests = String::new();
        for n in 0..WORKLOADS_PER_REPOSITORY {
            let workload = workload(&format!("web-{at}-{n}"), &image, "semver:>=1.0");
            // Writing to a string cannot fail.
            let _ = write!(manifests, "---\n{workload}");
        }
        home.write(&format!("manifests/{at}.yaml"), manifests);
    }
    let status = [
        "status",
        "-f",
        "manifests",
        "-o",
        "json",
        "--cache",
        "cache",
    ];
    home.program(status).within(LIMIT).run().expect(0);
    let outcome = home.program(status).within(LIMIT).run().expect(0);
    assert_eq!(
        outcome.items().len(),
        REPOSITORIES * WORKLOADS_PER_REPOSITORY
    );
    outcome
}

fn workload(name: &str, image: &str, policy: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\n  annotations:\n    \
         fluxcd.io/automated: \"true\"\n    fluxcd.io/tag.app: {policy:?}\nspec:\n  template:\n    \
         spec:\n      containers:\n      - {{name: app, image: \"{image}\"}}\n"
    )
}
