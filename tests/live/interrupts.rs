//! Ctrl-C at random moments of a run that writes sixty workloads.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::binary::{Run, command, path, say};
use crate::registry::Registry;
use crate::shop::Shop;
use crate::stale_plans::{Random, seed};

const WORKLOADS: usize = 60;

/// What was reported and what was there, counted over all runs.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) written: usize,
    pub(crate) not_started: usize,
    pub(crate) unknown: usize,
    /// Runs that were interrupted in the middle of the write.
    pub(crate) in_the_middle: usize,
    /// Workloads that are not as they were reported.
    pub(crate) wrong: usize,
}

/// A namespace with workloads, and images with this many tags.
pub(crate) async fn open(namespace: &'static str, tags: usize) -> Shop {
    let shop = Shop::open(namespace).await;
    let registry = Registry::shared().await;
    registry
        .push_versions(&format!("{namespace}/app"), tags)
        .await;
    let names: Vec<String> = (0..WORKLOADS).map(|n| format!("w{n:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    shop.deploy(&names).await;
    shop
}

/// Writes `1.0.<n>` to every workload, with Ctrl-C after a time.
fn update(shop: &Shop, n: usize, ctrl_c_after: Option<Duration>, is_data: bool) -> (Run, Duration) {
    let home = tempfile::tempdir().expect("a folder");
    let image = format!("{}:1.0.{n}", shop.image);
    let mut command = command(&path(), home.path(), &shop.kubeconfig);
    command.args([
        "update",
        "--all",
        "--yes",
        "--override-policy",
        "--image",
        &image,
    ]);
    if is_data {
        command.args(["-o", "json"]);
    }
    let started = Instant::now();
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let id = child.id().to_string();
    if let Some(after) = ctrl_c_after {
        std::thread::sleep(after);
        // It may have ended already.
        let _ = std::process::Command::new("sh")
            .args(["-c", &format!("kill -INT {id} 2> /dev/null")])
            .status();
    }
    let output = child.wait_with_output().expect("it ends");
    (output.into(), started.elapsed())
}

/// The names that a run reports as written, not started and unknown.
fn reported(run: &Run, is_data: bool) -> BTreeMap<&'static str, BTreeSet<String>> {
    let mut reported: BTreeMap<&'static str, BTreeSet<String>> = BTreeMap::new();
    if is_data {
        let list: Value = serde_json::from_str(&run.stdout).unwrap_or_default();
        for item in list["items"].as_array().into_iter().flatten() {
            let name = item["workload"]["name"].as_str().expect("a name");
            let result = match item["result"].as_str() {
                Some("updated") => "written",
                Some("unknown") => "unknown",
                Some("not-started") => "not-started",
                other => panic!("{name}: {other:?}"),
            };
            reported.entry(result).or_default().insert(name.to_owned());
        }
        return reported;
    }
    let name_in = |line: &str| {
        let (_, rest) = line.split_once('/')?;
        let end = rest.find([' ', ':'])?;
        Some(rest[..end].to_owned())
    };
    let written = run.stdout.lines().filter_map(name_in).collect();
    let unknown = run
        .stderr
        .lines()
        .filter(|line| line.contains("may or may not"));
    reported.insert("unknown", unknown.filter_map(name_in).collect());
    reported.insert("written", written);
    reported
}

/// Interrupts this many runs, and compares what they report with the cluster.
pub(crate) async fn interrupt_runs(shop: &Shop, runs: usize, random: &mut Random) -> Tally {
    // How long a whole run takes.
    let (run, whole) = update(shop, 1, None, false);
    assert_eq!(run.code, 0, "{run:?}");
    let mut tally = Tally::default();
    for round in 0..runs {
        let n = round + 2;
        let is_data = round % 2 == 0;
        // The first half of a run changes nothing.
        let half = u64::try_from(whole.as_millis()).expect("a short time") / 2;
        let after = Duration::from_millis(half + random.below(half.max(1)));
        let (run, _) = update(shop, n, Some(after), is_data);
        let reported = reported(&run, is_data);
        let tag = format!("1.0.{n}");
        let path = format!("/apis/apps/v1/namespaces/{}/deployments", shop.namespace);
        let list = shop.plane.get(&path).await.expect("a list");
        let mut there = 0;
        for object in list["items"].as_array().expect("a list") {
            let name = object["metadata"]["name"].as_str().expect("a name");
            let image = &object["spec"]["template"]["spec"]["containers"][0]["image"];
            let is_written = image
                .as_str()
                .is_some_and(|image| image.ends_with(&format!(":{tag}")));
            there += usize::from(is_written);
            let says = |word: &str| reported.get(word).is_some_and(|names| names.contains(name));
            if says("unknown") {
                tally.unknown += 1;
            } else if says("written") != is_written || says("not-started") && is_written {
                say(&format!(
                    "{name} after {after:?}: written is {is_written}: {run:?}"
                ));
                tally.wrong += 1;
            } else if is_written {
                tally.written += 1;
            } else {
                tally.not_started += 1;
            }
        }
        let is_partial = there > 0 && there < WORKLOADS;
        tally.in_the_middle += usize::from(is_partial);
        if is_partial {
            assert_eq!(run.code, 130, "{run:?}");
        }
    }
    tally
}

#[tokio::test]
async fn report_after_ctrl_c_agrees_with_the_cluster() {
    let runs = 50;
    let seed = seed();
    say(&format!("IMGPOLICY_SEED={seed}"));
    let shop = open("interrupts", runs + 2).await;
    let started = Instant::now();
    let tally = interrupt_runs(&shop, runs, &mut Random::new(seed)).await;
    let took = started.elapsed().as_secs_f64();
    say(&format!(
        "{runs} interrupted runs in {took:.0} s: {tally:?}"
    ));
    assert_eq!(tally.wrong, 0, "{tally:?}");
    assert!(tally.in_the_middle > 0, "{tally:?}");
}
