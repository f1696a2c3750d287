//! Workloads and namespaces that the API server is deleting.

use serde_json::json;

use crate::shop::{Shop, said};

/// Deletes an object, which stays as long as it has a finalizer.
async fn delete(shop: &Shop, path: &str) {
    let request = http::Request::delete(path).body(Vec::new());
    let answer = shop
        .plane
        .kube_client()
        .request_text(request.expect("a request"))
        .await;
    answer.expect("deleted");
}

/// A shop in which Deployment `a` is being deleted and Deployment `b` is not.
async fn with_a_deleted(namespace: &'static str) -> Shop {
    let shop = Shop::open(namespace).await;
    let mut deleted = shop.workload("Deployment", "a");
    deleted["metadata"]["finalizers"] = json!(["example.test/hold"]);
    shop.plane
        .apply(&[deleted, shop.workload("Deployment", "b")])
        .await;
    let path = format!("/apis/apps/v1/namespaces/{namespace}/deployments/a");
    delete(&shop, &path).await;
    shop
}

#[tokio::test]
async fn workload_that_is_being_deleted_has_no_update_and_is_not_written() {
    let shop = with_a_deleted("deleted-one").await;
    let status = shop.run(&["status"]);
    assert_eq!(status.code, 0, "{status:?}");
    let rows = status.table();
    assert!(rows[1].ends_with("1.0.0 <none> being-deleted"), "{rows:?}");
    assert!(rows[2].ends_with("1.0.0 1.0.1 <none>"), "{rows:?}");
    let summary = "2 containers: 2 automated (1 update)";
    assert_eq!(said(&status, summary).len(), 1, "{status:?}");
    let update = shop.run(&["update", "--all", "--yes"]);
    assert_eq!(update.code, 0, "{update:?}");
    assert_eq!(update.stdout, "deployment.apps/b image updated\n");
    assert_eq!(shop.tag("a").await, "1.0.0");
    for command in [
        &["lock", "--all", "-m", "x", "--yes"][..],
        &["rollback", "deployment/a", "--yes"],
    ] {
        let run = shop.run(command);
        assert_eq!(run.code, 0, "{run:?}");
        let says = "deployment/a is being deleted";
        assert_eq!(said(&run, says).len(), 1, "{run:?}");
        assert!(!run.stdout.contains("deployment.apps/a"), "{run:?}");
    }
    assert_eq!(shop.annotation("a", "fluxcd.io/locked").await, json!(null));
    assert_eq!(shop.annotation("b", "fluxcd.io/locked").await, "true");
}

#[tokio::test]
async fn workloads_of_a_terminating_namespace_have_no_update() {
    let shop = Shop::open("deleted-all").await;
    shop.deploy(&["a"]).await;
    // Without a namespace controller, it stays in this state.
    delete(&shop, "/api/v1/namespaces/deleted-all").await;
    for arguments in [&["status"][..], &["status", "-A", "--pull-secrets=off"]] {
        let run = shop.run(arguments);
        let rows = run.table();
        let row = rows.iter().find(|row| row.contains("deployment/a app"));
        assert!(
            row.is_some_and(|row| row.ends_with("1.0.0 <none> being-deleted")),
            "{rows:?}"
        );
    }
    let update = shop.run(&["update", "--all", "--yes"]);
    assert_eq!(update.code, 0, "{update:?}");
    assert_eq!(shop.tag("a").await, "1.0.0");
}
