//! `controller run` on workloads that really roll out.

use std::time::Duration;

use serde_json::json;

use super::controller_process::ControllerProcess;
use super::workloads::{told, with};
use crate::registry::Registry;
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

    let registry = Registry::shared().await;
    registry
        .push(
            "controller-story/app",
            "1.0.2",
            "2026-04-01T00:00:00Z",
            &["linux/amd64"],
        )
        .await;
    shop.settles("web", &["1.0.2"]).await;
    let record = shop.annotation("web", "imgpolicy.dev/last-update").await;
    assert!(
        record.as_str().is_some_and(|text| text.contains("1.0.2")),
        "{record}"
    );

    // What is up to date is not reported again.
    let decisions = controller.lines("up-to-date").len();
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(controller.lines("up-to-date").len(), decisions);

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
