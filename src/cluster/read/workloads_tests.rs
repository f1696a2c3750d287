use serde_json::json;

use super::*;
use crate::cluster::fake::{
    cluster, forbidden, group, item, kinds, no_such_object, not_found, page, shop, status,
};

fn names(listing: &Listing) -> Vec<String> {
    listing.workloads.iter().map(|w| w.id.to_string()).collect()
}

#[tokio::test]
async fn everything_selects_the_four_kinds_and_any_releases() {
    let (cluster, requests) = cluster(|uri| match uri {
        "/apis/helm.toolkit.fluxcd.io" => {
            group(&["helm.toolkit.fluxcd.io/v3", "helm.toolkit.fluxcd.io/v2"])
        }
        // Another kind of the group has a newer version.
        "/apis/helm.toolkit.fluxcd.io/v3" => kinds(&["charts"]),
        "/apis/helm.toolkit.fluxcd.io/v2" => kinds(&["helmreleases"]),
        "/apis/helm.fluxcd.io" | "/apis/flux.weave.works" => not_found(),
        _ if uri.contains("/helmreleases") => page(
            json!([{"metadata": {"name": "db",
            "namespace": "shop"}, "spec": {"values": {"image": "org/db:1"}}}]),
            "",
        ),
        _ => page(json!([item("web")]), ""),
    });
    let listing = cluster
        .workloads(&shop(WorkloadSelector::Everything))
        .await
        .expect("read");
    assert_eq!(
        names(&listing),
        [
            "helmrelease/db",
            "deployment/web",
            "statefulset/web",
            "daemonset/web",
            "cronjob/web"
        ]
    );
    assert_eq!(listing.errors, []);
    assert_eq!(
        listing.workloads[0].id.api_version,
        "helm.toolkit.fluxcd.io/v2"
    );
    assert_eq!(listing.workloads[0].containers[0].image, "org/db:1");
    assert_eq!(
        requests.sorted(),
        [
            "/apis/apps/v1/namespaces/shop/daemonsets?&limit=500",
            "/apis/apps/v1/namespaces/shop/deployments?&limit=500",
            "/apis/apps/v1/namespaces/shop/statefulsets?&limit=500",
            "/apis/batch/v1/namespaces/shop/cronjobs?&limit=500",
            "/apis/flux.weave.works",
            "/apis/helm.fluxcd.io",
            "/apis/helm.toolkit.fluxcd.io",
            "/apis/helm.toolkit.fluxcd.io/v2",
            "/apis/helm.toolkit.fluxcd.io/v2/namespaces/shop/helmreleases?&limit=500",
            "/apis/helm.toolkit.fluxcd.io/v3",
        ]
    );
}

#[tokio::test]
async fn malformed_object_does_not_affect_the_others() {
    let (cluster, _) = cluster(|_| {
        let bad = json!({"metadata": {"name": "odd", "namespace": "other",
            "annotations": {"fluxcd.io/automated": true}}});
        page(json!([item("a"), bad, {"metadata": "?"}, item("b")]), "")
    });
    let selector = WorkloadSelector::Kinds(vec![WorkloadKind::Deployment.into()]);
    let listing = cluster.workloads(&shop(selector)).await.expect("read");
    assert_eq!(names(&listing), ["deployment/a", "deployment/b"]);
    let scopes: Vec<_> = listing.errors.iter().map(|e| e.scope.as_str()).collect();
    assert_eq!(scopes, ["namespace/other", "namespace/shop"]);
    assert_eq!(
        listing.errors[0].message,
        "error: deployment/odd cannot be read: annotation fluxcd.io/automated of \
         deployment/odd must be a string, but is the boolean true; quote it"
    );
    assert!(listing.errors.iter().all(|e| e.reason == "Malformed"));
}

