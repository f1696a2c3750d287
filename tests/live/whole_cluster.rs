//! A separate cluster with many objects: pages, time, memory.

use serde_json::{Value, json};

use crate::binary::{imgpolicy, measured, say};
use crate::control_plane::ControlPlane;
use crate::kubeconfigs::{self, User};
use crate::objects::workload;

/// The number of workloads, unless `IMGPOLICY_E2E_OBJECTS` sets it.
const MANY: usize = 1200;

/// The page size, the same as kubectl's.
const PAGE: usize = 500;

#[tokio::test]
async fn many_objects_come_in_pages_of_500() {
    let many = std::env::var("IMGPOLICY_E2E_OBJECTS").ok();
    let many: usize = many.map_or(MANY, |text| text.parse().expect("a number"));
    let plane = ControlPlane::second().await;
    let namespaces = ["many-a", "many-b", "many-c"];
    for namespace in namespaces {
        plane.namespace(namespace).await;
    }
    // A realistic size.
    let env: Vec<Value> = (0..40)
        .map(|n| json!({"name": format!("VARIABLE_{n}"), "value": "x".repeat(40)}))
        .collect();
    let objects: Vec<Value> = (0..many)
        .map(|n| {
            let (name, namespace) = (format!("web-{n:04}"), namespaces[n % namespaces.len()]);
            let mut object = workload("Deployment", namespace, &name, "org/app:1");
            object["metadata"]["labels"] = json!({"many": "yes"});
            object["spec"]["template"]["spec"]["containers"][0]["env"] = json!(env);
            object
        })
        .collect();
    plane.apply(&objects).await;
    drop(objects);
    let kubeconfig = kubeconfigs::of_user(plane, User::Counted, "default");
    let (run, took, peak) = measured(&kubeconfig, &["status", "-A", "-l", "many=yes"]);
    let peak = peak.map_or_else(|| "?".to_owned(), |kib| (kib / 1024).to_string());
    let took = took.as_secs_f64();
    say(&format!(
        "status -A of {many} objects: {took:.2} s, at most {peak} MiB"
    ));
    assert_eq!(run.code, 0, "{}", run.stderr);
    // Two containers each, plus the headings.
    assert_eq!(run.stdout.lines().count(), 2 * many + 1);
    let pages = plane.audited(User::Counted, "/deployments?");
    assert_eq!(pages.len(), many.div_ceil(PAGE), "{pages:?}");
    assert!(
        pages.iter().all(|uri| uri.contains("limit=500")),
        "{pages:?}"
    );
    let continued = pages.iter().filter(|uri| uri.contains("continue="));
    assert_eq!(continued.count(), pages.len() - 1);
    // No container has a policy or a moving tag.
    assert_eq!(plane.audited(User::Counted, "/pods"), [""; 0]);
    assert_eq!(plane.audited(User::Counted, "/nodes"), [""; 0]);
}

#[tokio::test]
async fn missing_helm_release_kind_is_reported_only_on_request() {
    let plane = ControlPlane::second().await;
    let namespace = plane.namespace("no-helm").await;
    plane
        .apply(&[workload("Deployment", namespace, "web", "org/app:1")])
        .await;
    let kubeconfig = kubeconfigs::of_user(plane, User::Admin, namespace);
    let run = imgpolicy(&kubeconfig, &["status"]);
    assert_eq!((run.code, run.table().len()), (0, 3), "{run:?}");
    assert!(!run.stderr.to_lowercase().contains("helm"), "{run:?}");
    // A named kind that is missing is an error.
    let asked = imgpolicy(&kubeconfig, &["status", "helmreleases"]);
    assert_eq!(asked.code, 1, "{asked:?}");
    let line = "error: the server doesn't have a resource type \"helmreleases\"";
    assert_eq!(asked.stderr.trim_end(), line);
}
