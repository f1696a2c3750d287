//! A quota or Pod Security that blocks the new Pods.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;

use super::workloads::with;
use crate::shop::{Shop, said};

#[tokio::test]
async fn quota_that_blocks_a_deployment_is_named() {
    let shop = Shop::open_rolling("refused-quota").await;
    let web = shop.workload("Deployment", "web");
    let web = with(web, "progressDeadlineSeconds", json!(3));
    shop.deployed(&[web]).await;
    let quota = json!({"apiVersion": "v1", "kind": "ResourceQuota",
        "metadata": {"name": "few", "namespace": shop.namespace},
        "spec": {"hard": {"pods": "1"}}});
    shop.plane.apply(&[quota]).await;
    let is_counted = async || {
        let path = "/api/v1/namespaces/refused-quota/resourcequotas/few";
        let quota = shop.plane.get(path).await.expect("the quota");
        quota["status"]["used"]["pods"] == "1"
    };
    for _ in 0..300 {
        if is_counted().await {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let run = shop.run(&["update", "--all", "--yes", "--wait=2m"]);
    assert_eq!(run.code, 1, "{run:?}");
    let why = "Pods cannot be created: exceeded quota: few, requested: pods=1";
    let waiting = format!("deployment/web: waiting: 0 of 1 Pods have the new image; {why}");
    assert_eq!(said(&run, &waiting).len(), 1, "{run:?}");
    let errors = said(&run, "error: deployment/web: the rollout failed: ");
    assert_eq!(errors.len(), 1, "{run:?}");
    assert!(errors[0].contains(why), "{run:?}");
}

/// The controllers of these kinds set no condition, so their Events are read.
async fn pod_security_is_named(kind: &str, namespace: &'static str) {
    let shop = Shop::open_rolling(namespace).await;
    shop.deployed(&[shop.workload(kind, "db")]).await;
    let labels = json!({"pod-security.kubernetes.io/enforce": "restricted"});
    let restricted = json!({"apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": namespace, "labels": labels}});
    shop.plane.apply(&[restricted]).await;
    let run = shop.run(&["update", "--all", "--yes", "--wait=15s"]);
    assert_eq!(run.code, 1, "{run:?}");
    let why = "Pods cannot be created: violates PodSecurity \"restricted:latest\"";
    let errors = said(&run, "error: ");
    assert_eq!(errors.len(), 1, "{run:?}");
    assert!(errors[0].contains("not rolled out within 15s: "), "{run:?}");
    assert!(errors[0].contains(why), "{run:?}");
    // Each attempt has another Pod's name, which is not a reason for another line.
    let lines = said(&run, why);
    let distinct: BTreeSet<&&str> = lines.iter().collect();
    assert_eq!(distinct.len(), lines.len(), "{run:?}");
}

#[tokio::test]
async fn pod_security_that_blocks_a_stateful_set_is_named() {
    pod_security_is_named("StatefulSet", "refused-stateful").await;
}

#[tokio::test]
async fn pod_security_that_blocks_a_daemon_set_is_named() {
    pod_security_is_named("DaemonSet", "refused-daemon").await;
}
