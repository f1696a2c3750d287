//! An update that takes the way of Git: a commit, a push, and Flux's own
//! kustomize-controller applies it.
//!
//! `make e2e` plays source-controller, because it takes five minutes to build: the test archives
//! the pushed branch and writes the artifact to the status of the GitRepository. `make soak` runs
//! the real one.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::binary::{Run, imgpolicy};
use crate::control_plane::ControlPlane;
use crate::git_server::{GitServer, git};
use crate::kubeconfigs::{self, User};
use crate::process::{Process, tool};
use crate::registry::Registry;

const APPLIED_WITHIN: Duration = Duration::from_secs(60);

/// The kinds that the controllers watch.
const KINDS: [(&str, &str); 7] = [
    ("kustomize.toolkit.fluxcd.io", "Kustomization"),
    ("source.toolkit.fluxcd.io", "GitRepository"),
    ("source.toolkit.fluxcd.io", "OCIRepository"),
    ("source.toolkit.fluxcd.io", "Bucket"),
    ("source.toolkit.fluxcd.io", "HelmRepository"),
    ("source.toolkit.fluxcd.io", "HelmChart"),
    ("source.toolkit.fluxcd.io", "ExternalArtifact"),
];

/// Flux's kustomize-controller on the control plane with rollouts.
async fn flux(plane: &'static ControlPlane) -> &'static Process {
    static CONTROLLER: OnceCell<Process> = OnceCell::const_new();
    CONTROLLER
        .get_or_init(|| async {
            for (group, kind) in KINDS {
                plane.define(group, "v1", kind).await;
            }
            plane.namespace("flux-system").await;
            start(plane, "KUSTOMIZE_CONTROLLER", &["--no-remote-bases".into()])
        })
        .await
}

/// Starts a controller of Flux. Its kinds must be defined.
fn start(plane: &ControlPlane, program: &str, flags: &[String]) -> Process {
    let kubeconfig = kubeconfigs::of_user(plane, User::Admin, "flux-system");
    Process::start("env", |folder| {
        let mut arguments = vec![
            // It has no flag for it.
            format!("KUBECONFIG={}", kubeconfig.display()),
            format!("TMPDIR={}", folder.display()),
            "RUNTIME_NAMESPACE=flux-system".to_owned(),
            tool(program).to_owned(),
        ];
        let common = [
            "--metrics-addr=0",
            "--health-addr=0",
            "--enable-leader-election=false",
            "--requeue-dependency=1s",
            "--min-retry-delay=200ms",
            "--max-retry-delay=5s",
        ];
        arguments.extend(common.map(str::to_owned));
        arguments.extend_from_slice(flags);
        arguments
    })
}

/// Who tells Flux what a branch contains.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    /// The test archives the branch.
    Played,
    /// Flux's source-controller fetches it.
    #[cfg(feature = "soak")]
    Controller,
}

/// The objects of one run of the story.
struct Story {
    namespace: &'static str,
    source: Source,
}

/// The Deployment as it is in the repository.
fn deployment(namespace: &str, image: &str) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata:
  name: my-app
  namespace: {namespace}
spec:
  replicas: 2
  selector:
    matchLabels: {{app: my-app}}
  template:
    metadata:
      labels: {{app: my-app}}
    spec:
      containers:
      - name: app
        image: {image} # the version in production
"
    )
}

/// The Kustomization as it is in the repository, with the policy.
fn kustomization(namespace: &str, image: &str) -> String {
    format!(
        r#"apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: my-app-deployment
  namespace: {namespace}
spec:
  interval: 10m
  prune: true
  path: ./apps/my-app/overlays/production
  sourceRef:
    kind: GitRepository
    name: flux-source
  imagePolicies:
  - name: my-app-image
    policy:
      semver:
        range: ">=1.2.3 <2.0.0"
        identifier: "v"
    dockerhub:
      image: {image}
      policy:
        tags:
          regex: "^v[0-9]+\\.[0-9]+\\.[0-9]+$"
"#
    )
}

/// Tells Flux that the branch has changed.
async fn fetched(plane: &ControlPlane, server: &GitServer, story: &Story) {
    let mut object = json!({"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
        "metadata": {"namespace": story.namespace, "name": "flux-source"},
        "spec": {"url": server.url(), "interval": "1h", "timeout": "20s",
            "ref": {"branch": "main"}}});
    if story.source == Source::Played {
        let ready = json!({"type": "Ready", "status": "True", "reason": "Succeeded",
            "message": "stored artifact", "lastTransitionTime": "2026-01-01T00:00:00Z"});
        object["status"] = json!({"artifact": server.artifact(), "conditions": [ready],
            "observedGeneration": 1});
    } else {
        // As `flux reconcile source git` does.
        object["metadata"]["annotations"] = json!({
            "reconcile.fluxcd.io/requestedAt": server.head()});
    }
    plane.apply(&[object]).await;
}

