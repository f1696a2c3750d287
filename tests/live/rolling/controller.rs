//! `controller run` on workloads that really roll out.

use std::time::{Duration, Instant};

use serde_json::json;

use super::workloads::{told, with};
use crate::controller_process::ControllerProcess;
use crate::shop::{Shop, said};

/// The story of automated updates: push a new tag, do nothing, see the workload run it.
#[tokio::test]
async fn new_tag_runs_without_any_command() {
    let shop = Shop::open_rolling("controller-story").await;
    shop.deployed(&[with(
        shop.workload("Deployment", "web"),
        "replicas",
        json!(2),
    )])
    .await;
    let mut controller = ControllerProcess::start(&shop, &["--sync-interval", "1s"]);
    controller
        .says("controller-story/deployment/web: rolled out")
        .await;
    shop.settles("web", &["1.0.1"]).await;

    shop.push("1.0.2").await;
    shop.settles("web", &["1.0.2"]).await;
    let record = shop.annotation("web", "imgpolicy.dev/last-update").await;
    assert!(
        record.as_str().is_some_and(|text| text.contains("1.0.2")),
        "{record}"
    );

    let status = shop.run(&["status"]);
    let seen = said(&status, "controller: leader ");
    assert_eq!(seen.len(), 1, "{status:?}");
    assert!(
        seen[0].contains(" in namespace controller-story, last seen ") && seen[0].ends_with(" ago"),
        "{status:?}"
    );

    // What is up to date is not reported again.
    let decisions = controller.lines("up-to-date").len();
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(controller.lines("up-to-date").len(), decisions);
    // Each update has an Event of its own, and what has not changed has none.
    let events = shop.plane.events(shop.namespace).await.into_iter();
    let mut notes: Vec<String> = events
        .filter(|event| event["reason"] == "ImageUpdated")
        .filter_map(|event| Some(event["note"].as_str()?.to_owned()))
        .collect();
    notes.sort();
    let note = |from, to| format!("container app: {0}:{from} -> {0}:{to}", shop.image);
    let expected = [note("1.0.0", "1.0.1"), note("1.0.1", "1.0.2")];
    assert_eq!(notes, expected);

    let (end, took, log) = controller.stop();
    assert_eq!(end.code(), Some(0), "{log}");
    assert!(took < Duration::from_secs(15), "{took:?}: {log}");
}

#[tokio::test]
async fn observing_controller_reports_and_writes_nothing() {
    let shop = Shop::open_rolling("controller-observe").await;
    shop.deployed(&[shop.workload("Deployment", "web")]).await;
    let before = shop.get("Deployment", "web").await;
    let run = shop.run(&["controller", "run", "--observe", "--once"]);
    assert_eq!(run.code, 10, "{run:?}");
    assert_eq!(said(&run, "deployment/web app: ").len(), 1, "{run:?}");
    assert_eq!(said(&run, "newer-image").len(), 1, "{run:?}");
    let after = shop.get("Deployment", "web").await;
    assert_eq!(before["spec"], after["spec"]);
    assert_eq!(
        before["metadata"]["annotations"],
        after["metadata"]["annotations"]
    );
}

