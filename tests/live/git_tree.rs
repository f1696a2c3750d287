//! `status --git`: where the images of a cluster are written in a Git repository.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::binary::imgpolicy;
use crate::control_plane::ControlPlane;
use crate::git_server::git;
use crate::kubeconfigs::{self, User};
use crate::objects::workload;

/// The remote of the repositories.
pub(crate) const REMOTE: &str = "git@git.example.com:shop/fleet.git";

/// A repository with one commit of these files.
fn repository(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (file, text) in files {
        let file = folder.path().join(file);
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        fs::write(file, text).expect("written");
    }
    git(folder.path(), &["init", "--quiet"]);
    git(folder.path(), &["remote", "add", "origin", REMOTE]);
    folder
}

/// A Deployment in a file, without a namespace.
pub(crate) fn manifest(name: &str, image: &str) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
spec:
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      containers:
      - name: app
        image: {image}
"
    )
}

/// A Deployment in the cluster with labels or annotations.
pub(crate) fn live(namespace: &str, name: &str, image: &str, metadata: &Value) -> Value {
    let mut object = workload("Deployment", namespace, name, image);
    object["spec"]["template"]["spec"]["initContainers"] = json!([]);
    for (field, value) in metadata.as_object().expect("a mapping") {
        object["metadata"][field] = value.clone();
    }
    object
}

pub(crate) fn flux_labels(namespace: &str, name: &str) -> Value {
    json!({"labels": {"kustomize.toolkit.fluxcd.io/name": name,
        "kustomize.toolkit.fluxcd.io/namespace": namespace}})
}

pub(crate) fn kustomization(namespace: &str, name: &str, path: &str, source: &str) -> Value {
    json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {"path": path, "targetNamespace": namespace,
            "sourceRef": {"kind": "GitRepository", "name": source}}})
}

pub(crate) fn git_repository(namespace: &str, name: &str, url: &str) -> Value {
    json!({"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
        "metadata": {"namespace": namespace, "name": name}, "spec": {"url": url}})
}

async fn cluster() -> &'static ControlPlane {
    let plane = ControlPlane::shared();
    define_kinds(plane).await;
    plane
}

/// Defines the kinds that lead to files.
pub(crate) async fn define_kinds(plane: &ControlPlane) {
    for (group, version, kind) in [
        ("kustomize.toolkit.fluxcd.io", "v1", "Kustomization"),
        ("source.toolkit.fluxcd.io", "v1", "GitRepository"),
        ("argoproj.io", "v1alpha1", "Application"),
    ] {
        plane.define(group, version, kind).await;
    }
}

