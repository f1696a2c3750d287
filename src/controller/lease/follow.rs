//! Reports every change of the Lease.

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use tokio::sync::mpsc;
use tokio::time::{sleep_until, timeout};

use super::clock::{jittered, now};
use super::state::Sighting;
use super::times::LeaseTimes;
use crate::cluster::{Cluster, ClusterError, Lease, LeaseEvent};

/// When a watch that is not allowed is tried again. Until then, the Lease is read in each
/// retry period.
const AFTER_REFUSAL: Duration = Duration::from_secs(60);

/// Follows the Lease of a namespace until it is dropped. Where the Lease cannot be watched,
/// it is read in each retry period.
pub(super) async fn follow(
    cluster: Cluster,
    namespace: String,
    times: LeaseTimes,
    reports: mpsc::Sender<Sighting>,
) {
    let mut watch_from = now();
    loop {
        let started = now();
        if started >= watch_from
            && let Err(error) = watch(&cluster, &namespace, &times, &reports).await
        {
            tracing::debug!("the Lease cannot be watched: {error}");
            if error.is_access_denied() {
                watch_from = started + AFTER_REFUSAL;
            }
        }
        // What the watch has missed.
        let asked = now();
        match timeout(
            times.request_timeout(),
            cluster.controller_lease(&namespace),
        )
        .await
        {
            Ok(Ok(lease)) => {
                let answer = Sighting::answer(lease, asked, now());
                // Without a receiver, this future is about to be dropped.
                let _ = reports.send(answer).await;
            }
            Ok(Err(error)) => tracing::debug!("the Lease cannot be read: {error}"),
            Err(_) => tracing::debug!("the Lease cannot be read in time"),
        }
        sleep_until((started + jittered(times.retry())).into()).await;
    }
}

/// Reports what a watch shows, until it ends or is silent for as long as a leader may be.
async fn watch(
    cluster: &Cluster,
    namespace: &str,
    times: &LeaseTimes,
    reports: &mpsc::Sender<Sighting>,
) -> Result<(), ClusterError> {
    let opening = cluster.watch_controller_lease(namespace);
    let Ok(events) = timeout(times.request_timeout(), opening).await else {
        return Ok(());
    };
    let mut events = std::pin::pin!(events?);
    while let Ok(Some(event)) = timeout(times.duration(), events.next()).await {
        let _ = reports.send(sighting(event?, now())).await;
    }
    Ok(())
}

fn sighting(event: LeaseEvent, at: Instant) -> Sighting {
    let (lease, is_there) = match event {
        LeaseEvent::Written(lease) => (lease, true),
        LeaseEvent::Deleted(lease) => (lease, false),
    };
    Sighting {
        version: Lease::version_number(&lease),
        lease: is_there.then_some(lease),
        asked: None,
        at,
    }
}
