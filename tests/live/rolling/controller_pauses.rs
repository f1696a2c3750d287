//! A registry that asks for a pause gets it, whichever replica leads.

use std::time::{Duration, Instant};

use super::controller::SHORT_LEASE;
use crate::controller_process::ControllerProcess;
use crate::objects::{automated, workload};
use crate::shop::{POLICY, Shop};
use crate::test_registry::{Fault, TestRegistry};

/// Longer than a scan waits, and than another replica needs to take over.
const PAUSE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn pause_of_a_registry_outlives_the_leader_that_was_asked_for_it() {
    let shop = Shop::open_rolling("controller-pause").await;
    let registry = TestRegistry::start();
    registry.tag("org/app", ["1.0.0", "1.0.1"]);
    registry.fault("/v2/", Fault::RetryAfter(429, PAUSE.as_secs()));
    let image = registry.image("org/app:1.0.0");
    let web = automated(
        workload("Deployment", shop.namespace, "web", &image),
        POLICY,
    );
    shop.deployed(&[web]).await;
    let first = ControllerProcess::start(&shop, &SHORT_LEASE);
    while registry.requests().is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let asked = Instant::now();
    let mut second = ControllerProcess::start(&shop, &SHORT_LEASE);
    second.says("writes nothing").await;
    // The pause is noted with the next renewal.
    tokio::time::sleep(Duration::from_secs(2)).await;
    first.kill();
    registry.heal();
    registry.forget();

    second.says("this replica leads").await;
    assert!(asked.elapsed() < PAUSE / 2, "{:?}", asked.elapsed());
    second
        .says(" has asked for a pause, and gets no request for ")
        .await;
    while asked.elapsed() < PAUSE {
        assert_eq!(registry.paths(), [""; 0], "after {:?}", asked.elapsed());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    second.says("1.0.1: updated").await;
    assert!(
        asked.elapsed() < PAUSE + Duration::from_secs(10),
        "{:?}",
        asked.elapsed()
    );
    let (end, _, log) = second.stop();
    assert_eq!(end.code(), Some(0), "{log}");
}
