//! `status` end to end: which rows it shows, and how it names them.

use serde_json::{Value, json};

use crate::binary::imgpolicy;
use crate::control_plane::ControlPlane;
use crate::kubeconfigs::{self, User};
use crate::objects::workload;

const KINDS: [&str; 4] = ["CronJob", "DaemonSet", "Deployment", "StatefulSet"];

/// The table rows, with `-A`, of the four kinds named `web` in one namespace.
fn rows_of(namespace: &str) -> Vec<String> {
    let rows = ["cronjob", "daemonset", "deployment", "statefulset"].map(|kind| {
        [("app", "1"), ("setup", "1.36")].map(|(container, tag)| {
            format!("{namespace} {kind}/web {container} manual <none> {tag} <none> <none>")
        })
    });
    rows.concat()
}

#[tokio::test]
async fn all_four_kinds_and_their_init_containers_have_rows_in_every_namespace() {
    let plane = ControlPlane::shared();
    let mut objects = Vec::new();
    for namespace in ["kinds-a", "kinds-b"] {
        plane.namespace(namespace).await;
        objects.extend(KINDS.map(|kind| workload(kind, namespace, "web", "org/app:1")));
    }
    plane.apply(&objects).await;
    let kubeconfig = kubeconfigs::of_user(plane, User::Admin, "kinds-a");

    let all = imgpolicy(&kubeconfig, &["status", "-A"]);
    assert_eq!(all.code, 0, "{all:?}");
    let table = all.table();
    assert_eq!(
        table[0],
        "NAMESPACE WORKLOAD CONTAINER STATE POLICY CURRENT UPDATE WHY"
    );
    let mut ours: Vec<&String> = table.iter().filter(|l| l.starts_with("kinds-")).collect();
    let is_sorted = ours.is_sorted_by_key(|line| line.split(' ').next());
    assert!(is_sorted, "{table:?}");
    let expected = [rows_of("kinds-a"), rows_of("kinds-b")].concat();
    ours.sort();
    assert_eq!(ours, expected.iter().collect::<Vec<_>>());

    let json = imgpolicy(&kubeconfig, &["status", "-A", "-o", "json"]).json();
    assert_eq!(json["kind"], "ImageStatusList");
    assert_eq!(json["context"], "admin");
    let items = json["items"].as_array().expect("a list");
    let ours = items.iter().filter(|item| {
        let namespace = item["workload"]["namespace"].as_str();
        namespace.is_some_and(|namespace| namespace.starts_with("kinds-"))
    });
    let ours: Vec<(&Value, &Value)> = ours
        .map(|item| (&item["workload"]["apiVersion"], &item["containerType"]))
        .collect();
    assert_eq!(ours.len(), 16);
    let of = |version: &str, kind: &str| {
        ours.iter()
            .filter(|row: &&(&Value, &Value)| row.0 == version && row.1 == kind)
            .count()
    };
    assert_eq!(
        [
            of("apps/v1", "container"),
            of("apps/v1", "initContainer"),
            of("batch/v1", "container"),
            of("batch/v1", "initContainer")
        ],
        [6, 6, 2, 2]
    );
    assert_eq!(
        json["summary"]["containers"].as_u64(),
        u64::try_from(items.len()).ok()
    );

    // The context's namespace, and a different one.
    for (arguments, namespace) in [
        (&["status", "--no-headers"][..], "kinds-a"),
        (&["status", "--no-headers", "-n", "kinds-b"], "kinds-b"),
        (
            &["status", "--no-headers", "--namespace=kinds-b"],
            "kinds-b",
        ),
    ] {
        let run = imgpolicy(&kubeconfig, arguments);
        let mut table = run.table();
        table.sort();
        let without: Vec<String> = rows_of(namespace)
            .iter()
            .filter_map(|row| Some(row.split_once(' ')?.1.to_owned()))
            .collect();
        assert_eq!(table, without, "{run:?}");
        let summary = run.stderr.lines().next();
        assert_eq!(summary, Some("8 containers: 8 manual"), "{run:?}");
    }
}

