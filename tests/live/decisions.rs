//! Decisions from a real cluster and a real registry.

use serde_json::Value;

use crate::binary::imgpolicy;
use crate::control_plane::ControlPlane;
use crate::kubeconfigs::{self, User};
use crate::objects::{automated, workload};
use crate::registry::Registry;

const BOTH: [&str; 2] = ["linux/amd64", "linux/arm64"];
const AMD64: [&str; 1] = ["linux/amd64"];

fn month(n: usize) -> String {
    format!("2026-{n:02}-01T00:00:00Z")
}

fn has_warning(row: &Value, code: &str) -> bool {
    let warnings = row["warnings"].as_array().expect("a list");
    warnings.iter().any(|warning| warning["code"] == code)
}

#[tokio::test]
async fn semver_elects_the_highest_version() {
    let (plane, registry) = (ControlPlane::shared(), Registry::shared().await);
    let namespace = plane.namespace("by-version").await;
    let image = format!("{}/shop/semver", registry.host);
    for (n, tag) in ["1.0.10", "1.0.9", "1.1.0", "1.0.11-rc.1", "latest"]
        .iter()
        .enumerate()
    {
        registry
            .push("shop/semver", tag, &month(n + 1), &AMD64)
            .await;
    }
    let web = workload("Deployment", namespace, "web", &format!("{image}:1.0.9"));
    plane.apply(&[automated(web, "semver:~1.0")]).await;
    let kubeconfig = kubeconfigs::of_user(plane, User::Admin, namespace);
    let run = imgpolicy(&kubeconfig, &["status", "-o", "json"]);
    let row = run.row("web", "app");
    assert_eq!(row["latest"], format!("{image}:1.0.10"), "{row}");
    assert_eq!(
        (&row["state"], &row["outcome"]),
        (&"automated".into(), &"update".into())
    );
    assert_eq!(row["reason"], "newer-image");
    assert_eq!(row["policy"]["filter"], "semver:~1.0");
    assert_eq!(row["policy"]["origin"], "annotation fluxcd.io/tag.app");
    assert_eq!(row["facts"]["source"], "registry");

    let table = imgpolicy(&kubeconfig, &["status"]);
    assert_eq!(
        table.table()[1],
        "deployment/web app automated semver:~1.0 1.0.9 1.0.10 <none>"
    );
    let summary = "1 container: 1 automated (1 update)";
    assert_eq!(table.stderr.trim_end(), summary);
    // The exit code reports updates on request.
    let code = |words: &[&str]| imgpolicy(&kubeconfig, words).code;
    assert_eq!(code(&["status", "--exit-code"]), 10);
}

#[tokio::test]
async fn glob_elects_the_newest_by_creation_time() {
    let (plane, registry) = (ControlPlane::shared(), Registry::shared().await);
    let namespace = plane.namespace("by-time").await;
    let image = format!("{}/shop/time", registry.host);
    for (tag, created) in [("stg-a", 1), ("stg-c", 2), ("stg-b", 3), ("prod-d", 4)] {
        registry
            .push("shop/time", tag, &month(created), &AMD64)
            .await;
    }
    let web = workload("StatefulSet", namespace, "web", &format!("{image}:stg-a"));
    plane.apply(&[automated(web, "glob:stg-*")]).await;
    let kubeconfig = kubeconfigs::of_user(plane, User::Admin, namespace);
    let row = imgpolicy(&kubeconfig, &["status", "-o", "json"]).row("web", "app");
    assert_eq!(row["latest"], format!("{image}:stg-b"), "{row}");
    assert_eq!(row["facts"]["latestCreated"], month(3));
}

