//! The documented metrics are those that the controller serves.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use kubectl_imgpolicy::controller::UpdateResult;
use kubectl_imgpolicy::controller::metrics::{
    ControllerMetrics, Metric, RunCounts, RunFigures, RunGauges, WatchState,
};
use kubectl_imgpolicy::controller::queue::ScanResult;
use kubectl_imgpolicy::evaluator::Outcome;
use kubectl_imgpolicy::image::{Fact, RepositoryMetadata};
use kubectl_imgpolicy::policy::State;
use kubectl_imgpolicy::registry::{Cache, CacheOption, Registries, RegistryOptions};
use regex::Regex;
use serde_json::Value;

use super::read;
use crate::support::registry::TestRegistry;

/// The type and the labels of a metric.
type Description = (String, Vec<String>);

/// What a controller serves that has scanned a registry and updated a workload.
fn served() -> String {
    let registry = TestRegistry::start();
    registry.list("org/app", ["1"]);
    let home = tempfile::tempdir().expect("a folder");
    let cache = CacheOption::Directory(home.path().join("cache"));
    let registries = Registries::new(RegistryOptions {
        cache: Cache::open(&cache),
        ..RegistryOptions::default()
    })
    .expect("options");
    let name = registry.image("org/app").parse().expect("a name");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let mut metadata = RepositoryMetadata::default();
    runtime.block_on(async {
        let user = registries.user();
        registries
            .answer(user, &name, vec![Fact::Tags], &mut metadata)
            .await;
    });
    let mut counts = RunCounts::default();
    counts.add_scan(name.registry(), ScanResult::Answered, Timestamp::UNIX_EPOCH);
    counts.add_scan_duration(Duration::from_secs(1));
    counts.add_update(UpdateResult::Written);
    let gauges = RunGauges {
        containers: [((State::Automated, Outcome::Keep), 1)].into(),
        ..RunGauges::default()
    };
    let metrics = ControllerMetrics::new(None, vec![registries]);
    metrics.turn_with(WatchState::default(), || RunFigures { counts, gauges });
    metrics.text()
}

/// The metrics in a text, by the name that a query uses.
fn of_text(text: &str) -> BTreeMap<String, Description> {
    let kind = Regex::new("(?m)^# TYPE ([a-z_]+) ([a-z]+)$").expect("a pattern");
    let label = Regex::new("([a-z_]+)=\"").expect("a pattern");
    let mut found = BTreeMap::new();
    for family in kind.captures_iter(text) {
        let (name, kind) = (&family[1], &family[2]);
        let ending = match kind {
            "counter" => "_total",
            "info" => "_info",
            _ => "",
        };
        let name = format!("{name}{ending}");
        let line = text.lines().find(|line| line.starts_with(&name));
        let line = line.unwrap_or_else(|| panic!("{name} has no sample: {text}"));
        let labels = label.captures_iter(line).map(|found| found[1].to_owned());
        let labels = labels.filter(|label| label != "le").collect();
        found.insert(name, (kind.to_owned(), labels));
    }
    found
}

/// The metrics in the table of the document.
fn of_document() -> BTreeMap<String, Description> {
    let row = Regex::new(r"(?m)^\| `(imgpolicy_[a-z_]+)` \| ([a-z]+) \| ([^|]*)\| [^|]+ \|$");
    let row = row.expect("a pattern");
    let label = Regex::new("`([a-z]+)`").expect("a pattern");
    let text = read("docs/controller.md");
    let rows = row.captures_iter(&text);
    rows.map(|row| {
        let labels = label.captures_iter(&row[3]);
        let labels = labels.map(|label| label[1].to_owned()).collect();
        (row[1].to_owned(), (row[2].to_owned(), labels))
    })
    .collect()
}

#[test]
fn documented_metrics_are_those_that_are_served() {
    let served = of_text(&served());
    assert_eq!(of_document(), served);
    let names: BTreeSet<&str> = Metric::ALL.iter().map(|metric| metric.as_str()).collect();
    assert_eq!(
        served.keys().map(String::as_str).collect::<BTreeSet<_>>(),
        names
    );
}

