//! `--git auto`: the repository is the one that Flux applies the workloads from.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::binary::{self, Run};
use crate::control_plane::ControlPlane;
use crate::git_server::{GitServer, git};
use crate::git_tree::{define_kinds, flux_labels, git_repository, kustomization, live, manifest};
use crate::kubeconfigs::{self, User};
use crate::registry::Registry;

const NAMESPACE: &str = "git-auto";

/// A GitRepository that follows something.
fn following(name: &str, url: &str, reference: Value) -> Value {
    let mut object = git_repository(NAMESPACE, name, url);
    object["spec"]["ref"] = reference;
    object
}

/// The manifest of an automated Deployment.
fn automated(name: &str, image: &str) -> String {
    let annotations = format!(
        "  name: {name}\n  annotations:\n    fluxcd.io/automated: \"true\"\n    fluxcd.io/tag.app: \
         semver:^1\n"
    );
    manifest(name, image).replacen(&format!("  name: {name}\n"), &annotations, 1)
}

/// The text of a file in the branch of the server.
fn pushed(work: &Path, file: &str) -> String {
    git(work, &["fetch", "--quiet", "origin"]);
    git(work, &["show", &format!("origin/main:{file}")])
}

#[tokio::test]
async fn repository_branch_and_paths_are_those_that_flux_applies() {
    let plane = ControlPlane::shared();
    define_kinds(plane).await;
    plane.namespace(NAMESPACE).await;
    let registry = Registry::shared().await;
    for (tag, created) in [
        ("1.0.0", "2026-01-01T00:00:00Z"),
        ("1.0.1", "2026-02-01T00:00:00Z"),
    ] {
        let platforms = ["linux/amd64"];
        registry
            .push("git-auto/app", tag, created, &platforms)
            .await;
    }
    let image = format!("{}/git-auto/app:1.0.0", registry.host);

    let server = GitServer::start();
    let work = server.clone_for("ada");
    git(&work, &["checkout", "--quiet", "-b", "main"]);
    for name in ["web", "api"] {
        let folder = work.join("apps").join(name);
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("app.yaml"), automated(name, &image)).expect("written");
    }
    git(&work, &["add", "--all"]);
    git(&work, &["commit", "--quiet", "--message", "first"]);
    git(&work, &["push", "--quiet", "origin", "HEAD:main"]);

    let url = server.url();
    let elsewhere = "https://git.example.com/shop/other";
    let mut objects = vec![
        following("fleet", &url, json!({"branch": "main"})),
        following("pinned", &url, json!({"tag": "v1"})),
        git_repository(NAMESPACE, "other", elsewhere),
        kustomization(NAMESPACE, "web", "./apps/web", "fleet"),
        kustomization(NAMESPACE, "api", "apps/api/", "fleet"),
        kustomization(NAMESPACE, "pinned", "apps/web", "pinned"),
        kustomization(NAMESPACE, "other", "./", "other"),
        live(NAMESPACE, "bare", &image, &json!({})),
    ];
    for name in ["web", "api", "pinned", "other"] {
        objects.push(live(NAMESPACE, name, &image, &flux_labels(NAMESPACE, name)));
    }
    plane.apply(&objects).await;

    let kubeconfig = kubeconfigs::of_user(plane, User::Admin, NAMESPACE);
    // The temporary clone has only the user's own identity.
    let home = tempfile::tempdir().expect("a folder");
    let identity = "[user]\nname = ada\nemail = ada@example.com\n";
    fs::write(home.path().join(".gitconfig"), identity).expect("written");
    let run = |words: &[&str]| -> Run {
        let mut command = binary::command(&binary::path(), home.path(), &kubeconfig);
        command.args(words).args(["--git", "auto", "--yes"]);
        command.output().expect("the binary runs").into()
    };
    let update = run(&["update", "deployment/web", "--push", "-o", "json"]);
    assert_eq!(update.code, 0, "{update:?}");
    assert_eq!(update.json()["pushed"], true, "{update:?}");
    let note =
        format!("note: --git {url} --branch main --path apps/web (Kustomization {NAMESPACE}/web)");
    assert!(update.stderr.contains(&note), "{update:?}");
    assert!(pushed(&work, "apps/web/app.yaml").contains(":1.0.1"));
    assert!(pushed(&work, "apps/api/app.yaml").contains(":1.0.0"));

    // Commands that edit annotations find it as well.
    let lock = run(&["lock", "deployment/api", "-m", "release", "--push"]);
    assert_eq!(lock.code, 0, "{lock:?}");
    assert!(pushed(&work, "apps/api/app.yaml").contains("fluxcd.io/locked"));
    let path = format!("/apis/apps/v1/namespaces/{NAMESPACE}/deployments/api");
    let object = plane.get(&path).await.expect("it exists");
    assert_eq!(object["metadata"]["annotations"], json!(null), "{object}");

    let head = server.head();
    for (words, code, said) in [
        (&["update", "deployment/web"][..], 2, "add --push"),
        (&["update", "--push"], 2, "name the workloads to change"),
        (
            &["update", "deployment/web", "-f", ".", "--push"],
            2,
            "it cannot be used with -f",
        ),
        (&["update", "deployment/none", "--push"], 1, "not found"),
        (
            &["update", "deployment/bare", "--push"],
            1,
            "deployment/bare is not applied by a Kustomization of Flux",
        ),
        (
            &["update", "deployment/pinned", "--push"],
            1,
            "GitRepository git-auto/pinned follows the tag v1, not a branch; use --branch NAME",
        ),
        (
            &["update", "deployment/web", "deployment/other", "--push"],
            1,
            "--git https://git.example.com/shop/other --branch master --path . (Kustomization \
             git-auto/other)",
        ),
    ] {
        let refused = run(words);
        assert_eq!(refused.code, code, "{words:?}: {refused:?}");
        assert!(refused.stderr.contains(said), "{words:?}: {refused:?}");
    }
    assert_eq!(server.head(), head);
}
