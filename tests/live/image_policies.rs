//! `imagePolicies` of live Kustomizations.

use serde_json::json;

use crate::binary::imgpolicy;
use crate::control_plane::ControlPlane;
use crate::git_tree::{define_kinds, flux_labels, kustomization};
use crate::kubeconfigs::{self, User};
use crate::objects::workload;

#[tokio::test]
async fn live_kustomization_gives_its_workloads_policies() {
    let plane = ControlPlane::shared();
    define_kinds(plane).await;
    let namespace = plane.namespace("image-policies").await;
    plane.allow_reader(namespace).await;
    let image = "registry.invalid/app";
    let entry = json!({"name": "app-image", "policy": {"semver": {"range": "1.x"}},
        "oci": {"image": image}});
    let mut object = kustomization(namespace, "apps", "./apps", "fleet");
    object["metadata"]["annotations"] =
        json!({"imgpolicy.dev/image-policies": json!([entry]).to_string()});
    let mut web = workload("Deployment", namespace, "web", &format!("{image}:1.0.0"));
    web["metadata"]["labels"] = flux_labels(namespace, "apps")["labels"].clone();
    let own = workload("Deployment", namespace, "own", &format!("{image}:1.0.0"));
    plane.apply(&[object, web, own]).await;

    let kubeconfig = kubeconfigs::of_user(plane, User::Admin, namespace);
    let run = imgpolicy(&kubeconfig, &["status", "-o", "json"]);
    let row = run.row("web", "app");
    let origin = format!("imagePolicies entry app-image of Kustomization {namespace}/apps");
    assert_eq!(row["policy"]["origin"], origin.as_str(), "{row}");
    assert_eq!(row["state"], "automated", "{row}");
    assert!(run.row("own", "app")["policy"].is_null(), "{run:?}");

    let reader = kubeconfigs::of_user(plane, User::PullIdentity, namespace);
    let run = imgpolicy(&reader, &["status"]);
    let hint =
        format!("kubectl auth can-i get kustomizations.kustomize.toolkit.fluxcd.io -n {namespace}");
    assert!(run.stderr.contains(&hint), "{run:?}");
}
