use serde_json::json;

use super::*;
use crate::cluster::fake::{answering, forbidden, item, not_found, status};
use crate::workload::WorkloadKind;

fn id(kind: WorkloadKind, api_version: &str) -> WorkloadId {
    WorkloadId {
        namespace: "shop".to_owned(),
        name: "web".to_owned(),
        kind,
        api_version: api_version.to_owned(),
    }
}

fn deployment() -> WorkloadId {
    id(WorkloadKind::Deployment, "apps/v1")
}

fn object(id: &WorkloadId) -> String {
    let mut object = item(&id.name);
    object["apiVersion"] = json!(id.api_version);
    object["kind"] = json!(id.kind);
    object["metadata"]["resourceVersion"] = json!("8");
    object.to_string()
}

fn patch(kind: PatchKind, version: Option<&str>) -> Patch {
    let mut body = json!({"metadata": {"annotations": {"a": null}}});
    if let Some(version) = version {
        body["metadata"]["resourceVersion"] = json!(version);
    }
    Patch { kind, body }
}

#[tokio::test]
async fn object_is_read_from_the_collection_of_its_kind() {
    for (kind, api_version, path) in [
        (WorkloadKind::Deployment, "apps/v1", "apps/v1"),
        (WorkloadKind::StatefulSet, "apps/v1", "apps/v1"),
        (WorkloadKind::DaemonSet, "apps/v1", "apps/v1"),
        (WorkloadKind::CronJob, "batch/v1", "batch/v1"),
        // A version from an old file, which is no longer served.
        (WorkloadKind::Deployment, "extensions/v1beta1", "apps/v1"),
        (
            WorkloadKind::HelmRelease,
            "helm.toolkit.fluxcd.io/v2",
            "helm.toolkit.fluxcd.io/v2",
        ),
        (
            WorkloadKind::HelmRelease,
            "helm.fluxcd.io/v1",
            "helm.fluxcd.io/v1",
        ),
    ] {
        let id = id(kind, api_version);
        let answer = object(&id);
        let (cluster, requests) = answering(move |_| (200, answer.clone()));
        let observed = cluster.observe(&id).await.expect("read");
        assert_eq!(observed.workload.id, id);
        assert_eq!(observed.resource_version.as_deref(), Some("8"));
        let plural = kind.plural();
        assert_eq!(
            requests.lines(),
            [format!("GET /apis/{path}/namespaces/shop/{plural}/web")]
        );
    }
}

#[tokio::test]
async fn read_errors_have_the_wording_of_kubectl() {
    let message = "deployments.apps \"web\" not found";
    for (answer, line) in [
        (
            status(404, "NotFound", message),
            "Error from server (NotFound): deployments.apps \"web\" not found",
        ),
        (
            (
                200,
                json!({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "web"}}).to_string(),
            ),
            "error: the server's response to GET deployment.apps/web -n shop cannot be read: \
             it is not a Deployment",
        ),
        (
            (200, "[".to_owned()),
            "error: the server's response to GET deployment.apps/web -n shop cannot be read: \
             EOF while parsing a list at line 1 column 1",
        ),
    ] {
        let (cluster, _) = answering(move |_| answer.clone());
        let error = cluster.observe(&deployment()).await.expect_err("an error");
        assert_eq!(error.line(), line);
    }
}

#[tokio::test]
async fn patch_is_strict_and_has_the_field_manager() {
    for (kind, dry_run, id, content_type, line) in [
        (
            PatchKind::Strategic,
            false,
            deployment(),
            "application/strategic-merge-patch+json",
            "PATCH /apis/apps/v1/namespaces/shop/deployments/web?\
             &fieldManager=imgpolicy&fieldValidation=Strict",
        ),
        (
            PatchKind::Merge,
            true,
            id(WorkloadKind::HelmRelease, "helm.toolkit.fluxcd.io/v2"),
            "application/merge-patch+json",
            "PATCH /apis/helm.toolkit.fluxcd.io/v2/namespaces/shop/helmreleases/web?\
             &dryRun=All&fieldManager=imgpolicy&fieldValidation=Strict",
        ),
    ] {
        let answer = object(&id);
        let (cluster, requests) = answering(move |_| (200, answer.clone()));
        let sent = patch(kind, Some("7"));
        let patched = cluster.patch(&id, &sent, dry_run, "imgpolicy").await;
        let patched = patched.expect("patched");
        assert_eq!(patched.object.resource_version.as_deref(), Some("8"));
        let request = requests.sent().remove(0);
        assert_eq!(request.line(), line);
        assert_eq!(request.content_type, content_type);
        assert_eq!(request.body, sent.body);
    }
}

#[tokio::test(start_paused = true)]
async fn only_a_patch_with_a_version_is_retried_after_a_server_error() {
    for (code, version, tries) in [
        (429, Some("7"), 4),
        (429, None, 4),
        (503, Some("7"), 4),
        (503, None, 1),
        (504, Some("7"), 4),
        (504, None, 1),
        (500, Some("7"), 1),
        (409, Some("7"), 1),
    ] {
        let (cluster, requests) = answering(move |_| status(code, "", "m"));
        let patch = patch(PatchKind::Strategic, version);
        let result = cluster.patch(&deployment(), &patch, false, "m").await;
        assert!(result.is_err());
        assert_eq!(requests.lines().len(), tries, "{code} {version:?}");
    }
}

#[tokio::test]
async fn conflicts_differ_from_other_rejections() {
    for (answer, conflict, undecided) in [
        (status(409, "Conflict", "m"), true, false),
        (status(409, "", "m"), true, false),
        (status(409, "AlreadyExists", "m"), false, false),
        (status(422, "Invalid", "m"), false, false),
        (status(500, "InternalError", "m"), false, true),
        ((200, "{".to_owned()), false, true),
        (forbidden(), false, false),
        (not_found(), false, false),
    ] {
        let shown = answer.1.clone();
        let (cluster, _) = answering(move |_| answer.clone());
        let patch = patch(PatchKind::Strategic, Some("7"));
        let error = cluster.patch(&deployment(), &patch, false, "m").await;
        let error = error.expect_err("an error");
        assert_eq!(
            (error.is_conflict(), error.is_outcome_unknown()),
            (conflict, undecided),
            "{shown}"
        );
    }
}

#[tokio::test]
async fn names_that_are_not_one_url_segment_are_not_sent() {
    let good = deployment();
    for (bad, line) in [
        (
            WorkloadId {
                namespace: "a/b".to_owned(),
                ..good.clone()
            },
            "error: invalid namespace \"a/b\": may not contain '/'",
        ),
        (
            WorkloadId {
                name: "web/status".to_owned(),
                ..good
            },
            "error: invalid resource name \"web/status\": may not contain '/'",
        ),
        (
            id(WorkloadKind::HelmRelease, "helm.fluxcd.io/.."),
            "error: invalid apiVersion \"..\": may not be '..'",
        ),
    ] {
        let (cluster, requests) = answering(|_| forbidden());
        let error = cluster.observe(&bad).await.expect_err("refused");
        assert_eq!(error.line(), line);
        let patch = patch(PatchKind::Strategic, None);
        assert!(cluster.patch(&bad, &patch, false, "m").await.is_err());
        assert_eq!(requests.lines(), [""; 0]);
    }
}
