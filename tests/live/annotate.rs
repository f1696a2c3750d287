//! The commands that edit annotations, on live objects.

use kubectl_imgpolicy::workload::{WorkloadId, WorkloadKind};
use serde_json::{Value, json};

use crate::binary::{Run, imgpolicy};
use crate::control_plane::ControlPlane;
use crate::kubeconfigs::{self, User};
use crate::objects::workload;

/// An image of a registry that does not exist.
const DEAD: &str = "127.0.0.1:1/org/app:1.0.0";

const FOUR: [WorkloadKind; 4] = [
    WorkloadKind::CronJob,
    WorkloadKind::DaemonSet,
    WorkloadKind::Deployment,
    WorkloadKind::StatefulSet,
];

fn id(kind: WorkloadKind, namespace: &str, name: &str) -> WorkloadId {
    WorkloadId {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        kind,
        api_version: match kind {
            WorkloadKind::CronJob => "batch/v1".to_owned(),
            _ => "apps/v1".to_owned(),
        },
    }
}

async fn object(plane: &ControlPlane, id: &WorkloadId) -> Value {
    let cluster = plane.connect(User::Admin, &id.namespace).await;
    cluster.object(id).await.expect("the object exists")
}

async fn annotations(plane: &ControlPlane, namespace: &str, name: &str) -> Value {
    let id = id(WorkloadKind::Deployment, namespace, name);
    object(plane, &id).await["metadata"]["annotations"].clone()
}

/// Creates a namespace with these Deployments; returns the administrator's kubeconfig.
async fn deployments(plane: &ControlPlane, namespace: &str, names: &[&str]) -> std::path::PathBuf {
    plane.namespace(namespace).await;
    let objects: Vec<Value> = names
        .iter()
        .map(|name| workload("Deployment", namespace, name, DEAD))
        .collect();
    plane.apply(&objects).await;
    kubeconfigs::of_user(plane, User::Admin, namespace)
}

fn sorted(run: &Run) -> Vec<&str> {
    let mut lines: Vec<&str> = run.stdout.lines().collect();
    lines.sort_unstable();
    lines
}

