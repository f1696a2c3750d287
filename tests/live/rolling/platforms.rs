//! The platforms on which Pods can really be scheduled, by the nodes of `nodes.yaml`.

use serde_json::{Value, json};

use crate::objects::{automated, workload};
use crate::registry::Registry;
use crate::shop::{POLICY, Shop};

/// The fields of a Pod's spec that let it run on the arm64 nodes, and only there.
fn on_arm64(field: &str, value: Value) -> Value {
    let tolerations = json!([{"key": "dedicated", "value": "arm64", "effect": "NoSchedule"}]);
    json!({"tolerations": tolerations, field: value})
}

fn affinity(requirement: &Value) -> Value {
    json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution":
        {"nodeSelectorTerms": [requirement]}}})
}

#[tokio::test]
async fn image_must_offer_the_platforms_of_the_nodes_that_can_run_its_pods() {
    let shop = Shop::open_rolling("platforms").await;
    let (registry, repository) = (Registry::shared().await, "platforms/built");
    let image = format!("{}/{repository}", registry.host);
    let all = ["linux/amd64", "linux/arm64", "linux/ppc64le"];
    for (tag, created, platforms) in [
        ("1.0.0", "2026-01-01T00:00:00Z", &all[..]),
        ("1.0.1", "2026-02-01T00:00:00Z", &["linux/amd64"]),
    ] {
        registry.push(repository, tag, created, platforms).await;
    }
    let lacks = |platform: &str| {
        format!("up-to-date: 1.0.1 does not offer {platform}, on which the workload runs")
    };
    let (arm64, hostname) = (lacks("linux/arm64"), "kubernetes.io/hostname");
    let in_pool = json!({"matchExpressions": [
        {"key": "pool", "operator": "In", "values": ["arm"]}]});
    let not_small = json!({"matchExpressions": [
        {"key": "pool", "operator": "NotIn", "values": ["small", "large"]}]});
    let named = json!({"matchFields": [
        {"key": "metadata.name", "operator": "In", "values": ["arm64-1"]}]});
    // WHY, and on which nodes the scheduler then places the Pod.
    let cases = [
        ("plain", json!({}), "", "amd64-"),
        (
            "pool",
            json!({"nodeSelector": {"pool": "large"}}),
            "",
            "amd64-1",
        ),
        (
            "host",
            json!({"nodeSelector": {hostname: "amd64-0"}}),
            "",
            "amd64-0",
        ),
        (
            "arm-pool",
            on_arm64("nodeSelector", json!({"pool": "arm"})),
            &arm64,
            "arm64-",
        ),
        (
            "arm-host",
            on_arm64("nodeSelector", json!({hostname: "arm64-0"})),
            &arm64,
            "arm64-0",
        ),
        (
            "arm-term",
            on_arm64("affinity", affinity(&in_pool)),
            &arm64,
            "arm64-",
        ),
        (
            "arm-other",
            on_arm64("affinity", affinity(&not_small)),
            &arm64,
            "arm64-",
        ),
        (
            "arm-field",
            on_arm64("affinity", affinity(&named)),
            &arm64,
            "arm64-1",
        ),
        (
            "arm-node",
            json!({"nodeName": "arm64-1"}),
            &arm64,
            "arm64-1",
        ),
    ];
    let deployments: Vec<Value> = cases
        .iter()
        .map(|(name, fields, _, _)| {
            let image = format!("{image}:1.0.0");
            let mut object = workload("Deployment", shop.namespace, name, &image);
            for (key, value) in fields.as_object().into_iter().flatten() {
                object["spec"]["template"]["spec"][key] = value.clone();
            }
            automated(object, POLICY)
        })
        .collect();
    shop.deployed(&deployments).await;
    // Its Pods also run on the cordoned node.
    let agent = workload(
        "DaemonSet",
        shop.namespace,
        "agent",
        &format!("{image}:1.0.0"),
    );
    shop.deployed(&[automated(agent, POLICY)]).await;
    let status = shop.run(&["status", "--no-headers"]);
    assert_eq!(status.code, 0, "{status:?}");
    let row = |name: &str, current: &str| {
        let start = format!("{name} app automated {POLICY} 1.0.0 {current} ");
        let rows = status.table();
        let row = rows.iter().find_map(|row| row.strip_prefix(&start));
        row.unwrap_or_else(|| panic!("{start}: {status:?}"))
            .to_owned()
    };
    for (name, _, why, node) in cases {
        let name = format!("deployment/{name}");
        if why.is_empty() {
            assert_eq!(row(&name, "1.0.1"), "<none>");
        } else {
            assert_eq!(row(&name, "<none>"), why);
        }
        let app = name.trim_start_matches("deployment/");
        for pod in shop.pods_of(app).await {
            let placed = pod["spec"]["nodeName"].as_str().unwrap_or_default();
            assert!(placed.starts_with(node), "{name}: {placed}");
        }
    }
    assert_eq!(row("daemonset/agent", "<none>"), lacks("linux/ppc64le"));
}
