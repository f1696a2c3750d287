//! Pull secrets: which workloads use them, who may read them, and that they are read
//! only when needed, one by one.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::binary::{Run, command, imgpolicy, path};
use crate::content::{Image, Index};
use crate::control_plane::ControlPlane;
use crate::kubeconfigs::{self, User};
use crate::objects::{automated, workload};
use crate::test_registry::{Access, Member, TestRegistry};

pub(crate) const ALICE: Member = Member {
    user: "alice",
    password: "hunter2",
    sees: "team-a/",
};
const BOB: Member = Member {
    user: "bob",
    password: "hunter3",
    sees: "team-b/",
};

/// The passwords, and their encoded forms in Secrets and headers.
const SECRET: [&str; 5] = [
    "hunter",
    "aHVudGVy",
    "YWxpY2U6",
    "dockerconfigjson\"",
    "Bearer",
];

/// A registry with `team-a/app` only for Alice and `team-b/app` only for Bob.
pub(crate) fn registry() -> TestRegistry {
    let registry = TestRegistry::start();
    for repository in ["team-a/app", "team-b/app"] {
        push(&registry, repository, &["1.0.0", "1.0.1"]);
    }
    registry.require(Access::Members(&[ALICE, BOB], 403));
    registry
}

/// Pushes images for the platforms of all nodes that other tests may have created.
fn push(registry: &TestRegistry, repository: &str, tags: &[&str]) {
    for tag in tags {
        let images = ["linux/amd64", "linux/arm64", "linux/arm/v7"]
            .map(|platform| Image::built("2024-01-01T00:00:00Z").platform(platform));
        registry.push(repository, tag, Index::of(images));
    }
}

pub(crate) fn secret(
    namespace: &str,
    name: &str,
    registry: &TestRegistry,
    member: Member,
) -> Value {
    let config = json!({"auths": {registry.host():
        {"username": member.user, "password": member.password}}});
    json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
        "metadata": {"namespace": namespace, "name": name},
        "data": {".dockerconfigjson": STANDARD.encode(config.to_string())}})
}

/// The same as a Secret of the legacy type, with only `auth`.
fn legacy(namespace: &str, name: &str, registry: &TestRegistry, member: Member) -> Value {
    let auth = STANDARD.encode(format!("{}:{}", member.user, member.password));
    let config = json!({format!("https://{}/v1/", registry.host()): {"auth": auth}});
    json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockercfg",
        "metadata": {"namespace": namespace, "name": name},
        "data": {".dockercfg": STANDARD.encode(config.to_string())}})
}

fn account(namespace: &str, name: &str, secrets: &[&str]) -> Value {
    let secrets: Vec<Value> = secrets.iter().map(|name| json!({"name": name})).collect();
    json!({"apiVersion": "v1", "kind": "ServiceAccount", "imagePullSecrets": secrets,
        "metadata": {"namespace": namespace, "name": name}})
}

/// An automated workload whose Pod template has these pull settings.
pub(crate) fn pulling(test: &str, namespace: &str, name: &str, image: &str, pod: &Value) -> Value {
    let mut object = automated(
        workload("Deployment", namespace, name, image),
        "semver:~1.0",
    );
    object["metadata"]["labels"] = json!({"test": test});
    for (key, value) in pod.as_object().into_iter().flatten() {
        object["spec"]["template"]["spec"][key] = value.clone();
    }
    object
}

fn named(secret: &str) -> Value {
    json!({"imagePullSecrets": [{"name": secret}]})
}

/// Lets `User::Puller` list workloads everywhere, and get Secrets and service accounts
/// in a namespace. Listing Secrets is never allowed.
async fn allow_puller(plane: &ControlPlane, namespaces: &[&str]) {
    let list = json!([
        {"apiGroups": ["apps", "batch"], "resources": ["*"], "verbs": ["get", "list"]},
        {"apiGroups": [""], "resources": ["pods", "nodes"], "verbs": ["list"]}]);
    plane.allow_everywhere(User::Puller, list).await;
    let get = json!([{"apiGroups": [""], "resources": ["secrets", "serviceaccounts"],
        "verbs": ["get"]}]);
    for namespace in namespaces {
        plane.namespace(namespace).await;
        plane.allow_in(namespace, User::Puller, get.clone()).await;
    }
}

/// The Secrets and service accounts of a namespace that `User::Puller` has requested.
fn asked(plane: &ControlPlane, namespace: &str) -> Vec<String> {
    let prefix = format!("/api/v1/namespaces/{namespace}/");
    let uris = plane.audited(User::Puller, &prefix);
    let mut asked: Vec<String> = uris
        .iter()
        .map(|uri| uri.trim_start_matches(&prefix).to_owned())
        .filter(|uri| !uri.starts_with("pods"))
        .collect();
    asked.sort();
    asked
}

