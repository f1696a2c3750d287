//! What a write changes and what it keeps.

use kubectl_imgpolicy::cluster::Cluster;
use kubectl_imgpolicy::plan::{Change, Edit, ValueEdit};
use kubectl_imgpolicy::workload::{ContainerType, Observed, WorkloadId, WorkloadKind};
use kubectl_imgpolicy::write::{Done, DryRun};
use serde_json::{Value, json};

use crate::control_plane::ControlPlane;
use crate::kubeconfigs::User;
use crate::objects::workload;
use crate::plans::{self, MANAGER, app, failure, image};

const FOUR: [WorkloadKind; 4] = [
    WorkloadKind::Deployment,
    WorkloadKind::StatefulSet,
    WorkloadKind::DaemonSet,
    WorkloadKind::CronJob,
];

fn pod_path(kind: WorkloadKind) -> &'static str {
    match kind {
        WorkloadKind::CronJob => "/spec/jobTemplate/spec/template/spec",
        _ => "/spec/template/spec",
    }
}

/// A workload with a sidecar that has many fields to preserve.
fn with_sidecar(kind: WorkloadKind, namespace: &str) -> Value {
    let mut object = workload(kind.as_str(), namespace, "web", "org/app:1");
    let pod = object.pointer_mut(pod_path(kind)).expect("a Pod");
    let sidecar = json!({"name": "side", "image": "org/side:1",
        "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
        "ports": [{"containerPort": 8080, "name": "http"}],
        "resources": {"limits": {"memory": "64Mi"}},
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}]});
    pod["volumes"] = json!([{"name": "tmp", "emptyDir": {}}]);
    let containers = pod["containers"].as_array_mut().expect("a list");
    containers.insert(0, sidecar);
    object
}

/// The paths of a manager's fields that contain a word.
fn managed<'a>(object: &'a Value, manager: &str) -> Vec<&'a Value> {
    let entries = object["metadata"]["managedFields"].as_array();
    let entries = entries.into_iter().flatten();
    entries
        .filter(|entry| entry["manager"] == manager)
        .map(|entry| &entry["fieldsV1"])
        .collect()
}

async fn object(cluster: &Cluster, id: &WorkloadId) -> Value {
    cluster.object(id).await.expect("it is there")
}

#[tokio::test]
async fn each_kind_gets_its_images_in_one_patch_and_nothing_else_changes() {
    let plane = ControlPlane::shared();
    let namespace = plane.namespace("write-kinds").await;
    let objects = FOUR.map(|kind| with_sidecar(kind, namespace));
    plane.apply(&objects).await;
    let cluster = plane.connect(User::Admin, namespace).await;
    let (container, init) = (ContainerType::Container, ContainerType::InitContainer);
    let changes = FOUR.map(|kind| {
        Change::of_images(
            plans::id(kind, namespace, "web"),
            vec![
                image("app", container, "org/app:1", "org/app:2"),
                image("side", container, "org/side:1", "org/side:1.1"),
                image("setup", init, "busybox:1.36", "busybox:1.37"),
            ],
        )
    });
    let mut before = Vec::new();
    for change in &changes {
        before.push(object(&cluster, &change.workload).await);
    }
    let applied = plans::write(&cluster, &changes, &[]).await;
    for (applied, before) in applied.iter().zip(before) {
        let id = &applied.workload;
        assert_eq!(applied.result.as_ref().ok(), Some(&Done::Written), "{id}");
        let after = object(&cluster, id).await;
        // Two containers and an init container are one write.
        assert_eq!(
            after["metadata"]["generation"].as_i64(),
            before["metadata"]["generation"].as_i64().map(|n| n + 1),
            "{id}"
        );
        let mut expected = before["spec"].clone();
        let pod = pod_path(id.kind).strip_prefix("/spec").expect("a path");
        let pod = expected.pointer_mut(pod).expect("a Pod");
        pod["containers"][0]["image"] = json!("org/side:1.1");
        pod["containers"][1]["image"] = json!("org/app:2");
        pod["initContainers"][0]["image"] = json!("busybox:1.37");
        // The template includes its own metadata.
        assert_eq!(after["spec"], expected, "{id}");
        assert_eq!(after["metadata"]["labels"], before["metadata"]["labels"]);
        let writers = Observed::read(&after, namespace)
            .expect("decodes")
            .expect("a workload")
            .writers;
        for name in ["app", "side", "setup"] {
            let writers: Vec<_> = writers.images[name].iter().collect();
            assert_eq!(writers, [MANAGER], "{id} {name}");
        }
        let annotations = &after["metadata"]["annotations"];
        assert_eq!(annotations["fluxcd.io/build.number"], "1", "{id}");
        assert_eq!(annotations["fluxcd.io/tag.busybox"], "1.37", "{id}");
        // The annotation of the policy for the container `app`.
        assert_eq!(annotations.get("fluxcd.io/tag.app"), None, "{id}");
        let recorded = &writers.annotations["imgpolicy.dev/last-update"];
        assert_eq!(recorded.iter().collect::<Vec<_>>(), [MANAGER], "{id}");
    }
}