#[tokio::test]
async fn each_kind_is_annotated_and_nothing_else_changes() {
    let plane = ControlPlane::shared();
    let namespace = plane.namespace("annotated-kinds").await;
    let objects = FOUR.map(|kind| workload(kind.as_str(), namespace, "web", DEAD));
    plane.apply(&objects).await;
    let kubeconfig = kubeconfigs::of_user(plane, User::Admin, namespace);
    let mut before = Vec::new();
    for kind in FOUR {
        before.push(object(plane, &id(kind, namespace, "web")).await);
    }
    let words = [
        "policy",
        "set",
        "--all",
        "--tag",
        "app=semver:~1.0",
        "--min-age",
        "72h",
        "--yes",
    ];
    let run = imgpolicy(&kubeconfig, &words);
    assert_eq!(run.code, 0, "{run:?}");
    let lines = [
        "cronjob.batch",
        "daemonset.apps",
        "deployment.apps",
        "statefulset.apps",
    ]
    .map(|kind| format!("{kind}/web annotated"));
    assert_eq!(sorted(&run), lines);
    assert!(
        run.stderr
            .contains("the effect on 4 containers is not known"),
        "{run:?}"
    );
    let note = "note: no controller runs here; run 'kubectl imgpolicy update' to apply it";
    // A manual workload waits for a user, not for a controller.
    assert!(!run.stderr.contains(note), "{run:?}");

    for (kind, before) in FOUR.into_iter().zip(before) {
        let after = object(plane, &id(kind, namespace, "web")).await;
        assert_eq!(after["spec"], before["spec"], "{kind}");
        // For Deployments, the API server also counts changes of annotations.
        if kind != WorkloadKind::Deployment {
            assert_eq!(
                after["metadata"]["generation"], before["metadata"]["generation"],
                "{kind}"
            );
        }
        let annotations = &after["metadata"]["annotations"];
        assert_eq!(annotations["fluxcd.io/tag.app"], "semver:~1.0", "{kind}");
        assert_eq!(annotations["imgpolicy.dev/min-age"], "72h", "{kind}");
        let entries = after["metadata"]["managedFields"]
            .as_array()
            .expect("a list");
        let ours = entries.iter().find(|entry| entry["manager"] == "imgpolicy");
        let fields = &ours.expect("our entry")["fieldsV1"];
        assert!(fields.get("f:spec").is_none(), "{kind}: {fields}");
        let fields = &fields["f:metadata"]["f:annotations"];
        assert!(
            fields.get("f:fluxcd.io/tag.app").is_some(),
            "{kind}: {fields}"
        );
    }
    let again = imgpolicy(&kubeconfig, &words[..words.len() - 1]);
    assert_eq!(again.code, 0, "{again:?}");
    assert!(
        sorted(&again)
            .iter()
            .all(|line| line.ends_with(" unchanged")),
        "{again:?}"
    );
    let run = imgpolicy(&kubeconfig, &["automate", "deployment/web", "--yes"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stderr.lines().any(|line| line == note), "{run:?}");
}

#[tokio::test]
async fn read_only_user_gets_a_permission_hint() {
    let plane = ControlPlane::shared();
    let namespace = "annotated-reader";
    deployments(plane, namespace, &["web"]).await;
    plane.allow_reader(namespace).await;
    let kubeconfig = kubeconfigs::of_user(plane, User::PullIdentity, namespace);
    let before = annotations(plane, namespace, "web").await;
    let run = imgpolicy(&kubeconfig, &["lock", "deployment/web", "--yes"]);
    assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{run:?}");
    let mut lines = run.stderr.lines();
    let forbidden = "Error from server (Forbidden): deployments.apps \"web\" is forbidden: User \
                     \"reader\" cannot patch resource \"deployments\"";
    assert!(lines.any(|line| line.starts_with(forbidden)), "{run:?}");
    let hint = format!("hint: kubectl auth can-i patch deployments.apps -n {namespace}");
    assert_eq!(lines.next(), Some(hint.as_str()), "{run:?}");
    assert_eq!(annotations(plane, namespace, "web").await, before);
}

#[tokio::test]
async fn missing_workload_does_not_stop_the_others() {
    let plane = ControlPlane::shared();
    let kubeconfig = deployments(plane, "annotated-missing", &["web"]).await;
    let words = [
        "lock",
        "deployment/nope",
        "deployment/web",
        "-m",
        "freeze",
        "--yes",
    ];
    let run = imgpolicy(&kubeconfig, &words);
    assert_eq!(run.code, 1, "{run:?}");
    assert_eq!(run.stdout, "deployment.apps/web annotated\n");
    let line = "Error from server (NotFound): deployments.apps \"nope\" not found";
    assert_eq!(run.stderr.lines().next(), Some(line), "{run:?}");
    let annotations = annotations(plane, "annotated-missing", "web").await;
    assert_eq!(annotations["fluxcd.io/locked"], "true");
    assert_eq!(annotations["fluxcd.io/locked_msg"], "freeze");
    // The user name known to the API server.
    assert_eq!(annotations["fluxcd.io/locked_user"], "admin");
    let at = annotations["imgpolicy.dev/locked-at"]
        .as_str()
        .expect("a time");
    assert!(at.parse::<jiff::Timestamp>().is_ok(), "{at}");
}

#[tokio::test]
async fn nothing_changes_without_confirmation_or_in_a_dry_run() {
    let plane = ControlPlane::shared();
    let namespace = "annotated-dry";
    let kubeconfig = deployments(plane, namespace, &["web", "api"]).await;
    let web = id(WorkloadKind::Deployment, namespace, "web");
    let before = object(plane, &web).await;
    for (words, code, line) in [
        (&["lock", "--all"][..], 1, ""),
        (
            &["lock", "--all", "--dry-run"],
            0,
            "deployment.apps/web annotated (dry run)",
        ),
        (
            &["lock", "--all", "--dry-run=server"],
            0,
            "deployment.apps/web annotated (server dry run)",
        ),
    ] {
        let run = imgpolicy(&kubeconfig, words);
        assert_eq!(run.code, code, "{run:?}");
        assert_eq!(
            sorted(&run).last().copied().unwrap_or_default(),
            line,
            "{run:?}"
        );
        if code == 1 {
            let refusal = "error: refusing to change 2 workloads without a terminal";
            assert!(run.stderr.contains(refusal), "{run:?}");
        }
        let after = object(plane, &web).await;
        assert_eq!(
            after["metadata"]["resourceVersion"], before["metadata"]["resourceVersion"],
            "{words:?}"
        );
    }
}

#[tokio::test]
async fn controllers_that_rewrite_or_ignore_the_annotation_are_named() {
    let plane = ControlPlane::shared();
    let namespace = "annotated-obeyed";
    let kubeconfig = deployments(plane, namespace, &["web"]).await;
    let mut object = workload("Deployment", namespace, "web", DEAD);
    object["metadata"]["annotations"] = json!({"keel.sh/policy": "minor"});
    object["metadata"]["labels"] = json!({"kustomize.toolkit.fluxcd.io/name": "apps",
        "kustomize.toolkit.fluxcd.io/namespace": "flux-system"});
    plane.apply(&[object]).await;
    let manager = "--field-manager=kustomize-controller";
    let run = imgpolicy(&kubeconfig, &["lock", "deployment/web", "--yes", manager]);
    assert_eq!(run.code, 0, "{run:?}");
    for other in ["Keel", "Kustomization flux-system/apps"] {
        let warning = format!("warning: this lock does not stop {other}, which updates");
        assert!(run.stderr.contains(&warning), "{run:?}");
    }
    let run = imgpolicy(&kubeconfig, &["unlock", "deployment/web", "--yes"]);
    assert_eq!(run.code, 0, "{run:?}");
    let warning = "warning: annotation fluxcd.io/locked of deployment/web is managed by \
                   kustomize-controller";
    assert!(run.stderr.contains(warning), "{run:?}");
    let left = annotations(plane, namespace, "web").await;
    assert!(!left.to_string().contains("locked"), "{left}");
}

#[tokio::test]
async fn arguments_of_the_annotation_commands_are_completed() {
    let plane = ControlPlane::shared();
    let kubeconfig = deployments(plane, "annotated-words", &["web", "api"]).await;
    for (words, expected) in [
        (
            &["lock", "deployment/"][..],
            "deployment/api\ndeployment/web\n:4\n",
        ),
        (&["policy", "set", "deploy", "w"], "web\n:4\n"),
        (
            &["policy", ""],
            "set\tSet policies after previewing their effect\nunset\tRemove policies and their filters\n:4\n",
        ),
        (
            &["automate", "deployment/web", "--tag", ""],
            "app=\t127.0.0.1:1/org/app:1.0.0\nsetup=\tbusybox:1.36\n:4\n",
        ),
    ] {
        let run = imgpolicy(&kubeconfig, &[&["__complete"], words].concat());
        assert_eq!(run.stdout, expected, "{words:?}");
    }
}
