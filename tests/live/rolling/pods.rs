//! What real Pods report: the digests that they run, and the Secrets that they pull with.

use serde_json::{Value, json};

use super::workloads::{told, with};
use crate::binary::Run;
use crate::control_plane::ControlPlane;
use crate::kubeconfigs::{self, User};
use crate::pull_secrets::{ALICE, pulling, reasons, registry, secret};
use crate::registry::Registry;
use crate::shop::Shop;

/// The codes of the warnings in a row.
fn warnings(run: &Run, workload: &str) -> Vec<String> {
    let row = run.row(workload, "app");
    let warnings = row["warnings"].as_array().expect("a list").iter();
    warnings
        .filter_map(|warning| warning["code"].as_str().map(str::to_owned))
        .collect()
}

#[tokio::test]
async fn moved_tag_is_detected_until_the_pods_are_replaced() {
    let shop = Shop::open_rolling("pods-moved").await;
    let (image, registry) = (format!("{}:1.0.1", shop.image), Registry::shared().await);
    let push = async |created: &str| {
        let pushed = registry.push("pods-moved/app", "1.0.1", created, &["linux/amd64"]);
        pushed.await.served
    };
    let old = push("2026-02-02T00:00:00Z").await;
    let running = |kind: &str, name: &str, digests: Value| {
        let mut workload = shop.workload(kind, name);
        workload["spec"]["template"]["spec"]["containers"][0]["image"] = json!(image);
        told(workload, "digests", &digests.to_string())
    };
    let of_old = json!({&image: old});
    let on_one_node = json!({&image: old, format!("{image} amd64-1"): format!("sha256:{:064}", 1)});
    shop.deployed(&[
        with(running("Deployment", "web", of_old), "replicas", json!(2)),
        running("DaemonSet", "agent", on_one_node),
    ])
    .await;
    let run = shop.run(&["status", "-o", "json"]);
    assert_eq!(warnings(&run, "web"), [""; 0], "{run:?}");
    assert!(!warnings(&run, "agent").is_empty(), "{run:?}");

    let new = push("2026-02-03T00:00:00Z").await;
    let run = shop.run(&["status", "-o", "json"]);
    assert_eq!(warnings(&run, "web"), ["moved-tag"], "{run:?}");

    // New Pods pull what the tag serves now.
    let digests = json!({&image: new}).to_string();
    let patch = json!({"spec": {"template": {"metadata": {"annotations":
        {"kubelet.test/digests": digests}}}}});
    shop.patch("Deployment", "web", &patch).await;
    shop.rolls_out("deployment/web");
    let run = shop.run(&["status", "-o", "json"]);
    assert_eq!(warnings(&run, "web"), [""; 0], "{run:?}");
}

#[tokio::test]
async fn pull_secrets_of_the_service_account_are_those_of_the_pods() {
    let (plane, registry) = (ControlPlane::rolling().await, registry());
    let namespace = plane.namespace("pods-secrets").await;
    plane
        .apply(&[secret(namespace, "regcred", &registry, ALICE)])
        .await;
    let image = registry.image("team-a/app:1.0.0");
    let web = |name: &str| pulling("account", namespace, name, &image, &json!({}));
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"namespace": namespace, "name": "default"}});
    let kubeconfig = kubeconfigs::of_user(plane, User::Admin, namespace);
    let status = || crate::binary::imgpolicy(&kubeconfig, &["status", "-o", "json"]);

    plane.apply(&[web("before")]).await;
    assert_eq!(reasons(&status()), ["pods-secrets/before unauthorized"]);

    let mut pulling_account = account.clone();
    pulling_account["imagePullSecrets"] = json!([{"name": "regcred"}]);
    plane.apply(&[pulling_account, web("after")]).await;
    let expected = ["after", "before"].map(|name| format!("pods-secrets/{name} newer-image"));
    assert_eq!(reasons(&status()), expected);
    let path = format!("/api/v1/namespaces/{namespace}/pods?labelSelector=app%3Dafter");
    for _ in 0..300 {
        let list = plane.get(&path).await.expect("Pods");
        if let Some(pod) = list["items"].get(0) {
            assert_eq!(
                pod["spec"]["imagePullSecrets"],
                json!([{"name": "regcred"}]),
                "{pod}"
            );
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("no Pod was created");
}