#[tokio::test]
async fn annotation_edit_changes_neither_the_template_nor_foreign_keys() {
    let plane = ControlPlane::shared();
    let namespace = plane.namespace("write-annotations").await;
    plane.define_helm_releases().await;
    let mut objects = FOUR.map(|kind| with_sidecar(kind, namespace)).to_vec();
    objects.push(
        json!({"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
        "metadata": {"namespace": namespace, "name": "web"},
        "spec": {"values": {"image": "org/app:1"}}}),
    );
    for object in &mut objects {
        object["metadata"]["annotations"] = json!({"team": "shop", "fluxcd.io/locked": "true"});
    }
    plane.apply(&objects).await;
    let cluster = plane.connect(User::Admin, namespace).await;
    for kind in WorkloadKind::ALL {
        let id = plans::id(kind, namespace, "web");
        let before = object(&cluster, &id).await;
        let observed = cluster.observe(&id).await.expect("read");
        let edit = Edit {
            annotations: [
                ("fluxcd.io/locked".to_owned(), None),
                ("fluxcd.io/automated".to_owned(), Some("true".to_owned())),
            ]
            .into(),
            ..Edit::default()
        };
        let patched = cluster
            .patch(&id, &edit.patch(&observed), false, MANAGER)
            .await
            .expect("patched");
        let after = object(&cluster, &id).await;
        assert_eq!(
            after["metadata"]["annotations"]
                .as_object()
                .map(|annotations| annotations
                    .iter()
                    .filter(|(key, _)| !key.starts_with("deprecated."))
                    .collect::<Vec<_>>()),
            json!({"fluxcd.io/automated": "true", "team": "shop"})
                .as_object()
                .map(|annotations| annotations.iter().collect()),
            "{id}"
        );
        assert_eq!(after["spec"], before["spec"], "{id}");
        let [fields] = managed(&after, MANAGER)[..] else {
            panic!("{after:#}");
        };
        let expected = json!({"f:metadata": {"f:annotations": {"f:fluxcd.io/automated": {}}}});
        assert_eq!(*fields, expected, "{id}");
        assert_eq!(
            patched.object.resource_version.as_deref(),
            after["metadata"]["resourceVersion"].as_str()
        );
    }
}

#[tokio::test]
async fn helm_release_value_is_replaced_at_its_path() {
    let plane = ControlPlane::shared();
    let namespace = plane.namespace("write-helm").await;
    plane.define_helm_releases().await;
    let image = json!({"repository": "org/app", "tag": "1", "pullPolicy": "Always"});
    let values = json!({"app": {"image": image, "replicas": 2}, "list": [1, 2]});
    plane
        .apply(&[
            json!({"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
            "metadata": {"namespace": namespace, "name": "web"},
            "spec": {"interval": "5m", "values": values}}),
        ])
        .await;
    let cluster = plane.connect(User::Admin, namespace).await;
    let id = plans::id(WorkloadKind::HelmRelease, namespace, "web");
    let stale = cluster.observe(&id).await.expect("read");
    let edit = |text: &str| Edit {
        values: vec![ValueEdit {
            path: ["app", "image", "tag"].map(str::to_owned).to_vec(),
            text: Some(text.to_owned()),
            is_plain: false,
        }],
        ..Edit::default()
    };
    let change = app(id.clone(), "org/app:1", "org/app:2");
    let applied = plans::write(&cluster, &[change], &[]).await;
    let result = applied[0].result.as_ref();
    assert_eq!(result.ok(), Some(&Done::Written), "{result:?}");
    let now = cluster.observe(&id).await.expect("read").workload;
    assert_eq!(now.containers[0].image, "org/app:2");
    let mut expected = values;
    expected["app"]["image"]["tag"] = json!("2");
    let after = object(&cluster, &id).await;
    assert_eq!(after["spec"], json!({"interval": "5m", "values": expected}));
    // The resource version is also enforced for custom resources.
    let error = cluster
        .patch(&id, &edit("3").patch(&stale), false, MANAGER)
        .await;
    assert!(error.expect_err("stale").is_conflict());
}

