//! `update` end to end.

use serde_json::json;

use crate::shop::{POLICY, Shop, said};

#[tokio::test]
async fn elected_image_is_written_once_and_recorded() {
    let shop = Shop::open("update-once").await;
    shop.deploy(&["web"]).await;
    let before = shop.get("Deployment", "web").await;
    let run = shop.run(&["update", "deployment/web", "--yes"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(run.stdout, "deployment.apps/web image updated\n");
    for line in ["  app   1.0.0   → 1.0.1   semver:~1.0", "  1 Pod restarts"] {
        assert_eq!(said(&run, line), [line], "{run:?}");
    }
    assert_eq!(shop.tag("web").await, "1.0.1");
    let record = shop.annotation("web", "imgpolicy.dev/last-update").await;
    let record: serde_json::Value =
        serde_json::from_str(record.as_str().expect("a record")).expect("JSON");
    assert_eq!(record["by"], "admin");
    let change = &record["changes"][0];
    assert_eq!(change["from"], format!("{}:1.0.0", shop.image));
    assert_eq!(change["to"], format!("{}:1.0.1", shop.image));
    assert_eq!(change["policy"], POLICY);
    assert!(change["digest"].is_string(), "{record}");
    let after = shop.get("Deployment", "web").await;
    let managers = after["metadata"]["managedFields"].to_string();
    assert!(managers.contains("\"manager\":\"imgpolicy\""), "{managers}");
    let template = |object: &serde_json::Value| object["spec"]["template"]["metadata"].clone();
    assert_eq!(template(&after), template(&before));

    let run = shop.run(&["update", "deployment/web", "--yes"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{run:?}");
    assert_eq!(said(&run, "nothing to update").len(), 1, "{run:?}");
    assert_eq!(shop.get("Deployment", "web").await, after);
}

#[tokio::test]
async fn chart_or_signature_in_the_repository_is_never_written() {
    let shop = Shop::open("update-artifacts").await;
    shop.deploy(&["web"]).await;
    let repository = shop.image.split_once('/').expect("a host").1;
    let image_config = "application/vnd.oci.image.config.v1+json";
    let chart = [
        "application/vnd.cncf.helm.config.v1+json",
        "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
    ];
    let signature = [
        image_config,
        "application/vnd.dev.cosign.simplesigning.v1+json",
    ];
    let registry = crate::registry::Registry::shared().await;
    registry.push_artifact(repository, "1.0.8", chart).await;
    registry.push_artifact(repository, "1.0.9", signature).await;
    let tag = format!("sha256-{}.sig", "ab".repeat(32));
    registry.push_artifact(repository, &tag, signature).await;
    let run = shop.run(&["update", "deployment/web", "--yes"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(shop.tag("web").await, "1.0.1");
    for tag in ["1.0.8", "1.0.9", &tag] {
        let image = format!("{}:{tag}", shop.image);
        let run = shop.run(&["update", "--image", &image, "--yes", "--override-policy"]);
        assert_eq!(run.code, 1, "{run:?}");
        assert_eq!(shop.tag("web").await, "1.0.1", "{run:?}");
    }
}

#[tokio::test]
async fn all_four_kinds_are_updated_and_reported_with_the_consequences() {
    let shop = Shop::open("update-kinds").await;
    let kinds = ["CronJob", "DaemonSet", "Deployment", "StatefulSet"];
    let mut workloads: Vec<_> = kinds
        .iter()
        .map(|kind| shop.workload(kind, "web"))
        .collect();
    // The registry of the CronJob's init container does not exist.
    workloads[0]["spec"]["jobTemplate"]["spec"]["template"]["spec"]["initContainers"] = json!([]);
    workloads[0]["spec"]["suspend"] = json!(true);
    workloads[1]["spec"]["updateStrategy"] = json!({"type": "OnDelete"});
    workloads[2]["spec"]["replicas"] = json!(0);
    workloads[3]["spec"]["replicas"] = json!(3);
    shop.plane.apply(&workloads).await;
    let run = shop.run(&["update", "--all", "--yes"]);
    assert_eq!(run.code, 0, "{run:?}");
    let mut lines: Vec<&str> = run.stdout.lines().collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "cronjob.batch/web image updated",
            "daemonset.apps/web image updated",
            "deployment.apps/web image updated",
            "statefulset.apps/web image updated",
        ]
    );
    for line in [
        "suspended: no run until it is resumed",
        "OnDelete: each Pod keeps its image until it is deleted",
        "0 replicas: nothing restarts",
        "3 Pods restart",
        "4 updated",
    ] {
        assert_eq!(said(&run, line).len(), 1, "{line}: {run:?}");
    }
    for kind in kinds {
        let object = shop.get(kind, "web").await.to_string();
        assert!(
            object.contains(&format!("{}:1.0.1\"", shop.image)),
            "{object}"
        );
    }
}

#[tokio::test]
async fn nothing_is_written_without_confirmation() {
    let shop = Shop::open("update-asks").await;
    shop.deploy(&["web", "api"]).await;
    let run = shop.run(&["update", "--all"]);
    assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{run:?}");
    let refusal = "error: refusing to change 2 workloads without a terminal; \
                   pass --yes, or --dry-run to preview";
    assert_eq!(said(&run, "refusing"), [refusal], "{run:?}");
    for (dry_run, suffix) in [
        ("--dry-run", " (dry run)"),
        ("--dry-run=client", " (dry run)"),
        ("--dry-run=server", " (server dry run)"),
    ] {
        let run = shop.run(&["update", "deployment/web", dry_run]);
        assert_eq!(run.code, 0, "{run:?}");
        let line = format!("deployment.apps/web image updated{suffix}\n");
        assert_eq!(run.stdout, line);
        assert_eq!(
            said(&run, "would be"),
            [""; 0],
            "one workload has its own line: {run:?}"
        );
    }
    assert_eq!(shop.tag("web").await, "1.0.0");
    for words in [
        &["update"][..],
        &["update", "-A"],
        &["update", "deployment"],
    ] {
        let run = shop.run(words);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run:?}");
        assert_eq!(said(&run, "--all").len(), 1, "{run:?}");
    }
}

#[tokio::test]
async fn json_reports_the_result_of_each_workload() {
    let shop = Shop::open("update-data").await;
    shop.deploy(&["web"]).await;
    let mut locked = shop.workload("Deployment", "api");
    locked["metadata"]["annotations"]["fluxcd.io/locked"] = json!("true");
    shop.plane.apply(&[locked]).await;
    for (flags, dry_run, result) in [
        (&["--dry-run=server"][..], "server", "planned"),
        (&["--yes"], "none", "updated"),
    ] {
        let run = shop.run(&[&["update", "--all", "-o", "json"], flags].concat());
        let list = run.json();
        assert_eq!(list["kind"], "ImageUpdateList");
        assert_eq!(list["dryRun"], dry_run);
        let item = &list["items"][0];
        assert_eq!(item["workload"]["name"], "web");
        assert_eq!(item["result"], result, "{list}");
        assert_eq!(item["notes"][0], "1 Pod restarts");
        let container = &item["containers"][0];
        assert_eq!(container["to"], format!("{}:1.0.1", shop.image));
        assert!(container["digest"].is_string(), "{list}");
        let held = &list["heldBack"][0];
        assert_eq!(held["reason"], "locked");
        assert_eq!(held["liftedBy"], "--override-lock");
    }
    let run = shop.run(&["update", "--all", "--override-lock", "--yes", "-o", "name"]);
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (0, "deployment.apps/api\n")
    );
    let record = shop.annotation("api", "imgpolicy.dev/last-update").await;
    assert!(record.to_string().contains("lock"), "{record}");
}

#[tokio::test]
async fn update_that_gitops_would_revert_is_refused() {
    let shop = Shop::open("update-owned").await;
    let mut owned = shop.workload("Deployment", "web");
    owned["metadata"]["labels"] = json!({"kustomize.toolkit.fluxcd.io/name": "apps",
        "kustomize.toolkit.fluxcd.io/namespace": "flux-system"});
    shop.plane.apply(&[owned]).await;
    let explained = shop.run(&["explain", "deployment/web", "-c", "app"]);
    let reason = "because an update is refused: Kustomization flux-system/apps reverts it";
    assert!(explained.stdout.contains(reason), "{explained:?}");
    assert!(!explained.stdout.contains("Next:"), "{explained:?}");
    let run = shop.run(&["update", "deployment/web", "--yes"]);
    assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{run:?}");
    let said_of_it = said(&run, "Kustomization flux-system/apps");
    assert_eq!(said_of_it.len(), 1, "{run:?}");
    assert!(said_of_it[0].contains("--override-owner"), "{run:?}");
    assert_eq!(shop.tag("web").await, "1.0.0");
    let run = shop.run(&["update", "deployment/web", "--yes", "--override-owner"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(shop.tag("web").await, "1.0.1");
    let record = shop.annotation("web", "imgpolicy.dev/last-update").await;
    assert!(record.to_string().contains("owner"), "{record}");
}

#[tokio::test]
async fn explicit_image_goes_to_the_containers_that_run_its_repository() {
    let shop = Shop::open("update-image").await;
    shop.deploy(&["web"]).await;
    let other = crate::objects::workload("Deployment", shop.namespace, "other", "org/other:1");
    shop.plane.apply(&[other]).await;
    let beyond = format!("{}:2.0.0", shop.image);
    let run = shop.run(&["update", "--all", "--image", &beyond, "--yes"]);
    assert_eq!(said(&run, "--override-policy").len(), 1, "{run:?}");
    assert_eq!(shop.tag("web").await, "1.0.0");
    let within = format!("{}:1.0.1", shop.image);
    let run = shop.run(&["update", "--image", &within, "--yes"]);
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (0, "deployment.apps/web image updated\n"),
        "{run:?}"
    );
    let words = [
        "update",
        "--all",
        "--image",
        &beyond,
        "--override-policy",
        "--yes",
    ];
    let run = shop.run(&words);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(shop.tag("web").await, "2.0.0");
    let run = shop.run(&["update", "--all", "--image", &shop.image, "--yes"]);
    assert_eq!(run.code, 2, "{run:?}");
    assert_eq!(said(&run, "add a tag or a digest").len(), 1, "{run:?}");
}

#[tokio::test]
async fn missing_image_is_not_written() {
    let shop = Shop::open("update-gone").await;
    shop.deploy(&["web"]).await;
    let gone = format!("{}:1.0.7", shop.image);
    let words = [
        "update",
        "--all",
        "--image",
        &gone,
        "--override-policy",
        "--yes",
    ];
    let run = shop.run(&words);
    assert_eq!(run.code, 1, "{run:?}");
    assert_eq!(
        said(&run, "held back: deployment/web app").len(),
        1,
        "{run:?}"
    );
    assert_eq!(shop.tag("web").await, "1.0.0");
}

#[tokio::test]
async fn frozen_namespace_keeps_its_images_until_the_freeze_is_removed() {
    let shop = Shop::open("update-frozen").await;
    shop.deploy(&["frozen"]).await;
    let namespace = |annotations: serde_json::Value| {
        json!({"apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": "update-frozen", "annotations": annotations}})
    };
    let freeze = json!({"imgpolicy.dev/freeze": "2020-01-01/9998-12-31 launch"});
    shop.plane.apply(&[namespace(freeze)]).await;
    let run = shop.run(&["update", "deployment/frozen", "--yes"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{run:?}");
    assert_eq!(said(&run, "--override-window").len(), 1, "{run:?}");
    // One namespace is read alone, all of them as a list.
    for words in [
        &["status", "-o", "json"][..],
        &["status", "-A", "-o", "json"],
    ] {
        let row = shop.run(words).row("frozen", "app");
        assert_eq!(row["reason"], "waiting-for-window", "{words:?}");
    }
    assert_eq!(shop.tag("frozen").await, "1.0.0");

    shop.plane.apply(&[namespace(json!({}))]).await;
    let run = shop.run(&["update", "deployment/frozen", "--yes"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(shop.tag("frozen").await, "1.0.1");
    // A freeze does not keep a bad image running.
    let freeze = json!({"imgpolicy.dev/freeze": "2020-01-01/9998-12-31 launch"});
    shop.plane.apply(&[namespace(freeze)]).await;
    let run = shop.run(&["rollback", "deployment/frozen", "--yes"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(shop.tag("frozen").await, "1.0.0");
}
