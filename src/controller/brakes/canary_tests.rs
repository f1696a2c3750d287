use serde_json::{Value, json};

use super::*;
use crate::plan::ImageChange;
use crate::workload::{ContainerType, decode};

const OLD: &str = "org/app:1.0.0";
const NEW: &str = "org/app:1.0.1";

/// A Deployment in namespace shop.
fn web(name: &str, image: &str, replicas: Value, annotations: Value) -> Workload {
    let object = json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"namespace": "shop", "name": name, "annotations": annotations},
        "spec": {"replicas": replicas,
            "template": {"spec": {"containers": [{"name": "app", "image": image}]}}}});
    decode(&object, "shop")
        .expect("decodes")
        .expect("a workload")
}

fn plain(name: &str, replicas: u32) -> Workload {
    web(name, OLD, json!(replicas), json!({}))
}

fn wave(name: &str, replicas: u32, wave: &str) -> Workload {
    web(
        name,
        OLD,
        json!(replicas),
        json!({"imgpolicy.dev/wave": wave}),
    )
}

/// The update of a workload to the new image.
fn update(workload: &Workload) -> Change {
    let digest = format!("sha256:{}", "a".repeat(64));
    let image = ImageChange {
        digest: digest.parse().ok(),
        ..ImageChange::new(
            "app",
            ContainerType::Container,
            OLD,
            NEW.parse().expect("an image"),
        )
    };
    Change::of_images(workload.id.clone(), vec![image])
}

/// The names of the workloads with the old image that may start, and why the others wait.
fn starts(workloads: &[Workload], in_progress: &[&str]) -> (String, Option<String>) {
    let due = workloads
        .iter()
        .filter(|workload| workload.containers[0].image == OLD);
    let due: Vec<Change> = due.map(update).collect();
    let due: Vec<&Change> = due.iter().collect();
    let running = workloads
        .iter()
        .filter(|one| in_progress.contains(&one.id.name.as_str()));
    let running: BTreeSet<WorkloadId> = running.map(|one| one.id.clone()).collect();
    let holds = CanaryHolds::new(&canary_members(workloads, &due, &running));
    let free = due
        .iter()
        .filter(|change| holds.reason(&change.workload).is_none());
    let free: Vec<&str> = free.map(|change| change.workload.name.as_str()).collect();
    let mut waiting = due
        .iter()
        .filter_map(|change| holds.reason(&change.workload));
    (free.join(" "), waiting.next().map(str::to_owned))
}

#[test]
fn two_workloads_start_together_and_of_three_only_one() {
    let (free, why) = starts(&[plain("b", 2), plain("a", 2)], &[]);
    assert_eq!((free.as_str(), why), ("b a", None));
    let (free, why) = starts(&[plain("b", 2), plain("a", 2), plain("c", 2)], &[]);
    assert_eq!(free, "a");
    let why = why.expect("the others wait");
    assert_eq!(why, "deployment/a gets docker.io/org/app:1.0.1 first");
}

#[test]
fn first_one_has_the_lowest_wave_then_the_fewest_pods_then_the_first_name() {
    for (first, workloads) in [
        ("c", vec![plain("a", 3), plain("b", 2), plain("c", 1)]),
        ("b", vec![plain("a", 0), plain("b", 5), plain("c", 6)]),
        ("c", vec![plain("a", 1), plain("b", 1), wave("c", 9, "-1")]),
        (
            "b",
            vec![wave("a", 1, "2"), wave("b", 9, "1"), wave("c", 1, "2")],
        ),
        ("a", vec![plain("c", 1), plain("a", 1), plain("b", 1)]),
        // Without a number, a Deployment has one Pod.
        (
            "c",
            vec![
                plain("a", 2),
                plain("b", 2),
                web("c", OLD, Value::Null, json!({})),
            ],
        ),
    ] {
        assert_eq!(starts(&workloads, &[]).0, first);
    }
}

