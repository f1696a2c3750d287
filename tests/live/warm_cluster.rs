//! A large cluster whose images are all cached: the cost of the program itself,
//! compared with kubectl listing the same objects.
//!
//! `make bench-cluster` runs this with 5,000 workloads and the release binary; `make
//! e2e` runs it with a few, only to check the results.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::binary::{self, measure, say};
use crate::control_plane::ControlPlane;
use crate::kubeconfigs::{self, User};
use crate::large_cluster::LargeCluster;

/// The number of measurements of each command.
const RUNS: usize = 3;

#[tokio::test]
async fn warm_status_of_a_large_cluster_is_correct_and_requests_no_registry() {
    let plane = ControlPlane::second().await;
    let cluster = LargeCluster::open(plane, "warm", 0).await;
    let registry = &cluster.registry;
    let (workloads, repositories) = (cluster.workloads, cluster.repositories);
    let (alone, selection) = (cluster.is_alone, cluster.selection());
    let kubeconfig = kubeconfigs::of_user(plane, User::Admin, "default");
    let home = tempfile::tempdir().expect("a folder");
    let run = |program: &Path, arguments: &[&str]| {
        let mut command: Command = binary::command(program, home.path(), &kubeconfig);
        measure(command.args(arguments).args(&selection))
    };
    let status = ["status", "-A", "-o", "json", "--cache", "cache"];
    let (cold, took, peak) = run(&binary::path(), &status);
    let cold = cold.json();
    let items = cold["items"].as_array().map_or(0, Vec::len);
    assert_eq!(items, 2 * workloads, "{:#}", cold["summary"]);
    // Every second workload is outdated, with both of its containers.
    assert_eq!(cold["summary"]["updates"], workloads, "{cold:#}");
    assert_eq!(cold["summary"]["undecided"], 0, "{cold:#}");
    let requests = registry.requests().len();
    say(&format!(
        "{workloads} workloads, {repositories} repositories, {requests} requests: {}",
        figures(took, peak)
    ));

    registry.forget();
    let offline = [&status[..], &["--offline"]].concat();
    let kubectl = ["get", "deploy,sts,ds,cj", "-A", "-o", "json"];
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let (warm, took, peak) = run(&binary::path(), &offline);
        assert_eq!(decisions(&warm.json()), decisions(&cold));
        ours.push((took, peak));
        // Without kubectl only the comparison is missing.
        if alone {
            let (list, took, peak) = run(Path::new("kubectl"), &kubectl);
            let items = list.json()["items"].as_array().map(Vec::len);
            assert_eq!(items, Some(workloads));
            theirs.push((took, peak));
        }
    }
    assert_eq!(registry.paths(), [""; 0]);
    let [ours, theirs] = [median(ours), median(theirs)];
    let Some((took, peak)) = ours else { return };
    say(&format!("status --offline: {}", figures(took, peak)));
    if let Some((listed, listed_peak)) = theirs {
        let ratio = took.as_secs_f64() / listed.as_secs_f64();
        let met = |met: bool| if met { "met" } else { "missed" };
        say(&format!("kubectl get: {}", figures(listed, listed_peak)));
        say(&format!(
            "goals: at most 0.5 of kubectl's time, {ratio:.2}: {}; at most 100 MiB: {}",
            met(ratio <= 0.5),
            met(peak.is_none_or(|kib| kib <= 100 << 10))
        ));
    }
}

/// The decision for each container, without the time and source of its data.
fn decisions(list: &Value) -> Vec<[String; 5]> {
    let items = list["items"].as_array().into_iter().flatten();
    let decision = |item: &Value| {
        [
            &item["workload"],
            &item["container"],
            &item["outcome"],
            &item["latest"],
            &item["reason"],
        ]
        .map(Value::to_string)
    };
    items.map(decision).collect()
}

fn figures(took: Duration, peak: Option<u64>) -> String {
    let peak = peak.map_or_else(|| "?".to_owned(), |kib| kib.div_ceil(1024).to_string());
    format!("{:.2} s, at most {peak} MiB", took.as_secs_f64())
}

/// The run with the median time.
fn median(mut runs: Vec<(Duration, Option<u64>)>) -> Option<(Duration, Option<u64>)> {
    runs.sort();
    runs.get(runs.len() / 2).copied()
}
