//! Groups that share a kind: HelmReleases during a migration from Flux 1 to Flux 2,
//! and owners in a group whose newer version has only other kinds.

use serde_json::{Value, json};

use crate::binary::imgpolicy;
use crate::kubeconfigs::{self, User};
use crate::shop::{Shop, said};

/// The versions of HelmReleases, and the `-o name` of each.
const RELEASES: [(&str, &str); 3] = [
    ("flux.weave.works/v1beta1", "helmrelease.flux.weave.works/a"),
    ("helm.fluxcd.io/v1", "helmrelease.helm.fluxcd.io/a"),
    (
        "helm.toolkit.fluxcd.io/v2",
        "helmrelease.helm.toolkit.fluxcd.io/a",
    ),
];

/// Creates a namespace with an automated HelmRelease `a` of each group.
async fn releases(namespace: &'static str) -> Shop {
    let shop = Shop::open(namespace).await;
    let policies = json!({"fluxcd.io/automated": "true",
        "fluxcd.io/tag.chart-image": "semver:~1.0"});
    for (api_version, _) in RELEASES {
        let (group, version) = api_version.split_once('/').expect("a group");
        shop.plane.define(group, version, "HelmRelease").await;
        let image = json!({"repository": shop.image, "tag": "1.0.0"});
        let release = json!({"apiVersion": api_version, "kind": "HelmRelease",
            "metadata": {"namespace": namespace, "name": "a", "annotations": policies},
            "spec": {"values": {"image": image}}});
        shop.plane.apply(&[release]).await;
    }
    shop
}

/// The value of each release at a JSON pointer, in the order of the groups.
async fn each(shop: &Shop, pointer: &str) -> Vec<Value> {
    let mut values = Vec::new();
    for (api_version, _) in RELEASES {
        let release = shop.custom(api_version, "helmreleases", "a").await;
        values.push(release.pointer(pointer).cloned().unwrap_or_default());
    }
    values
}

const LOCKED: &str = "/metadata/annotations/fluxcd.io~1locked";
const TAG: &str = "/spec/values/image/tag";

#[tokio::test]
async fn each_group_is_shown_and_a_qualified_name_selects_it() {
    let shop = releases("groups-shown").await;
    let names = RELEASES.map(|(_, name)| name);
    let run = shop.run(&["status", "-o", "name"]);
    assert_eq!(run.stdout.lines().collect::<Vec<_>>(), names, "{run:?}");
    for words in [
        &["status", "--no-headers"][..],
        &["status", "hr/a", "--no-headers"],
    ] {
        let run = shop.run(words);
        let table = run.table();
        let shown = table
            .iter()
            .map(|line| line.split(' ').next().unwrap_or(""));
        assert_eq!(shown.collect::<Vec<_>>(), names, "{run:?}");
    }
    let run = shop.run(&["images", "--no-headers"]);
    for name in names {
        assert!(run.stdout.contains(name), "{run:?}");
    }
    for (api_version, name) in RELEASES {
        let (word, name) = name.split_once('/').expect("TYPE/NAME");
        let (kind, group) = word.split_once('.').expect("a group");
        let (_, version) = api_version.split_once('/').expect("a version");
        for word in [word.to_owned(), format!("{kind}s.{version}.{group}")] {
            let list = shop
                .run(&["status", &format!("{word}/{name}"), "-o", "json"])
                .json();
            let items = list["items"].as_array().expect("rows");
            assert_eq!(items.len(), 1, "{list}");
            assert_eq!(items[0]["workload"]["apiVersion"], api_version, "{word}");
            assert_eq!(items[0]["outcome"], "update", "{list}");
        }
    }
    let run = shop.run(&["__complete", "lock", "helmrelease.helm.fluxcd.io/"]);
    assert_eq!(run.stdout, "helmrelease.helm.fluxcd.io/a\n:4\n", "{run:?}");
}

