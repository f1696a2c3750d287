use serde_json::{Value, json};

use super::*;
use crate::cluster::fake::{cluster, forbidden, page};
use crate::workload::decode;

fn workload(kind: &str, namespace: &str, name: &str, app: &str) -> Workload {
    let api_version = if kind == "CronJob" {
        "batch/v1"
    } else {
        "apps/v1"
    };
    let mut object = json!({"apiVersion": api_version, "kind": kind,
        "metadata": {"name": name, "namespace": namespace}, "spec": {}});
    let template = json!({"spec": {"containers": [{"name": "app", "image": "org/app:1"}]}});
    if kind == "CronJob" {
        object["spec"]["jobTemplate"] = json!({"spec": {"template": template}});
    } else {
        object["spec"]["selector"] = json!({"matchLabels": {"app": app}});
        object["spec"]["template"] = template;
    }
    decode(&object, "").expect("decodes").expect("a workload")
}

fn digest(n: u8) -> String {
    format!("sha256:{}", format!("{n:02x}").repeat(32))
}

fn pod(owner: Value, labels: Value, image: u8) -> Value {
    json!({"metadata": {"name": "p", "namespace": "shop", "labels": labels,
            "creationTimestamp": "2026-11-28T12:00:00Z", "ownerReferences": owner},
        "spec": {"containers": [{"name": "app", "image": "org/app:1"}]},
        "status": {"phase": "Running", "containerStatuses":
            [{"name": "app", "imageID": format!("org/app@{}", digest(image))}]}})
}

fn owned(api_version: &str, kind: &str, name: &str) -> Value {
    json!([{"apiVersion": api_version, "kind": kind, "name": name, "controller": true}])
}

fn replica_set_pod(deployment: &str, image: u8) -> Value {
    pod(
        owned("apps/v1", "ReplicaSet", &format!("{deployment}-5d9c")),
        json!({"app": "x", "pod-template-hash": "5d9c"}),
        image,
    )
}

fn running(facts: &PodFacts, workload: &Workload) -> Vec<(String, usize)> {
    let images = facts.images.get(&workload.id);
    let images = images
        .map(|images| images.for_container("app"))
        .unwrap_or_default();
    images
        .iter()
        .map(|i| (i.digest.as_ref().expect("a digest").to_string(), i.pods))
        .collect()
}

#[tokio::test]
async fn pods_of_deployments_with_the_same_labels_are_not_mixed() {
    let (cluster, requests) = cluster(|_| {
        let job = owned("batch/v1", "Job", "nightly-29931120");
        page(
            json!([
                replica_set_pod("web", 1),
                replica_set_pod("web-blue", 2),
                replica_set_pod("web-blue", 2),
                replica_set_pod("web-blue", 3),
                pod(job, json!({}), 4),
            ]),
            "",
        )
    });
    let web = workload("Deployment", "shop", "web", "x");
    let blue = workload("Deployment", "shop", "web-blue", "x");
    let nightly = workload("CronJob", "shop", "nightly", "");
    let facts = cluster
        .pod_facts(&[&web, &blue, &nightly], Coverage::Whole)
        .await;
    assert_eq!(running(&facts, &web), [(digest(1), 1)]);
    assert_eq!(running(&facts, &blue), [(digest(2), 2), (digest(3), 1)]);
    assert_eq!(running(&facts, &nightly), [(digest(4), 1)]);
    assert_eq!((facts.note, facts.uncovered.is_empty()), (None, true));
    assert_eq!(
        requests.uris(),
        [
            "/api/v1/namespaces/shop/pods?&fieldSelector=status.phase%21%3DSucceeded\
          %2Cstatus.phase%21%3DFailed&limit=500"
        ]
    );
}

#[tokio::test]
async fn pod_belongs_to_its_owner_only_if_the_labels_match() {
    let (cluster, _) = cluster(|_| {
        let mut released = replica_set_pod("web", 1);
        released["metadata"]["labels"]["app"] = json!("other");
        page(json!([released]), "")
    });
    let web = workload("Deployment", "shop", "web", "x");
    assert_eq!(
        running(&cluster.pod_facts(&[&web], Coverage::Whole).await, &web),
        []
    );
}

