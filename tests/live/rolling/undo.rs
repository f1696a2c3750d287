//! `kubectl rollout undo`, which also brings back the annotations of the older revision.

use std::time::Duration;

use serde_json::Value;

use crate::binary::Run;
use crate::shop::{Shop, said};

/// The warnings of the row, as `CODE: MESSAGE`.
fn warnings(run: &Run) -> Vec<String> {
    let row = run.row("web", "app");
    let list = row["warnings"].as_array().expect("a list").iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    list.map(|warning| format!("{}: {}", text(&warning["code"]), text(&warning["message"])))
        .filter(|warning| warning.starts_with("undone-"))
        .collect()
}

/// Waits until the controller has copied the lock to a ReplicaSet.
async fn is_locked_in_history(shop: &Shop) {
    let path = format!("/apis/apps/v1/namespaces/{}/replicasets", shop.namespace);
    for _ in 0..300 {
        let list = shop.plane.get(&path).await.expect("ReplicaSets");
        let mut sets = list["items"].as_array().expect("a list").iter();
        if sets.any(|set| set["metadata"]["annotations"]["fluxcd.io/locked"] == "true") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("no ReplicaSet is locked");
}

#[tokio::test]
async fn undone_lock_and_image_are_noticed() {
    let shop = Shop::open_rolling("undo").await;
    let status = || shop.run(&["status", "-o", "json"]);
    shop.deployed(&[shop.workload("Deployment", "web")]).await;
    let lock = ["lock", "deployment/web", "--yes", "-m", "release freeze"];
    let run = shop.run(&[&lock[..], &["--dry-run=client"]].concat());
    assert_eq!(said(&run, "rollout undo"), [""; 0], "{run:?}");
    let run = shop.run(&["update", "--all", "--yes", "--wait=2m"]);
    assert_eq!(run.code, 0, "{run:?}");
    let run = shop.run(&lock);
    assert_eq!(run.code, 0, "{run:?}");
    let note = "note: 'kubectl rollout undo' on deployment/web would also remove this lock; use \
                'kubectl imgpolicy rollback'";
    assert_eq!(said(&run, "rollout undo"), [note], "{run:?}");
    assert_eq!(warnings(&status()), [""; 0]);
    is_locked_in_history(&shop).await;

    let run = shop.kubectl(&["rollout", "undo", "deployment/web"]);
    assert_eq!(run.code, 0, "{run:?}");
    shop.rolls_out("deployment/web");
    shop.settles("web", &["1.0.0"]).await;
    let run = status();
    assert_eq!(run.row("web", "app")["state"], "automated", "{run:?}");
    let lock = "undone-lock: revision 2 was locked by admin (release freeze); undoing it also \
                removed the lock";
    let image = "undone-image: 1.0.1 already ran in revision 2, which was undone";
    assert_eq!(warnings(&run), [lock, image]);
}