#[tokio::test]
async fn one_pass_updates_everything_and_ends() {
    let shop = Shop::open_rolling("controller-once").await;
    let new = format!("{}:1.0.1", shop.image);
    let bad = told(shop.workload("Deployment", "bad"), "cannot-pull", &new);
    let bad = with(bad, "progressDeadlineSeconds", json!(2));
    shop.deployed(&[
        shop.workload("Deployment", "a"),
        shop.workload("StatefulSet", "b"),
    ])
    .await;
    let run = shop.run(&["controller", "run", "--once"]);
    assert_eq!(run.code, 0, "{run:?}");
    for name in ["deployment/a", "statefulset/b"] {
        let ended = format!("controller-once/{name}: rolled out");
        assert_eq!(said(&run, &ended).len(), 1, "{run:?}");
    }
    // There is nothing left to do.
    let run = shop.run(&["controller", "run", "--once"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(said(&run, "updated").len(), 0, "{run:?}");

    // A failed rollout is a failure, and the others go on.
    shop.deployed(&[bad]).await;
    let run = shop.run(&["controller", "run", "--once", "--log-format", "json"]);
    assert_eq!(run.code, 1, "{run:?}");
    let failed = said(&run, "\"rollout-failed\"");
    assert_eq!(failed.len(), 1, "{run:?}");
    let line: serde_json::Value = serde_json::from_str(failed[0]).expect("JSON");
    assert_eq!(line["workload"], "deployment/bad", "{line}");
    assert_eq!(line["level"], "error", "{line}");
}

#[tokio::test]
async fn lock_that_is_set_while_the_controller_runs_is_obeyed() {
    let shop = Shop::open_rolling("controller-lock").await;
    let mut old = shop.workload("Deployment", "web");
    old["metadata"]["annotations"]["fluxcd.io/locked"] = json!("true");
    shop.deployed(&[old]).await;
    let mut controller = ControllerProcess::start(&shop, &["--sync-interval", "1s"]);
    controller.says("deployment/web app: ").await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(shop.tag("web").await, "1.0.0", "{}", controller.log());
    let unlock = json!({"metadata": {"annotations": {"fluxcd.io/locked": null}}});
    shop.patch("Deployment", "web", &unlock).await;
    controller.says("deployment/web: rolled out").await;
    assert_eq!(shop.tag("web").await, "1.0.1");
}

/// A Lease of three seconds, and a scan interval of one.
pub(super) const SHORT_LEASE: [&str; 10] = [
    "--sync-interval",
    "1s",
    "--lease-duration",
    "3s",
    "--lease-deadline",
    "2s",
    "--lease-retry",
    "400ms",
    "--lease-timeout",
    "900ms",
];

#[tokio::test]
async fn standby_takes_over_and_each_update_is_made_once() {
    let shop = Shop::open_rolling("controller-two").await;
    shop.deployed(&[shop.workload("Deployment", "web")]).await;
    let mut first = ControllerProcess::start(&shop, &SHORT_LEASE);
    first.says("deployment/web: rolled out").await;
    let mut second = ControllerProcess::start(&shop, &SHORT_LEASE);
    second.says(" leads; this replica writes nothing").await;

    // A killed leader is replaced once its Lease has run out.
    first.kill();
    let killed = Instant::now();
    second.says("this replica leads").await;
    assert!(
        killed.elapsed() < Duration::from_secs(8),
        "{:?}",
        killed.elapsed()
    );
    shop.push("1.0.2").await;
    second.says("1.0.2: updated").await;
    second.says("deployment/web: rolled out").await;

    // One that is asked to stop gives the Lease back.
    let mut third = ControllerProcess::start(&shop, &SHORT_LEASE);
    third.says(" leads; this replica writes nothing").await;
    let (end, _, log) = second.stop();
    let stopped = Instant::now();
    assert_eq!(end.code(), Some(0), "{log}");
    third.says("this replica leads").await;
    assert!(
        stopped.elapsed() < Duration::from_secs(3),
        "{:?}",
        stopped.elapsed()
    );
    shop.push("1.0.3").await;
    third.says("1.0.3: updated").await;
    third.says("deployment/web: rolled out").await;
    assert_eq!(log.matches(": updated").count(), 1, "{log}");
    assert_eq!(third.lines(": updated").len(), 1, "{}", third.log());
    let record = shop.annotation("web", "imgpolicy.dev/last-update").await;
    let record = record.as_str().unwrap_or_default();
    assert!(
        record.contains("1.0.2") && record.contains("1.0.3"),
        "{record}"
    );
}

#[tokio::test]
async fn freeze_of_the_run_holds_every_update() {
    let shop = Shop::open_rolling("controller-freeze").await;
    let mut other = shop.workload("Deployment", "other");
    other["metadata"]["annotations"]["imgpolicy.dev/window"] = json!("00:00-24:00");
    shop.deployed(&[shop.workload("Deployment", "web"), other])
        .await;
    let freeze = ["--freeze", "2020-01-01/9998-12-31 until further notice"];
    let run = shop.run(&[&["controller", "run", "--once"][..], &freeze].concat());
    assert_eq!(run.code, 0, "{run:?}");
    let held = said(&run, "waiting-for-window");
    assert_eq!(held.len(), 2, "{run:?}");
    for line in held {
        assert!(
            line.contains("until further notice (flag --freeze)"),
            "{line}"
        );
    }
    for name in ["web", "other"] {
        assert_eq!(shop.tag(name).await, "1.0.0");
    }
    // Without the flag, nothing holds them.
    let run = shop.run(&["controller", "run", "--once", "--window", "00:00-24:00"]);
    assert_eq!(run.code, 0, "{run:?}");
    for name in ["web", "other"] {
        assert_eq!(shop.tag(name).await, "1.0.1", "{run:?}");
    }
}

#[tokio::test]
async fn requested_scan_does_not_wait_for_the_interval() {
    let shop = Shop::open_rolling("controller-request").await;
    shop.deployed(&[shop.workload("Deployment", "web")]).await;
    let mut controller = ControllerProcess::start(&shop, &["--sync-interval", "1h"]);
    controller.says("deployment/web: rolled out").await;
    controller.says("up-to-date").await;
    shop.push("1.0.2").await;
    let request = json!({"metadata": {"annotations": {"imgpolicy.dev/scan-requested": "now"}}});
    shop.patch("Deployment", "web", &request).await;
    controller.says("1.0.2: updated").await;
}