/// `NAMESPACE/NAME REASON` of each row.
pub(crate) fn reasons(run: &Run) -> Vec<String> {
    let list = run.json();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let row = |item: &Value| {
        let workload = &item["workload"];
        let (namespace, name) = (text(&workload["namespace"]), text(&workload["name"]));
        format!("{namespace}/{name} {}", text(&item["reason"]))
    };
    list["items"]
        .as_array()
        .expect("a list")
        .iter()
        .map(row)
        .collect()
}

fn shows_no_secret(text: &str) {
    for secret in SECRET {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let below = |path: PathBuf| match path.is_dir() {
        true => files_below(&path),
        false => vec![path],
    };
    paths.flat_map(below).collect()
}

#[tokio::test]
async fn each_namespace_sees_only_the_repositories_of_its_own_credentials() {
    let (plane, registry) = (ControlPlane::shared(), registry());
    let namespaces = ["pull-a", "pull-b", "pull-c"];
    allow_puller(plane, &namespaces).await;
    let [of_a, of_b] = ["team-a/app:1.0.0", "team-b/app:1.0.0"].map(|i| registry.image(i));
    let of = |namespace, name, image: &str, pod| pulling("two", namespace, name, image, &pod);
    plane
        .apply(&[
            secret("pull-a", "regcred", &registry, ALICE),
            secret("pull-a", "unused", &registry, BOB),
            legacy("pull-b", "old", &registry, BOB),
            account("pull-b", "default", &["old"]),
            account("pull-b", "other", &["missing"]),
            of("pull-a", "own", &of_a, named("regcred")),
            of("pull-a", "others", &of_b, named("regcred")),
            of("pull-b", "own", &of_b, json!({})),
            of("pull-b", "others", &of_a, json!({})),
            of(
                "pull-b",
                "lost",
                &of_b,
                json!({"serviceAccountName": "other"}),
            ),
            of("pull-c", "bare", &of_a, json!({})),
        ])
        .await;
    let kubeconfig = kubeconfigs::of_user(plane, User::Puller, "default");
    let run = imgpolicy(
        &kubeconfig,
        &["status", "-A", "-l", "test=two", "-o", "json", "-v=9"],
    );
    assert_eq!(
        reasons(&run),
        [
            "pull-a/others unauthorized",
            "pull-a/own newer-image",
            "pull-b/lost unauthorized",
            "pull-b/others unauthorized",
            "pull-b/own newer-image",
            "pull-c/bare unauthorized",
        ],
        "{run:?}"
    );
    // Each Secret is read once, and unreferenced ones are never read.
    for (namespace, expected) in [
        (
            "pull-a",
            &["secrets/regcred", "serviceaccounts/default"][..],
        ),
        (
            "pull-b",
            &[
                "secrets/missing",
                "secrets/old",
                "serviceaccounts/default",
                "serviceaccounts/other",
            ],
        ),
        ("pull-c", &["serviceaccounts/default"]),
    ] {
        assert_eq!(asked(plane, namespace), expected);
    }
    assert!(
        run.stderr
            .contains("used 2 pull secrets from 2 namespaces\n"),
        "{run:?}"
    );
    assert!(
        run.stderr
            .contains("note: pull secret pull-b/missing is not used: it does not exist\n"),
        "{run:?}"
    );
    // The log has the requests, but not their answers.
    assert!(run.stderr.contains("/secrets/regcred"), "{run:?}");
    shows_no_secret(&run.stdout);
    shows_no_secret(&run.stderr);
    let list = run.json();
    let others = &list["items"][0]["message"];
    assert!(
        others.as_str().is_some_and(|message| message
            .contains("(as you, then with the credentials of secret pull-a/regcred, HTTP 403")),
        "{others}"
    );
}

#[tokio::test]
async fn secrets_are_read_only_after_a_refusal_unless_the_flag_says_otherwise() {
    let (plane, registry) = (ControlPlane::shared(), registry());
    push(&registry, "team-c/open", &["1.0.0"]);
    registry.require(Access::Token);
    allow_puller(plane, &["pull-open"]).await;
    let image = registry.image("team-a/app:1.0.0");
    plane
        .apply(&[
            secret("pull-open", "regcred", &registry, ALICE),
            pulling("open", "pull-open", "web", &image, &named("regcred")),
        ])
        .await;
    let kubeconfig = kubeconfigs::of_user(plane, User::Puller, "pull-open");
    let status = |flag: &[&str]| {
        let run = imgpolicy(&kubeconfig, &[&["status", "-o", "json"], flag].concat());
        let used = run.stderr.contains("used 1 pull secret from 1 namespace\n");
        (
            reasons(&run).remove(0),
            used,
            asked(plane, "pull-open").len(),
        )
    };
    let row = |reason: &str| format!("pull-open/web {reason}");
    assert_eq!(status(&[]), (row("newer-image"), false, 0));
    registry.require(Access::TokenFor(ALICE.user, ALICE.password));
    let off = status(&["--pull-secrets=off"]);
    assert_eq!(off, (row("unauthorized"), false, 0));
    assert_eq!(
        status(&["--pull-secrets=always"]),
        (row("newer-image"), true, 2)
    );
    assert_eq!(
        status(&["--pull-secrets=auto"]),
        (row("newer-image"), true, 4)
    );
}

#[tokio::test]
async fn user_who_cannot_read_secrets_gets_one_note_and_every_row() {
    let (plane, registry) = (ControlPlane::shared(), registry());
    plane.allow_workloads_reader().await;
    let image = registry.image("team-a/app:1.0.0");
    for namespace in ["pull-closed-a", "pull-closed-b"] {
        plane.namespace(namespace).await;
        let of = |name| pulling("closed", namespace, name, &image, &named("regcred"));
        plane
            .apply(&[
                secret(namespace, "regcred", &registry, ALICE),
                of("web"),
                of("api"),
            ])
            .await;
    }
    let kubeconfig = kubeconfigs::of_user(plane, User::WorkloadsReader, "default");
    let arguments = ["status", "-A", "-l", "test=closed"];
    let run = imgpolicy(&kubeconfig, &[&arguments[..], &["-o", "json"]].concat());
    let reasons = reasons(&run);
    assert_eq!(reasons.len(), 4);
    assert!(
        reasons.iter().all(|row| row.ends_with(" unauthorized")),
        "{run:?}"
    );
    for what in ["secrets", "service accounts"] {
        let note = format!(
            "note: no permission to read {what} in 2 namespaces: pull-closed-a, pull-closed-b; using \
             your own credentials\n"
        );
        assert_eq!(run.stderr.matches(&note).count(), 1, "{run:?}");
    }
    let hint = "hint: kubectl auth can-i get secrets -n pull-closed-a\n";
    assert_eq!(run.stderr.matches(hint).count(), 1, "{run:?}");
    assert!(!run.stderr.contains("used "), "{run:?}");
    let strict = imgpolicy(&kubeconfig, &[&arguments[..], &["--exit-code"]].concat());
    assert_eq!(strict.code, 11, "{strict:?}");
    // The same for a single workload.
    let explain = ["explain", "deployment/web", "-n", "pull-closed-a"];
    let run = imgpolicy(&kubeconfig, &explain);
    assert!(run.stderr.contains(hint), "{run:?}");
}

#[tokio::test]
async fn saved_snapshot_decides_the_same_and_holds_no_credential() {
    let (plane, registry) = (ControlPlane::shared(), registry());
    allow_puller(plane, &["pull-saved"]).await;
    let image = registry.image("team-a/app:1.0.0");
    plane
        .apply(&[
            secret("pull-saved", "regcred", &registry, ALICE),
            pulling("saved", "pull-saved", "web", &image, &named("regcred")),
        ])
        .await;
    let kubeconfig = kubeconfigs::of_user(plane, User::Puller, "pull-saved");
    let home = tempfile::tempdir().expect("a folder");
    let run = |arguments: &[&str]| -> Run {
        let output = command(&path(), home.path(), &kubeconfig)
            .args(arguments)
            .output();
        output.expect("the binary runs").into()
    };
    let live = run(&["status", "-o", "json", "--save-snapshot", "saved.json"]);
    assert_eq!(reasons(&live), ["pull-saved/web newer-image"]);
    let text = std::fs::read_to_string(home.path().join("saved.json")).expect("saved");
    assert!(text.contains("regcred"), "{text}");
    shows_no_secret(&text);
    // The other files of a run, such as the cache, do not hold credentials, either.
    let files = files_below(home.path());
    assert!(files.len() > 1, "{files:?}");
    for file in files {
        let bytes = std::fs::read(&file).expect("readable");
        shows_no_secret(&String::from_utf8_lossy(&bytes));
    }
    drop(registry);
    let again = run(&["status", "-o", "json", "--from-snapshot", "saved.json"]);
    assert_eq!(again.stdout, live.stdout);
    assert_eq!((again.code, again.stderr.contains("used ")), (0, false));
    let explained = run(&["explain", "deployment/web", "--from-snapshot", "saved.json"]);
    assert!(explained.stdout.contains("1.0.1"), "{explained:?}");
}
