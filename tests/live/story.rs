//! The whole story, as README.md tells it.

use serde_json::json;

use crate::objects::workload;
use crate::shop::{Shop, said};

#[tokio::test]
async fn automate_status_update_status_rollback_status() {
    let shop = Shop::open("story").await;
    let image = format!("{}:1.0.0", shop.image);
    let mut web = workload("Deployment", shop.namespace, "web", &image);
    web["spec"]["template"]["spec"]["initContainers"] = json!([]);
    shop.plane.apply(&[web]).await;
    let row = |policy: &str, state: &str, current: &str, update: &str, why: &str| {
        let run = shop.run(&["status", "deployment/web", "--no-headers"]);
        assert_eq!(run.code, 0, "{run:?}");
        let expected = format!("deployment/web app {state} {policy} {current} {update} {why}");
        assert_eq!(run.table(), [expected], "{run:?}");
    };
    row("<none>", "manual", "1.0.0", "<none>", "<none>");
    let template = shop.get("Deployment", "web").await["spec"]["template"].clone();

    let words = [
        "automate",
        "deployment/web",
        "--tag",
        "app=semver:~1.0",
        "--yes",
    ];
    let run = shop.run(&words);
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (0, "deployment.apps/web annotated\n"),
        "{run:?}"
    );
    let annotated = shop.get("Deployment", "web").await;
    assert_eq!(annotated["spec"]["template"], template);
    row("semver:~1.0", "automated", "1.0.0", "1.0.1", "<none>");

    let run = shop.run(&["update", "deployment/web", "--yes"]);
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (0, "deployment.apps/web image updated\n"),
        "{run:?}"
    );
    row("semver:~1.0", "automated", "1.0.1", "<none>", "up-to-date");
    // The record of the written tag is not taken for a policy.
    assert_eq!(
        shop.annotation("web", "fluxcd.io/tag.app").await,
        "semver:~1.0"
    );
    let cause = shop.annotation("web", "kubernetes.io/change-cause").await;
    assert!(cause.to_string().contains("1.0.1"), "{cause}");

    let run = shop.run(&["rollback", "deployment/web", "--yes", "-m", "login fails"]);
    assert_eq!(run.code, 0, "{run:?}");
    row(
        "semver:~1.0",
        "locked",
        "1.0.0",
        "1.0.1",
        "locked by admin: login fails",
    );
    let run = shop.run(&["update", "deployment/web", "--yes"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{run:?}");
    assert_eq!(said(&run, "--override-lock").len(), 1, "{run:?}");

    let run = shop.run(&["unlock", "deployment/web", "--yes"]);
    assert_eq!(run.code, 0, "{run:?}");
    row("semver:~1.0", "automated", "1.0.0", "1.0.1", "<none>");
}