#[tokio::test]
async fn images_are_found_through_flux_and_argo_cd_and_drift_is_shown() {
    let plane = cluster().await;
    let namespace = plane.namespace("git-tree").await;
    let tree = repository(&[
        ("apps/base/kustomization.yaml", "resources: [web.yaml]\n"),
        (
            "apps/base/web.yaml",
            &manifest("web", "registry.example/web:1.0.0"),
        ),
        (
            "apps/prod/kustomization.yaml",
            "resources: [../base]\nimages:\n- name: registry.example/web\n  newTag: 1.2.0\n",
        ),
        (
            "plain/sub/api.yaml",
            &manifest("api", "registry.example/api:2.0.0"),
        ),
        ("plain/notes.txt", "this is not a manifest\n"),
        ("argo/db.yaml", &manifest("db", "registry.example/db:3.0.0")),
    ]);
    let released = json!({"labels": {"helm.toolkit.fluxcd.io/name": "chart",
        "helm.toolkit.fluxcd.io/namespace": namespace}});
    let tracked = json!({"annotations": {"argocd.argoproj.io/tracking-id":
        format!("git-tree-db:apps/Deployment:{namespace}/db")}});
    plane
        .apply(&[
            git_repository(namespace, "fleet", "https://git.example.com/shop/fleet"),
            git_repository(namespace, "other", "https://git.example.com/shop/other"),
            kustomization(namespace, "prod", "./apps/prod", "fleet"),
            kustomization(namespace, "plain", "plain", "fleet"),
            kustomization(namespace, "elsewhere", "./", "other"),
            json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
                "metadata": {"namespace": namespace, "name": "git-tree-db"},
                "spec": {"destination": {"namespace": namespace}, "source":
                    {"repoURL": "ssh://git@git.example.com/shop/fleet", "path": "argo"}}}),
            live(
                namespace,
                "web",
                "registry.example/web:1.1.0",
                &flux_labels(namespace, "prod"),
            ),
            live(
                namespace,
                "api",
                "registry.example/api:2.0.0",
                &flux_labels(namespace, "plain"),
            ),
            live(
                namespace,
                "gone",
                "registry.example/gone:1",
                &flux_labels(namespace, "plain"),
            ),
            live(
                namespace,
                "far",
                "registry.example/far:1",
                &flux_labels(namespace, "elsewhere"),
            ),
            live(namespace, "db", "registry.example/db:3.0.0", &tracked),
            live(namespace, "own", "registry.example/own:1", &json!({})),
            live(namespace, "chart", "registry.example/chart:1", &released),
        ])
        .await;
    let kubeconfig = kubeconfigs::of_user(plane, User::Admin, namespace);
    let top = tree.path().to_str().expect("UTF-8");
    let run = imgpolicy(&kubeconfig, &["status", "--git", top, "-o", "json"]);

    let web = run.row("web", "app");
    assert_eq!(web["root"], format!("{top}/apps/prod"), "{web}");
    let in_git = json!({"image": "registry.example/web:1.2.0", "drift": true});
    assert_eq!(web["inGit"], in_git, "{web}");
    let place = json!({"file": format!("{top}/apps/prod/kustomization.yaml"), "line": 4,
        "key": "newTag", "part": "tag"});
    let places = web["writtenAt"].as_array().expect("places");
    assert!(places.contains(&place), "{web}");
    assert_eq!(web["warnings"][0]["code"], "drift", "{web}");

    for (name, file) in [("api", "plain/sub/api.yaml"), ("db", "argo/db.yaml")] {
        let row = run.row(name, "app");
        assert_eq!(row["inGit"]["drift"], false, "{row}");
        let written = json!({"file": format!("{top}/{file}"), "line": 12, "key": "image",
            "part": "tag"});
        assert_eq!(row["writtenAt"], json!([written]), "{row}");
    }
    for name in ["gone", "far", "own", "chart"] {
        assert_eq!(run.row(name, "app").get("inGit"), None, "{name}");
    }
    let table = imgpolicy(&kubeconfig, &["status", "--git", top]);
    assert_eq!(table.code, 0, "{table:?}");
    for said in [
        "Kustomization git-tree/elsewhere takes its files from another repository: \
         git.example.com/shop/other",
        "deployment/gone (git-tree) is in none of the folders that were compared",
        "deployment/own (git-tree) has no marker of Flux or Argo CD; name its folder with --path",
    ] {
        assert!(table.stderr.contains(said), "{table:?}");
    }
    assert!(!table.stderr.contains("deployment/chart"), "{table:?}");
    let line = table
        .stdout
        .lines()
        .find(|line| line.contains("deployment/web"));
    let cells: Vec<&str> = line.expect("a row").split_whitespace().collect();
    assert!(
        cells.contains(&"1.1.0") && cells.contains(&"1.2.0"),
        "{table:?}"
    );

    let explained = imgpolicy(&kubeconfig, &["explain", "deployment/web", "--git", top]);
    assert!(
        explained.stdout.contains("registry.example/web:1.2.0"),
        "{explained:?}"
    );
}

