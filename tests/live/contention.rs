//! Updates of an object that another client writes a hundred times a second.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use kubectl_imgpolicy::workload::WorkloadKind;
use kubectl_imgpolicy::write::{Done, DryRun};
use serde_json::Value;

use crate::binary::say;
use crate::busy_writer::keep_writing;
use crate::control_plane::ControlPlane;
use crate::kubeconfigs::User;
use crate::objects::workload;
use crate::plans::{self, app};

/// The number of updates, made one after the other.
const UPDATES: u64 = 25;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_update_lands_once_and_no_foreign_write_is_lost() {
    let plane = ControlPlane::shared();
    let namespace = plane.namespace("contention").await;
    plane
        .apply(&[workload("StatefulSet", namespace, "web", "org/app:1.0")])
        .await;
    let cluster = plane.connect(User::Admin, namespace).await;
    let id = plans::id(WorkloadKind::StatefulSet, namespace, "web");
    let before = cluster.object(&id).await.expect("the object exists");

    let stop = Arc::new(AtomicBool::new(false));
    let path = format!("/apis/apps/v1/namespaces/{namespace}/statefulsets/web");
    let started = Instant::now();
    let writer = keep_writing(plane.kube_client(), path, Arc::clone(&stop));
    let writer = tokio::spawn(writer);
    // The first plan is based on an outdated object, as after a confirmation.
    let mut observed = vec![cluster.observe(&id).await.expect("read")];
    for n in 1..=UPDATES {
        let (from, to) = (format!("org/app:1.{}", n - 1), format!("org/app:1.{n}"));
        let change = [app(id.clone(), &from, &to)];
        let applied = plans::write(&cluster, &change, &observed).await;
        observed.clear();
        let result = applied[0].result.as_ref();
        assert_eq!(result.ok(), Some(&Done::Written), "{n}: {result:?}");
    }
    stop.store(true, Ordering::Relaxed);
    let (last, count) = writer.await.expect("the foreign writer ends");
    let rate = count as f64 / started.elapsed().as_secs_f64();
    say(&format!(
        "{UPDATES} updates during {rate:.0} foreign writes a second"
    ));

    let after = cluster.object(&id).await.expect("the object exists");
    let containers = &after["spec"]["template"]["spec"]["containers"];
    assert_eq!(containers[0]["image"], format!("org/app:1.{UPDATES}"));
    assert_eq!(containers.as_array().map(Vec::len), Some(1));
    // A StatefulSet's generation counts only changes of the spec, so each update was
    // written once.
    let generation = |object: &Value| object["metadata"]["generation"].as_u64();
    assert_eq!(
        generation(&after),
        generation(&before).map(|generation| generation + UPDATES)
    );
    let annotations = &after["metadata"]["annotations"];
    // No update is recorded twice, either.
    assert_eq!(annotations["fluxcd.io/build.number"], UPDATES.to_string());
    for (key, value) in last {
        assert_eq!(annotations[&key], value, "{key}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_concurrent_updates_write_the_image_once() {
    let plane = ControlPlane::shared();
    let namespace = plane.namespace("contention-two").await;
    plane
        .apply(&[workload("Deployment", namespace, "web", "org/app:1")])
        .await;
    let cluster = plane.connect(User::Admin, namespace).await;
    let id = plans::id(WorkloadKind::Deployment, namespace, "web");
    let before = cluster.observe(&id).await.expect("read");
    let change = [app(id.clone(), "org/app:1", "org/app:2")];
    let observed = [before];
    let mut written = 0;
    let (one, two) = tokio::join!(
        plans::write_by("ann", &cluster, &change, &observed, DryRun::None),
        plans::write_by("bob", &cluster, &change, &observed, DryRun::None),
    );
    for applied in [one, two] {
        match &applied[0].result {
            Ok(Done::Written) => written += 1,
            // The other update finds its image already set.
            other => assert_eq!(other.as_ref().ok(), Some(&Done::Unchanged), "{other:?}"),
        }
    }
    assert_eq!(written, 1);
    let after = cluster.object(&id).await.expect("the object exists");
    assert_eq!(after["metadata"]["generation"], 2);
}
