use serde_json::{Value, json};

use super::*;
use crate::workload::id::WorkloadKind;
use crate::workload::scheduling::pod_spec::PlacementFields;
use crate::workload::scheduling::toleration::Taint;

/// The scheduling of a Pod's spec in a workload of this kind.
fn of_kind(kind: WorkloadKind, mut spec: Value) -> Scheduling {
    let mut take = |key: &str| spec.get_mut(key).map(Value::take).unwrap_or_default();
    let fields = PlacementFields {
        node_selector: serde_json::from_value(take("nodeSelector")).expect("a selector"),
        affinity: serde_json::from_value(take("affinity")).expect("an affinity"),
        tolerations: serde_json::from_value(take("tolerations")).expect("tolerations"),
        node_name: serde_json::from_value(take("nodeName")).expect("a name"),
    };
    Scheduling::from_pod(fields, kind)
}

fn scheduling(spec: Value) -> Scheduling {
    of_kind(WorkloadKind::Deployment, spec)
}

fn affine(terms: Value) -> Scheduling {
    scheduling(json!({"affinity": {"nodeAffinity":
        {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}}))
}

fn platforms(names: &[&str]) -> Vec<Platform> {
    let parse = |name: &&str| name.parse().expect("a platform");
    names.iter().map(parse).collect()
}

fn unlabelled(names: &[&str]) -> Vec<Node> {
    platforms(names)
        .into_iter()
        .map(Node::of_platform)
        .collect()
}

/// A node with its name and pool as labels, too.
fn node(name: &str, platform: &str, pool: &str, taints: &[Taint]) -> Node {
    let labels = [("kubernetes.io/hostname", name), ("pool", pool)];
    Node {
        platform: platform.parse().expect("a platform"),
        name: Some(name.to_owned()),
        labels: Some(labels.map(|(k, v)| (k.to_owned(), v.to_owned())).into()),
        taints: taints.to_vec(),
    }
}

fn taint(key: &str, value: &str) -> Taint {
    Taint {
        key: key.to_owned(),
        value: value.to_owned(),
        effect: "NoSchedule".to_owned(),
    }
}

/// Two pools: the arm64 nodes are for Pods that tolerate their taint.
fn mixed() -> Vec<Node> {
    vec![
        node("a1", "linux/amd64", "web", &[]),
        node("a2", "linux/amd64", "batch", &[]),
        node("m1", "linux/arm64", "arm", &[taint("dedicated", "arm")]),
        node("s1", "linux/s390x", "old", &[Taint::of_cordon()]),
    ]
}

#[test]
fn selector_and_affinity_restrict_the_nodes() {
    let nodes = unlabelled(&["linux/amd64", "linux/arm64", "windows/amd64"]);
    let pinned = scheduling(json!({"nodeSelector": {"kubernetes.io/arch": "arm64"}}));
    assert_eq!(
        pinned.possible(Some(&nodes)),
        Some(platforms(&["linux/arm64"]))
    );
    let affine = affine(json!([{"matchExpressions": [
        {"key": "kubernetes.io/os", "operator": "NotIn", "values": ["windows"]},
        {"key": "zone", "operator": "In", "values": ["a"]}]}]));
    assert_eq!(
        affine.possible(Some(&nodes)),
        Some(platforms(&["linux/amd64", "linux/arm64"])),
        "the labels of these nodes are not known"
    );
}

#[test]
fn pods_run_only_on_nodes_that_they_tolerate_and_select() {
    let arm = json!([{"key": "dedicated", "operator": "Exists"}]);
    let named = json!([{"matchFields": [
        {"key": "metadata.name", "operator": "In", "values": ["m1"]}]}]);
    let affinity = json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution":
        {"nodeSelectorTerms": named}}});
    for (spec, expected) in [
        (json!({}), &["linux/amd64"][..]),
        (json!({"tolerations": arm}), &["linux/amd64", "linux/arm64"]),
        (
            json!({"tolerations": arm, "nodeSelector": {"pool": "arm"}}),
            &["linux/arm64"],
        ),
        (json!({"nodeSelector": {"pool": "batch"}}), &["linux/amd64"]),
        (
            json!({"nodeSelector": {"kubernetes.io/hostname": "a1"}}),
            &["linux/amd64"],
        ),
        (
            json!({"tolerations": arm, "affinity": affinity}),
            &["linux/arm64"],
        ),
        // A Pod with a node passes neither the scheduler nor its taints.
        (json!({"nodeName": "m1"}), &["linux/arm64"]),
        (
            json!({"tolerations": [{"operator": "Exists"}]}),
            &["linux/amd64", "linux/arm64", "linux/s390x"],
        ),
        // A node that is asked for by its architecture, as with the taints of GKE.
        (
            json!({"nodeSelector": {"kubernetes.io/arch": "arm64"}}),
            &["linux/arm64"],
        ),
    ] {
        let possible = scheduling(spec.clone()).possible(Some(&mixed()));
        assert_eq!(possible, Some(platforms(expected)), "{spec}");
    }
    let everywhere = of_kind(WorkloadKind::DaemonSet, json!({}));
    assert_eq!(
        everywhere.possible(Some(&mixed())),
        Some(platforms(&["linux/amd64", "linux/s390x"])),
        "the Pods of a DaemonSet also run on cordoned nodes"
    );
}