#[tokio::test]
async fn forbidden_kind_does_not_affect_the_others() {
    let (cluster, _) = cluster(|uri| match uri {
        _ if uri.contains("/deployments") => forbidden(),
        _ if uri.contains("helm") || uri.contains("flux") => not_found(),
        _ => page(json!([item("web")]), ""),
    });
    let listing = cluster
        .workloads(&shop(WorkloadSelector::Everything))
        .await
        .expect("read");
    assert_eq!(listing.workloads.len(), 3);
    assert_eq!(
        listing.errors,
        [AccessError {
            scope: "namespace/shop".to_owned(),
            reason: "Forbidden".to_owned(),
            message: "Error from server (Forbidden): deployments.apps is forbidden: \
                      User \"eve\" cannot list"
                .to_owned(),
            hint: Some("kubectl auth can-i list deployments.apps -n shop".to_owned()),
        }]
    );
}

#[tokio::test]
async fn hint_names_the_allowed_namespace_if_all_are_forbidden() {
    let all = Selection {
        scope: Scope::AllNamespaces,
        label_selector: Some("a=b".to_owned()),
        selector: WorkloadSelector::Kinds(vec![
            WorkloadKind::Deployment.into(),
            WorkloadKind::CronJob.into(),
        ]),
    };
    let (allowed, requests) = cluster(|uri| {
        if uri.contains("/namespaces/shop/") {
            page(json!([]), "")
        } else {
            forbidden()
        }
    });
    let listing = allowed.workloads(&all).await.expect("read");
    assert_eq!(listing.errors.len(), 2);
    assert_eq!(listing.errors[1].scope, "cluster");
    // Only once, at the end.
    assert_eq!(listing.errors[0].hint, None);
    assert_eq!(
        listing.errors[1].hint.as_deref(),
        Some(
            "listing cronjobs.batch is forbidden in all namespaces, but allowed in namespace \
             \"shop\": use -n shop instead of -A"
        )
    );
    assert_eq!(
        requests.sorted(),
        [
            "/apis/apps/v1/deployments?&labelSelector=a%3Db&limit=500",
            "/apis/batch/v1/cronjobs?&labelSelector=a%3Db&limit=500",
            "/apis/batch/v1/namespaces/shop/cronjobs?&limit=1",
        ]
    );
    let (nothing, _) = cluster(|_| forbidden());
    let listing = nothing.workloads(&all).await.expect("read");
    let hint = listing.errors[1].hint.as_deref().unwrap_or("");
    assert!(hint.contains("select one with -n instead of -A"), "{hint}");
}

#[tokio::test]
async fn fatal_failure_is_one_error() {
    for (code, reason, line) in [
        (
            401,
            "Unauthorized",
            "error: You must be logged in to the server (no)",
        ),
        (400, "BadRequest", "Error from server (BadRequest): no"),
    ] {
        let (cluster, _) = cluster(move |_| status(code, reason, "no"));
        let result = cluster.workloads(&shop(WorkloadSelector::Everything)).await;
        assert_eq!(result.expect_err("spoilt").line(), line);
    }
}

#[tokio::test]
async fn missing_named_workload_does_not_affect_the_others() {
    let (cluster, requests) = cluster(|uri| match uri {
        _ if uri.ends_with("/nope") => no_such_object("deployments.apps", "nope"),
        _ if uri.contains("helm") || uri.contains("flux") => not_found(),
        _ => (200, item("web").to_string()),
    });
    let named = [
        (WorkloadKind::Deployment, "nope"),
        (WorkloadKind::Deployment, "web"),
        (WorkloadKind::Deployment, "web"),
        (WorkloadKind::HelmRelease, "db"),
    ];
    let named = named.map(|(kind, name)| (kind.into(), name.to_owned()));
    let selector = WorkloadSelector::Named(named.to_vec());
    let listing = cluster.workloads(&shop(selector)).await.expect("read");
    assert_eq!(names(&listing), ["deployment/web"]);
    let messages: Vec<_> = listing.errors.iter().map(|e| e.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "Error from server (NotFound): deployments.apps \"nope\" not found",
            "error: the server doesn't have a resource type \"helmreleases\"",
        ]
    );
    assert_eq!(requests.uris().len(), 5);
}
