use serde_json::json;

use super::*;
use crate::cluster::fake::{
    cluster, forbidden, group, item, kinds, no_such_object, not_found, page, shop, status,
};
use crate::cluster::read::workloads::Listing;
use crate::cluster::{Scope, WorkloadSelector};
use crate::workload::WorkloadKind;

/// A cluster whose responses about HelmReleases come from `helm`.
fn with_releases(helm: fn(&str) -> (u16, String)) -> Cluster {
    let (cluster, _) = cluster(move |uri| match uri {
        _ if uri.contains("helm") || uri.contains("flux") => helm(uri),
        _ => page(json!([]), ""),
    });
    cluster
}

fn reasons(listing: &Listing) -> Vec<&str> {
    listing.errors.iter().map(|e| e.reason.as_str()).collect()
}

const FLUX_2: &str = "/apis/helm.toolkit.fluxcd.io";
const FLUX_2_V2: &str = "/apis/helm.toolkit.fluxcd.io/v2";

fn release() -> (u16, String) {
    let release = json!({"metadata": {"name": "db", "namespace": "shop"},
        "spec": {"values": {"image": "org/db:1"}}});
    page(json!([release]), "")
}

#[tokio::test(start_paused = true)]
async fn unreadable_releases_are_an_error_if_they_may_be_selected() {
    type Row = (
        &'static str,
        fn(&str) -> (u16, String),
        usize,
        &'static [&'static str],
        &'static [&'static str],
    );
    let rows: [Row; 7] = [
        ("there are none", |_| not_found(), 0, &[], &["NotFound"]),
        (
            "the group has other kinds only",
            |uri| match uri {
                FLUX_2 => group(&["helm.toolkit.fluxcd.io/v2"]),
                FLUX_2_V2 => kinds(&["charts"]),
                _ => not_found(),
            },
            0,
            &[],
            &["NotFound"],
        ),
        (
            "they are hidden: a user who may not read them misses nothing unless they were selected",
            |uri| match uri {
                FLUX_2 => group(&["helm.toolkit.fluxcd.io/v2"]),
                FLUX_2_V2 => kinds(&["helmreleases"]),
                _ if uri.starts_with(FLUX_2) => forbidden(),
                _ => not_found(),
            },
            0,
            &[],
            &["Forbidden"],
        ),
        (
            "the kinds cannot be read, but these releases can",
            |uri| match uri {
                _ if uri.contains("/v2/namespaces/shop/") => release(),
                _ => forbidden(),
            },
            1,
            &[],
            &[],
        ),
        (
            "the older group may be there or not",
            |uri| match uri {
                FLUX_2 => group(&["helm.toolkit.fluxcd.io/v2"]),
                FLUX_2_V2 => kinds(&["helmreleases"]),
                _ if uri.contains("/v2/namespaces/shop/") => release(),
                _ => forbidden(),
            },
            1,
            &[],
            &[],
        ),
        (
            "the server behind the older group is down: its rows are missing",
            |uri| match uri {
                FLUX_2 => group(&["helm.toolkit.fluxcd.io/v2"]),
                FLUX_2_V2 => kinds(&["helmreleases"]),
                _ if uri.contains("/v2/namespaces/shop/") => release(),
                _ if uri.starts_with("/apis/helm.fluxcd.io") => {
                    status(503, "ServiceUnavailable", "no endpoints")
                }
                _ => not_found(),
            },
            1,
            &["ServiceUnavailable"],
            &["ServiceUnavailable"],
        ),
        (
            "both groups have them",
            |uri| match uri {
                FLUX_2 => group(&["helm.toolkit.fluxcd.io/v2"]),
                FLUX_2_V2 | "/apis/helm.fluxcd.io/v1" => kinds(&["helmreleases"]),
                "/apis/helm.fluxcd.io" => group(&["helm.fluxcd.io/v1"]),
                _ if uri.contains("/namespaces/shop/") => release(),
                _ => not_found(),
            },
            2,
            &[],
            &[],
        ),
    ];
    for (name, helm, rows, quiet, named) in rows {
        let cluster = with_releases(helm);
        let everything = cluster.workloads(&shop(WorkloadSelector::Everything)).await;
        let everything = everything.expect("read");
        assert_eq!(everything.workloads.len(), rows, "{name}");
        assert_eq!(reasons(&everything), quiet, "{name}");
        let selector = WorkloadSelector::Kinds(vec![WorkloadKind::HelmRelease.into()]);
        let releases = cluster.workloads(&shop(selector)).await.expect("read");
        assert_eq!(releases.workloads.len(), rows, "{name}");
        assert_eq!(reasons(&releases), named, "{name}");
    }
}