#[test]
fn others_start_when_the_first_one_is_available() {
    let others = [plain("b", 2), plain("c", 2), plain("d", 2)];
    let updated = [&[web("a", NEW, json!(1), json!({}))], &others[..]].concat();
    let (free, why) = starts(&updated, &["a"]);
    assert_eq!(free, "");
    assert_eq!(
        why.as_deref(),
        Some("deployment/a gets docker.io/org/app:1.0.1 first and is not available yet")
    );
    assert_eq!(starts(&updated, &[]).0, "b c d");
    // One that starts no Pods shows nothing.
    let idle = [&[web("a", NEW, json!(0), json!({}))], &others[..]].concat();
    assert_eq!(starts(&idle, &[]).0, "b");
    let no_pods: Vec<Workload> = ["a", "b", "c"].map(|name| plain(name, 0)).into();
    assert_eq!(starts(&no_pods, &[]).0, "a");
}

/// The annotations after the new image failed, with a digest of this digit.
fn failed(digit: &str) -> Value {
    let failures = json!([{"container": "app", "image": NEW, "at": "2026-11-21T11:00:00Z",
        "digest": format!("sha256:{}", digit.repeat(64))}]);
    json!({"imgpolicy.dev/failed": failures.to_string()})
}

#[test]
fn others_wait_if_the_first_one_failed_until_another_image_is_pushed() {
    let others = [plain("b", 2), plain("c", 2)];
    for image in [OLD, NEW] {
        let workloads = [&[web("a", image, json!(1), failed("a"))], &others[..]].concat();
        let due: Vec<Change> = others.iter().map(update).collect();
        let due: Vec<&Change> = due.iter().collect();
        let holds = CanaryHolds::new(&canary_members(&workloads, &due, &BTreeSet::new()));
        for other in &others {
            assert_eq!(
                holds.reason(&other.id),
                Some("docker.io/org/app:1.0.1 failed in deployment/a, which was updated first"),
                "{image}"
            );
        }
    }
    // Another digest of the same tag failed there, and it is not due.
    let workloads = [
        web("a", OLD, json!(1), failed("b")),
        plain("b", 1),
        plain("c", 2),
        plain("d", 2),
    ];
    let due: Vec<Change> = workloads[1..].iter().map(update).collect();
    let due: Vec<&Change> = due.iter().collect();
    let members = canary_members(&workloads, &due, &BTreeSet::new());
    assert_eq!(CanaryHolds::new(&members).reason(&workloads[1].id), None);
    // After another push, it is due again.
    let workloads = [&[web("a", OLD, json!(1), failed("b"))], &others[..]].concat();
    assert_eq!(starts(&workloads, &[]).0, "a");
}

#[test]
fn workloads_with_another_target_or_repository_do_not_count() {
    let other = web("x", "org/other:1.0.1", json!(1), json!({}));
    let older = web("y", "org/app:0.9.0", json!(1), json!({}));
    let workloads = [plain("a", 1), plain("b", 1), other, older];
    let due: Vec<Change> = workloads[..2].iter().map(update).collect();
    let due: Vec<&Change> = due.iter().collect();
    let members = canary_members(&workloads, &due, &BTreeSet::new());
    assert_eq!(members.len(), 2);
    assert_eq!(CanaryHolds::new(&members), CanaryHolds::default());
}

#[test]
fn workload_with_two_targets_waits_for_both_and_none_waits_in_a_circle() {
    let members: Vec<CanaryMember> = [
        ("b", "org/one:1"),
        ("c", "org/one:1"),
        ("d", "org/one:1"),
        ("a", "org/two:1"),
        ("b", "org/two:1"),
        ("c", "org/two:1"),
    ]
    .map(|(name, image)| CanaryMember {
        workload: plain(name, 1).id,
        target: CanaryTarget::of(&image.parse().expect("an image")),
        wave: 0,
        size: RolloutSize::Pods(1),
        stage: CanaryStage::Due,
    })
    .into();
    let holds = CanaryHolds::new(&members);
    let free: Vec<&str> = ["a", "b", "c", "d"]
        .into_iter()
        .filter(|name| holds.reason(&plain(name, 1).id).is_none())
        .collect();
    assert_eq!(free, ["a"]);
}