#[tokio::test]
async fn digest_policy_follows_its_tag() {
    let (plane, registry) = (ControlPlane::shared(), Registry::shared().await);
    let namespace = plane.namespace("by-digest").await;
    let image = format!("{}/shop/digest", registry.host);
    let old = registry
        .push("shop/digest", "1.0", &month(1), &BOTH)
        .await
        .served;
    let new = registry
        .push("shop/digest", "1.0", &month(2), &BOTH)
        .await
        .served;
    assert_ne!(old, new);
    let named = |name: &str, image: String, policy: &str| {
        automated(workload("Deployment", namespace, name, &image), policy)
    };
    plane
        .apply(&[
            named("follow", format!("{image}:1.0@{old}"), "digest:1.0"),
            named("current", format!("{image}:1.0@{new}"), "digest:1.0"),
            named(
                "pin",
                format!("{image}:1.0@{new}"),
                &format!("digest:{old}"),
            ),
        ])
        .await;
    let kubeconfig = kubeconfigs::of_user(plane, User::Admin, namespace);
    let run = imgpolicy(&kubeconfig, &["status", "-o", "json"]);
    let latest = |name: &str| {
        let row = run.row(name, "app");
        (row["outcome"].clone(), row["latest"].clone())
    };
    assert_eq!(
        latest("follow"),
        ("update".into(), format!("{image}:1.0@{new}").into())
    );
    assert_eq!(
        latest("current"),
        ("keep".into(), format!("{image}:1.0@{new}").into())
    );
    // The tag now serves a different digest, so `latest` has no tag.
    assert_eq!(
        latest("pin"),
        ("update".into(), format!("{image}@{old}").into())
    );
}

#[tokio::test]
async fn tag_without_the_nodes_platform_is_skipped() {
    let (plane, registry) = (ControlPlane::second().await, Registry::shared().await);
    let namespace = plane.namespace("platforms").await;
    let image = format!("{}/shop/platforms", registry.host);
    for (n, (tag, platforms)) in [("1.0.0", &BOTH[..]), ("1.1.0", &BOTH), ("1.2.0", &AMD64)]
        .into_iter()
        .enumerate()
    {
        registry
            .push("shop/platforms", tag, &month(n + 1), platforms)
            .await;
    }
    let of = |name: &str, tag: &str, policy: &str| {
        let image = format!("{image}:{tag}");
        automated(workload("Deployment", namespace, name, &image), policy)
    };
    plane
        .apply(&[
            of("web", "1.0.0", "semver:^1.0"),
            of("last", "1.1.0", "semver:^1.2"),
        ])
        .await;
    let kubeconfig = kubeconfigs::of_user(plane, User::Admin, namespace);
    let run = imgpolicy(&kubeconfig, &["status", "-o", "json"]);
    let row = run.row("web", "app");
    assert_eq!(row["latest"], format!("{image}:1.1.0"), "{row}");
    assert_eq!(row["outcome"], "update");
    // No tag is left to elect.
    let row = run.row("last", "app");
    assert_eq!(
        (&row["outcome"], &row["reason"]),
        (&"unknown".into(), &"wrong-platform".into())
    );

    let why = ["explain", "deploy/web", "-c", "app", "--tag", "1.2.0"];
    let run = imgpolicy(&kubeconfig, &why);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stdout.contains("linux/arm64"), "{}", run.stdout);
}

#[tokio::test]
async fn unreachable_registry_affects_only_its_own_row() {
    let (plane, registry) = (ControlPlane::shared(), Registry::shared().await);
    let namespace = plane.namespace("half-dead").await;
    let image = format!("{}/shop/alive", registry.host);
    for (n, tag) in ["1.0.0", "1.0.1"].iter().enumerate() {
        registry
            .push("shop/alive", tag, &month(n + 1), &AMD64)
            .await;
    }
    let of = |name: &str, image: String| {
        automated(
            workload("Deployment", namespace, name, &image),
            "semver:^1.0",
        )
    };
    plane
        .apply(&[
            of("alive", format!("{image}:1.0.0")),
            of("dead", "127.0.0.1:1/shop/app:1.0.0".to_owned()),
            of("nowhere", format!("{}/shop/nowhere:1.0.0", registry.host)),
        ])
        .await;
    let kubeconfig = kubeconfigs::of_user(plane, User::Admin, namespace);
    let run = imgpolicy(&kubeconfig, &["status", "-o", "json"]);
    assert_eq!(run.row("alive", "app")["latest"], format!("{image}:1.0.1"));
    assert_eq!(run.row("dead", "app")["reason"], "registry-unreachable");
    assert_eq!(run.row("nowhere", "app")["reason"], "image-not-found");
    let code = imgpolicy(&kubeconfig, &["status", "--exit-code"]).code;
    assert_eq!(code, 11);
}