#[tokio::test]
async fn pod_without_owner_is_assigned_by_labels_unless_two_workloads_match() {
    let (cluster, _) = cluster(|_| {
        let [one, two] =
            [("x", 1), ("y", 2)].map(|(app, n)| pod(json!(null), json!({"app": app}), n));
        page(json!([one, two]), "")
    });
    let web = workload("Deployment", "shop", "web", "x");
    let green = workload("Deployment", "shop", "green", "y");
    let blue = workload("Deployment", "shop", "blue", "y");
    let facts = cluster
        .pod_facts(&[&web, &green, &blue], Coverage::Whole)
        .await;
    assert_eq!(running(&facts, &web), [(digest(1), 1)]);
    assert_eq!(facts.images.len(), 1);
    assert_eq!(facts.uncovered.to_string(), "1 bare Pod");
}

#[tokio::test]
async fn pods_of_other_kinds_are_counted_but_finished_pods_are_not() {
    let (cluster, _) = cluster(|_| {
        let rollout = pod(
            owned("apps/v1", "ReplicaSet", "api-77"),
            json!({"rollouts-pod-template-hash": "77"}),
            1,
        );
        let mut finished = rollout.clone();
        finished["status"]["phase"] = json!("Succeeded");
        let mut deleted = rollout.clone();
        deleted["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        let job = pod(owned("batch/v1", "Job", "migrate"), json!({}), 1);
        page(
            json!([rollout, rollout, finished, deleted, job, "no Pod"]),
            "",
        )
    });
    let web = workload("Deployment", "shop", "web", "x");
    let db = workload("StatefulSet", "shop", "db", "y");
    let facts = cluster.pod_facts(&[&web, &db], Coverage::Whole).await;
    assert_eq!(
        facts.uncovered.to_string(),
        "1 Pod of Job, 2 Pods of Rollout"
    );
}

#[tokio::test]
async fn single_workload_lists_its_own_pods_unless_others_are_counted() {
    let (cluster, requests) = cluster(|_| {
        page(
            json!([pod(owned("v1", "Node", "n"), json!({"app": "x"}), 1)]),
            "",
        )
    });
    let web = workload("Deployment", "shop", "web", "x");
    let facts = cluster.pod_facts(&[&web], Coverage::Own).await;
    assert!(requests.uris()[0].contains("labelSelector=app%3Dx&"));
    // Pods of a namespace that was not listed completely are not counted.
    assert!(facts.uncovered.is_empty());
    let facts = cluster.pod_facts(&[&web], Coverage::Whole).await;
    assert!(!requests.uris()[1].contains("labelSelector"));
    assert_eq!(facts.uncovered.to_string(), "1 bare Pod");
}

#[tokio::test]
async fn forbidden_pods_give_one_note() {
    let (cluster, _) = cluster(|uri| match uri {
        _ if uri.contains("/shop/") => page(json!([replica_set_pod("web", 1)]), ""),
        _ => forbidden(),
    });
    let web = workload("Deployment", "shop", "web", "x");
    let others = ["a", "b", "c", "d"].map(|ns| workload("Deployment", ns, "web", "x"));
    let mut all: Vec<&Workload> = others.iter().collect();
    all.push(&web);
    let facts = cluster.pod_facts(&all, Coverage::Whole).await;
    assert_eq!(running(&facts, &web), [(digest(1), 1)]);
    assert_eq!(
        facts.note.as_deref(),
        Some(
            "Pods could not be listed in a, b, c and 1 more (Forbidden), \
             so the images that run there are not checked"
        )
    );
}

#[tokio::test]
async fn usage_lists_every_container_with_its_owner() {
    let (cluster, requests) = cluster(|_| {
        let mut web = replica_set_pod("web", 1);
        web["spec"]["initContainers"] = json!([{"name": "proxy", "image": "mesh/proxy:2"}]);
        let bare = pod(json!(null), json!({}), 2);
        page(json!([web, bare, {"metadata": 1}]), "")
    });
    let usages = cluster
        .pod_usages(&Scope::AllNamespaces, Some("a"))
        .await
        .expect("read");
    let rows: Vec<_> = usages
        .containers
        .iter()
        .map(|u| {
            let owner = u.owner.as_ref().map(ToString::to_string);
            (
                u.container.as_str(),
                u.image.as_str(),
                owner.unwrap_or_default(),
            )
        })
        .collect();
    let web = "Deployment shop/web".to_owned();
    assert_eq!(
        rows,
        [
            ("app", "org/app:1", web.clone()),
            ("proxy", "mesh/proxy:2", web),
            ("app", "org/app:1", String::new())
        ]
    );
    assert_eq!(usages.errors.len(), 1);
    assert!(requests.uris()[0].starts_with("/api/v1/pods?&fieldSelector=status.phase"));
    assert!(requests.uris()[0].contains("&labelSelector=a&"));
}

#[tokio::test]
async fn taints_are_read_only_if_the_nodes_have_different_platforms() {
    let node = |name: &str, arch: &str, spec: serde_json::Value| {
        let labels = json!({"kubernetes.io/os": "linux", "kubernetes.io/arch": arch, "pool": "a"});
        json!({"metadata": {"name": name, "labels": labels}, "spec": spec})
    };
    let cordoned = json!({"unschedulable": true});
    let (alike, requests) = cluster(move |_| {
        let nodes = ["n1", "n2"].map(|name| node(name, "arm64", cordoned.clone()));
        page(json!(nodes), "")
    });
    let nodes = alike.nodes().await.expect("read").expect("known");
    assert_eq!(nodes.len(), 2);
    assert_eq!(nodes[0].platform.as_str(), "linux/arm64");
    assert_eq!(requests.uris(), ["/api/v1/nodes?&limit=500"]);

    let tainted = json!({"taints": [{"key": "gpu", "effect": "NoSchedule"},
        {"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"},
        {"key": "busy", "effect": "PreferNoSchedule"}]});
    let cordoned = json!({"unschedulable": true, "taints": [
        {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}]});
    let (mixed, requests) = cluster(move |_| {
        let nodes = [
            node("n1", "arm64", tainted.clone()),
            node("n2", "amd64", cordoned.clone()),
            json!({}),
        ];
        page(json!(nodes), "")
    });
    let nodes = mixed.nodes().await.expect("read").expect("known");
    let keys: Vec<Vec<&str>> = nodes
        .iter()
        .map(|node| node.taints.iter().map(|taint| &*taint.key).collect())
        .collect();
    assert_eq!(keys, [["gpu"], ["node.kubernetes.io/unschedulable"]]);
    assert_eq!(requests.uris().len(), 2);

    let (closed, _) = cluster(|_| forbidden());
    assert_eq!(closed.nodes().await.expect("no error"), None);
    let (odd, _) = cluster(|_| (200, "{}".to_owned()));
    let error = odd.nodes().await.expect_err("not a list");
    assert_eq!(error.reason(), "Malformed");
}

#[tokio::test]
async fn names_for_completion_are_sorted() {
    let (cluster, requests) = cluster(|_| {
        page(
            json!([{"metadata": {"name": "b"}}, {"metadata": {"name": "a"}}]),
            "",
        )
    });
    let names = cluster
        .names(
            &WorkloadKind::Deployment.into(),
            &Scope::Namespace("shop".to_owned()),
        )
        .await;
    assert_eq!(names.expect("read"), ["a", "b"]);
    assert_eq!(cluster.namespaces().await.expect("read"), ["a", "b"]);
    assert_eq!(
        requests.uris(),
        [
            "/apis/apps/v1/namespaces/shop/deployments?&limit=500",
            "/api/v1/namespaces?&limit=500"
        ]
    );
}

#[tokio::test]
async fn pods_that_still_have_the_old_image_in_their_spec_are_not_compared() {
    let (cluster, _) = cluster(|_| {
        let mut old = replica_set_pod("web", 1);
        old["spec"]["containers"][0]["image"] = json!("org/app:0.9");
        let mut spelled = replica_set_pod("web", 3);
        spelled["spec"]["containers"][0]["image"] = json!("docker.io/org/app:1");
        page(json!([old, replica_set_pod("web", 2), spelled]), "")
    });
    let web = workload("Deployment", "shop", "web", "x");
    let facts = cluster.pod_facts(&[&web], Coverage::Whole).await;
    assert_eq!(running(&facts, &web), [(digest(2), 1), (digest(3), 1)]);
}
