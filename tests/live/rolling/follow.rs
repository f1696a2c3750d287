//! `update --wait` and `rollback` on workloads that really roll out.

use serde_json::json;

use super::workloads::{told, with};
use crate::shop::{Shop, said};

#[tokio::test]
async fn every_kind_is_followed_until_its_pods_are_replaced() {
    let shop = Shop::open_rolling("follow-kinds").await;
    let slow = |kind: &str, name: &str| told(shop.workload(kind, name), "ready-after", "1s");
    let workloads = [
        with(slow("Deployment", "web"), "replicas", json!(2)),
        with(slow("StatefulSet", "db"), "replicas", json!(2)),
        slow("DaemonSet", "agent"),
        shop.workload("CronJob", "nightly"),
    ];
    shop.deployed(&workloads).await;
    let run = shop.run(&["update", "--all", "--yes", "--wait=2m"]);
    assert_eq!(run.code, 0, "{run:?}");
    for name in ["deployment/web", "statefulset/db", "daemonset/agent"] {
        let ended = format!("{name}: rolled out");
        assert_eq!(said(&run, &ended).len(), 1, "{run:?}");
        let waiting = format!("{name}: waiting: ");
        assert!(!said(&run, &waiting).is_empty(), "{run:?}");
    }
    let next = "cronjob/nightly: nothing to wait for: takes effect with its next run";
    assert_eq!(said(&run, next).len(), 1, "{run:?}");
    // The Pods of a DaemonSet also run on the cordoned node.
    for (app, count) in [("web", 2), ("db", 2), ("agent", 3)] {
        let pods = shop.pods_of(app).await;
        assert_eq!(pods.len(), count, "{app}");
        assert_eq!(shop.running_tags(app).await, ["1.0.1"], "{app}");
        for pod in pods {
            assert_eq!(
                pod["status"]["containerStatuses"][0]["ready"], true,
                "{pod}"
            );
        }
    }
    let run = shop.kubectl(&["create", "job", "--from=cronjob/nightly", "now"]);
    assert_eq!(run.code, 0, "{run:?}");
    let run = shop.kubectl(&[
        "wait",
        "--for=condition=Complete",
        "job/now",
        "--timeout=60s",
    ]);
    assert_eq!(run.code, 0, "{run:?}");
    let job = shop
        .plane
        .get("/apis/batch/v1/namespaces/follow-kinds/jobs/now")
        .await;
    let image = job.expect("the Job")["spec"]["template"]["spec"]["containers"][0]["image"].clone();
    assert_eq!(image, format!("{}:1.0.1", shop.image));
}

#[tokio::test]
async fn rollout_past_its_deadline_fails_and_rolls_back() {
    let shop = Shop::open_rolling("follow-deadline").await;
    let new = format!("{}:1.0.1", shop.image);
    let stuck = told(shop.workload("Deployment", "a"), "cannot-pull", &new);
    let stuck = with(stuck, "progressDeadlineSeconds", json!(2));
    shop.deployed(&[stuck, shop.workload("Deployment", "b")])
        .await;

    let run = shop.run(&["update", "--all", "--yes", "--wait=2m"]);
    assert_eq!(run.code, 1, "{run:?}");
    let error = "error: deployment/a: the rollout failed: it exceeded its progress deadline";
    assert_eq!(said(&run, error).len(), 1, "{run:?}");
    assert_eq!(said(&run, "1 failed, 1 not started").len(), 1, "{run:?}");
    // The old Pod serves until the new one is ready, which never happens.
    assert_eq!(shop.running_tags("a").await, ["1.0.0", "1.0.1"]);
    assert_eq!(shop.tag("b").await, "1.0.0");

    let command = "kubectl imgpolicy rollback deployment/a -n follow-deadline";
    assert_eq!(said(&run, command).len(), 1, "{run:?}");
    let run = shop.run(&["rollback", "deployment/a", "-n", "follow-deadline", "--yes"]);
    assert_eq!(run.code, 0, "{run:?}");
    shop.rolls_out("deployment/a");
    shop.settles("a", &["1.0.0"]).await;
}

#[tokio::test]
async fn stateful_set_whose_pod_cannot_start_is_repaired_with_the_command_that_is_shown() {
    let shop = Shop::open_rolling("follow-stuck").await;
    let new = format!("{}:1.0.1", shop.image);
    let stuck = told(shop.workload("StatefulSet", "db"), "cannot-pull", &new);
    shop.deployed(&[stuck]).await;

    let run = shop.run(&["update", "statefulset/db", "--yes", "--wait=20s"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(
        !said(&run, "waiting: 0 of 1 Pods are ready; Pod db-0: ").is_empty(),
        "{run:?}"
    );
    assert_eq!(said(&run, "kubectl delete pod db-0").len(), 1, "{run:?}");

    // The controller waits for the Pod that never becomes ready.
    let rollback = ["rollback", "statefulset/db", "--yes", "--wait=10s"];
    let run = shop.run(&rollback);
    assert_eq!(run.code, 1, "{run:?}");
    let object = shop.get("StatefulSet", "db").await;
    let image = &object["spec"]["template"]["spec"]["containers"][0]["image"];
    assert_eq!(*image, format!("{}:1.0.0", shop.image));
    assert_eq!(shop.running_tags("db").await, ["1.0.1"]);
    // At once, and again after the time.
    let hint = said(&run, "kubectl delete pod db-0");
    assert_eq!(hint.len(), 2, "{run:?}");
    let (_, command) = hint[0].split_once("kubectl ").expect("a command");
    // Whether kubectl notices that a Pod that is replaced at once was deleted is not tested.
    let run = shop.kubectl(
        &[
            &command.split(' ').collect::<Vec<_>>()[..],
            &["--wait=false"],
        ]
        .concat(),
    );
    assert_eq!(run.code, 0, "{run:?}");
    shop.rolls_out("statefulset/db");
    shop.settles("db", &["1.0.0"]).await;
}

#[tokio::test]
async fn change_cause_is_in_kubectls_history() {
    let shop = Shop::open_rolling("follow-history").await;
    shop.deployed(&[shop.workload("Deployment", "web")]).await;
    let run = shop.run(&["update", "--all", "--yes", "--wait=2m"]);
    assert_eq!(run.code, 0, "{run:?}");
    let history = shop.kubectl(&["rollout", "history", "deployment/web"]);
    let revisions: Vec<String> = history.table();
    assert!(revisions.contains(&"1 <none>".to_owned()), "{history:?}");
    let second = revisions.iter().find(|line| line.starts_with("2 "));
    assert!(
        second.is_some_and(|line| line.contains("1.0.1")),
        "{history:?}"
    );
}
