//! The current user and other owners: our controller's Lease, and the objects of Flux
//! and Argo CD.

use jiff::{SignedDuration, Timestamp};
use kubectl_imgpolicy::cluster::{CONTROLLER_LEASE, ControllerPresence};
use kubectl_imgpolicy::plan::{OwnerAnswer, OwnerQuestion};
use kubectl_imgpolicy::workload::{Owner, WorkloadKind};
use serde_json::{Value, json};

use crate::control_plane::ControlPlane;
use crate::kubeconfigs::User;
use crate::plans;

#[tokio::test]
async fn server_reports_the_current_user() {
    let plane = ControlPlane::shared();
    for user in [User::Admin, User::Nobody] {
        let cluster = plane.connect(user, "default").await;
        assert_eq!(cluster.user_name().await.as_deref(), Some(user.name()));
    }
}

#[tokio::test]
async fn controller_is_present_while_it_renews_its_lease() {
    let plane = ControlPlane::second().await;
    let cluster = plane.connect(User::Admin, "default").await;
    let now = Timestamp::now();
    assert_eq!(
        cluster.controller_presence(now).await,
        ControllerPresence::Absent
    );
    let namespace = plane.namespace("controller-lease").await;
    let renewed = now.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string();
    plane
        .apply(&[
            json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"namespace": namespace, "name": CONTROLLER_LEASE},
            "spec": {"holderIdentity": "pod-1", "leaseDurationSeconds": 15,
                "renewTime": renewed}}),
        ])
        .await;
    for (seconds, presence) in [
        (14, ControllerPresence::Running),
        (16, ControllerPresence::Absent),
    ] {
        let then = now + SignedDuration::from_secs(seconds);
        assert_eq!(cluster.controller_presence(then).await, presence);
    }
    let nobody = plane.connect(User::Nobody, "default").await;
    assert_eq!(
        nobody.controller_presence(now).await,
        ControllerPresence::Unknown
    );
}

#[tokio::test]
async fn flux_suspension_and_argo_cd_resources_are_read() {
    let plane = ControlPlane::shared();
    let namespace = plane.namespace("owners").await;
    plane
        .define("kustomize.toolkit.fluxcd.io", "v1", "Kustomization")
        .await;
    plane.define("argoproj.io", "v1alpha1", "Application").await;
    // Other kinds make newer versions the preferred versions of the groups.
    plane.define("argoproj.io", "v1beta1", "ArgoCD").await;
    plane
        .define("kustomize.toolkit.fluxcd.io", "v2", "Overlay")
        .await;
    let kustomization = |name: &str, spec: Value| {
        json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"namespace": namespace, "name": name}, "spec": spec})
    };
    let web = json!({"group": "apps", "version": "v1", "kind": "Deployment",
        "namespace": "shop", "name": "web"});
    plane
        .apply(&[
            kustomization("asleep", json!({"suspend": true})),
            kustomization("awake", json!({"interval": "5m"})),
            json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
                "metadata": {"namespace": namespace, "name": "owners-shop"},
                "spec": {}, "status": {"resources": [web]}}),
        ])
        .await;
    let suspended = |name: &str| {
        OwnerQuestion::IsSuspended(Owner {
            kind: "Kustomization".to_owned(),
            namespace: Some(namespace.to_owned()),
            name: name.to_owned(),
        })
    };
    let listed = |name: &str| OwnerQuestion::IsListedByApplication {
        application: "owners-shop".to_owned(),
        workload: plans::id(WorkloadKind::Deployment, "shop", name),
    };
    let expected = [
        (suspended("asleep"), OwnerAnswer::Yes(None)),
        (suspended("awake"), OwnerAnswer::No),
        (suspended("gone"), OwnerAnswer::Unknown),
        (listed("api"), OwnerAnswer::No),
        (listed("web"), OwnerAnswer::Yes(Some(namespace.to_owned()))),
    ];
    let questions = expected.clone().map(|(question, _)| question);
    let cluster = plane.connect(User::Admin, namespace).await;
    assert_eq!(cluster.owner_answers(&questions).await, expected);
    let nobody = plane.connect(User::Nobody, namespace).await;
    for (_, answer) in nobody.owner_answers(&questions).await {
        assert_eq!(answer, OwnerAnswer::Unknown);
    }
}
