use serde_json::json;

use super::*;
use crate::cluster::fake::{Asked, cluster, forbidden, not_found, page};
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

fn group(name: &str, version: &str) -> (u16, String) {
    let version = json!({"groupVersion": format!("{name}/{version}")});
    (200, json!({"preferredVersion": version}).to_string())
}

fn suspended(suspend: &serde_json::Value) -> (u16, String) {
    (200, json!({"spec": {"suspend": suspend}}).to_string())
}

/// The answers of a cluster with Flux and Argo CD.
async fn answers(questions: &[OwnerQuestion]) -> (Vec<(OwnerQuestion, OwnerAnswer)>, Asked) {
    let (cluster, asked) = cluster(|uri| match uri {
        "/apis/kustomize.toolkit.fluxcd.io" => group("kustomize.toolkit.fluxcd.io", "v1"),
        "/apis/helm.toolkit.fluxcd.io" => group("helm.toolkit.fluxcd.io", "v2"),
        "/apis/argoproj.io" => group("argoproj.io", "v1alpha1"),
        uri if uri.ends_with("/kustomizations/asleep") => suspended(&json!(true)),
        uri if uri.ends_with("/kustomizations/awake") => suspended(&json!(null)),
        uri if uri.ends_with("/kustomizations/secret") => forbidden(),
        uri if uri.ends_with("/helmreleases/asleep") => suspended(&json!(true)),
        uri if uri.contains("metadata.name%3Dshop&") => {
            let object = |kind: &str, name: &str| {
                json!({"group": "apps", "version": "v1", "kind": kind,
                    "namespace": "shop", "name": name})
            };
            let service = json!({"version": "v1", "kind": "Service", "namespace": "shop",
                "name": "web"});
            page(
                json!([{"metadata": {"namespace": "other"}, "status": {}},
                    {"metadata": {"namespace": "argocd"}, "status": {"resources":
                        [service, object("StatefulSet", "db"), object("Deployment", "web")]}}]),
                "",
            )
        }
        uri if uri.contains("metadata.name%3Dsecret&") => forbidden(),
        uri if uri.contains("/applications?") => page(json!([]), ""),
        _ => not_found(),
    });
    let answers = cluster.owner_answers(questions).await;
    (answers, asked)
}

#[tokio::test]
async fn fluxs_objects_tell_whether_they_are_suspended() {
    let questions = [
        flux("HelmRelease", "asleep"),
        flux("Kustomization", "asleep"),
        flux("Kustomization", "awake"),
        flux("Kustomization", "gone"),
        flux("Kustomization", "secret"),
        flux("StatefulSet", "db"),
    ];
    let (answers, asked) = answers(&questions).await;
    let told: Vec<_> = answers.iter().map(|(_, answer)| answer.clone()).collect();
    assert_eq!(
        told,
        [
            OwnerAnswer::Yes(None),
            OwnerAnswer::Yes(None),
            OwnerAnswer::No,
            OwnerAnswer::Unknown,
            OwnerAnswer::Unknown,
            OwnerAnswer::Unknown,
        ]
    );
    let objects = asked.sorted();
    let objects = objects.iter().filter(|uri| uri.contains("/namespaces/"));
    assert_eq!(
        objects.collect::<Vec<_>>(),
        [
            "/apis/helm.toolkit.fluxcd.io/v2/namespaces/flux-system/helmreleases/asleep",
            "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations/asleep",
            "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations/awake",
            "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations/gone",
            "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations/secret",
        ]
    );
}

#[tokio::test]
async fn an_application_lists_the_objects_that_are_its_own() {
    let questions = [
        argo("nowhere", "web"),
        argo("secret", "web"),
        argo("shop", "db"),
        argo("shop", "web"),
    ];
    let (answers, asked) = answers(&questions).await;
    let told: Vec<_> = answers.into_iter().collect();
    assert_eq!(
        told,
        [
            (questions[0].clone(), OwnerAnswer::No),
            (questions[1].clone(), OwnerAnswer::Unknown),
            // A StatefulSet of this name is listed, no Deployment.
            (questions[2].clone(), OwnerAnswer::No),
            (
                questions[3].clone(),
                OwnerAnswer::Yes(Some("argocd".to_owned()))
            ),
        ]
    );
    // One list for both questions to the Application `shop`.
    assert_eq!(
        asked.sorted()[1..],
        ["nowhere", "secret", "shop"].map(|name| format!(
            "/apis/argoproj.io/v1alpha1/applications?&fieldSelector=metadata.name%3D{name}\
             &limit=500"
        ))
    );
}

#[tokio::test]
async fn where_nothing_of_the_kind_is_installed_nothing_is_listed_and_nothing_sleeps() {
    let (cluster, asked) = cluster(|_| not_found());
    let questions = [
        argo("shop", "web"),
        flux("Kustomization", "apps"),
        argo("shop", "web"),
    ];
    let answers = cluster.owner_answers(&questions).await;
    let told: Vec<_> = answers.into_iter().map(|(_, answer)| answer).collect();
    assert_eq!(told, [OwnerAnswer::Unknown, OwnerAnswer::No]);
    assert_eq!(
        asked.sorted(),
        ["/apis/argoproj.io", "/apis/kustomize.toolkit.fluxcd.io"]
    );
    assert_eq!(cluster.owner_answers(&[]).await, []);
    assert_eq!(asked.uris().len(), 2);
}
