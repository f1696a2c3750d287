//! Updates of an object that others write a hundred times a second.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kubectl_imgpolicy::workload::WorkloadKind;
use kubectl_imgpolicy::write::Done;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::binary::say;
use crate::control_plane::ControlPlane;
use crate::kubeconfigs::User;
use crate::objects::workload;
use crate::plans::{self, app};

/// How many updates are made, one after the other.
const UPDATES: u64 = 25;

/// Between two foreign writes.
const INTERVAL: Duration = Duration::from_millis(10);

/// The foreign writer goes round so many annotations.
const KEYS: u64 = 40;

/// Writes the status and annotations of a Deployment by turns, at a fixed pace
/// whether or not the last write has been answered, until told to stop. Gives
/// how many there were.
async fn foreign_writer(client: kube::Client, path: String, stop: Arc<AtomicBool>) -> u64 {
    let mut ticks = tokio::time::interval(INTERVAL);
    let mut writes = JoinSet::new();
    let mut n = 0;
    while !stop.load(Ordering::Relaxed) {
        ticks.tick().await;
        n += 1;
        let (path, body) = match n % 2 {
            0 => (
                format!("{path}/status"),
                json!({"status": {"observedGeneration": n}}),
            ),
            _ => {
                let key = format!("foreign-{}", n / 2 % KEYS);
                let body = json!({"metadata": {"annotations": {key: n.to_string()}}});
                (path.clone(), body)
            }
        };
        let request = http::Request::patch(format!("{path}?fieldManager=foreign"))
            .header("Content-Type", "application/merge-patch+json")
            .body(body.to_string().into_bytes())
            .expect("a request");
        let client = client.clone();
        writes.spawn(async move { client.request_text(request).await.map(drop) });
    }
    for written in writes.join_all().await {
        written.expect("a foreign write is never refused");
    }
    n
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_update_lands_once_and_no_foreign_write_is_lost() {
    let plane = ControlPlane::shared();
    let namespace = plane.namespace("contention").await;
    plane
        .apply(&[workload("Deployment", namespace, "web", "org/app:1.0")])
        .await;
    let cluster = plane.connect(User::Admin, namespace).await;
    let id = plans::id(WorkloadKind::Deployment, namespace, "web");
    let before = cluster.object(&id).await.expect("it is there");

    let stop = Arc::new(AtomicBool::new(false));
    let path = format!("/apis/apps/v1/namespaces/{namespace}/deployments/web");
    let started = Instant::now();
    let writer = foreign_writer(plane.kube_client(), path, Arc::clone(&stop));
    let writer = tokio::spawn(writer);
    let mut observed = Vec::new();
    for n in 1..=UPDATES {
        let (from, to) = (format!("org/app:1.{}", n - 1), format!("org/app:1.{n}"));
        // What the plan was made from is old by now, as after a question.
        if observed.is_empty() {
            observed.push(cluster.observe(&id).await.expect("read"));
        }
        let applied = plans::write(&cluster, &[app(id.clone(), &from, &to)], &observed).await;
        let result = applied[0].result.as_ref();
        assert_eq!(result.ok(), Some(&Done::Written), "{n}: {result:?}");
        observed.clear();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stop.store(true, Ordering::Relaxed);
    let written = writer.await.expect("the foreign writer ends");
    let rate = written as f64 / started.elapsed().as_secs_f64();
    say(&format!(
        "{UPDATES} updates beside {rate:.0} foreign writes a second"
    ));
    assert!(rate > 50.0, "{rate:.0} foreign writes a second are no test");

    let after = cluster.object(&id).await.expect("it is there");
    let containers = &after["spec"]["template"]["spec"]["containers"];
    assert_eq!(containers[0]["image"], format!("org/app:1.{UPDATES}"));
    assert_eq!(containers.as_array().map(Vec::len), Some(1));
    // Only a change of the spec counts here, so each update was written once.
    let generation = |object: &Value| object["metadata"]["generation"].as_u64();
    assert_eq!(
        generation(&after),
        generation(&before).map(|generation| generation + UPDATES)
    );
    for key in 0..KEYS {
        let last = (1..=written)
            .rev()
            .find(|n| n % 2 == 1 && n / 2 % KEYS == key);
        let last = last.map(|n| json!(n.to_string()));
        let annotations = &after["metadata"]["annotations"];
        assert_eq!(annotations.get(format!("foreign-{key}")), last.as_ref());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_who_update_at_once_write_the_image_once() {
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
    let written = AtomicU64::new(0);
    let (one, two) = tokio::join!(
        plans::write(&cluster, &change, &observed),
        plans::write(&cluster, &change, &observed),
    );
    for applied in [one, two] {
        // The other one finds the image that it wanted, or one that it did not plan from.
        match &applied[0].result {
            Ok(Done::Written) => written.fetch_add(1, Ordering::Relaxed),
            Ok(_) => 0,
            Err(error) => {
                let changed = "container app: the image changed since the plan: now org/app:2";
                assert_eq!(error.to_string(), changed);
                0
            }
        };
    }
    assert_eq!(written.into_inner(), 1);
    let after = cluster.object(&id).await.expect("it is there");
    assert_eq!(after["metadata"]["generation"], 2);
}