/// A cluster with HelmReleases `a` of Flux 2 (which also has `solo`) and of both groups of
/// Flux 1; `legacy` is the response for the group `helm.fluxcd.io`.
fn with_three_groups<F>(legacy: F) -> Cluster
where
    F: Fn(&str) -> Option<(u16, String)> + Send + Sync + 'static,
{
    let (cluster, _) = cluster(move |uri| {
        let rest = uri.strip_prefix("/apis/helm.fluxcd.io");
        if let Some(answer) = rest.and_then(&legacy) {
            return answer;
        }
        match uri {
            FLUX_2 => group(&[
                "helm.toolkit.fluxcd.io/v2",
                "helm.toolkit.fluxcd.io/v2beta2",
            ]),
            "/apis/helm.fluxcd.io" => group(&["helm.fluxcd.io/v1"]),
            "/apis/flux.weave.works" => group(&["flux.weave.works/v1beta1"]),
            FLUX_2_V2
            | "/apis/helm.toolkit.fluxcd.io/v2beta2"
            | "/apis/helm.fluxcd.io/v1"
            | "/apis/flux.weave.works/v1beta1" => kinds(&["helmreleases"]),
            _ if uri.ends_with("/helmreleases/a") => (200, item("a").to_string()),
            _ if uri.ends_with("/v2/namespaces/shop/helmreleases/solo") => {
                (200, item("solo").to_string())
            }
            "/apis/apps/v1/namespaces/shop/deployments/a" => (200, item("a").to_string()),
            _ if uri.starts_with("/apis/apps/v1/") => no_such_object("deployments.apps", "b"),
            _ if uri.starts_with("/apis/apps/") => not_found(),
            "/apis/helm.toolkit.fluxcd.io/v2beta1" => not_found(),
            _ if uri.contains("/helmreleases/") => {
                no_such_object("helmreleases.helm.toolkit.fluxcd.io", "gone")
            }
            _ => page(json!([item("a")]), ""),
        }
    });
    cluster
}

async fn read_named(cluster: &Cluster, words: &[&str]) -> (Vec<String>, Vec<String>) {
    let named = words.iter().map(|word| {
        let (word, name) = word.split_once('/').expect("TYPE/NAME");
        (word.parse().expect("a type"), name.to_owned())
    });
    let selector = WorkloadSelector::Named(named.collect());
    let listing = cluster.workloads(&shop(selector)).await.expect("read");
    let found = listing.workloads.iter().map(|w| {
        let version = &w.id.api_version;
        format!("{version} {}", w.id.name)
    });
    let errors = listing.errors.into_iter().map(|e| e.message);
    (found.collect(), errors.collect())
}