/// The Deployment, after it runs this image in every Pod.
async fn rolled_out(plane: &ControlPlane, flux: &Process, namespace: &str, image: &str) -> Value {
    let started = Instant::now();
    let path = format!("/apis/apps/v1/namespaces/{namespace}/deployments/my-app");
    loop {
        let object = plane.get(&path).await.unwrap_or_default();
        let status = &object["status"];
        let is_current = object["spec"]["template"]["spec"]["containers"][0]["image"] == image
            && status["observedGeneration"] == object["metadata"]["generation"];
        let is_done = ["replicas", "updatedReplicas", "availableReplicas"]
            .iter()
            .all(|count| status[*count] == 2);
        if is_current && is_done {
            return object;
        }
        assert!(
            flux.runs() && started.elapsed() < APPLIED_WITHIN,
            "{object}\n{}",
            flux.log()
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn commit_all(work: &Path, message: &str) {
    git(work, &["add", "--all"]);
    git(work, &["commit", "--quiet", "--message", message]);
    git(work, &["push", "--quiet", "origin", "HEAD:main"]);
}

#[tokio::test]
async fn pushed_update_is_applied_by_flux_and_recorded_in_git() {
    let plane = ControlPlane::rolling().await;
    let story = Story {
        namespace: "flux-story",
        source: Source::Played,
    };
    tell(plane, &story).await;
}

#[cfg(feature = "soak")]
#[tokio::test]
async fn soak_pushed_update_is_fetched_and_applied_by_flux() {
    let plane = ControlPlane::rolling().await;
    flux(plane).await;
    let [port] = crate::process::free_ports();
    let files = tempfile::tempdir().expect("a folder");
    let flags = [
        format!("--storage-path={}", files.path().display()),
        format!("--storage-addr=127.0.0.1:{port}"),
        format!("--storage-adv-addr=127.0.0.1:{port}"),
    ];
    let _controller = start(plane, "SOURCE_CONTROLLER", &flags);
    let story = Story {
        namespace: "soak-flux-story",
        source: Source::Controller,
    };
    tell(plane, &story).await;
}

async fn tell(plane: &'static ControlPlane, story: &Story) {
    let namespace = story.namespace;
    plane.namespace(namespace).await;
    let flux = flux(plane).await;
    let registry = Registry::shared().await;
    let repository = format!("{namespace}/my-app");
    let platforms = ["linux/amd64", "linux/arm64"];
    let push = async |tag: &str, created: &str| {
        registry.push(&repository, tag, created, &platforms).await;
    };
    push("v1.2.3", "2026-01-01T00:00:00Z").await;
    let name = format!("{}/{repository}", registry.host);

    let server = GitServer::start();
    let work = server.clone_for("ada");
    git(&work, &["checkout", "--quiet", "-b", "main"]);
    let folder = work.join("apps/my-app/overlays/production");
    fs::create_dir_all(&folder).expect("a folder");
    let file = folder.join("deployment.yaml");
    fs::write(&file, deployment(namespace, &format!("{name}:v1.2.3"))).expect("written");
    fs::create_dir_all(work.join("clusters")).expect("a folder");
    fs::write(
        work.join("clusters/my-app.yaml"),
        kustomization(namespace, &name),
    )
    .expect("written");
    commit_all(&work, "first");
    git(
        &work,
        &["branch", "--quiet", "--set-upstream-to=origin/main"],
    );

    fetched(plane, &server, story).await;
    let object: Value = serde_saphyr::from_str(&kustomization(namespace, &name)).expect("YAML");
    plane.apply(&[object]).await;
    rolled_out(plane, flux, namespace, &format!("{name}:v1.2.3")).await;

    // The registry gets a new version, and other tags that the policy does not match.
    push("v1.2.4", "2026-02-01T00:00:00Z").await;
    push("v1.2.5-rc.1", "2026-02-02T00:00:00Z").await;
    push("v2.0.0", "2026-02-03T00:00:00Z").await;
    let kubeconfig = kubeconfigs::of_user(plane, User::Admin, namespace);
    let top = work.to_str().expect("UTF-8");
    let run = |words: &[&str]| -> Run { imgpolicy(&kubeconfig, words) };
    let status = run(&["status", "--git", top, "-o", "json"]);
    assert_eq!(status.row("my-app", "app")["inGit"]["drift"], false);
    let update = run(&[
        "update", "-f", top, "-R", "--git", top, "--push", "--yes", "-o", "json",
    ]);
    assert_eq!(update.code, 0, "{update:?}");
    let result = update.json();
    assert_eq!(result["pushed"], true, "{result}");
    let after = fs::read_to_string(&file).expect("a file");
    let image = format!("image: {name}:v1.2.4 # the version in production");
    assert!(after.contains(&image), "{after}");
    // The cluster has not changed yet, which is drift now.
    let status = run(&["status", "--git", top, "-o", "json"]);
    let row = status.row("my-app", "app");
    assert_eq!(row["inGit"]["drift"], true, "{row}");
    assert_eq!(
        row["writtenAt"][0]["file"],
        file.to_str().expect("UTF-8"),
        "{row}"
    );

    fetched(plane, &server, story).await;
    let live = rolled_out(plane, flux, namespace, &format!("{name}:v1.2.4")).await;
    let annotations = live["metadata"]["annotations"].to_string();
    for key in ["fluxcd.io/tag.my-app", "fluxcd.io/build.number"] {
        assert!(annotations.contains(key), "{annotations}");
    }

    // Git tells who, when, what and why.
    let log = git(&work, &["log", "-1", "--format=%an%n%B", "origin/main"]);
    let (author, message) = log.split_once('\n').expect("a message");
    assert_eq!(author, "ada");
    assert_eq!(git(&work, &["rev-parse", "origin/main"]), result["commit"]);
    for part in [
        "deployment/my-app",
        "v1.2.3",
        "v1.2.4",
        "semver",
        "Imgpolicy-Update: {",
    ] {
        assert!(message.contains(part), "{message}");
    }
    let history = run(&["history", "deployment/my-app", "--git", top, "-o", "json"]).json();
    let entry = &history["items"][0];
    assert_eq!(entry["from"], format!("{name}:v1.2.3"), "{history}");
    assert_eq!(entry["to"], format!("{name}:v1.2.4"), "{history}");
    assert_eq!(entry["by"], "ada", "{history}");
    let again = run(&["update", "-f", top, "-R", "--git", top, "--push", "--yes"]);
    assert_eq!(again.code, 0, "{again:?}");
    assert_eq!(git(&work, &["rev-list", "--count", "main"]), "2");
}