#[tokio::test]
async fn write_changes_only_the_named_group() {
    let shop = releases("groups-written").await;
    for words in [
        &["lock", "hr/a", "--yes"][..],
        &["lock", "helmrelease", "a", "--yes"],
        &["update", "hr/a", "--yes"],
        &["rollback", "hr/a", "--yes"],
    ] {
        let run = shop.run(words);
        assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{run:?}");
        let said = said(&run, "error: helmrelease/a is ambiguous (");
        assert_eq!(said.len(), 1, "{run:?}");
        for (_, name) in RELEASES {
            assert!(said[0].contains(name), "{run:?}");
        }
    }
    assert_eq!(
        each(&shop, LOCKED).await,
        [Value::Null, Value::Null, Value::Null]
    );
    assert_eq!(each(&shop, TAG).await, ["1.0.0", "1.0.0", "1.0.0"]);

    let [_, (_, flux_1), (_, flux_2)] = RELEASES;
    let run = shop.run(&["lock", flux_1, "--yes"]);
    assert_eq!(run.stdout, format!("{flux_1} annotated\n"), "{run:?}");
    assert_eq!(
        each(&shop, LOCKED).await,
        [Value::Null, json!("true"), Value::Null]
    );
    assert_eq!(shop.run(&["unlock", flux_1, "--yes"]).code, 0);

    let run = shop.run(&["update", flux_1, "--yes"]);
    assert_eq!(run.stdout, format!("{flux_1} image updated\n"), "{run:?}");
    assert_eq!(each(&shop, TAG).await, ["1.0.0", "1.0.1", "1.0.0"]);
    let run = shop.run(&["update", "--all", "--yes"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(said(&run, flux_2).len(), 1, "{run:?}");
    assert_eq!(each(&shop, TAG).await, ["1.0.1", "1.0.1", "1.0.1"]);
    let run = shop.run(&["rollback", flux_1, "--yes"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(each(&shop, TAG).await, ["1.0.1", "1.0.0", "1.0.1"]);
}

#[tokio::test]
async fn application_is_read_even_if_its_group_prefers_another_version() {
    let shop = Shop::open("groups-argo").await;
    shop.plane
        .define("argoproj.io", "v1alpha1", "Application")
        .await;
    // Argo CD's operator does this.
    shop.plane.define("argoproj.io", "v1beta1", "ArgoCD").await;
    let mut web = shop.workload("Deployment", "web");
    web["metadata"]["labels"] = json!({"app.kubernetes.io/instance": "groups-shop"});
    let listed = json!({"group": "apps", "version": "v1", "kind": "Deployment",
        "namespace": shop.namespace, "name": "web"});
    shop.plane
        .apply(&[
            web,
            json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
                "metadata": {"namespace": shop.namespace, "name": "groups-shop"},
                "spec": {}, "status": {"resources": [listed]}}),
        ])
        .await;
    let run = shop.run(&["update", "deployment/web", "--yes"]);
    assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{run:?}");
    let lines = said(
        &run,
        "Application groups-argo/groups-shop of Argo CD reverts it",
    );
    assert_eq!(lines.len(), 1, "{run:?}");
    assert_eq!(shop.tag("web").await, "1.0.0");

    // Without permission to read Applications, their absence is unknown.
    let rules = json!([{"apiGroups": ["apps"], "resources": ["deployments"],
        "verbs": ["get", "patch"]}]);
    shop.plane
        .allow_in(shop.namespace, User::Partial, rules)
        .await;
    let kubeconfig = kubeconfigs::of_user(shop.plane, User::Partial, shop.namespace);
    let run = imgpolicy(&kubeconfig, &["update", "deployment/web", "--yes"]);
    assert_eq!(run.code, 0, "{run:?}");
    let lines = said(&run, "if Argo CD manages deployment/web by its label");
    assert_eq!(lines.len(), 1, "{run:?}");
    assert_eq!(shop.tag("web").await, "1.0.1");
}
