use serde_json::json;

use super::*;
use crate::cluster::fake::{
    Asked, cluster, forbidden, group, kinds, no_such_object, not_found, page, status,
};
use crate::workload::WorkloadKind;

fn flux(kind: &str, name: &str) -> OwnerQuestion {
    OwnerQuestion::IsSuspended(Owner {
        kind: kind.to_owned(),
        namespace: Some("flux-system".to_owned()),
        name: name.to_owned(),
    })
}

fn argo(application: &str, name: &str) -> OwnerQuestion {
    OwnerQuestion::IsListedByApplication {
        application: application.to_owned(),
        workload: WorkloadId {
            namespace: "shop".to_owned(),
            name: name.to_owned(),
            kind: WorkloadKind::Deployment,
            api_version: "apps/v1".to_owned(),
        },
    }
}

fn suspended(kind: &str, suspend: &serde_json::Value) -> (u16, String) {
    let body = json!({"kind": kind, "spec": {"suspend": suspend}});
    (200, body.to_string())
}

/// The responses of a cluster with Flux and Argo CD.
async fn answers(questions: &[OwnerQuestion]) -> (Vec<(OwnerQuestion, OwnerAnswer)>, Asked) {
    let (cluster, requests) = cluster(|uri| match uri {
        "/apis/kustomize.toolkit.fluxcd.io" => group(&["kustomize.toolkit.fluxcd.io/v1"]),
        "/apis/kustomize.toolkit.fluxcd.io/v1" => kinds(&["kustomizations"]),
        // Other kinds of the groups have newer versions.
        "/apis/helm.toolkit.fluxcd.io" => {
            group(&["helm.toolkit.fluxcd.io/v3", "helm.toolkit.fluxcd.io/v2"])
        }
        "/apis/helm.toolkit.fluxcd.io/v3" => kinds(&["charts"]),
        "/apis/helm.toolkit.fluxcd.io/v2" => kinds(&["helmreleases"]),
        "/apis/argoproj.io" => group(&["argoproj.io/v1beta1", "argoproj.io/v1alpha1"]),
        "/apis/argoproj.io/v1beta1" => kinds(&["argocds"]),
        "/apis/argoproj.io/v1alpha1" => kinds(&["applications"]),
        uri if uri.ends_with("/kustomizations/asleep") => suspended("Kustomization", &json!(true)),
        uri if uri.ends_with("/kustomizations/awake") => suspended("Kustomization", &json!(null)),
        uri if uri.ends_with("/kustomizations/secret") => forbidden(),
        uri if uri.ends_with("/kustomizations/odd") => (200, "{}".to_owned()),
        uri if uri.ends_with("/helmreleases/asleep") => suspended("HelmRelease", &json!(true)),
        uri if uri.contains("/namespaces/elsewhere/applications?") => page(json!([]), ""),
        uri if uri.contains("metadata.name%3Dshop&") => {
            let [db, web] = [("StatefulSet", "db"), ("Deployment", "web")].map(|(kind, name)| {
                json!({"group": "apps", "version": "v1", "kind": kind,
                    "namespace": "shop", "name": name})
            });
            let service = json!({"version": "v1", "kind": "Service", "namespace": "shop",
                "name": "web"});
            page(
                json!([{"metadata": {"namespace": "other"}, "status": {}},
                    {"metadata": {"namespace": "argocd"}, "status": {"resources":
                        [service, db, web]}}]),
                "",
            )
        }
        uri if uri.ends_with("/kustomizations/gone") => {
            no_such_object("kustomizations.kustomize.toolkit.fluxcd.io", "gone")
        }
        uri if uri.contains("metadata.name%3Dsecret&") => forbidden(),
        uri if uri.contains("metadata.name%3Dodd&") => {
            page(json!([{"metadata": {}, "status": {"resources": "?"}}]), "")
        }
        uri if uri.contains("/applications?") => page(json!([]), ""),
        _ => not_found(),
    });
    let answers = cluster.owner_answers(questions).await;
    (answers, requests)
}

#[tokio::test]
async fn flux_objects_show_whether_they_are_suspended() {
    let questions = [
        flux("HelmRelease", "asleep"),
        flux("Kustomization", "asleep"),
        flux("Kustomization", "awake"),
        flux("Kustomization", "gone"),
        flux("Kustomization", "odd"),
        flux("Kustomization", "secret"),
        flux("StatefulSet", "db"),
    ];
    let (answers, requests) = answers(&questions).await;
    let values: Vec<_> = answers.iter().map(|(_, answer)| answer.clone()).collect();
    assert_eq!(
        values,
        [
            OwnerAnswer::Yes(None),
            OwnerAnswer::Yes(None),
            OwnerAnswer::No,
            OwnerAnswer::Unknown,
            OwnerAnswer::Unknown,
            OwnerAnswer::Unknown,
            OwnerAnswer::Unknown,
        ]
    );
    let objects = requests.sorted();
    let objects = objects.iter().filter(|uri| uri.contains("/namespaces/"));
    assert_eq!(
        objects.collect::<Vec<_>>(),
        [
            "/apis/helm.toolkit.fluxcd.io/v2/namespaces/flux-system/helmreleases/asleep",
            "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations/asleep",
            "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations/awake",
            "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations/gone",
            "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations/odd",
            "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations/secret",
        ]
    );
}

