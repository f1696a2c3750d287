//! `controller run` on a large cluster: what it asks, and what it uses.
//!
//! `make bench-controller` runs this with 5,000 workloads and the release binary; `make e2e`
//! runs it with a few, only to check the results.

use std::time::{Duration, Instant};

use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::binary::say;
use crate::control_plane::{ControlPlane, WITHOUT_CONTROLLERS};
use crate::controller_process::{ControllerProcess, Usage};
use crate::kubeconfigs::{self, User};
use crate::large_cluster::LargeCluster;
use crate::test_registry::Fault;

/// A scan interval that does not end within a test of a few workloads.
const INTERVAL: Duration = Duration::from_secs(300);
/// The changes per second of a busy cluster.
const CHANGES_PER_SECOND: u32 = 100;

/// How long things are measured.
struct Periods {
    quiet: Duration,
    changes: Duration,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn controller_scans_each_repository_of_a_large_cluster_once_per_interval() {
    let padding = std::env::var("IMGPOLICY_E2E_PADDING").ok();
    let padding = padding.map_or(0, |text| text.parse().expect("a number"));
    // On another one, its Lease would show that a controller runs there.
    let plane = Box::leak(Box::new(ControlPlane::start(WITHOUT_CONTROLLERS)));
    let cluster = LargeCluster::open(plane, "large", padding).await;
    if !cluster.is_alone {
        // Scans that take long overlap with others about the same workloads.
        let slow = Fault::Slow(Duration::from_secs(2));
        cluster.registry.fault("app-3/tags/list", slow);
    }
    let kubeconfig = kubeconfigs::of_user(cluster.plane, User::Admin, "default");
    let interval = format!("{}s", INTERVAL.as_secs());
    let arguments = ["-A", "--observe", "--sync-interval", &interval];

    let started = Instant::now();
    let mut controller = ControllerProcess::start_as(&kubeconfig, &arguments);
    controller.says("this replica leads").await;
    let scanned = wait_until_scanned(&cluster, &controller, started).await;
    let periods = if cluster.is_alone {
        Periods {
            quiet: Duration::from_secs(30),
            changes: Duration::from_secs(30),
        }
    } else {
        Periods {
            quiet: Duration::from_secs(1),
            changes: Duration::from_secs(1),
        }
    };
    let after_scan = controller.usage();
    tokio::time::sleep(periods.quiet).await;
    let after_quiet = controller.usage();
    let changes = change(&cluster, periods.changes).await;
    let after_changes = controller.usage();

    // A decision waits for all the repositories that it needs.
    assert_eq!(controller.lines("was not requested"), [""; 0]);
    // Each repository was listed once, and nothing that has changed since needed another scan. A
    // measurement takes longer than an interval.
    let lists = tag_lists(&cluster);
    if !cluster.is_alone {
        assert_eq!(lists, cluster.repositories, "{}", controller.log());
    }
    let (end, _, log) = controller.stop();
    assert_eq!(end.code(), Some(0), "{log}");
    cluster.plane.kill_api_server();
    say(&format!(
        "{} workloads of {padding} bytes more, {} repositories: scanned in {:.1} s; {lists} tag \
         lists; {changes} changes",
        cluster.workloads,
        cluster.repositories,
        scanned.as_secs_f64()
    ));
    let [Some(scan), Some(quiet), Some(busy)] = [after_scan, after_quiet, after_changes] else {
        return;
    };
    say(&format!(
        "after the scan: {}; then: {}; with up to {CHANGES_PER_SECOND} changes/s: {}",
        figures(&scan, None, started.elapsed()),
        figures(&quiet, Some(&scan), periods.quiet),
        figures(&busy, Some(&quiet), periods.changes),
    ));
}

fn figures(usage: &Usage, before: Option<&Usage>, period: Duration) -> String {
    let before = before.map_or(Duration::ZERO, |before| before.cpu);
    let cores = (usage.cpu - before).as_secs_f64() / period.as_secs_f64();
    format!(
        "{} MiB, peak {} MiB, {cores:.3} cores",
        usage.resident.div_ceil(1024),
        usage.peak.div_ceil(1024)
    )
}

/// Waits until every container was decided, and returns how long that took.
async fn wait_until_scanned(
    cluster: &LargeCluster,
    controller: &ControllerProcess,
    started: Instant,
) -> Duration {
    // Every second workload is outdated, with both of its containers.
    while controller.lines("newer-image").len() < cluster.workloads {
        let late = started.elapsed() > 3 * INTERVAL;
        let missing = cluster.workloads - controller.lines("newer-image").len();
        assert!(!late, "{missing} missing: {}", controller.log());
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    started.elapsed()
}

/// How many lists of tags the registry was asked for, without further pages.
fn tag_lists(cluster: &LargeCluster) -> usize {
    let paths = cluster.registry.paths().into_iter();
    paths.filter(|path| path.ends_with("/tags/list")).count()
}

/// Changes Deployments for a while, without a change of what is decided. Returns how often.
async fn change(cluster: &LargeCluster, period: Duration) -> u32 {
    let started = Instant::now();
    let mut changes = 0;
    while started.elapsed() < period {
        let number = usize::try_from(changes).unwrap_or_default();
        annotate(cluster.plane, &cluster.deployment(number), changes).await;
        changes += 1;
        tokio::time::sleep(due(changes).saturating_sub(started.elapsed())).await;
    }
    changes
}

/// When this many changes are due.
fn due(changes: u32) -> Duration {
    Duration::from_secs(1) * changes / CHANGES_PER_SECOND
}

async fn annotate(plane: &ControlPlane, (namespace, name): &(String, String), number: u32) {
    let api: Api<k8s_openapi::api::apps::v1::Deployment> =
        Api::namespaced(plane.kube_client(), namespace);
    let patch = json!({"metadata": {"annotations": {"example.com/note": number.to_string()}}});
    let params = PatchParams::default();
    api.patch(name, &params, &Patch::Merge(patch))
        .await
        .expect("patched");
}