#[test]
fn values_of_labels_are_documented() {
    use kubectl_imgpolicy::controller::brakes::{BreakerKind, WaitCause};
    use kubectl_imgpolicy::registry::CacheBackend;
    let document = "docs/controller.md";
    super::assert_named(document, ScanResult::ALL.iter().map(|word| word.as_str()));
    super::assert_named(document, UpdateResult::ALL.iter().map(|word| word.as_str()));
    super::assert_named(document, WaitCause::ALL.iter().map(|word| word.as_str()));
    super::assert_named(document, BreakerKind::ALL.iter().map(|word| word.as_str()));
    super::assert_named(document, CacheBackend::ALL.iter().map(|word| word.as_str()));
}

/// The names in a text, without the endings of the series of a histogram.
fn names_in(text: &str) -> BTreeSet<String> {
    let name = Regex::new("imgpolicy_[a-z_]+").expect("a pattern");
    let names = name.find_iter(text).map(|found| found.as_str());
    let names = names.map(|name| name.strip_suffix("_bucket").unwrap_or(name));
    names.map(str::to_owned).collect()
}

#[test]
fn alerts_and_dashboard_name_only_metrics_that_exist() {
    let known: BTreeSet<String> = Metric::ALL
        .iter()
        .map(|metric| metric.to_string())
        .collect();
    for document in [
        "docs/alerts.yaml",
        "docs/alerts.test.yaml",
        "docs/dashboard.json",
    ] {
        let named = names_in(&read(document));
        let unknown: Vec<&String> = named.difference(&known).collect();
        assert!(unknown.is_empty(), "{document}: {unknown:?}");
        assert!(named.len() > 5, "{document}: {named:?}");
    }
    // Everything can be seen in the dashboard.
    assert_eq!(names_in(&read("docs/dashboard.json")), known);
}

#[test]
fn labels_in_alerts_and_dashboard_exist() {
    let selector = Regex::new(r#"(imgpolicy_[a-z_]+)\{([^}]*)\}"#).expect("a pattern");
    let label = Regex::new(r#"([a-z_]+)(?:=~|!=|=)\\?"([^"\\]*)"#).expect("a pattern");
    // Those that Prometheus adds.
    let of_target = ["namespace", "pod", "instance"];
    let mut found = 0;
    for document in [
        "docs/alerts.yaml",
        "docs/alerts.test.yaml",
        "docs/dashboard.json",
    ] {
        for series in selector.captures_iter(&read(document)) {
            let name = series[1].trim_end_matches("_bucket");
            let metric = Metric::ALL.iter().find(|metric| metric.as_str() == name);
            let metric = metric.unwrap_or_else(|| panic!("{document}: {name}"));
            for one in label.captures_iter(&series[2]) {
                let known = metric.labels().contains(&&one[1]) || of_target.contains(&&one[1]);
                assert!(known, "{document}: {}", &series[0]);
                found += 1;
                if &one[1] == "result" {
                    let results = ScanResult::ALL.iter().map(|word| word.as_str());
                    let results = results.chain(UpdateResult::ALL.iter().map(|word| word.as_str()));
                    let results: Vec<&str> = results.chain(["hit", "miss"]).collect();
                    let all_known = one[2].split('|').all(|word| results.contains(&word));
                    assert!(all_known, "{document}: {}", &series[0]);
                }
            }
        }
    }
    assert!(found > 20, "{found}");
}

#[test]
fn panels_of_the_dashboard_have_queries_and_do_not_overlap() {
    let dashboard: Value = serde_json::from_str(&read("docs/dashboard.json")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let mut places: Vec<[u64; 4]> = Vec::new();
    for panel in panels {
        let targets = panel["targets"].as_array().expect("targets");
        assert!(!targets.is_empty(), "{panel}");
        let grid = &panel["gridPos"];
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|key| grid[key].as_u64().expect("a number"));
        assert!(x + w <= 24, "{panel}");
        for [ox, oy, ow, oh] in &places {
            let is_beside = x + w <= *ox || ox + ow <= x || y + h <= *oy || oy + oh <= y;
            assert!(is_beside, "{panel}");
        }
        places.push([x, y, w, h]);
    }
}
