//! Reading workloads from a real API server.

use kubectl_imgpolicy::cluster::{Scope, Selection, WorkloadSelector};
use kubectl_imgpolicy::workload::{ContainerType, WorkloadKind};
use serde_json::json;

use crate::control_plane::ControlPlane;
use crate::kubeconfigs::User;
use crate::objects::workload;

const KINDS: [&str; 4] = ["CronJob", "DaemonSet", "Deployment", "StatefulSet"];

pub(crate) fn everything(namespace: &str) -> Selection {
    Selection {
        scope: Scope::Namespace(namespace.to_owned()),
        label_selector: None,
        selector: WorkloadSelector::Everything,
    }
}

#[tokio::test]
async fn all_four_kinds_are_read_with_their_init_containers() {
    let plane = ControlPlane::shared();
    let mut objects = Vec::new();
    for namespace in ["four-a", "four-b"] {
        plane.namespace(namespace).await;
        objects.extend(KINDS.map(|kind| workload(kind, namespace, "web", "org/app:1")));
    }
    plane.apply(&objects).await;
    let cluster = plane.connect(User::Admin, "four-a").await;
    let one = cluster
        .workloads(&everything("four-a"))
        .await
        .expect("read");
    let kinds: Vec<_> = one.workloads.iter().map(|w| w.id.kind.as_str()).collect();
    assert_eq!(kinds, ["Deployment", "StatefulSet", "DaemonSet", "CronJob"]);
    for workload in &one.workloads {
        let containers: Vec<_> = workload
            .containers
            .iter()
            .map(|c| (c.name.as_str(), c.image.as_str(), c.container_type))
            .collect();
        let expected = [
            ("app", "org/app:1", ContainerType::Container),
            ("setup", "busybox:1.36", ContainerType::InitContainer),
        ];
        assert_eq!(containers, expected, "{}", workload.id);
    }
    let all = Selection {
        scope: Scope::AllNamespaces,
        ..everything("")
    };
    let all = cluster.workloads(&all).await.expect("read");
    let here = all
        .workloads
        .iter()
        .filter(|w| w.id.namespace.starts_with("four-"));
    assert_eq!(here.count(), 8);
    assert_eq!(all.errors, []);
}

#[tokio::test]
async fn workloads_are_selected_by_labels_and_names() {
    let plane = ControlPlane::shared();
    let namespace = plane.namespace("select").await;
    let mut web = workload("Deployment", namespace, "web", "org/app:1");
    web["metadata"]["labels"] = json!({"tier": "front"});
    let api = workload("Deployment", namespace, "api", "org/app:1");
    plane.apply(&[web, api]).await;
    let cluster = plane.connect(User::Admin, namespace).await;
    let names = |listing: &kubectl_imgpolicy::cluster::Listing| {
        let names = listing.workloads.iter().map(|w| w.id.to_string());
        names.collect::<Vec<_>>()
    };
    let labelled = Selection {
        label_selector: Some("tier in (front,back)".to_owned()),
        ..everything(namespace)
    };
    let labelled = cluster.workloads(&labelled).await.expect("read");
    assert_eq!(names(&labelled), ["deployment/web"]);

    let deployment = |name: &str| (WorkloadKind::Deployment.into(), name.to_owned());
    let named = Selection {
        selector: WorkloadSelector::Named(vec![deployment("nope"), deployment("api")]),
        ..everything(namespace)
    };
    let named = cluster.workloads(&named).await.expect("read");
    assert_eq!(names(&named), ["deployment/api"]);
    assert_eq!(
        named.errors[0].message,
        "Error from server (NotFound): deployments.apps \"nope\" not found"
    );

    let nonsense = Selection {
        label_selector: Some("a==,b=(".to_owned()),
        ..everything(namespace)
    };
    let error = cluster.workloads(&nonsense).await.expect_err("no selector");
    assert_eq!(error.reason(), "BadRequest", "{error}");
    assert_eq!(
        cluster
            .names(
                &WorkloadKind::Deployment.into(),
                &everything(namespace).scope
            )
            .await
            .expect("read"),
        ["api", "web"]
    );
    assert!(
        cluster
            .namespaces()
            .await
            .expect("read")
            .contains(&namespace.to_owned())
    );
}
