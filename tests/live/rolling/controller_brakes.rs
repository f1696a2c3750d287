//! What `controller run` does about images that do not work.

use serde_json::json;

use super::workloads::{told, with};
use crate::controller_process::ControllerProcess;
use crate::shop::{Shop, said};

/// Deployments that give up on 1.0.1 after two seconds, because it cannot be pulled.
async fn bad_deployments(shop: &Shop, names: &[&str]) {
    let new = format!("{}:1.0.1", shop.image);
    let workloads: Vec<_> = names
        .iter()
        .map(|name| told(shop.workload("Deployment", name), "cannot-pull", &new))
        .map(|workload| with(workload, "progressDeadlineSeconds", json!(2)))
        .collect();
    shop.deployed(&workloads).await;
}

#[tokio::test]
async fn bad_image_reaches_one_workload_and_is_not_tried_again() {
    let shop = Shop::open_rolling("brakes-canary").await;
    bad_deployments(&shop, &["a", "b", "c"]).await;
    let run = shop.run(&["controller", "run", "--once"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert_eq!(said(&run, "a: the rollout failed").len(), 1, "{run:?}");
    assert_eq!(said(&run, ": updated").len(), 1, "{run:?}");
    let tags = [
        shop.tag("a").await,
        shop.tag("b").await,
        shop.tag("c").await,
    ];
    assert_eq!(tags, ["1.0.1", "1.0.0", "1.0.0"], "{run:?}");
    let failed = shop.annotation("a", "imgpolicy.dev/failed").await;
    assert!(
        failed.as_str().is_some_and(|text| text.contains("1.0.1")),
        "{failed}"
    );

    // Another run knows it from the annotation.
    let run = shop.run(&["controller", "run", "--once"]);
    assert_eq!(said(&run, ": updated").len(), 0, "{run:?}");
    assert_eq!(shop.tag("b").await, "1.0.0");

    // A newer image is tried, first in one workload again.
    shop.push("1.0.2").await;
    let run = shop.run(&["controller", "run", "--once"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(said(&run, "1.0.2: updated").len(), 3, "{run:?}");
    for name in ["a", "b", "c"] {
        assert_eq!(shop.tag(name).await, "1.0.2", "{name}: {run:?}");
    }
}

#[tokio::test]
async fn failed_update_is_rolled_back_where_the_workload_asks_for_it() {
    let shop = Shop::open_rolling("brakes-rollback").await;
    let new = format!("{}:1.0.1", shop.image);
    let mut web = told(shop.workload("Deployment", "web"), "cannot-pull", &new);
    web["metadata"]["annotations"]["imgpolicy.dev/on-failure"] = json!("rollback");
    shop.deployed(&[with(web, "progressDeadlineSeconds", json!(2))])
        .await;
    let run = shop.run(&["controller", "run", "--once"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert_eq!(
        said(&run, "the previous images were restored").len(),
        1,
        "{run:?}"
    );
    assert_eq!(shop.tag("web").await, "1.0.0");
    assert_eq!(
        shop.annotation("web", "fluxcd.io/locked").await,
        json!(null)
    );
    shop.settles("web", &["1.0.0"]).await;

    let status = shop.run(&["status", "deployment/web"]);
    assert!(status.stdout.contains("failed-before"), "{status:?}");
    let run = shop.run(&["controller", "run", "--once"]);
    assert_eq!(said(&run, ": updated").len(), 0, "{run:?}");
    assert_eq!(shop.tag("web").await, "1.0.0");
}

#[tokio::test]
async fn failure_is_recorded_by_the_next_leader_if_the_first_one_is_killed() {
    let shop = Shop::open_rolling("brakes-kill").await;
    let new = format!("{}:1.0.1", shop.image);
    let names = ["a", "b", "c"];
    let workloads = names.map(|name| {
        let workload = told(shop.workload("Deployment", name), "cannot-pull", &new);
        with(workload, "progressDeadlineSeconds", json!(6))
    });
    shop.deployed(&workloads).await;
    let mut first = ControllerProcess::start(&shop, &["--sync-interval", "1s"]);
    first.says("deployment/a app").await;
    first.says("1.0.1: updated").await;
    first.kill();
    let run = shop.run(&["controller", "run", "--once"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert_eq!(said(&run, "a: the rollout failed").len(), 1, "{run:?}");
    assert_eq!(said(&run, ": updated").len(), 0, "{run:?}");
    assert_eq!(shop.tag("b").await, "1.0.0");
    let failed = shop.annotation("a", "imgpolicy.dev/failed").await;
    assert!(failed.is_string(), "{failed}");
}

#[tokio::test]
async fn updates_that_failures_stopped_go_on_after_they_are_resumed() {
    let shop = Shop::open_rolling("brakes-resume").await;
    let at = jiff::Timestamp::now();
    let at = jiff::Timestamp::from_second(at.as_second()).expect("a time");
    let failures = ["a", "b", "c"].map(|name| {
        let failed = json!([{"container": "app", "image": format!("{}:0.{name}", shop.image),
            "at": at.to_string(), "cause": "a test"}]);
        let mut workload = shop.workload("Deployment", name);
        workload["metadata"]["annotations"]["imgpolicy.dev/failed"] = json!(failed.to_string());
        workload
    });
    shop.deployed(&failures).await;
    let mut run = ControllerProcess::start(&shop, &["--sync-interval", "1s"]);
    run.says("deployment/a: the update waits: ").await;
    let waits = run.lines("deployment/a: the update waits: ");
    let command = "kubectl imgpolicy controller resume -n brakes-resume";
    assert!(waits[0].contains(command), "{waits:?}");
    assert_eq!(shop.tag("a").await, "1.0.0");

    // Another namespace, and another image, do not matter.
    let refused = shop.run(&["controller", "resume", "-n", "brakes-resume"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    let other = ["controller", "resume", "--image", "org/other:1", "--yes"];
    let other = shop.run(&other);
    assert_eq!(
        other.stdout, "lease.coordination.k8s.io/imgpolicy-controller annotated\n",
        "{other:?}"
    );
    tokio::time::sleep(std::time::Duration::from_secs(7)).await;
    assert_eq!(run.lines(": updated"), Vec::<String>::new());

    let resumed = shop.run(&["controller", "resume", "-n", "brakes-resume", "--yes"]);
    assert_eq!(resumed.code, 0, "{resumed:?}");
    assert_eq!(resumed.stdout, "namespace/brakes-resume annotated\n");
    for name in ["a", "b", "c"] {
        run.says(&format!("deployment/{name}: rolled out")).await;
        assert_eq!(shop.tag(name).await, "1.0.1");
    }
    // The leader's renewals keep the mark of the other image.
    let lease = shop.kubectl(&["get", "lease/imgpolicy-controller", "-o", "yaml"]);
    let mark = "imgpolicy.dev/resumed-at: docker.io/org/other:1=";
    assert!(lease.stdout.contains(mark), "{lease:?}");
}