#[test]
fn taint_of_an_architecture_is_tolerated_where_it_is_named() {
    let nodes = [
        node("a1", "linux/amd64", "web", &[]),
        node(
            "m1",
            "linux/arm64",
            "arm",
            &[taint("kubernetes.io/arch", "arm64")],
        ),
    ];
    let either = affine(json!([{"matchExpressions": [
        {"key": "kubernetes.io/arch", "operator": "In", "values": ["amd64", "arm64"]}]}]));
    let both = platforms(&["linux/amd64", "linux/arm64"]);
    assert_eq!(either.possible(Some(&nodes)), Some(both));
    let plain = scheduling(json!({})).possible(Some(&nodes));
    assert_eq!(plain, Some(platforms(&["linux/amd64"])));
}

#[test]
fn without_a_suitable_node_only_what_is_certain_is_known() {
    let gone = scheduling(json!({"nodeSelector": {"pool": "scaled-to-zero"}}));
    assert_eq!(
        gone.possible(Some(&mixed())),
        None,
        "any platform may be added"
    );
    let alike = [
        node("a1", "linux/amd64", "web", &[]),
        node("a2", "linux/amd64", "web", &[]),
    ];
    assert_eq!(
        gone.possible(Some(&alike)),
        Some(platforms(&["linux/amd64"]))
    );

    let pinned = scheduling(json!({"nodeSelector": {"kubernetes.io/arch": "arm64"}}));
    assert_eq!(pinned.possible(None), Some(platforms(&["linux/arm64"])));
    assert_eq!(
        pinned.possible(Some(&alike)),
        Some(platforms(&["linux/arm64"])),
        "no node of that platform is up yet"
    );
    assert_eq!(Scheduling::default().possible(None), None);
    assert_eq!(Scheduling::default().possible(Some(&[])), None);
}

#[test]
fn term_without_a_platform_label_admits_every_platform() {
    let affine = affine(json!([
        {"matchExpressions": [{"key": "kubernetes.io/arch", "operator": "In",
            "values": ["arm64"]}]},
        {"matchExpressions": [{"key": "zone", "operator": "Exists"}]}]));
    let nodes = unlabelled(&["linux/amd64", "linux/arm64"]);
    let both = platforms(&["linux/amd64", "linux/arm64"]);
    assert_eq!(affine.possible(Some(&nodes)), Some(both));
}

#[test]
fn only_what_decides_is_looked_at() {
    let pinned = scheduling(json!({"nodeSelector": {"pool": "a", "kubernetes.io/os": "linux"}}));
    assert_eq!(pinned.label_keys().collect::<Vec<_>>(), ["pool"]);
    assert!(!pinned.names_nodes());
    assert!(scheduling(json!({"nodeName": "n1"})).names_nodes());
}
