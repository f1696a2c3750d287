//! Benchmarks a whole scan: the time from start to exit, the number of requests and the
//! memory use, with a registry that takes 50 ms for each response, first with an empty
//! cache (cold) and then with the same cache again (warm).
//!
//! Run `make bench-scan`, or `make bench-limits` for only the registry that limits the rate,
//! or `cargo bench --bench scan -- WORDS` for the cases whose names contain WORDS. Everything
//! is on loopback and in temporary folders. A missed goal is reported, but is not a failure.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    unused_imports,
    reason = "this uses only a part of the shared test support"
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

/// The time that the registry takes for each response.
const DELAY: Duration = Duration::from_millis(50);
/// The number of runs per case; the table shows the median.
const RUNS: usize = 3;
/// The maximum time of one run.
const LIMIT: Duration = Duration::from_secs(180);

/// What the tags of a repository point to.
#[derive(Clone, Copy)]
enum Tags {
    /// Versions; the last one runs.
    Current,
    /// Versions; the first one runs.
    Updates,
    /// Images, ordered by time.
    Images,
    /// Images for two platforms each.
    Indexes,
}

/// How the registry responds.
#[derive(Clone, Copy)]
enum Pace {
    /// Each response takes `DELAY`.
    Delayed,
    /// Responses are immediate, but limited to this number per second.
    Limited(u32),
    /// This number of requests are served at a time, each in `DELAY`; the others queue.
    Workers(usize),
    /// Each response takes `DELAY`, and connections beyond this number are reset.
    Crowded(usize),
}

/// One row of the table.
struct Case {
    name: &'static str,
    repositories: usize,
    tags: usize,
    kind: Tags,
    pace: Pace,
    cold: Goal,
    warm: Goal,
}

/// What a run should not exceed.
#[derive(Clone, Copy)]
struct Goal {
    seconds: Option<f64>,
    requests: Option<usize>,
    mebibytes: u64,
}

const ANY: Goal = Goal {
    seconds: None,
    requests: None,
    mebibytes: 40,
};

impl Goal {
    const fn seconds(self, seconds: f64) -> Self {
        let seconds = Some(seconds);
        Self { seconds, ..self }
    }

    const fn requests(self, requests: usize) -> Self {
        let requests = Some(requests);
        Self { requests, ..self }
    }

    const fn mebibytes(self, mebibytes: u64) -> Self {
        Self { mebibytes, ..self }
    }

    /// Describes the goals that were missed.
    fn missed(self, when: &str, run: &Run) -> Vec<String> {
        let mut missed = Vec::new();
        if let Some(most) = self.seconds.filter(|most| run.seconds() > *most) {
            missed.push(format!("{when} {:.2} s > {most} s", run.seconds()));
        }
        if let Some(most) = self.requests.filter(|most| run.requests > *most) {
            missed.push(format!("{when} {} requests > {most}", run.requests));
        }
        if let Some(used) = run.mebibytes().filter(|used| *used > self.mebibytes) {
            missed.push(format!("{when} {used} MiB > {} MiB", self.mebibytes));
        }
        missed
    }
}

impl Case {
    const fn new(name: &'static str, shape: (usize, usize), kind: Tags) -> Self {
        Self {
            name,
            repositories: shape.0,
            tags: shape.1,
            kind,
            pace: Pace::Delayed,
            cold: ANY,
            warm: ANY,
        }
    }

    const fn goals(self, cold: Goal, warm: Goal) -> Self {
        Self { cold, warm, ..self }
    }

    const fn paced(self, pace: Pace) -> Self {
        Self { pace, ..self }
    }

    fn policy(&self) -> &'static str {
        match self.kind {
            Tags::Current | Tags::Updates => "semver:*",
            Tags::Images | Tags::Indexes => "glob:*",
        }
    }

    fn running(&self) -> String {
        match self.kind {
            Tags::Current => tag(self.tags - 1),
            Tags::Updates | Tags::Images | Tags::Indexes => tag(0),
        }
    }

    fn outcome(&self) -> &'static str {
        match self.kind {
            Tags::Current => "keep",
            Tags::Updates | Tags::Images | Tags::Indexes => "update",
        }
    }

    /// The number of runs: one is enough if the registry's rate limit sets the time.
    fn runs(&self) -> usize {
        match self.pace {
            Pace::Delayed | Pace::Workers(_) | Pace::Crowded(_) => RUNS,
            Pace::Limited(_) => 1,
        }
    }
}

