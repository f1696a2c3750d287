//! Five hundred workloads in one run.

use std::time::Instant;

use kubectl_imgpolicy::workload::WorkloadKind;
use kubectl_imgpolicy::write::Done;

use crate::binary::say;
use crate::control_plane::ControlPlane;
use crate::kubeconfigs::User;
use crate::objects::workload;
use crate::plans::{self, app, failure};

const WORKLOADS: usize = 500;

#[tokio::test]
async fn one_failure_among_five_hundred_writes_stops_no_other() {
    let plane = ControlPlane::shared();
    let namespace = plane.namespace("write-many").await;
    let names: Vec<String> = (0..WORKLOADS).map(|n| format!("w{n:03}")).collect();
    let objects: Vec<_> = names
        .iter()
        .map(|name| workload("Deployment", namespace, name, "org/app:1"))
        .collect();
    plane.apply(&objects).await;
    let middle = &names[WORKLOADS / 2];
    plane.admit_unless_named(namespace, middle, "Deny").await;
    let cluster = plane.connect(User::Admin, namespace).await;
    let changes: Vec<_> = names
        .iter()
        .map(|name| {
            let id = plans::id(WorkloadKind::Deployment, namespace, name);
            app(id, "org/app:1", "org/app:2")
        })
        .collect();
    let started = Instant::now();
    let applied = plans::write(&cluster, &changes, &[]).await;
    say(&format!(
        "{WORKLOADS} workloads written in {:.1} s",
        started.elapsed().as_secs_f64()
    ));
    for (name, applied) in names.iter().zip(&applied) {
        assert_eq!(*name, applied.workload.name);
        if name == middle {
            let (line, _) = failure(applied);
            assert!(line.contains("has no place for it"), "{line}");
        } else {
            assert_eq!(applied.result.as_ref().ok(), Some(&Done::Written));
        }
    }
    // A second run finds the new images and writes nothing again.
    let events = plane.events(namespace).await.len();
    assert_eq!(events, WORKLOADS - 1);
}
