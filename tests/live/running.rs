//! Pods: images of any owner, Pods without a row, and when Pods are listed at all.

use serde_json::{Value, json};

use crate::binary::imgpolicy;
use crate::control_plane::ControlPlane;
use crate::kubeconfigs::{self, User};
use crate::objects::{automated, controller, pod, pod_of, workload};
use crate::registry::Registry;

/// A Deployment with an injected sidecar in its Pod, a Rollout's Pod, and a bare Pod.
async fn mixture(plane: &ControlPlane, namespace: &str, image: &str) -> [Value; 4] {
    plane.namespace(namespace).await;
    let web = workload("Deployment", namespace, "web", image);
    let mut injected = pod_of(&web, 1, "");
    injected["spec"]["containers"] = json!([{"name": "app", "image": image},
        {"name": "proxy", "image": "mesh/proxy:1.2"}]);
    let labels = json!({"rollouts-pod-template-hash": "77"});
    let set = controller("apps/v1", "ReplicaSet", "api-77");
    [
        injected,
        pod(namespace, "api-77-1", labels, set, ""),
        pod(namespace, "debug", json!({"a": "b"}), json!(null), ""),
        web,
    ]
}

#[tokio::test]
async fn images_lists_running_images_of_any_pod_owner() {
    let plane = ControlPlane::shared();
    let objects = mixture(plane, "any-owner", "org/web:1").await;
    plane.apply(&objects).await;
    let kubeconfig = kubeconfigs::of_user(plane, User::Admin, "any-owner");
    let run = imgpolicy(&kubeconfig, &["images"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:?}");
    let table = run.table();
    for (image, user) in [
        ("org/web 1 ", "deployment/web"),
        ("busybox 1.36 ", "deployment/web"),
        ("mesh/proxy 1.2 ", "deployment/web"),
        ("org/app 1 ", "rollout/api"),
        ("org/app 1 ", "pod/debug"),
    ] {
        assert!(
            table
                .iter()
                .any(|line| line.contains(image) && line.contains(user)),
            "{image} {user}: {table:#?}"
        );
    }
    let list = imgpolicy(&kubeconfig, &["images", "-o", "json"]).json();
    assert_eq!(list["items"].as_array().map(Vec::len), Some(4), "{list}");
}

#[tokio::test]
async fn status_summary_counts_pods_without_a_row() {
    let (plane, registry) = (ControlPlane::shared(), Registry::shared().await);
    let image = format!("{}/shop/uncovered:1.0.0", registry.host);
    let created = "2026-01-01T00:00:00Z";
    registry
        .push("shop/uncovered", "1.0.0", created, &["linux/amd64"])
        .await;
    let [injected, rollout, bare, web] = mixture(plane, "uncovered", &image).await;
    let mut second = rollout.clone();
    second["metadata"]["name"] = json!("api-77-2");
    let web = automated(web, "semver:~1.0");
    plane.apply(&[injected, rollout, second, bare, web]).await;
    let kubeconfig = kubeconfigs::of_user(plane, User::Admin, "uncovered");
    let run = imgpolicy(&kubeconfig, &["status"]);
    assert_eq!(
        run.stderr.lines().collect::<Vec<_>>(),
        [
            "1 container: 1 automated",
            "not covered: 2 Pods of Rollout, 1 Pod without an owner",
        ],
        "{run:?}"
    );
    // With a named workload, other Pods are not counted.
    let named = imgpolicy(&kubeconfig, &["status", "deploy/web"]);
    assert_eq!(named.stderr.trim_end(), "1 container: 1 automated");
}

#[tokio::test]
async fn pods_and_nodes_are_listed_only_when_a_decision_needs_them() {
    let (plane, registry) = (ControlPlane::shared(), Registry::shared().await);
    let image = format!("{}/shop/frugal:1.0.0", registry.host);
    let created = "2026-01-01T00:00:00Z";
    registry
        .push("shop/frugal", "1.0.0", created, &["linux/amd64"])
        .await;
    let asked = |what: &str| plane.audited(User::Frugal, what).len();
    let status = async |namespace: &str, object: Value| {
        plane.namespace(namespace).await;
        plane.apply(&[object]).await;
        let kubeconfig = kubeconfigs::of_user(plane, User::Frugal, namespace);
        let run = imgpolicy(&kubeconfig, &["status"]);
        assert_eq!(run.code, 0, "{run:?}");
        assert_eq!(asked(&format!("/namespaces/{namespace}/deployments?")), 1);
        asked(&format!("/namespaces/{namespace}/pods?"))
    };
    let of = |namespace: &str, image: &str| workload("Deployment", namespace, "web", image);
    assert_eq!(status("by-hand", of("by-hand", "org/app:1")).await, 0);
    assert_eq!(asked("/api/v1/nodes"), 0);
    // A moving tag is checked even without a policy.
    assert_eq!(status("moving", of("moving", "org/app:latest")).await, 1);
    assert_eq!(asked("/api/v1/nodes"), 0);
    let managed = automated(of("managed", &image), "semver:~1.0");
    assert_eq!(status("managed", managed).await, 1);
    // Twice if the nodes that other tests create have different platforms.
    assert!((1..=2).contains(&asked("/api/v1/nodes")));
}
