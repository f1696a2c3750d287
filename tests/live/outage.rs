//! The API server ends while the controller runs, and comes back.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::{Mutex, MutexGuard, OnceCell};

use crate::binary::say;
use crate::control_plane::{ControlPlane, WITHOUT_CONTROLLERS};
use crate::controller_process::ControllerProcess;
use crate::fleet::Fleet;
use crate::shop::Shop;

/// How long the API server is away.
const OUTAGE: Duration = Duration::from_secs(5);

/// How soon the controller works again.
const RECOVERED_WITHIN: Duration = Duration::from_secs(45);

/// The control plane whose API server is killed, for one test at a time.
async fn plane() -> MutexGuard<'static, &'static ControlPlane> {
    static PLANE: OnceCell<Mutex<&'static ControlPlane>> = OnceCell::const_new();
    let start = || async {
        let plane = ControlPlane::start(WITHOUT_CONTROLLERS);
        Mutex::new(&*Box::leak(Box::new(plane)))
    };
    PLANE.get_or_init(start).await.lock().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn controller_goes_on_after_the_api_server_was_killed() {
    let plane = plane().await;
    let plane: &'static ControlPlane = *plane;
    // Nothing here makes Pods, and a CronJob has no rollout to wait for.
    let mut fleet = Fleet::new(Shop::open_on(plane, "outage").await, "CronJob", 2);
    plane.apply(&fleet.workloads()).await;
    let controller = ControllerProcess::start(&fleet.shop, &["--sync-interval", "1s"]);
    fleet.all_have("1.0.1", || controller.log()).await;

    plane.kill_api_server();
    let tag = fleet.push().await;
    tokio::time::sleep(OUTAGE).await;
    plane.start_api_server();
    let back = Instant::now();
    fleet.all_have(&tag, || controller.log()).await;
    let took = back.elapsed();
    assert!(took < RECOVERED_WITHIN, "{took:?}: {}", controller.log());
    fleet.each_was_updated_once(&tag, &controller.log());
    let refused = controller.lines("cronjob/web-000: The connection to the server");
    assert!(refused.len() <= 1, "{refused:#?}");
    // What went wrong meanwhile does not make the end a failure.
    let (end, _, log) = controller.stop();
    assert_eq!(end.code(), Some(0), "{log}");
    say(&format!(
        "works again {took:?} after the API server is back"
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn controller_that_starts_during_an_outage_watches_every_kind() {
    let plane = plane().await;
    let plane: &'static ControlPlane = *plane;
    plane.define_helm_releases().await;
    let shop = Shop::open_on(plane, "outage-start").await;
    let release = json!({"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
        "metadata": {"namespace": shop.namespace, "name": "chart"},
        "spec": {"values": {"image": format!("{}:1.0.0", shop.image)}}});
    plane
        .apply(&[shop.workload("CronJob", "web"), release])
        .await;
    plane.kill_api_server();
    let mut controller = ControllerProcess::start(&shop, &["--observe"]);
    controller.says(" cannot be read; next try in ").await;
    plane.start_api_server();
    controller.says("all workloads are known: 2").await;
}