#[tokio::test]
async fn server_dry_run_writes_nothing() {
    let plane = ControlPlane::shared();
    let namespace = plane.namespace("write-dry").await;
    plane
        .apply(&[workload("Deployment", namespace, "web", "org/app:1")])
        .await;
    let cluster = plane.connect(User::Admin, namespace).await;
    let id = plans::id(WorkloadKind::Deployment, namespace, "web");
    let before = object(&cluster, &id).await;
    let change = app(id.clone(), "org/app:1", "org/app:2");
    for dry_run in [DryRun::Client, DryRun::Server] {
        let applied = plans::write_as(&cluster, std::slice::from_ref(&change), &[], dry_run).await;
        assert_eq!(applied[0].result.as_ref().ok(), Some(&Done::Written));
        assert_eq!(object(&cluster, &id).await, before);
    }
    assert_eq!(plane.events(namespace).await, [json!(null); 0]);
}

#[tokio::test]
async fn container_renamed_since_the_plan_is_reported_and_nothing_is_added() {
    let plane = ControlPlane::shared();
    let namespace = plane.namespace("write-renamed").await;
    let mut web = workload("Deployment", namespace, "web", "org/app:1");
    plane.apply(&[web.clone()]).await;
    let cluster = plane.connect(User::Admin, namespace).await;
    let id = plans::id(WorkloadKind::Deployment, namespace, "web");
    let planned = cluster.observe(&id).await.expect("read");
    web["spec"]["template"]["spec"]["containers"][0]["name"] = json!("server");
    plane.apply(&[web]).await;
    let before = object(&cluster, &id).await;
    let change = app(id.clone(), "org/app:1", "org/app:2");
    for observed in [&[planned][..], &[]] {
        let applied = plans::write(&cluster, std::slice::from_ref(&change), observed).await;
        assert_eq!(
            failure(&applied[0]).0,
            "unable to find container named \"app\" (there are server, setup)"
        );
        assert_eq!(object(&cluster, &id).await, before);
    }
}

#[tokio::test]
async fn object_deleted_since_the_plan_is_reported_and_the_others_are_written() {
    let plane = ControlPlane::shared();
    let namespace = plane.namespace("write-deleted").await;
    let names = ["a", "b", "c"];
    let ids = names.map(|name| plans::id(WorkloadKind::Deployment, namespace, name));
    plane
        .apply(&names.map(|name| workload("Deployment", namespace, name, "org/app:1")))
        .await;
    let cluster = plane.connect(User::Admin, namespace).await;
    let mut observed = Vec::new();
    for id in &ids {
        observed.push(cluster.observe(id).await.expect("read"));
    }
    plane.delete_deployment(namespace, "b").await;
    let changes = ids.clone().map(|id| app(id, "org/app:1", "org/app:2"));
    let applied = plans::write(&cluster, &changes, &observed).await;
    assert_eq!(
        failure(&applied[1]),
        (
            "Error from server (NotFound): deployments.apps \"b\" not found".to_owned(),
            None
        )
    );
    for n in [0, 2] {
        assert_eq!(applied[n].result.as_ref().ok(), Some(&Done::Written));
        let now = cluster.observe(&ids[n]).await.expect("read");
        assert_eq!(now.workload.containers[0].image, "org/app:2");
    }
}

#[tokio::test]
async fn updates_and_rollbacks_are_recorded_as_events() {
    let plane = ControlPlane::shared();
    let namespace = plane.namespace("write-events").await;
    plane
        .apply(&[workload("CronJob", namespace, "web", "org/app:1")])
        .await;
    let cluster = plane.connect(User::Admin, namespace).await;
    let id = plans::id(WorkloadKind::CronJob, namespace, "web");
    let update = app(id.clone(), "org/app:1", "org/app:2");
    let mut rollback = app(id.clone(), "org/app:2", "org/app:1");
    rollback.is_rollback = true;
    for change in [update, rollback] {
        let applied = plans::write(&cluster, &[change], &[]).await;
        assert_eq!(
            (applied[0].result.is_ok(), applied[0].notes.len()),
            (true, 0)
        );
    }
    let object = object(&cluster, &id).await;
    let mut events = plane.events(namespace).await;
    events.sort_by_key(|event| event["eventTime"].to_string());
    let told: Vec<_> = events
        .iter()
        .map(|event| (&event["reason"], &event["action"], &event["note"]))
        .collect();
    assert_eq!(
        told,
        [
            (
                &json!("ImageUpdated"),
                &json!("Update"),
                &json!("container app: org/app:1 -> org/app:2")
            ),
            (
                &json!("ImageRolledBack"),
                &json!("RollBack"),
                &json!("container app: org/app:2 -> org/app:1")
            ),
        ]
    );
    assert_eq!(
        events[1]["regarding"],
        json!({"kind": "CronJob", "namespace": namespace, "name": "web",
            "uid": object["metadata"]["uid"], "apiVersion": "batch/v1",
            "resourceVersion": object["metadata"]["resourceVersion"]})
    );
    assert_eq!(events[0]["reportingController"], "imgpolicy");
    assert_eq!(events[0]["type"], "Normal");
}