const CASES: [Case; 12] = [
    Case::new("1 x 200 tags, semver", (1, 200), Tags::Current)
        .goals(ANY.requests(1), ANY.requests(1)),
    Case::new("1 x 200 tags, by time", (1, 200), Tags::Images)
        .goals(ANY.seconds(0.7), ANY.requests(3)),
    Case::new("1 x 1,000 tags, by time", (1, 1000), Tags::Images)
        .goals(ANY.seconds(1.2), ANY.seconds(0.2).requests(3)),
    Case::new("1 x 200 tags, indexes, by time", (1, 200), Tags::Indexes)
        .goals(ANY, ANY.requests(3)),
    Case::new("20 x 100 tags, by time", (20, 100), Tags::Images).goals(
        ANY.seconds(2.2).mebibytes(48),
        ANY.seconds(0.25).requests(60),
    ),
    Case::new("20 x 200 tags, semver", (20, 200), Tags::Current).goals(ANY.seconds(0.14), ANY),
    Case::new("200 x 200 tags, semver", (200, 200), Tags::Current)
        .goals(ANY.seconds(0.3).mebibytes(80), ANY.mebibytes(80)),
    Case::new("1 x 200 tags, semver, updates", (1, 200), Tags::Updates)
        .goals(ANY.requests(5), ANY.requests(3)),
    Case::new("500 x 200 tags, semver, updates", (500, 200), Tags::Updates).goals(
        ANY.seconds(3.2).requests(2500).mebibytes(120),
        ANY.seconds(1.7).requests(1500).mebibytes(120),
    ),
    // 401 requests, 8 at a time, take 2.5 s.
    Case::new("1 x 200 tags, by time, 8 workers", (1, 200), Tags::Images)
        .paced(Pace::Workers(8))
        .goals(ANY.seconds(2.8), ANY.requests(3)),
    // 2,001 requests, 40 at a time, take 2.5 s; some are retried after a pause.
    Case::new("1 x 1,000 tags, by time, 40 open", (1, 1000), Tags::Images)
        .paced(Pace::Crowded(40))
        .goals(ANY, ANY.requests(3)),
    // 2,001 requests at 50 per second, of which the first 50 need not wait; plus 10 %.
    Case::new("1 x 1,000 tags, by time, 50/s", (1, 1000), Tags::Images)
        .paced(Pace::Limited(50))
        .goals(ANY.seconds(43.0), ANY.requests(3)),
];

/// The measurements of one run.
struct Run {
    requests: usize,
    most_open: usize,
    outcome: Outcome,
}

impl Run {
    fn seconds(&self) -> f64 {
        self.outcome.took.as_secs_f64()
    }

    fn mebibytes(&self) -> Option<u64> {
        Some(self.outcome.peak?.div_ceil(1024))
    }
}

#[expect(clippy::print_stdout, reason = "the table is the result")]
fn main() {
    // Cargo passes its own arguments first, such as `--bench`.
    let words = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    let words = words.unwrap_or_default();
    println!("{DELAY:?} per response, cold / warm, {RUNS} runs (1 if the rate is limited):");
    println!("median wall time, maximum memory and concurrent requests of all runs\n");
    println!("| work | requests | wall s | max RSS MiB | at once | goals |");
    println!("|---|---|---|---|---|---|");
    let chosen = CASES.iter().filter(|case| case.name.contains(&words));
    for case in chosen {
        let registry = fill(case);
        let home = write(case, &registry);
        let (cold, warm): (Vec<Run>, Vec<Run>) = (0..case.runs())
            .map(|n| {
                let cache = format!("cache-{n}");
                let cold = run(case, &registry, &home, &cache);
                check_limit(case, &registry);
                (cold, run(case, &registry, &home, &cache))
            })
            .unzip();
        let (cold, warm) = (summary(cold), summary(warm));
        let missed = case.cold.missed("cold", &cold).into_iter();
        let missed: Vec<_> = missed.chain(case.warm.missed("warm", &warm)).collect();
        println!(
            "| {} | {} / {} | {:.2} / {:.2} | {} / {} | {} / {} | {} |",
            case.name,
            cold.requests,
            warm.requests,
            cold.seconds(),
            warm.seconds(),
            format_mebibytes(&cold),
            format_mebibytes(&warm),
            cold.most_open,
            warm.most_open,
            if missed.is_empty() {
                "met".to_owned()
            } else {
                format!("missed: {}", missed.join(", "))
            }
        );
    }
}

