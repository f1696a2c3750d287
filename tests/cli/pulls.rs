//! Many rows on a registry that counts pulls, as Docker Hub does.

use std::fmt::Write as _;

use super::{AUTOMATED, deployment, text};
use crate::support::content::{Image, Index};
use crate::support::program::{Outcome, TestEnvironment};
use crate::support::registry::TestRegistry;

/// Rows whose updates need pulls: most need two, some more.
struct Rows {
    registry: TestRegistry,
    home: TestEnvironment,
    /// The pulls that each row needs, in order of name.
    needs: Vec<usize>,
}

impl Rows {
    fn new(count: usize) -> Self {
        let registry = TestRegistry::start();
        let home = TestEnvironment::new();
        let mut manifest = String::new();
        let mut needs = Vec::new();
        for row in 0..count {
            let repository = format!("org/app-{row:03}");
            let tags = if row % 7 == 0 { 3 } else { 2 };
            let indexes = row % 5 == 0;
            for tag in 1..=tags {
                let image = |platform: &str| {
                    let label = format!("{row} {tag} {platform}");
                    let image = Image::built(&format!("2024-01-0{tag}T00:00:00Z"));
                    image.label(&label).platform(platform)
                };
                let tag = format!("dev-{tag}");
                if indexes {
                    let images = [image("linux/amd64"), image("linux/arm64")];
                    registry.push(&repository, &tag, Index::of(images));
                } else {
                    registry.push(&repository, &tag, image("linux/amd64"));
                }
            }
            let image = registry.image(&format!("{repository}:dev-1"));
            let policy = "fluxcd.io/tag.app: 'glob:dev-*'";
            let name = format!("web-{row:03}");
            let deployment = deployment(&name, &[AUTOMATED, policy], &[("app", &image)]);
            let _ = write!(manifest, "---\n{deployment}");
            // An index with an image for linux/amd64.
            needs.push(tags * if indexes { 2 } else { 1 });
        }
        home.write("rows.yaml", manifest);
        Self {
            registry,
            home,
            needs,
        }
    }

    fn status(&self, more: &[&str]) -> Outcome {
        let run = ["status", "-f", "rows.yaml", "-o", "json"];
        self.home.run(run.iter().chain(more)).expect(0)
    }

    fn pulls(&self) -> usize {
        let paths = self.registry.paths();
        let pulls = paths.iter().filter(|path| path.starts_with("GET"));
        pulls.filter(|path| path.contains("/manifests/")).count()
    }

    /// The number of rows that this many pulls decide, one row after the other.
    fn decided_by(&self, pulls: usize) -> usize {
        let mut left = pulls;
        let enough = |need: &&usize| {
            let rest = left.checked_sub(**need);
            left = rest.unwrap_or(left);
            rest.is_some()
        };
        self.needs.iter().take_while(enough).count()
    }
}

/// The workloads with an update; the others are all `rate-limited`.
fn decided(outcome: &Outcome) -> Vec<String> {
    let items = outcome.items();
    let is_update = |item: &&serde_json::Value| {
        let update = text(item, "outcome") == "update";
        assert!(update || text(item, "reason") == "rate-limited", "{item:#}");
        update
    };
    let updates = items.iter().filter(is_update);
    updates.map(|item| item["workload"].to_string()).collect()
}

#[test]
fn each_run_spends_exactly_the_allowed_pulls_on_the_same_rows() {
    let rows = Rows::new(200);
    let expected = rows.decided_by(80);
    let mut first = None;
    for _ in 0..10 {
        rows.registry.forget();
        rows.registry.count_pulls(100, 100);
        let outcome = rows.status(&["--cache", "off", "--max-connections", "64"]);
        assert_eq!(rows.registry.pulls_left(), Some(20));
        assert_eq!(rows.pulls(), 80);
        let decided = decided(&outcome);
        assert_eq!(decided.len(), expected);
        assert_eq!(*first.get_or_insert_with(|| decided.clone()), decided);
        let rest = outcome.items().pop().expect("rows");
        let message = text(&rest, "message").to_owned();
        for part in [
            "allows 100 pulls in 6h, of which 20 are left, which --rate-reserve 20 keeps",
            "this run made 80: try again in 6h at most, or now with a smaller reserve",
            "with a cache (--cache), images that were read would not be pulled again",
        ] {
            assert!(message.contains(part), "{message}");
        }
    }
}

#[test]
fn all_rows_are_decided_when_the_pulls_suffice() {
    let rows = Rows::new(60);
    let needed = rows.needs.iter().sum::<usize>();
    for (limit, reserve) in [(needed, "0"), (needed * 2, "50"), (10_000, "20")] {
        rows.registry.forget();
        rows.registry.count_pulls(limit, limit);
        let outcome = rows.status(&["--cache", "off", "--rate-reserve", reserve]);
        assert_eq!(decided(&outcome).len(), 60, "{limit}");
        assert_eq!(rows.pulls(), needed);
    }
}

#[test]
fn concurrent_first_requests_do_not_exceed_the_few_remaining_pulls() {
    let rows = Rows::new(40);
    for left in [20, 21, 27] {
        rows.registry.forget();
        rows.registry.count_pulls(100, left);
        let outcome = rows.status(&["--cache", "off"]);
        // The first response says how many are left.
        let allowed = (left - 20).max(1);
        assert_eq!(rows.pulls(), allowed, "{left}");
        assert_eq!(decided(&outcome).len(), rows.decided_by(allowed), "{left}");
    }
}

#[test]
fn next_run_continues_where_the_pulls_ran_out() {
    let rows = Rows::new(60);
    let needed = rows.needs.iter().sum::<usize>();
    let mut pulls = 0;
    for run in 0.. {
        rows.registry.forget();
        rows.registry.count_pulls(100, 100);
        let outcome = rows.status(&[]);
        pulls += rows.pulls();
        if decided(&outcome).len() == 60 {
            break;
        }
        assert_eq!(rows.pulls(), 80);
        assert!(run < 4);
        let rest = outcome.items().pop().expect("rows");
        let cached = "images that were read are in the cache and are not pulled again";
        assert!(text(&rest, "message").contains(cached), "{rest:#}");
    }
    // For the last row of a run, indexes whose images were refused are not cached.
    assert!(
        (needed..=needed + 3).contains(&pulls),
        "{pulls} of {needed}"
    );
}
