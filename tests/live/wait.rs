//! `update --wait`, with the test as the Deployment controller.

use std::time::Duration;

use serde_json::json;

use crate::objects::{controller, pod};
use crate::shop::{Shop, said};

/// Waits until a Deployment's template has the new image.
async fn until_written(shop: &Shop, name: &str) {
    for _ in 0..300 {
        if shop.tag(name).await == "1.0.1" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{name} was not updated");
}

#[tokio::test]
async fn rollouts_are_followed_one_after_the_other() {
    let shop = Shop::open("wait-done").await;
    shop.deploy(&["a", "b"]).await;
    let run = shop.start(&["update", "--all", "--yes", "--wait"]);
    for name in ["a", "b"] {
        until_written(&shop, name).await;
        if name == "a" {
            tokio::time::sleep(Duration::from_millis(500)).await;
            assert_eq!(
                shop.tag("b").await,
                "1.0.0",
                "the second waits for the first"
            );
        }
        shop.roll(name, 1, None).await;
    }
    let run = run.await.expect("it ends");
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(said(&run, "rolled out").len(), 2, "{run:?}");
    assert_eq!(said(&run, "2 updated"), ["2 updated"], "{run:?}");
}

#[tokio::test]
async fn nothing_more_is_written_after_a_rollout_that_fails() {
    let shop = Shop::open("wait-fails").await;
    shop.deploy(&["a", "b", "c"]).await;
    let run = shop.start(&["update", "--all", "--yes", "--wait=1m"]);
    until_written(&shop, "a").await;
    shop.roll("a", 0, Some("ProgressDeadlineExceeded")).await;
    let run = run.await.expect("it ends");
    assert_eq!(run.code, 1, "{run:?}");
    let failure = "error: deployment/a: the rollout failed: it exceeded its progress deadline \
                   (the new Pod does not start)";
    assert_eq!(said(&run, "error"), [failure], "{run:?}");
    let command = "kubectl imgpolicy rollback deployment/a -n wait-fails";
    assert_eq!(said(&run, command).len(), 1, "{run:?}");
    assert_eq!(said(&run, "1 failed, 2 not started").len(), 1, "{run:?}");
    assert_eq!(shop.tag("b").await, "1.0.0");
    // The printed command works.
    let run = shop.run(&["rollback", "deployment/a", "-n", "wait-fails", "--yes"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(shop.tag("a").await, "1.0.0");
}

#[tokio::test]
async fn rollout_that_takes_too_long_ends_the_run() {
    let shop = Shop::open("wait-long").await;
    shop.deploy(&["a", "b"]).await;
    let run = shop.run(&["update", "--all", "--yes", "--wait=1s", "-o", "json"]);
    assert_eq!(run.code, 1, "{run:?}");
    let why = "error: deployment/a: not rolled out within 1s: \
               its controller has not seen the change yet";
    assert_eq!(said(&run, "error"), [why], "{run:?}");
    let list: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    let results: Vec<_> = [0, 1].map(|at| list["items"][at]["result"].clone()).into();
    assert_eq!(results, ["failed", "not-started"], "{list}");
    assert_eq!(shop.tag("b").await, "1.0.0");
}

/// A Pod of the StatefulSet `db` whose image cannot be pulled.
fn unpullable(shop: &Shop, tag: &str) -> serde_json::Value {
    let owner = controller("apps/v1", "StatefulSet", "db");
    let mut pod = pod(shop.namespace, "db-0", json!({"app": "db"}), owner, "");
    let image = format!("{}:{tag}", shop.image);
    pod["spec"]["containers"][0]["image"] = json!(image);
    pod["status"] = json!({"phase": "Pending", "containerStatuses": [{"name": "app",
        "image": image, "imageID": "", "ready": false, "restartCount": 0, "started": false,
        "state": {"waiting": {"reason": "ImagePullBackOff",
            "message": format!("Back-off pulling image {image}")}}}]});
    pod
}

#[tokio::test]
async fn pod_that_cannot_start_is_named_with_its_cause_and_the_way_out() {
    let shop = Shop::open("wait-stuck").await;
    shop.plane
        .apply(&[shop.workload("StatefulSet", "db")])
        .await;
    let run = shop.start(&["update", "statefulset/db", "--yes", "--wait=8s"]);
    let mut object = json!(null);
    for _ in 0..300 {
        object = shop.get("StatefulSet", "db").await;
        if object["metadata"]["annotations"]
            .to_string()
            .contains("last-update")
        {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    shop.plane.apply(&[unpullable(&shop, "1.0.1")]).await;
    let status = json!({"status": {"observedGeneration": object["metadata"]["generation"],
        "replicas": 1, "readyReplicas": 0}});
    shop.patch_status("StatefulSet", "db", &status).await;
    let run = run.await.expect("it ends");
    assert_eq!(run.code, 1, "{run:?}");
    let cause = format!(
        "0 of 1 Pods are ready; Pod db-0: ImagePullBackOff: Back-off pulling image {}:1.0.1",
        shop.image
    );
    let waiting = format!("statefulset/db: waiting: {cause}");
    assert_eq!(said(&run, &waiting), [waiting.as_str()], "{run:?}");
    let error = format!("error: statefulset/db: not rolled out within 8s: {cause}");
    assert_eq!(said(&run, "error"), [error], "{run:?}");
    let hint = "statefulset/db: Pod db-0 (ImagePullBackOff) cannot start, and is replaced only \
                when it is deleted after the rollback: kubectl delete pod db-0 -n wait-stuck";
    assert_eq!(said(&run, "cannot start"), [hint], "{run:?}");

    let run = shop.run(&["rollback", "statefulset/db", "--yes", "--wait=1s"]);
    assert_eq!(run.code, 1, "{run:?}");
    let hint = "statefulset/db: Pod db-0 (ImagePullBackOff) cannot start, and is replaced only \
                when it is deleted: kubectl delete pod db-0 -n wait-stuck";
    assert!(said(&run, "cannot start").contains(&hint), "{run:?}");
    assert_eq!(said(&run, "not rolled out within 1s").len(), 1, "{run:?}");
    assert_eq!(said(&run, "roll back with").len(), 0, "{run:?}");
    let unlock = "unlock with: kubectl imgpolicy unlock statefulset/db -n wait-stuck";
    assert_eq!(said(&run, "unlock with"), [unlock], "{run:?}");
}
