//! `rollback` end to end.

use crate::shop::{Shop, said};

#[tokio::test]
async fn last_update_is_rolled_back_once_and_locked() {
    let shop = Shop::open("rollback-once").await;
    shop.deploy(&["web"]).await;
    let run = shop.run(&["rollback", "deployment/web", "--yes"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert_eq!(said(&run, "no record").len(), 1, "{run:?}");

    assert_eq!(shop.run(&["update", "--all", "--yes"]).code, 0);
    let run = shop.run(&["rollback", "deployment/web"]);
    assert_eq!(
        said(&run, "refusing to change 1 workload").len(),
        1,
        "{run:?}"
    );
    assert_eq!(shop.tag("web").await, "1.0.1");

    let run = shop.run(&["rollback", "deployment/web", "--yes", "-m", "login fails"]);
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (0, "deployment.apps/web rolled back\n"),
        "{run:?}"
    );
    assert_eq!(said(&run, "1.0.1   → 1.0.0").len(), 1, "{run:?}");
    let lock = "fluxcd.io/locked=true, fluxcd.io/locked_msg=\"login fails\", \
                fluxcd.io/locked_user=admin";
    assert_eq!(said(&run, lock).len(), 1, "{run:?}");
    let unlock = "unlock with: kubectl imgpolicy unlock deployment/web -n rollback-once";
    assert_eq!(said(&run, "unlock with"), [unlock], "{run:?}");
    assert_eq!(shop.tag("web").await, "1.0.0");
    assert_eq!(shop.annotation("web", "fluxcd.io/locked").await, "true");
    assert_eq!(
        shop.annotation("web", "fluxcd.io/locked_msg").await,
        "login fails"
    );
    assert_eq!(
        shop.annotation("web", "fluxcd.io/locked_user").await,
        "admin"
    );

    let run = shop.run(&["rollback", "deployment/web", "--yes"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{run:?}");
    assert_eq!(said(&run, "already rolled back").len(), 1, "{run:?}");
    let run = shop.run(&["update", "--all", "--yes"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(shop.tag("web").await, "1.0.0");
    // The suggested command works.
    let run = shop.run(&["unlock", "deployment/web", "-n", "rollback-once", "--yes"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(shop.annotation("web", "fluxcd.io/locked").await.is_null());
}

#[tokio::test]
async fn container_changed_since_the_update_is_not_rolled_back() {
    let shop = Shop::open("rollback-changed").await;
    shop.deploy(&["web"]).await;
    assert_eq!(shop.run(&["update", "--all", "--yes"]).code, 0);
    let image = format!("{}:2.0.0", shop.image);
    let patch = serde_json::json!({"spec": {"template": {"spec": {"containers": [
        {"name": "app", "image": image}]}}}});
    shop.patch("Deployment", "web", &patch).await;
    let run = shop.run(&["rollback", "deployment/web", "--yes"]);
    assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{run:?}");
    assert_eq!(
        said(&run, "held back: deployment/web app").len(),
        1,
        "{run:?}"
    );
    assert_eq!(shop.tag("web").await, "2.0.0");
}
