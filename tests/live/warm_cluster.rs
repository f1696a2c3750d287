//! A large cluster whose images are all cached: the cost of the program itself,
//! compared with kubectl listing the same objects.
//!
//! `make bench-cluster` runs this with 5,000 workloads and the release binary; `make
//! e2e` runs it with a few, only to check the results.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::binary::{self, measure, say};
use crate::content::{Content, Image, Index};
use crate::control_plane::ControlPlane;
use crate::kubeconfigs::{self, User};
use crate::objects::workload;
use crate::test_registry::TestRegistry;

/// The number of workloads, unless `IMGPOLICY_E2E_WORKLOADS` sets it.
const FEW: usize = 40;
/// The number of workloads per namespace, and per repository (with one extra repository).
const A_NAMESPACE: usize = 100;
const A_REPOSITORY: usize = 10;
/// The number of measurements of each command.
const RUNS: usize = 3;

/// The number of tags in a repository with a policy by version, and by time.
const VERSIONS: usize = 100;
const TIMES: usize = 20;
/// One in this many repositories has a policy by time.
const BY_TIME: usize = 10;

const KINDS: [&str; 4] = ["Deployment", "StatefulSet", "DaemonSet", "CronJob"];

#[tokio::test]
async fn warm_status_of_a_large_cluster_is_correct_and_requests_no_registry() {
    let workloads = std::env::var("IMGPOLICY_E2E_WORKLOADS").ok();
    let alone = workloads.is_some();
    let workloads = workloads.map_or(FEW, |text| text.parse().expect("a number"));
    let repositories = workloads / A_REPOSITORY + 1;
    let registry = TestRegistry::start();
    for number in 0..repositories {
        fill(&registry, number);
    }
    let plane = ControlPlane::second().await;
    for number in 0..workloads.div_ceil(A_NAMESPACE) {
        plane.namespace(&namespace(number)).await;
    }
    let objects: Vec<Value> = (0..workloads)
        .map(|number| large_workload(&registry, number, repositories))
        .collect();
    plane.apply(&objects).await;
    drop(objects);

    // Other tests share the cluster, except in a measurement.
    let selection: &[&str] = if alone { &[] } else { &["-l", "warm=yes"] };
    let kubeconfig = kubeconfigs::of_user(plane, User::Admin, "default");
    let home = tempfile::tempdir().expect("a folder");
    let run = |program: &Path, arguments: &[&str]| {
        let mut command: Command = binary::command(program, home.path(), &kubeconfig);
        measure(command.args(arguments).args(selection))
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

fn namespace(number: usize) -> String {
    format!("warm-{number:02}")
}

fn repository(number: usize) -> String {
    format!("team-{}/app-{number}", number % 7)
}

fn tags(repository: usize) -> usize {
    match repository % BY_TIME {
        0 => TIMES,
        _ => VERSIONS,
    }
}

fn policy(repository: usize) -> &'static str {
    match repository % BY_TIME {
        0 => "glob:1.*",
        _ => "semver:^1.0",
    }
}

/// Full images where a decision reads them, and only tag names elsewhere.
fn fill(registry: &TestRegistry, number: usize) {
    let (name, tags) = (repository(number), tags(number));
    for tag in 0..tags {
        let looked_at = tag == 0 || tag == tags - 1 || number.is_multiple_of(BY_TIME);
        let text = format!("1.0.{tag}");
        match looked_at {
            true => drop(registry.push(&name, &text, content(&name, tag))),
            false => registry.list(&name, [text]),
        }
    }
}

fn content(name: &str, tag: usize) -> Content {
    let built = format!("2026-01-{:02}T{:02}:00:00Z", 1 + tag / 24, tag % 24);
    let image = |platform: &str| {
        let label = format!("{name} {tag} {platform}");
        Image::built(&built).label(&label).platform(platform)
    };
    Index::of([image("linux/amd64"), image("linux/arm64")]).into()
}

/// A workload with two automated containers and a realistic size.
fn large_workload(registry: &TestRegistry, number: usize, repositories: usize) -> Value {
    let kind = KINDS[number % KINDS.len()];
    let namespace = namespace(number / A_NAMESPACE);
    let used = [2 * number % repositories, (2 * number + 1) % repositories];
    let image = |repository: usize| {
        let newest = tags(repository) - 1;
        let tag = if number.is_multiple_of(2) { newest } else { 0 };
        registry.image(&format!("{}:1.0.{tag}", self::repository(repository)))
    };
    let env: Vec<Value> = (0..2)
        .map(|n| json!({"name": format!("VARIABLE_{n}"), "value": "x".repeat(40)}))
        .collect();
    let container = |name: &str, repository: usize| {
        json!({"name": name, "image": image(repository), "env": env,
            "ports": [{"containerPort": 8080, "name": "http"}],
            "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
            "volumeMounts": [{"name": "data", "mountPath": "/data"}],
            "livenessProbe": {"httpGet": {"path": "/healthz", "port": "http"}}})
    };
    let mut object = workload(kind, &namespace, &format!("web-{number:04}"), "");
    object["metadata"]["labels"] = json!({"warm": "yes", "team": namespace});
    object["metadata"]["annotations"] = json!({"fluxcd.io/automated": "true",
        "fluxcd.io/tag.app": policy(used[0]), "fluxcd.io/tag.proxy": policy(used[1])});
    let template = match kind {
        "CronJob" => "/spec/jobTemplate/spec/template/spec",
        _ => "/spec/template/spec",
    };
    let spec = object.pointer_mut(template).expect("a template");
    spec["initContainers"] = json!([]);
    spec["volumes"] = json!([{"name": "data", "emptyDir": {}}]);
    spec["containers"] = json!([container("app", used[0]), container("proxy", used[1])]);
    object
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