#[tokio::test]
async fn workloads_are_named_as_kubectl_names_them() {
    let plane = ControlPlane::shared();
    let namespace = plane.namespace("named").await;
    let mut web = workload("Deployment", namespace, "web", "org/app:1");
    web["metadata"]["labels"] = json!({"tier": "front"});
    plane
        .apply(&[
            web,
            workload("Deployment", namespace, "api", "org/app:1"),
            workload("StatefulSet", namespace, "web", "org/app:1"),
            workload("CronJob", namespace, "nightly", "org/app:1"),
        ])
        .await;
    let kubeconfig = kubeconfigs::of_user(plane, User::Admin, namespace);
    let (web, api) = ("deployment.apps/web", "deployment.apps/api");
    let (set, job) = ("statefulset.apps/web", "cronjob.batch/nightly");
    for (words, expected) in [
        (&[][..], &[api, web, set, job][..]),
        (&["deployment/web"], &[web]),
        (&["deployment/web", "cj/nightly"], &[web, job]),
        (&["deployment", "web", "api"], &[web, api]),
        (&["deployments.apps/web"], &[web]),
        (&["deploy,sts"], &[api, web, set]),
        (&["deploy,sts", "web"], &[web, set]),
        (&["all"], &[api, web, set, job]),
        (&["-l", "tier=front"], &[web]),
        (&["deploy", "-l", "tier!=front"], &[api]),
        (&["-n", namespace, "--selector", "tier in (front)"], &[web]),
    ] {
        let arguments = [&["status", "-o", "name"], words].concat();
        let run = imgpolicy(&kubeconfig, &arguments);
        assert_eq!(run.code, 0, "{words:?}: {run:?}");
        let mut names: Vec<&str> = run.stdout.lines().collect();
        let mut expected = expected.to_vec();
        names.sort_unstable();
        expected.sort_unstable();
        assert_eq!(names, expected, "{words:?}");
    }
}

#[tokio::test]
async fn missing_name_does_not_hide_the_others() {
    let plane = ControlPlane::shared();
    let namespace = plane.namespace("one-missing").await;
    plane
        .apply(&[workload("Deployment", namespace, "web", "org/app:1")])
        .await;
    let kubeconfig = kubeconfigs::of_user(plane, User::Admin, namespace);
    let run = imgpolicy(&kubeconfig, &["status", "deployment", "nope", "web"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert_eq!(
        run.table()[1],
        "deployment/web app manual <none> 1 <none> <none>"
    );
    assert_eq!(
        run.stderr.lines().next(),
        Some("Error from server (NotFound): deployments.apps \"nope\" not found")
    );
    let run = imgpolicy(
        &kubeconfig,
        &["status", "deploy/nope", "deploy/web", "-o", "json"],
    );
    let json: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(json["items"].as_array().map(Vec::len), Some(2));
    assert_eq!(json["errors"][0]["reason"], "NotFound");
    assert_eq!(json["errors"][0]["scope"], format!("namespace/{namespace}"));
}

#[tokio::test]
async fn empty_result_is_reported_in_kubectls_words_and_exits_with_0() {
    let plane = ControlPlane::shared();
    let namespace = plane.namespace("empty").await;
    let kubeconfig = kubeconfigs::of_user(plane, User::Admin, namespace);
    for (arguments, said) in [
        (&["status"][..], "No resources found in empty namespace."),
        (
            &["status", "deploy"],
            "No resources found in empty namespace.",
        ),
        (
            &["status", "-n", "nosuch"],
            "No resources found in nosuch namespace.",
        ),
        (&["status", "-A", "-l", "no=where"], "No resources found"),
        (&["images"], "No resources found in empty namespace."),
    ] {
        let run = imgpolicy(&kubeconfig, arguments);
        assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{run:?}");
        assert_eq!(run.stderr.lines().next(), Some(said), "{arguments:?}");
    }
    let json = imgpolicy(&kubeconfig, &["status", "-o", "json"]).json();
    assert_eq!((&json["items"], &json["errors"]), (&json!([]), &json!([])));
}

#[tokio::test]
async fn unknown_type_gives_kubectls_message_and_the_supported_types() {
    let plane = ControlPlane::shared();
    let kubeconfig = kubeconfigs::of_user(plane, User::Admin, "default");
    let run = imgpolicy(&kubeconfig, &["status", "deplo/web"]);
    assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{run:?}");
    let start = "error: the server doesn't have a resource type \"deplo\"";
    assert!(run.stderr.starts_with(start), "{run:?}");
    assert!(run.stderr.contains("statefulset"), "{run:?}");
}