fn format_mebibytes(run: &Run) -> String {
    run.mebibytes().map_or("?".to_owned(), |n| n.to_string())
}

/// The run with the median wall time, with the maximum memory and concurrent requests of
/// all runs.
fn summary(mut runs: Vec<Run>) -> Run {
    runs.sort_by_key(|run| run.outcome.took);
    let peak = runs.iter().filter_map(|run| run.outcome.peak).max();
    let most_open = runs.iter().map(|run| run.most_open).max();
    let mut median = runs.swap_remove(runs.len() / 2);
    median.outcome.peak = peak;
    median.most_open = most_open.unwrap_or_default();
    median
}

/// Checks that a registry that limits the rate received all requests, and none before the
/// end of a requested pause.
fn check_limit(case: &Case, registry: &TestRegistry) {
    if let Pace::Limited(_) = case.pace {
        let (refused, impatient) = registry.refused();
        assert!(refused > 0);
        assert_eq!(impatient, 0, "requests despite Retry-After");
        assert_eq!(registry.requests().len() - refused, 1 + 2 * case.tags);
    }
}

fn repository(number: usize) -> String {
    format!("org/app-{number}")
}

fn tag(number: usize) -> String {
    format!("1.{}.{}", number / 10, number % 10)
}

/// A registry with the images of a case, each with unique content.
fn fill(case: &Case) -> TestRegistry {
    let registry = TestRegistry::start();
    for at in 0..case.repositories {
        let name = repository(at);
        let mut images = 0..case.tags;
        if matches!(case.kind, Tags::Current | Tags::Updates) {
            // For versions, only the first and the last image are read.
            registry.list(&name, images.by_ref().map(tag));
            images = case.tags - 1..case.tags;
            registry.push(&name, &tag(0), content(case.kind, &name, 0));
        }
        for number in images {
            registry.push(&name, &tag(number), content(case.kind, &name, number));
        }
    }
    match case.pace {
        Pace::Delayed => drop(registry.fault("/v2/", Fault::Slow(DELAY))),
        Pace::Limited(per_second) => registry.limit(per_second),
        Pace::Workers(count) => registry.workers(count, DELAY),
        Pace::Crowded(most) => {
            registry.crowd(most);
            registry.fault("/v2/", Fault::Slow(DELAY));
        }
    }
    registry
}

fn content(kind: Tags, name: &str, number: usize) -> Content {
    let built = format!(
        "2024-{:02}-{:02}T{:02}:00:00Z",
        1 + number / 672,
        1 + number / 24 % 28,
        number % 24
    );
    let [amd64, arm64] = ["linux/amd64", "linux/arm64"].map(|platform| {
        let label = format!("{name} {number} {platform}");
        Image::built(&built).label(&label).platform(platform)
    });
    match kind {
        Tags::Indexes => Index::of([amd64, arm64]).into(),
        Tags::Images | Tags::Current | Tags::Updates => amd64.into(),
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
            case.policy(),
            case.running()
        );
        home.write(&format!("manifests/{at}.yaml"), manifest);
    }
    home
}

/// Runs the program and checks that it decides each workload.
fn run(case: &Case, registry: &TestRegistry, home: &TestEnvironment, cache: &str) -> Run {
    registry.forget();
    let status = ["status", "-f", "manifests", "-o", "json", "--cache", cache];
    let outcome = home.program(status).within(LIMIT).run().expect(0);
    let items = outcome.items();
    assert_eq!(items.len(), case.repositories);
    let newest = tag(case.tags - 1);
    for item in &items {
        assert_eq!(item["outcome"], case.outcome(), "{item:#}");
        assert!(item.to_string().contains(&newest), "{item:#}");
    }
    Run {
        requests: registry.requests().len(),
        most_open: registry.peak(),
        outcome,
    }
}