#[tokio::test(start_paused = true)]
async fn group_and_version_of_the_user_select_the_collection() {
    fn no_type(word: &str) -> String {
        format!("error: the server doesn't have a resource type {word:?}")
    }
    let rows: [(&[&str], &[&str], Option<String>); 13] = [
        (
            &["hr/a"],
            &["flux.weave.works/v1beta1 a", "helm.fluxcd.io/v1 a", "helm.toolkit.fluxcd.io/v2 a"],
            None,
        ),
        (&["hr/solo"], &["helm.toolkit.fluxcd.io/v2 solo"], None),
        (&["hr.helm.fluxcd.io/a"], &["helm.fluxcd.io/v1 a"], None),
        (&["hr.v1.helm.fluxcd.io/a"], &["helm.fluxcd.io/v1 a"], None),
        (
            &["helmrelease.flux.weave.works/a"],
            &["flux.weave.works/v1beta1 a"],
            None,
        ),
        (
            &["hr.helm.toolkit.fluxcd.io/a"],
            &["helm.toolkit.fluxcd.io/v2 a"],
            None,
        ),
        (
            &["hr.v2beta2.helm.toolkit.fluxcd.io/a"],
            &["helm.toolkit.fluxcd.io/v2beta2 a"],
            None,
        ),
        (
            &["hr.v2beta1.helm.toolkit.fluxcd.io/a"],
            &[],
            Some(no_type("helmreleases.v2beta1.helm.toolkit.fluxcd.io")),
        ),
        (
            &["hr.helm.fluxcd.io/solo"],
            &[],
            Some(
                "Error from server (NotFound): helmreleases.helm.toolkit.fluxcd.io \"gone\" not found"
                    .to_owned(),
            ),
        ),
        // One object with several names is one row.
        (
            &["hr.helm.fluxcd.io/a", "hr.v1.helm.fluxcd.io/a", "deploy/a", "deployments.apps/a"],
            &["apps/v1 a", "helm.fluxcd.io/v1 a"],
            None,
        ),
        (&["deployments.v1.apps/a"], &["apps/v1 a"], None),
        (
            &["deployments.v1beta1.apps/a"],
            &[],
            Some(no_type("deployments.v1beta1.apps")),
        ),
        (
            &["deployments.apps/b"],
            &[],
            Some("Error from server (NotFound): deployments.apps \"b\" not found".to_owned()),
        ),
    ];
    let cluster = with_three_groups(|_| None);
    for (words, found, error) in rows {
        let (read, errors) = read_named(&cluster, words).await;
        assert_eq!(read, found, "{words:?}");
        assert_eq!(errors, Vec::from_iter(error), "{words:?}");
    }
    for (word, rows) in [
        ("hr", 3),
        ("hr.helm.fluxcd.io", 1),
        ("hr.v2.helm.toolkit.fluxcd.io", 1),
    ] {
        let selector = WorkloadSelector::Kinds(vec![word.parse().expect("a type")]);
        let listing = cluster.workloads(&shop(selector)).await.expect("read");
        assert_eq!(listing.workloads.len(), rows, "{word}");
        let scope = Scope::Namespace("shop".to_owned());
        let names = cluster.names(&word.parse().expect("a type"), &scope).await;
        assert_eq!(names.expect("names"), ["a"], "{word}");
    }
}

#[tokio::test(start_paused = true)]
async fn name_that_another_group_may_have_is_ambiguous() {
    let older = "flux.weave.works/v1beta1 a";
    let newer = "helm.toolkit.fluxcd.io/v2 a";
    // Forbidden collections are ignored; collections that are not served have no objects.
    for (path, response) in [("", forbidden()), ("/helmreleases/", not_found())] {
        let cluster = with_three_groups(move |rest| rest.contains(path).then(|| response.clone()));
        let (read, errors) = read_named(&cluster, &["hr/a"]).await;
        assert_eq!(
            (read, errors),
            (vec![older.to_owned(), newer.to_owned()], Vec::new())
        );
    }
    let cluster = with_three_groups(|_| Some(status(503, "ServiceUnavailable", "no endpoints")));
    let selector =
        WorkloadSelector::Named(vec![(WorkloadKind::HelmRelease.into(), "a".to_owned())]);
    let listing = cluster.workloads(&shop(selector)).await.expect("read");
    assert_eq!(listing.workloads, []);
    assert_eq!(reasons(&listing), ["ServiceUnavailable"]);
    assert_eq!(
        listing.errors[0].hint.as_deref(),
        Some(
            "more than one API group may have helmrelease/a: include the group, as in \
             helmrelease.helm.toolkit.fluxcd.io/a"
        )
    );
    let (read, errors) = read_named(&cluster, &["hr.helm.toolkit.fluxcd.io/a"]).await;
    assert_eq!((read, errors), (vec![newer.to_owned()], Vec::new()));
}
