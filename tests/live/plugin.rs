//! The binary as a kubectl plugin: kubectl starts it, it completes for kubectl, and
//! it logs in like kubectl.

use std::path::Path;

use serde_json::json;

use crate::binary::{self, Run, imgpolicy};
use crate::control_plane::ControlPlane;
use crate::kubeconfigs::{self, User};
use crate::objects::{automated, workload};
use crate::process::{free_ports, tool};
use crate::registry::Registry;

/// Runs kubectl with the plugin on its PATH.
fn kubectl(kubeconfig: &Path, arguments: &[&str]) -> Run {
    let home = tempfile::tempdir().expect("a folder");
    let plugins = home.path().join("bin");
    std::fs::create_dir(&plugins).expect("a folder");
    std::os::unix::fs::symlink(binary::path(), plugins.join("kubectl-imgpolicy")).expect("a link");
    let caller = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(plugins).chain(std::env::split_paths(&caller));
    let output = binary::command(Path::new(tool("KUBECTL")), home.path(), kubeconfig)
        .env("PATH", std::env::join_paths(folders).expect("a PATH"))
        .args(arguments)
        .output();
    output.expect("kubectl runs").into()
}

#[tokio::test]
async fn kubectl_passes_arguments_and_exit_codes_through() {
    let (plane, registry) = (ControlPlane::shared(), Registry::shared().await);
    let namespace = plane.namespace("within").await;
    let image = format!("{}/shop/within", registry.host);
    for (tag, created) in [
        ("1.0.0", "2026-01-01T00:00:00Z"),
        ("1.0.1", "2026-02-01T00:00:00Z"),
    ] {
        registry
            .push("shop/within", tag, created, &["linux/amd64"])
            .await;
    }
    let web = workload("Deployment", namespace, "web", &format!("{image}:1.0.0"));
    plane.apply(&[automated(web, "semver:~1.0")]).await;
    let kubeconfig = kubeconfigs::of_user(plane, User::Admin, "default");
    let run = kubectl(&kubeconfig, &["imgpolicy", "status", "-n", namespace]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(
        run.table()[1],
        "deployment/web app automated semver:~1.0 1.0.0 1.0.1 <none>"
    );
    for (words, code) in [
        (&["status", "-n", namespace, "--exit-code"][..], 10),
        (&["status", "deploy/nope", "-n", namespace], 1),
        (&["status", "--nonsense"], 2),
        (&["status", "-n", namespace, "--context", "nosuch"], 1),
    ] {
        let run = kubectl(&kubeconfig, &[&["imgpolicy"], words].concat());
        assert_eq!(run.code, code, "{run:?}");
    }
    let help = kubectl(&kubeconfig, &["imgpolicy", "status", "--help"]);
    assert!(
        help.stdout.contains("Usage: kubectl imgpolicy status"),
        "{help:?}"
    );
}

#[tokio::test]
async fn failures_read_like_kubectls() {
    let plane = ControlPlane::shared();
    let namespace = plane.namespace("wording").await;
    plane.namespace("wording-empty").await;
    plane
        .apply(&[workload("Deployment", namespace, "web", "org/app:1")])
        .await;
    let [port] = free_ports();
    let admin = kubeconfigs::of_user(plane, User::Admin, namespace);
    let nobody = kubeconfigs::of_user(plane, User::Nobody, namespace);
    let dead = kubeconfigs::of_dead_port(plane, port);
    for (kubeconfig, words) in [
        (&admin, &["deployment", "web", "nope"][..]),
        (&admin, &["deployment/nope", "deployment/web"]),
        (&admin, &["deployment", "-n", "wording-empty"]),
        (&admin, &["deployment", "-n", "nosuch"]),
        (&admin, &["deployment", "-A", "-l", "no=where"]),
        (&admin, &["deployment", "web", "-A"]),
        (&admin, &["deployment", "web", "-l", "a=b"]),
        (&admin, &["deployment", "-n", "x", "--context", "nosuch"]),
        (&admin, &["deployment", "-n", "x", "--user", "nosuch"]),
        (&admin, &["deployment", "--cluster", "nosuch"]),
        (&nobody, &["deployment"]),
        (&nobody, &["deployment", "-A"]),
        (&nobody, &["deployment/web"]),
        (&dead, &["deployment"]),
    ] {
        let theirs = kubectl(kubeconfig, &[&["get"], words].concat());
        let ours = imgpolicy(kubeconfig, &[&["status"], words].concat());
        // kubectl logs its discovery first, and only this program prints hints.
        let last = theirs.stderr.lines().next_back();
        assert_eq!(ours.stderr.lines().next(), last, "{words:?}: {ours:?}");
        assert_eq!(ours.code, theirs.code, "{words:?}: {ours:?}");
        assert_eq!(
            ours.stdout.is_empty(),
            theirs.stdout.is_empty(),
            "{words:?}"
        );
    }
}

#[tokio::test]
async fn completion_offers_live_objects() {
    let plane = ControlPlane::shared();
    let namespace = plane.namespace("completed").await;
    plane
        .apply(&[
            workload("Deployment", namespace, "web", "org/app:1"),
            workload("Deployment", namespace, "api", "org/app:1"),
            workload("StatefulSet", namespace, "web-db", "org/app:1"),
        ])
        .await;
    let kubeconfig = kubeconfigs::of_user(plane, User::Admin, namespace);
    let complete = |words: &[&str]| {
        let run = imgpolicy(&kubeconfig, &[&["__complete"], words].concat());
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:?}");
        run.stdout
    };
    let names = complete(&["status", "deployment/"]);
    assert_eq!(names, "deployment/api\ndeployment/web\n:4\n");
    assert_eq!(complete(&["status", "sts/w"]), "sts/web-db\n:4\n");
    assert_eq!(complete(&["explain", "-n", "nosuch", "deploy/"]), ":4\n");
    assert_eq!(complete(&["status", "deployment", ""]), "api\nweb\n:4\n");
    assert_eq!(complete(&["status", "deployment", "api", "w"]), "web\n:4\n");
    let namespaces = complete(&["status", "-n", ""]);
    for expected in ["completed\n", "default\n", "kube-system\n"] {
        assert!(namespaces.contains(expected), "{namespaces}");
    }
    assert_eq!(
        complete(&["status", "--namespace", "compl"]),
        "completed\n:4\n"
    );
    assert_eq!(
        complete(&["explain", "deployment/web", "-c", ""]),
        "app\torg/app:1\nsetup\tbusybox:1.36\n:4\n"
    );
    // A user without permission gets no candidates and no error output.
    let nobody = kubeconfigs::of_user(plane, User::Nobody, namespace);
    let run = imgpolicy(&nobody, &["__complete", "status", "deployment/"]);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), (":4\n", ""));
}

#[tokio::test]
async fn credential_plugin_logs_the_binary_in() {
    let plane = ControlPlane::shared();
    let namespace = plane.namespace("plugged").await;
    plane
        .apply(&[workload("Deployment", namespace, "web", "org/app:1")])
        .await;
    let credential = json!({"kind": "ExecCredential",
        "apiVersion": "client.authentication.k8s.io/v1",
        "status": {"token": User::Admin.token()}});
    let kubeconfig = kubeconfigs::of_plugin(plane, &format!("echo '{credential}'"));
    let run = imgpolicy(&kubeconfig, &["status", "-n", namespace, "-o", "json"]);
    assert_eq!(run.json()["context"], "plugin");
    assert_eq!(run.row("web", "app")["image"], "org/app:1");

    let failing = kubeconfigs::of_plugin(plane, "echo 'log in first' >&2; exit 3");
    let run = imgpolicy(&failing, &["status"]);
    assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{run:?}");
    assert!(
        run.stderr.contains("getting credentials: exec: "),
        "{run:?}"
    );
    assert!(run.stderr.contains("exit code 3"), "{run:?}");
    assert!(run.stderr.contains("log in first"), "{run:?}");
}