#[tokio::test]
async fn folders_that_are_named_are_compared_without_asking_owners() {
    let plane = cluster().await;
    let namespace = plane.namespace("git-tree-path").await;
    let tree = repository(&[
        ("a/web.yaml", &manifest("web", "registry.example/web:1")),
        ("b/web.yaml", &manifest("web", "registry.example/web:2")),
    ]);
    let object = live(namespace, "web", "registry.example/web:1", &json!({}));
    plane.apply(&[object]).await;
    let kubeconfig = kubeconfigs::of_user(plane, User::Admin, namespace);
    let top = tree.path().to_str().expect("UTF-8");
    let run = imgpolicy(
        &kubeconfig,
        &["status", "--git", top, "--path", "b", "-o", "json"],
    );
    assert_eq!(run.row("web", "app")["inGit"]["drift"], true, "{run:?}");

    let both = ["status", "--git", top, "--path", "a", "--path", "b"];
    let run = imgpolicy(&kubeconfig, &both);
    assert_eq!(run.code, 1, "{run:?}");
    let said = "deployment/web (git-tree-path) is written in a and b; choose one with --path";
    assert!(run.stderr.contains(said), "{run:?}");

    for (path, said) in [
        ("../", "not a path within the repository"),
        ("c", "there is no such folder"),
        ("a/web.yaml", "there is no such folder"),
    ] {
        let run = imgpolicy(&kubeconfig, &["status", "--git", top, "--path", path]);
        assert_eq!(run.code, 2, "{run:?}");
        assert!(run.stderr.contains(said), "{run:?}");
    }
}

#[tokio::test]
async fn owner_that_may_not_be_read_is_an_error_with_the_missing_permission() {
    let plane = cluster().await;
    let namespace = plane.namespace("git-tree-denied").await;
    plane.allow_reader(namespace).await;
    let tree = repository(&[("a/web.yaml", &manifest("web", "registry.example/web:1"))]);
    let object = live(
        namespace,
        "web",
        "registry.example/web:1",
        &flux_labels(namespace, "prod"),
    );
    plane.apply(&[object]).await;
    let kubeconfig = kubeconfigs::of_user(plane, User::PullIdentity, namespace);
    let top = tree.path().to_str().expect("UTF-8");
    let run = imgpolicy(&kubeconfig, &["status", "--git", top]);
    assert_eq!(run.code, 1, "{run:?}");
    let hint =
        format!("kubectl auth can-i get kustomizations.kustomize.toolkit.fluxcd.io -n {namespace}");
    assert!(run.stderr.contains(&hint), "{run:?}");
    assert!(run.stdout.contains("deployment/web"), "{run:?}");
}

