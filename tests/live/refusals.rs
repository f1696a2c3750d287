//! Output when the cluster refuses a request: kubectl's words, and everything that
//! could be read.

use serde_json::{Value, json};

use crate::binary::imgpolicy;
use crate::control_plane::ControlPlane;
use crate::kubeconfigs::{self, User};
use crate::objects::{automated, pod_of, workload};
use crate::process::free_ports;
use crate::registry::Registry;
use crate::service_account;

#[tokio::test]
async fn forbidden_namespace_is_reported_with_a_permission_hint() {
    let plane = ControlPlane::shared();
    let kubeconfig = kubeconfigs::of_user(plane, User::PullIdentity, "default");
    let run = imgpolicy(&kubeconfig, &["status", "deploy", "-n", "kube-system"]);
    assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{run:?}");
    assert_eq!(
        run.stderr.lines().collect::<Vec<_>>(),
        [
            "Error from server (Forbidden): deployments.apps is forbidden: User \"reader\" cannot \
             list resource \"deployments\" in API group \"apps\" in the namespace \"kube-system\"",
            "hint: kubectl auth can-i list deployments.apps -n kube-system",
        ]
    );
}

#[tokio::test]
async fn forbidden_kind_does_not_hide_the_others() {
    let plane = ControlPlane::shared();
    let namespace = plane.namespace("partly").await;
    let rules = json!([{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["list"]}]);
    plane.allow_in(namespace, User::Partial, rules).await;
    plane
        .apply(&[workload("Deployment", namespace, "web", "org/app:1")])
        .await;
    let kubeconfig = kubeconfigs::of_user(plane, User::Partial, namespace);
    let run = imgpolicy(&kubeconfig, &["status"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert_eq!(
        run.table()[1],
        "deployment/web app manual <none> 1 <none> <none>"
    );
    for resource in ["statefulsets.apps", "daemonsets.apps", "cronjobs.batch"] {
        let line = format!("Error from server (Forbidden): {resource} is forbidden: ");
        assert!(run.stderr.contains(&line), "{run:?}");
        let hint = format!("hint: kubectl auth can-i list {resource} -n {namespace}\n");
        assert!(run.stderr.contains(&hint), "{run:?}");
    }
    assert!(!run.stderr.contains("helmrelease"), "{run:?}");
    let json = imgpolicy(&kubeconfig, &["status", "-o", "json"]);
    let list: Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert_eq!(list["items"].as_array().map(Vec::len), Some(2));
    let errors = list["errors"].as_array().expect("a list");
    assert_eq!(errors.len(), 3);
    assert!(errors.iter().all(|error| error["reason"] == "Forbidden"));
}

#[tokio::test]
async fn allowed_namespace_is_suggested_when_all_namespaces_are_forbidden() {
    let plane = ControlPlane::shared();
    let namespace = plane.namespace("one-allowed").await;
    plane.allow_reader(namespace).await;
    let kubeconfig = kubeconfigs::of_user(plane, User::PullIdentity, namespace);
    let run = imgpolicy(&kubeconfig, &["status", "-A"]);
    assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{run:?}");
    let errors: Vec<&str> = run
        .stderr
        .lines()
        .filter(|l| !l.starts_with("hint:"))
        .collect();
    assert_eq!(errors.len(), 4, "{run:?}");
    for error in errors {
        assert!(
            error.starts_with("Error from server (Forbidden): "),
            "{error}"
        );
        assert!(error.ends_with(" at the cluster scope"), "{error}");
    }
    let hints: Vec<&str> = run
        .stderr
        .lines()
        .filter(|l| l.starts_with("hint:"))
        .collect();
    let suggestion = format!("use -n {namespace} instead of -A");
    assert_eq!(hints.len(), 1, "{run:?}");
    assert!(hints[0].ends_with(&suggestion), "{run:?}");
    assert_eq!(imgpolicy(&kubeconfig, &["status"]).code, 0);
}

#[tokio::test]
async fn dead_server_gives_only_kubectls_message() {
    let plane = ControlPlane::shared();
    let [port] = free_ports();
    let kubeconfig = kubeconfigs::of_dead_port(plane, port);
    for arguments in [
        &["status"][..],
        &["status", "-A", "-o", "json"],
        &["images"],
    ] {
        let run = imgpolicy(&kubeconfig, arguments);
        assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{run:?}");
        assert_eq!(
            run.stderr,
            format!(
                "The connection to the server 127.0.0.1:{port} was refused \
                 - did you specify the right host or port?\n"
            )
        );
    }
}

#[tokio::test]
async fn unknown_or_expired_token_gives_only_kubectls_message() {
    let plane = ControlPlane::shared();
    let account = service_account::make(plane, "default", "robot").await;
    let hour = 3600;
    // The token is valid except for its expiry: a fresh token of the account is accepted.
    let fresh = kubeconfigs::of_token(plane, &account.token(hour));
    let fresh = imgpolicy(&fresh, &["status", "deploy"]);
    let who = "User \"system:serviceaccount:default:robot\" cannot list";
    assert!(fresh.stderr.contains(who), "{fresh:?}");
    for kubeconfig in [
        kubeconfigs::of_token(plane, &account.token(-hour)),
        kubeconfigs::of_stranger(plane),
    ] {
        let run = imgpolicy(&kubeconfig, &["status"]);
        assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{run:?}");
        let line = "error: You must be logged in to the server (Unauthorized)\n";
        assert_eq!(run.stderr, line);
    }
}

#[tokio::test]
async fn user_who_can_only_list_workloads_gets_a_complete_status_with_one_note() {
    let (plane, registry) = (ControlPlane::shared(), Registry::shared().await);
    let image = format!("{}/shop/only", registry.host);
    let mut served = Vec::new();
    for (tag, created) in [
        ("1.0.0", "2026-01-01T00:00:00Z"),
        ("1.0.1", "2026-02-01T00:00:00Z"),
    ] {
        let pushed = registry
            .push("shop/only", tag, created, &["linux/amd64"])
            .await;
        served.push(pushed.served);
    }
    plane.allow_workloads_reader().await;
    let mut objects = Vec::new();
    for namespace in ["only-a", "only-b"] {
        plane.namespace(namespace).await;
        let web = workload("Deployment", namespace, "web", &format!("{image}:1.0.0"));
        objects.push(pod_of(&web, 1, &format!("{image}@{}", served[0])));
        objects.push(automated(web, "semver:~1.0"));
    }
    plane.apply(&objects).await;
    let kubeconfig = kubeconfigs::of_user(plane, User::WorkloadsReader, "only-a");
    let run = imgpolicy(&kubeconfig, &["status", "-n", "only-a"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(
        run.table()[1],
        "deployment/web app automated semver:~1.0 1.0.0 1.0.1 <none>"
    );
    assert_eq!(
        run.stderr.lines().collect::<Vec<_>>(),
        [
            "Pods could not be listed in only-a (Forbidden), so the images that run there are not \
             checked",
            "1 container: 1 automated (1 update)",
        ]
    );
    // Workloads of other tests may need pull secrets.
    let all = imgpolicy(&kubeconfig, &["status", "-A", "--pull-secrets=off"]);
    assert_eq!(all.code, 0, "{all:?}");
    assert_eq!(all.stderr.matches("could not").count(), 1, "{all:?}");
    assert_eq!(all.stderr.matches("hint").count(), 0, "{all:?}");
    let updates = all.table();
    let updates = updates.iter().filter(|line| line.starts_with("only-"));
    assert_eq!(
        updates
            .filter(|line| line.ends_with(" 1.0.0 1.0.1 <none>"))
            .count(),
        2
    );
}
