//! A whole scan: how long the program takes from start to exit, what it asks and
//! how much memory it needs, with a registry that takes 50 ms for each answer.
//!
//! `make bench-scan`. Everything is on loopback and in temporary folders, and
//! nothing is known before. It ends by itself.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "of what the tests share, only a part is used here"
)]

#[path = "../tests/support/content.rs"]
mod content;
#[path = "../tests/support/program.rs"]
mod program;
#[path = "../tests/support/registry/mod.rs"]
mod registry;

use std::time::Duration;

use content::{Content, Image, Index};
use program::{Outcome, TestEnvironment};
use registry::{Fault, TestRegistry};

/// How long the registry takes for each answer.
const DELAY: Duration = Duration::from_millis(50);
/// How often each case is run; the table shows the median.
const RUNS: usize = 3;

/// What the tags of a repository point at.
#[derive(Clone, Copy)]
enum Tags {
    /// Nothing: only the tag list is there.
    Listed,
    Images,
    /// Images for two platforms each.
    Indexes,
}

/// One row of the table.
struct Case {
    name: &'static str,
    repositories: usize,
    tags: usize,
    kind: Tags,
    policy: &'static str,
}

impl Case {
    const fn new(name: &'static str, shape: (usize, usize), kind: Tags) -> Self {
        let policy = match kind {
            Tags::Listed => "semver:*",
            Tags::Images | Tags::Indexes => "glob:*",
        };
        Self {
            name,
            repositories: shape.0,
            tags: shape.1,
            kind,
            policy,
        }
    }
}

const CASES: [Case; 6] = [
    Case::new("1 x 200 tags, semver", (1, 200), Tags::Listed),
    Case::new("1 x 200 tags, by time", (1, 200), Tags::Images),
    Case::new("1 x 1,000 tags, by time", (1, 1000), Tags::Images),
    Case::new("1 x 200 tags, indexes, by time", (1, 200), Tags::Indexes),
    Case::new("20 x 100 tags, by time", (20, 100), Tags::Images),
    Case::new("500 x 200 tags, semver", (500, 200), Tags::Listed),
];

/// What was seen of one run.
struct Seen {
    requests: usize,
    most_open: usize,
    outcome: Outcome,
}

#[expect(clippy::print_stdout, reason = "the table is the result")]
fn main() {
    println!("{DELAY:?} for each answer, {RUNS} runs, the median of the wall time\n");
    println!("| work | requests | wall s | max RSS MiB | at once |");
    println!("|---|---|---|---|---|");
    for case in &CASES {
        let registry = fill(case);
        let home = write(case, &registry);
        let mut runs: Vec<Seen> = (0..RUNS).map(|_| run(case, &registry, &home)).collect();
        runs.sort_by_key(|seen| seen.outcome.took);
        let peak = runs.iter().filter_map(|seen| seen.outcome.peak).max();
        let median = &runs[RUNS / 2];
        println!(
            "| {} | {} | {:.2} | {} | {} |",
            case.name,
            median.requests,
            median.outcome.took.as_secs_f64(),
            peak.map_or_else(|| "?".to_owned(), |kib| kib.div_ceil(1024).to_string()),
            runs.iter().map(|seen| seen.most_open).max().unwrap_or(0),
        );
    }
}

fn repository(number: usize) -> String {
    format!("org/app-{number}")
}

fn tag(number: usize) -> String {
    format!("1.{}.{}", number / 10, number % 10)
}

/// A registry that holds what a case needs, each image with content of its own.
fn fill(case: &Case) -> TestRegistry {
    let registry = TestRegistry::start();
    for at in 0..case.repositories {
        let name = repository(at);
        if matches!(case.kind, Tags::Listed) {
            registry.list(&name, (0..case.tags).map(tag));
            continue;
        }
        for number in 0..case.tags {
            registry.push(&name, &tag(number), content(case.kind, &name, number));
        }
    }
    registry.fault("/v2/", Fault::Slow(DELAY));
    registry
}

fn content(kind: Tags, name: &str, number: usize) -> Content {
    let built = format!(
        "2024-{:02}-{:02}T{:02}:00:00Z",
        1 + number / 672,
        1 + number / 24 % 28,
        number % 24
    );
    let image = |platform: &str| {
        let label = format!("{name} {number} {platform}");
        Image::built(&built).label(&label).platform(platform)
    };
    match kind {
        Tags::Indexes => Index::of([image("linux/amd64"), image("linux/arm64")]).into(),
        Tags::Images | Tags::Listed => image("linux/amd64").into(),
    }
}

/// One automated workload for each repository, in a file of its own.
fn write(case: &Case, registry: &TestRegistry) -> TestEnvironment {
    let home = TestEnvironment::new();
    for at in 0..case.repositories {
        let image = registry.image(&repository(at));
        let manifest = format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web-{at}\n  annotations:\n    \
             fluxcd.io/automated: \"true\"\n    fluxcd.io/tag.app: {}\nspec:\n  template:\n    \
             spec:\n      containers:\n      - {{name: app, image: \"{image}:{}\"}}\n",
            case.policy,
            tag(0)
        );
        home.write(&format!("manifests/{at}.yaml"), manifest);
    }
    home
}

/// Runs the program, which must find an update for each workload.
fn run(case: &Case, registry: &TestRegistry, home: &TestEnvironment) -> Seen {
    registry.forget();
    let outcome = home
        .run(["status", "-f", "manifests", "-o", "json"])
        .expect(0);
    let items = outcome.items();
    assert_eq!(items.len(), case.repositories);
    let newest = tag(case.tags - 1);
    for item in &items {
        assert_eq!(item["outcome"], "update", "{item:#}");
        assert!(item.to_string().contains(&newest), "{item:#}");
    }
    Seen {
        requests: registry.requests().len(),
        most_open: registry.peak(),
        outcome,
    }
}
