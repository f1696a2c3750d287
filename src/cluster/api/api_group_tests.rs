use serde_json::json;

use super::*;
use crate::cluster::fake::{cluster, forbidden, group, kinds, not_found, status};

const APPLICATIONS: CustomKind = CustomKind {
    group: "argoproj.io",
    plural: "applications",
    released: &["v1alpha2", "v1alpha1"],
};

/// A cluster with these responses by path; other paths are not served.
type Answers = &'static [(&'static str, fn() -> (u16, String))];

fn unavailable() -> (u16, String) {
    status(503, "ServiceUnavailable", "the server is currently unable")
}

fn cluster_scoped() -> (u16, String) {
    let body = json!({"kind": "APIResourceList", "resources": [{"name": "applications", "namespaced": false}]});
    (200, body.to_string())
}

async fn served(answers: Answers, wanted: Option<&str>) -> String {
    let (cluster, _) = cluster(|uri| {
        let answer = answers.iter().find(|(path, _)| *path == uri);
        answer.map_or_else(not_found, |(_, answer)| answer())
    });
    match cluster.served(&APPLICATIONS, wanted).await {
        Ok(ServedKind::At(resource)) => resource.api_version,
        Ok(ServedKind::Perhaps(resource)) => format!("perhaps {}", resource.api_version),
        Ok(ServedKind::Nowhere) => "nowhere".to_owned(),
        Err(error) => error.reason().to_owned(),
    }
}

const GROUP: &str = "/apis/argoproj.io";
const V1ALPHA1: &str = "/apis/argoproj.io/v1alpha1";
const V1BETA1: &str = "/apis/argoproj.io/v1beta1";

fn both() -> (u16, String) {
    group(&["argoproj.io/v1beta1", "argoproj.io/v1alpha1"])
}

#[tokio::test(start_paused = true)]
async fn kind_is_found_in_the_version_that_lists_it() {
    let rows: &[(&str, Answers, &str)] = &[
        ("there is no such group", &[], "nowhere"),
        (
            "another kind has a newer version",
            &[
                (GROUP, both),
                (V1BETA1, || kinds(&["argocds"])),
                (V1ALPHA1, || kinds(&["applications", "appprojects"])),
            ],
            "argoproj.io/v1alpha1",
        ),
        (
            "both versions have it",
            &[
                (GROUP, both),
                (V1BETA1, || kinds(&["applications"])),
                (V1ALPHA1, || kinds(&["applications"])),
            ],
            "argoproj.io/v1beta1",
        ),
        (
            "the group has other kinds only",
            &[
                (GROUP, both),
                (V1BETA1, || kinds(&["rollouts"])),
                (V1ALPHA1, || kinds(&["workflows"])),
            ],
            "nowhere",
        ),
        (
            "the kind of this name is the cluster's, not a namespace's",
            &[(GROUP, both), (V1BETA1, cluster_scoped)],
            "nowhere",
        ),
        (
            "a version is going",
            &[(GROUP, both), (V1ALPHA1, || kinds(&["applications"]))],
            "argoproj.io/v1alpha1",
        ),
        (
            "the server behind a version is down, and another one has the kind",
            &[
                (GROUP, both),
                (V1BETA1, unavailable),
                (V1ALPHA1, || kinds(&["applications"])),
            ],
            "argoproj.io/v1alpha1",
        ),
        (
            "the server behind a version is down, and no other one has the kind",
            &[
                (GROUP, both),
                (V1BETA1, unavailable),
                (V1ALPHA1, || kinds(&["rollouts"])),
            ],
            "ServiceUnavailable",
        ),
        (
            "the group is broken, and a released version has the kind",
            &[
                (GROUP, unavailable),
                (V1ALPHA1, || kinds(&["applications"])),
            ],
            "argoproj.io/v1alpha1",
        ),
        (
            "the group is broken, and no released version has the kind",
            &[(GROUP, unavailable)],
            "ServiceUnavailable",
        ),
        (
            "the group is hidden, and its versions are not",
            &[(GROUP, forbidden), (V1ALPHA1, || kinds(&["applications"]))],
            "argoproj.io/v1alpha1",
        ),
        (
            "all is hidden: a released version that may be there",
            &[(GROUP, forbidden), (V1ALPHA1, forbidden)],
            "perhaps argoproj.io/v1alpha1",
        ),
        (
            "the group is hidden, and no released version has the kind",
            &[(GROUP, forbidden)],
            "Forbidden",
        ),
        (
            "the versions are hidden",
            &[(GROUP, both), (V1BETA1, forbidden), (V1ALPHA1, forbidden)],
            "perhaps argoproj.io/v1beta1",
        ),
        (
            "one version is hidden and one broken",
            &[(GROUP, both), (V1BETA1, forbidden), (V1ALPHA1, unavailable)],
            "ServiceUnavailable",
        ),
        (
            "a proxy answers for the server",
            &[(GROUP, || (200, "<html>".to_owned()))],
            "Malformed",
        ),
        (
            "the group is something else",
            &[(GROUP, || (200, "{}".to_owned()))],
            "Malformed",
        ),
        (
            "the kinds of a version are something else",
            &[(GROUP, both), (V1BETA1, || (200, "{}".to_owned()))],
            "Malformed",
        ),
        (
            "nobody is logged in",
            &[
                (GROUP, || status(401, "Unauthorized", "no")),
                (V1ALPHA1, || kinds(&["applications"])),
            ],
            "Unauthorized",
        ),
    ];
    for (name, answers, expected) in rows {
        assert_eq!(served(answers, None).await, *expected, "{name}");
    }
}

#[tokio::test]
async fn wanted_version_is_the_only_one_searched() {
    let answers: Answers = &[
        (GROUP, both),
        (V1BETA1, || kinds(&["argocds"])),
        (V1ALPHA1, || kinds(&["applications"])),
    ];
    for (wanted, expected) in [
        ("v1alpha1", "argoproj.io/v1alpha1"),
        ("v1beta1", "nowhere"),
        ("v7", "nowhere"),
    ] {
        assert_eq!(served(answers, Some(wanted)).await, expected, "{wanted}");
    }
}