#[tokio::test]
async fn application_lists_its_own_objects() {
    let argocd = OwnerAnswer::Yes(Some("argocd".to_owned()));
    let expected = [
        // Argo CD's form for an Application outside its own namespace.
        (argo("argocd_shop", "web"), argocd.clone()),
        (argo("elsewhere_shop", "web"), OwnerAnswer::No),
        (argo("nowhere", "web"), OwnerAnswer::No),
        // The objects of a malformed Application are unknown.
        (argo("odd", "web"), OwnerAnswer::Unknown),
        (argo("secret", "web"), OwnerAnswer::Unknown),
        // A StatefulSet of this name is listed, but no Deployment.
        (argo("shop", "db"), OwnerAnswer::No),
        (argo("shop", "web"), argocd),
    ];
    let questions = expected.clone().map(|(question, _)| question);
    let (answers, requests) = answers(&questions).await;
    assert_eq!(answers, expected);
    // One list for both questions about the Application `shop`.
    let lists = requests.sorted();
    let lists = lists.iter().filter(|uri| uri.contains("/applications?"));
    assert_eq!(
        lists.cloned().collect::<Vec<_>>(),
        [
            ("", "nowhere"),
            ("", "odd"),
            ("", "secret"),
            ("", "shop"),
            ("/namespaces/argocd", "shop"),
            ("/namespaces/elsewhere", "shop"),
        ]
        .map(|(place, name)| format!(
            "/apis/argoproj.io/v1alpha1{place}/applications?\
             &fieldSelector=metadata.name%3D{name}&limit=500"
        ))
    );
}

#[tokio::test]
async fn without_flux_and_argo_cd_nothing_is_listed_or_suspended() {
    let (cluster, requests) = cluster(|_| not_found());
    let questions = [
        argo("shop", "web"),
        flux("Kustomization", "apps"),
        argo("shop", "web"),
    ];
    let answers = cluster.owner_answers(&questions).await;
    let values: Vec<_> = answers.into_iter().map(|(_, answer)| answer).collect();
    assert_eq!(values, [OwnerAnswer::Unknown, OwnerAnswer::No]);
    assert_eq!(
        requests.sorted(),
        ["/apis/argoproj.io", "/apis/kustomize.toolkit.fluxcd.io"]
    );
    assert_eq!(cluster.owner_answers(&[]).await, []);
    assert_eq!(requests.uris().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn owner_that_cannot_be_looked_up_is_unknown() {
    fn broken() -> (u16, String) {
        status(503, "ServiceUnavailable", "no endpoints")
    }
    type FakeAnswer = fn(&str) -> (u16, String);
    let argo_answers: [FakeAnswer; 5] = [
        // The group is hidden, and so are its kinds.
        |_| forbidden(),
        // The server behind the group is down.
        |_| status(503, "ServiceUnavailable", "no endpoints"),
        // One of its versions is down, and the other one has no Applications.
        |uri| match uri {
            "/apis/argoproj.io" => group(&["argoproj.io/v1beta1", "argoproj.io/v1alpha1"]),
            "/apis/argoproj.io/v1beta1" => kinds(&["argocds"]),
            _ => status(503, "ServiceUnavailable", "no endpoints"),
        },
        // The kind is listed, but its collection does not exist.
        |uri| match uri {
            "/apis/argoproj.io" => group(&["argoproj.io/v1alpha1"]),
            "/apis/argoproj.io/v1alpha1" => kinds(&["applications"]),
            _ => not_found(),
        },
        // Another server responds.
        |_| (200, "<html>".to_owned()),
    ];
    for answer in argo_answers {
        let (cluster, _) = cluster(answer);
        let answers = cluster.owner_answers(&[argo("shop", "web")]).await;
        assert_eq!(answers[0].1, OwnerAnswer::Unknown);
    }
    // The same for Flux objects: unknown must not count as suspended.
    for answer in [forbidden, not_found, broken] {
        let (cluster, _) = cluster(move |_| answer());
        let answers = cluster
            .owner_answers(&[flux("Kustomization", "asleep")])
            .await;
        assert_eq!(answers[0].1, OwnerAnswer::Unknown);
    }
}

#[tokio::test]
async fn workflows_and_rollouts_alone_are_not_argo_cd() {
    let (cluster, _) = cluster(|uri| match uri {
        "/apis/argoproj.io" => group(&["argoproj.io/v1alpha1"]),
        "/apis/argoproj.io/v1alpha1" => kinds(&["rollouts", "workflows"]),
        _ => forbidden(),
    });
    let answers = cluster.owner_answers(&[argo("shop", "web")]).await;
    assert_eq!(answers[0].1, OwnerAnswer::No);
}

#[tokio::test]
async fn applications_are_not_asked_for_without_rights_in_the_whole_cluster() {
    let (cluster, requests) = cluster(|_| forbidden());
    let cluster = cluster.staying_in_namespaces();
    let answers = cluster.owner_answers(&[argo("shop", "web")]).await;
    assert_eq!(answers, [(argo("shop", "web"), OwnerAnswer::Unknown)]);
    assert_eq!(cluster.nodes().await.expect("no error"), None);
    assert_eq!(requests.uris(), [""; 0]);
}
