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

const FIRST_IMAGE: &str = "object.spec.template.spec.containers[0].image";

#[tokio::test]
async fn image_whose_digest_an_admission_policy_appends_is_rolled_back() {
    let shop = Shop::open("rollback-pinned").await;
    shop.deploy(&["web"]).await;
    let digest = format!("sha256:{}", "ab".repeat(32));
    let condition = format!("!{FIRST_IMAGE}.contains('@')");
    let patch = format!(
        "[JSONPatch{{op: 'replace', path: '/spec/template/spec/containers/0/image', \
         value: {FIRST_IMAGE} + '@{digest}'}}]"
    );
    let is_pinned = |object: &serde_json::Value| {
        let image = object.pointer("/spec/template/spec/containers/0/image");
        image.is_some_and(|image| image.to_string().contains('@'))
    };
    let plane = shop.plane;
    plane
        .mutate(shop.namespace, "web", [&condition, &patch], is_pinned)
        .await;

    let run = shop.run(&["update", "--all", "--yes"]);
    assert_eq!(run.code, 0, "{run:?}");
    let made = format!(
        "an admission policy of the cluster changed its image to {}",
        shop.image
    );
    assert_eq!(said(&run, &made).len(), 1, "{run:?}");
    let record = shop.annotation("web", "imgpolicy.dev/last-update").await;
    let record: serde_json::Value =
        serde_json::from_str(record.as_str().expect("a record")).expect("JSON");
    let change = &record["changes"][0];
    assert_eq!(change["to"], format!("{}:1.0.1", shop.image));
    assert_eq!(change["admitted"], format!("{}:1.0.1@{digest}", shop.image));

    let run = shop.run(&["rollback", "deployment/web", "--yes"]);
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (0, "deployment.apps/web rolled back\n"),
        "{run:?}"
    );
    let object = shop.get("Deployment", "web").await;
    assert_eq!(
        object["spec"]["template"]["spec"]["containers"][0]["image"],
        format!("{}:1.0.0@{digest}", shop.image)
    );
}

#[tokio::test]
async fn lock_that_an_admission_policy_removes_is_an_error() {
    let shop = Shop::open("rollback-unlocked").await;
    shop.deploy(&["web"]).await;
    let condition = "'fluxcd.io/locked' in object.metadata.annotations";
    let patch = "[JSONPatch{op: 'remove', path: '/metadata/annotations/' + \
                 jsonpatch.escapeKey('fluxcd.io/locked')}]";
    let is_removed = |object: &serde_json::Value| {
        let annotations = &object["metadata"]["annotations"];
        annotations.get("fluxcd.io/locked").is_none()
    };
    let plane = shop.plane;
    plane
        .mutate(shop.namespace, "web", [condition, patch], is_removed)
        .await;
    let run = shop.run(&["lock", "deployment/web", "--yes"]);
    assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{run:?}");
    let error = "an admission policy of the cluster removes the annotation fluxcd.io/locked";
    assert_eq!(said(&run, error).len(), 1, "{run:?}");
    let user = shop.annotation("web", "fluxcd.io/locked_user").await;
    assert!(user.is_null(), "nothing is written: {user}");
}