#[tokio::test]
async fn images_that_the_live_owner_changes_are_decided_and_found_in_it() {
    let plane = cluster().await;
    let namespace = plane.namespace("git-tree-owner").await;
    let overlay = "resources: [web.yaml]\nimages: [{name: registry.example/web, newTag: 1.2.0}]\n";
    let tree = repository(&[
        ("flux/kustomization.yaml", overlay),
        (
            "flux/web.yaml",
            &manifest("web", "registry.example/web:1.0.0"),
        ),
        (
            "plain/api.yaml",
            &manifest("api", "registry.example/api:${TAG}"),
        ),
        (
            "secret/job.yaml",
            &manifest("job", "registry.example/job:${TAG}"),
        ),
        (
            "remote/far.yaml",
            &manifest("far", "registry.example/far:1.0.0"),
        ),
        ("argo/kustomization.yaml", "resources: [db.yaml]\n"),
        ("argo/db.yaml", &manifest("db", "registry.example/db:3.0.0")),
        ("written/kustomization.yaml", "resources: [mq.yaml]\n"),
        (
            "written/mq.yaml",
            &manifest("mq", "registry.example/mq:1.0.0"),
        ),
        (
            "written/.argocd-source-git-tree-mq.yaml",
            "kustomize:\n  images:\n  - registry.example/mq:1.1.0\n",
        ),
    ]);
    fn flux(namespace: &str, name: &str, fields: &Value) -> Value {
        let mut object = kustomization(namespace, name, name, "fleet");
        for (field, value) in fields.as_object().expect("a mapping") {
            object["spec"][field] = value.clone();
        }
        object
    }
    fn argo(namespace: &str, name: &str, path: &str, kustomize: &Value) -> Value {
        json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {"namespace": namespace, "name": name},
            "spec": {"destination": {"namespace": namespace}, "source": {
                "repoURL": REMOTE, "path": path, "kustomize": kustomize}}})
    }
    fn tracked(namespace: &str, application: &str, name: &str) -> Value {
        json!({"annotations": {"argocd.argoproj.io/tracking-id":
            format!("{application}:apps/Deployment:{namespace}/{name}")}})
    }
    plane
        .apply(&[
            git_repository(namespace, "fleet", REMOTE),
            flux(
                namespace,
                "flux",
                &json!({"namePrefix": "a-", "images": [{"name": "registry.example/web",
                    "newTag": "1.3.0"}]}),
            ),
            flux(
                namespace,
                "plain",
                &json!({"postBuild": {"substitute": {"TAG": "2.1.0"}}}),
            ),
            flux(
                namespace,
                "secret",
                &json!({"postBuild": {"substituteFrom": [{"kind": "Secret", "name": "x"}]}}),
            ),
            flux(
                namespace,
                "remote",
                &json!({"components": ["https://example.com/x"]}),
            ),
            argo(
                namespace,
                "git-tree-argo",
                "argo",
                &json!({"images": ["registry.example/db=registry.example/new:3.1.0"]}),
            ),
            argo(namespace, "git-tree-mq", "written", &json!({})),
            live(
                namespace,
                "a-web",
                "registry.example/web:1.2.0",
                &flux_labels(namespace, "flux"),
            ),
            live(
                namespace,
                "api",
                "registry.example/api:2.1.0",
                &flux_labels(namespace, "plain"),
            ),
            live(
                namespace,
                "job",
                "registry.example/job:2.1.0",
                &flux_labels(namespace, "secret"),
            ),
            live(
                namespace,
                "far",
                "registry.example/far:2.1.0",
                &flux_labels(namespace, "remote"),
            ),
            live(
                namespace,
                "db",
                "registry.example/new:3.1.0",
                &tracked(namespace, "git-tree-argo", "db"),
            ),
            live(
                namespace,
                "mq",
                "registry.example/mq:1.0.0",
                &tracked(namespace, "git-tree-mq", "mq"),
            ),
        ])
        .await;
    let kubeconfig = kubeconfigs::of_user(plane, User::Admin, namespace);
    let top = tree.path().to_str().expect("UTF-8");
    let run = imgpolicy(&kubeconfig, &["status", "--git", top, "-o", "json"]);
    for (name, image, drift, object, key) in [
        (
            "a-web",
            "registry.example/web:1.3.0",
            true,
            "Kustomization/git-tree-owner/flux",
            "spec.images[0].newTag",
        ),
        (
            "db",
            "registry.example/new:3.1.0",
            false,
            "Application/git-tree-owner/git-tree-argo",
            "spec.source.kustomize.images[0]",
        ),
    ] {
        let row = run.row(name, "app");
        let in_git = json!({"image": image, "drift": drift});
        assert_eq!(row["inGit"], in_git, "{row}");
        let place = json!({"object": object, "key": key, "part": "tag"});
        assert_eq!(row["writtenAt"], json!([place]), "{row}");
    }
    let api = run.row("api", "app");
    assert_eq!(api["inGit"]["drift"], false, "{api}");
    let variable = json!({"object": "Kustomization/git-tree-owner/plain",
        "key": "spec.postBuild.substitute.TAG", "part": "tag"});
    let places = api["writtenAt"].as_array().expect("places");
    assert!(places.contains(&variable), "{api}");
    let mq = run.row("mq", "app");
    let in_git = json!({"image": "registry.example/mq:1.1.0", "drift": true});
    assert_eq!(mq["inGit"], in_git, "{mq}");
    let place = json!({"file": format!("{top}/written/.argocd-source-git-tree-mq.yaml"),
        "line": 3, "key": "images", "part": "tag"});
    assert_eq!(mq["writtenAt"], json!([place]), "{mq}");
    for (name, why) in [
        ("job", "a variable, whose value is not in these files"),
        (
            "far",
            "Kustomization/git-tree-owner/remote changes what is built",
        ),
    ] {
        let row = run.row(name, "app");
        assert_eq!(row["inGit"]["drift"], Value::Null, "{row}");
        let undecided = row["inGit"]["undecided"].as_str().unwrap_or_default();
        assert!(undecided.contains(why), "{row}");
    }
    let table = imgpolicy(&kubeconfig, &["explain", "deployment/a-web", "--git", top]);
    let said = "Written at:  Kustomization/git-tree-owner/flux spec.images[0].newTag\n";
    assert!(table.stdout.contains(said), "{table:?}");
}
