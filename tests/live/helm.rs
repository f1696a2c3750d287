//! HelmReleases in a cluster that has the kind.

use serde_json::json;

use crate::binary::imgpolicy;
use crate::control_plane::ControlPlane;
use crate::kubeconfigs::{self, User};
use crate::registry::Registry;
use crate::workloads::everything;

#[tokio::test]
async fn helm_releases_have_a_row_per_image_in_their_values() {
    let (plane, registry) = (ControlPlane::shared(), Registry::shared().await);
    let namespace = plane.namespace("helm").await;
    plane.define_helm_releases().await;
    // Another kind makes a newer version the group's preferred one.
    plane.define("helm.toolkit.fluxcd.io", "v3", "Chart").await;
    let repository = format!("{}/shop/db", registry.host);
    for (tag, created) in [
        ("1.0.0", "2026-01-01T00:00:00Z"),
        ("1.0.1", "2026-02-01T00:00:00Z"),
    ] {
        registry
            .push("shop/db", tag, created, &["linux/amd64"])
            .await;
    }
    let image = json!({"repository": repository, "tag": "1.0.0"});
    plane
        .apply(&[
            json!({"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
            "metadata": {"namespace": namespace, "name": "db", "annotations":
                {"fluxcd.io/automated": "true", "fluxcd.io/tag.chart-image": "semver:~1.0"}},
            "spec": {"values": {"image": image}}}),
        ])
        .await;
    let cluster = plane.connect(User::Admin, namespace).await;
    let listing = cluster
        .workloads(&everything(namespace))
        .await
        .expect("read");
    assert_eq!(listing.workloads.len(), 1);
    assert_eq!(listing.workloads[0].id.to_string(), "helmrelease/db");

    let kubeconfig = kubeconfigs::of_user(plane, User::Admin, namespace);
    for words in [
        &["status", "-o", "json"][..],
        &["status", "hr/db", "-o", "json"],
    ] {
        let row = imgpolicy(&kubeconfig, words).row("db", "chart-image");
        assert_eq!(row["workload"]["kind"], "HelmRelease", "{row}");
        assert_eq!(row["workload"]["apiVersion"], "helm.toolkit.fluxcd.io/v2");
        assert_eq!(row["outcome"], "update", "{row}");
        assert_eq!(row["latest"], format!("{repository}:1.0.1"), "{row}");
    }
    let run = imgpolicy(&kubeconfig, &["status", "-o", "name"]);
    assert_eq!(run.stdout, "helmrelease.helm.toolkit.fluxcd.io/db\n");
}
