//! Pods and Nodes of a real API server.

use kubectl_imgpolicy::cluster::{Coverage, Scope};
use serde_json::json;

use crate::control_plane::ControlPlane;
use crate::kubeconfigs::User;
use crate::objects::{controller, pod, workload};
use crate::workloads::everything;

fn image_id(n: u8) -> String {
    format!("docker.io/org/app@sha256:{}", format!("{n:02x}").repeat(32))
}

#[tokio::test]
async fn image_ids_are_assigned_to_the_workload_that_owns_the_pod() {
    let plane = ControlPlane::shared();
    let namespace = plane.namespace("running").await;
    // Two Deployments with the same labels, and a CronJob.
    let mut blue = workload("Deployment", namespace, "web-blue", "org/app:1");
    blue["spec"]["selector"]["matchLabels"] = json!({"app": "web"});
    blue["spec"]["template"]["metadata"]["labels"] = json!({"app": "web"});
    let of_set = |name: &str, deployment: &str, image: u8| {
        let set = controller("apps/v1", "ReplicaSet", &format!("{deployment}-5d9c"));
        let labels = json!({"app": "web", "pod-template-hash": "5d9c"});
        pod(namespace, name, labels, set, &image_id(image))
    };
    let minute = jiff::Timestamp::now().as_second() / 60;
    let job = controller("batch/v1", "Job", &format!("nightly-{minute}"));
    let rollout = controller("apps/v1", "ReplicaSet", "api-77");
    let rollout_labels = json!({"rollouts-pod-template-hash": "77"});
    let mut finished = of_set("web-old", "web", 9);
    finished["status"]["phase"] = json!("Succeeded");
    plane
        .apply(&[
            workload("Deployment", namespace, "web", "org/app:1"),
            blue,
            workload("CronJob", namespace, "nightly", "org/app:1"),
            of_set("web-1", "web", 1),
            of_set("blue-1", "web-blue", 2),
            of_set("blue-2", "web-blue", 3),
            pod(namespace, "nightly-1", json!({}), job, &image_id(4)),
            pod(namespace, "api-1", rollout_labels, rollout, &image_id(5)),
            pod(
                namespace,
                "bare",
                json!({"a": "b"}),
                json!(null),
                &image_id(6),
            ),
            finished,
        ])
        .await;
    let cluster = plane.connect(User::Admin, namespace).await;
    let listing = cluster
        .workloads(&everything(namespace))
        .await
        .expect("read");
    let workloads: Vec<_> = listing.workloads.iter().collect();
    let facts = cluster.pod_facts(&workloads, Coverage::Whole).await;
    let running: Vec<_> = facts
        .images
        .iter()
        .map(|(id, images)| {
            let digests = images
                .for_container("app")
                .iter()
                .filter_map(|i| i.digest.as_ref());
            let digests = digests.map(|d| d.to_string()[7..9].to_owned());
            (id.name.as_str(), digests.collect::<Vec<_>>())
        })
        .collect();
    let one = |digest: &str| vec![digest.to_owned()];
    let two = vec!["02".to_owned(), "03".to_owned()];
    assert_eq!(
        running,
        [
            ("nightly", one("04")),
            ("web", one("01")),
            ("web-blue", two)
        ]
    );
    assert_eq!(facts.uncovered.to_string(), "1 Pod of Rollout, 1 bare Pod");
    assert_eq!(facts.note, None);

    let scope = Scope::Namespace(namespace.to_owned());
    let usages = cluster.pod_usages(&scope, None).await.expect("read");
    let owners: Vec<_> = usages
        .containers
        .iter()
        .map(|u| {
            u.owner
                .as_ref()
                .map_or_else(String::new, ToString::to_string)
        })
        .collect();
    assert_eq!(
        owners,
        [
            "Rollout running/api",
            "",
            "Deployment running/web-blue",
            "Deployment running/web-blue",
            "CronJob running/nightly",
            "Deployment running/web",
        ]
    );
}

#[tokio::test]
async fn nodes_are_read_with_what_keeps_pods_away() {
    let plane = ControlPlane::shared();
    let node = |name: &str, arch: &str, spec: serde_json::Value| {
        json!({"apiVersion": "v1", "kind": "Node", "spec": spec, "metadata": {"name": name,
            "labels": {"kubernetes.io/os": "linux", "kubernetes.io/arch": arch}}})
    };
    let taints = json!([{"key": "gpu", "value": "a", "effect": "NoExecute"},
        {"key": "busy", "effect": "PreferNoSchedule"}]);
    plane
        .apply(&[
            // The first node is one on which the workloads of other tests can run.
            node("n0", "amd64", json!({})),
            node("n1", "arm64", json!({})),
            node("n2", "amd64", json!({"taints": taints})),
            node("n3", "amd64", json!({"unschedulable": true})),
        ])
        .await;
    let cluster = plane.connect(User::Admin, "default").await;
    let nodes = cluster.nodes().await.expect("read").expect("known");
    let said: Vec<_> = nodes
        .iter()
        .map(|node| {
            let taints = node.taints.iter().map(|taint| taint.key.as_str());
            let name = node.name.as_deref().unwrap_or_default();
            (name, node.platform.as_str(), taints.collect::<Vec<_>>())
        })
        .collect();
    let cordoned = "node.kubernetes.io/unschedulable";
    assert_eq!(
        said,
        [
            ("n0", "linux/amd64", vec![]),
            ("n1", "linux/arm64", vec![]),
            ("n2", "linux/amd64", vec!["gpu"]),
            ("n3", "linux/amd64", vec![cordoned]),
        ]
    );
}
