//! The Events of `controller run` about workloads that it does not update.

use std::time::{Duration, Instant};

use serde_json::json;

use super::controller::SHORT_LEASE;
use crate::controller_process::ControllerProcess;
use crate::shop::Shop;

/// Each Event about a state, as its reason, action and note.
async fn recorded(shop: &Shop) -> Vec<[String; 3]> {
    let events = shop.plane.events(shop.namespace).await;
    let text = |event: &serde_json::Value, key: &str| event[key].as_str().unwrap_or("").to_owned();
    let mut recorded: Vec<[String; 3]> = events
        .iter()
        .map(|event| ["reason", "action", "note"].map(|key| text(event, key)))
        .filter(|[reason, ..]| reason == "UpdateHeld" || reason == "PolicyInvalid")
        .collect();
    recorded.sort();
    recorded
}

#[tokio::test]
async fn what_holds_updates_back_is_recorded_once() {
    let shop = Shop::open_rolling("controller-events").await;
    let mut invalid = shop.workload("Deployment", "invalid");
    invalid["metadata"]["annotations"]["fluxcd.io/tag.app"] = json!("semver:nonsense");
    let mut owned = shop.workload("Deployment", "owned");
    owned["metadata"]["labels"] = json!({"kustomize.toolkit.fluxcd.io/name": "apps",
        "kustomize.toolkit.fluxcd.io/namespace": "flux-system"});
    shop.deployed(&[invalid, owned]).await;
    let mut first = ControllerProcess::start(&shop, &SHORT_LEASE);
    first.says("this replica leads").await;
    let started = Instant::now();
    while recorded(&shop).await.len() < 2 {
        let log = first.log();
        assert!(started.elapsed() < Duration::from_secs(60), "{log}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let events = recorded(&shop).await;
    assert_eq!(events[0][..2], ["PolicyInvalid", "ReadPolicy app"]);
    assert!(events[0][2].contains("nonsense"), "{events:?}");
    let action = format!("Update app to {}:1.0.1", shop.image);
    assert_eq!(events[1][..2], ["UpdateHeld".to_owned(), action]);
    assert!(events[1][2].contains("apps"), "{events:?}");

    // Several more scans, and another leader, add none.
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(
        first.lines("deployment/owned app: ").len(),
        1 + 1,
        "{}",
        first.log()
    );
    first.stop();
    let mut second = ControllerProcess::start(&shop, &SHORT_LEASE);
    second.says("deployment/owned app: ").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(recorded(&shop).await, events, "{}", second.log());
    assert_eq!(shop.tag("owned").await, "1.0.0");
}