#[tokio::test]
async fn explain_shows_how_a_live_workload_was_decided() {
    let (plane, registry) = (ControlPlane::shared(), Registry::shared().await);
    let namespace = plane.namespace("explained").await;
    let image = format!("{}/shop/explained", registry.host);
    for (n, tag) in ["1.0.0", "1.0.1", "1.0.2-rc.1", "2.0.0"].iter().enumerate() {
        registry
            .push("shop/explained", tag, &month(n + 1), &AMD64)
            .await;
    }
    let web = workload("Deployment", namespace, "web", &format!("{image}:1.0.0"));
    plane.apply(&[automated(web, "semver:~1.0")]).await;
    let kubeconfig = kubeconfigs::of_user(plane, User::Admin, "default");
    let run = imgpolicy(
        &kubeconfig,
        &["explain", "deployment/web", "-n", namespace, "-c", "app"],
    );
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:?}");
    for part in [
        "1.0.0",
        "1.0.1",
        "4 tags",
        "annotation fluxcd.io/tag.app",
        "semver:~1.0",
    ] {
        assert!(run.stdout.contains(part), "{part}: {}", run.stdout);
    }
    let nosuch = ["explain", "deployment/web", "-n", namespace, "-c", "nosuch"];
    let nosuch = imgpolicy(&kubeconfig, &nosuch);
    assert_eq!(nosuch.code, 1);
    let line = "error: unable to find container named \"nosuch\" (there are app)";
    assert_eq!(nosuch.stderr.trim_end(), line);
    let missing = imgpolicy(&kubeconfig, &["explain", "deploy/nope", "-n", namespace]);
    assert_eq!(missing.code, 1);
    let line = "Error from server (NotFound): deployments.apps \"nope\" not found";
    assert_eq!(missing.stderr.trim_end(), line);
}

#[tokio::test]
async fn moved_tag_is_detected_from_the_running_pods() {
    use crate::objects::pod_of;
    let (plane, registry) = (ControlPlane::shared(), Registry::shared().await);
    let namespace = plane.namespace("moved").await;
    let image = format!("{}/shop/moved", registry.host);
    let old = registry.push("shop/moved", "1.0.0", &month(1), &BOTH).await;
    let new = registry.push("shop/moved", "1.0.0", &month(2), &BOTH).await;
    let of = |digest: &str| format!("{image}@{digest}");
    let mixed = [&new.manifests[0], &old.manifests[0], &new.served].map(|d| of(d));
    let cases = [
        ("index", vec![of(&new.served)], None),
        ("platform", vec![of(&new.manifests[1])], None),
        ("config", vec![new.configs[0].clone()], None),
        (
            "pullable",
            vec![format!("docker-pullable://{}", of(&new.served))],
            None,
        ),
        ("no-digest", vec!["org/app:1.0.0".to_owned()], None),
        ("not-started", vec![String::new()], None),
        ("older", vec![of(&old.served)], Some("the Pods run ")),
        (
            "older-config",
            vec![old.configs[1].clone()],
            Some("the Pods run "),
        ),
        ("mixed", mixed.to_vec(), Some("1 of 3 Pods run ")),
    ];
    let mut objects = Vec::new();
    for (name, ids, _) in &cases {
        let web = workload("Deployment", namespace, name, &format!("{image}:1.0.0"));
        let pods = ids.iter().enumerate();
        objects.extend(pods.map(|(n, id)| pod_of(&web, n, id)));
        objects.push(automated(web, "semver:~1.0"));
    }
    plane.apply(&objects).await;
    let kubeconfig = kubeconfigs::of_user(plane, User::Admin, namespace);
    let run = imgpolicy(&kubeconfig, &["status", "-o", "json"]);
    for (name, _, expected) in &cases {
        let row = run.row(name, "app");
        assert_eq!(row["reason"], "up-to-date", "{row}");
        let warnings = row["warnings"].as_array().expect("a list");
        match expected {
            None => assert_eq!(warnings.len(), 0, "{row}"),
            Some(start) => {
                assert!(has_warning(&row, "moved-tag"), "{row}");
                let message = warnings[0]["message"].as_str().expect("text");
                assert!(message.starts_with(start), "{message}");
                assert!(message.contains("1.0.0 now serves"), "{message}");
            }
        }
    }
}
