//! Users who may read but not write, and writes that an admission policy refuses.

use kubectl_imgpolicy::workload::WorkloadKind;
use kubectl_imgpolicy::write::Done;
use serde_json::json;

use crate::control_plane::ControlPlane;
use crate::kubeconfigs::User;
use crate::objects::workload;
use crate::plans::{self, app, failure};

#[tokio::test]
async fn reader_gets_a_permission_hint_and_nothing_is_half_written() {
    let plane = ControlPlane::shared();
    let namespace = plane.namespace("write-reader").await;
    plane.allow_reader(namespace).await;
    let kinds = [WorkloadKind::Deployment, WorkloadKind::CronJob];
    plane
        .apply(&kinds.map(|kind| workload(kind.as_str(), namespace, "web", "org/app:1")))
        .await;
    let cluster = plane.connect(User::PullIdentity, namespace).await;
    let ids = kinds.map(|kind| plans::id(kind, namespace, "web"));
    let mut before = Vec::new();
    for id in &ids {
        before.push(cluster.object(id).await.expect("read"));
    }
    let changes = ids.clone().map(|id| app(id, "org/app:1", "org/app:2"));
    let applied = plans::write(&cluster, &changes, &[]).await;
    for (n, (plural, group)) in [("deployments", "apps"), ("cronjobs", "batch")]
        .into_iter()
        .enumerate()
    {
        let (line, hint) = failure(&applied[n]);
        assert_eq!(
            line,
            format!(
                "Error from server (Forbidden): {plural}.{group} \"web\" is forbidden: User \
                 \"reader\" cannot patch resource \"{plural}\" in API group \"{group}\" in the \
                 namespace \"{namespace}\""
            )
        );
        assert_eq!(
            hint,
            Some(format!(
                "kubectl auth can-i patch {plural}.{group} -n {namespace}"
            ))
        );
        assert_eq!(cluster.object(&ids[n]).await.expect("read"), before[n]);
    }
    assert_eq!(plane.events(namespace).await, [json!(null); 0]);
}

#[tokio::test]
async fn denied_read_is_reported_before_any_write() {
    let plane = ControlPlane::shared();
    let namespace = plane.namespace("write-nobody").await;
    plane
        .apply(&[workload("Deployment", namespace, "web", "org/app:1")])
        .await;
    let cluster = plane.connect(User::Nobody, namespace).await;
    let id = plans::id(WorkloadKind::Deployment, namespace, "web");
    let applied = plans::write(&cluster, &[app(id, "org/app:1", "org/app:2")], &[]).await;
    let (line, hint) = failure(&applied[0]);
    assert!(line.contains("User \"nobody\" cannot get"), "{line}");
    assert_eq!(
        hint,
        Some(format!(
            "kubectl auth can-i get deployments.apps -n {namespace}"
        ))
    );
}

#[tokio::test]
async fn forbidden_events_cause_one_note() {
    let plane = ControlPlane::shared();
    let namespace = plane.namespace("write-no-events").await;
    let rules = json!([{"apiGroups": ["apps"], "resources": ["deployments"],
        "verbs": ["get", "patch"]}]);
    plane.allow_in(namespace, User::Partial, rules).await;
    let names = ["a", "b", "c"];
    plane
        .apply(&names.map(|name| workload("Deployment", namespace, name, "org/app:1")))
        .await;
    let cluster = plane.connect(User::Partial, namespace).await;
    let changes = names.map(|name| {
        let id = plans::id(WorkloadKind::Deployment, namespace, name);
        app(id, "org/app:1", "org/app:2")
    });
    let applied = plans::write(&cluster, &changes, &[]).await;
    for applied in &applied {
        assert_eq!(applied.result.as_ref().ok(), Some(&Done::Written));
    }
    let notes: Vec<&String> = applied.iter().flat_map(|applied| &applied.notes).collect();
    assert_eq!(
        notes,
        [&format!(
            "Events could not be recorded in {namespace} (Forbidden), so only the annotations of \
             the workloads record what was changed"
        )]
    );
}

#[tokio::test]
async fn admission_policy_refuses_or_warns_in_its_own_words() {
    let plane = ControlPlane::shared();
    let namespace = plane.namespace("write-policy").await;
    let names = ["loud", "refused", "web"];
    plane
        .apply(&names.map(|name| workload("Deployment", namespace, name, "org/app:1")))
        .await;
    plane.admit_unless_named(namespace, "refused", "Deny").await;
    plane.admit_unless_named(namespace, "loud", "Warn").await;
    let cluster = plane.connect(User::Admin, namespace).await;
    let ids = names.map(|name| plans::id(WorkloadKind::Deployment, namespace, name));
    let changes = ids.clone().map(|id| app(id, "org/app:1", "org/app:2"));
    let applied = plans::write(&cluster, &changes, &[]).await;
    let words = |action: &str| format!("{namespace} has no place for it ({action})");
    assert_eq!(applied[0].result.as_ref().ok(), Some(&Done::Written));
    let [note] = &applied[0].notes[..] else {
        panic!("{applied:?}");
    };
    assert!(note.contains(&words("Warn")), "{note}");
    let (line, hint) = failure(&applied[1]);
    assert!(
        line.starts_with(
            "Error from server (Invalid): deployments.apps \"refused\" is forbidden: "
        ) && line.contains(&words("Deny")),
        "{line}"
    );
    assert_eq!(hint, None);
    let refused = cluster.observe(&ids[1]).await.expect("read");
    assert_eq!(refused.workload.containers[0].image, "org/app:1");
    assert_eq!(applied[2].result.as_ref().ok(), Some(&Done::Written));
    assert_eq!(applied[2].notes, [""; 0]);
}
