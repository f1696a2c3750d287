//! Which credentials decide which rows, and which objects are read for them.

use std::time::Duration;

use kubectl_imgpolicy::collect::{PullSecretUse, scan};
use kubectl_imgpolicy::evaluator::assess;
use kubectl_imgpolicy::registry::{Cache, CacheOption, Registries, RegistryOptions, Trust};
use serde_json::{Value, json};

use super::cluster::Objects;
use super::scanned::{Scanned, deployment, options, snapshot};
use crate::support::content::Image;
use crate::support::registry::{Access, Fault, Member, TestRegistry};

const ALICE: Member = Member {
    user: "alice",
    password: "hunter2",
    sees: "team-a/",
};
const BOB: Member = Member {
    user: "bob",
    password: "hunter3",
    sees: "team-b/",
};

/// A registry with `team-a/app` and `team-b/app`, for Alice and for Bob.
fn registry(refusal: u16) -> TestRegistry {
    let registry = TestRegistry::start();
    for repository in ["team-a/app", "team-b/app"] {
        registry.tag(repository, ["1.0.0", "1.0.1"]);
    }
    registry.require(Access::Members(&[ALICE, BOB], refusal));
    registry
}

fn login(registry: &TestRegistry, member: Member) -> Value {
    json!({"auths": {registry.host(): {"username": member.user, "password": member.password}}})
}

fn named(secret: &str) -> Value {
    json!({"imagePullSecrets": [{"name": secret}]})
}

#[tokio::test]
async fn namespace_is_decided_with_its_own_secret() {
    for refusal in [401, 403, 404] {
        let registry = registry(refusal);
        let objects = Objects::default()
            .secret("a", "regcred", &login(&registry, ALICE))
            .secret("b", "regcred", &login(&registry, BOB));
        let [of_a, of_b] = ["team-a/app:1.0.0", "team-b/app:1.0.0"].map(|i| registry.image(i));
        let workloads = [
            deployment("a", "own-a", &of_a, &named("regcred")),
            deployment("a", "others-a", &of_b, &named("regcred")),
            deployment("b", "own-b", &of_b, &named("regcred")),
            deployment("b", "others-b", &of_a, &named("regcred")),
        ];
        let scanned = Scanned::auto(&workloads, &objects).await;
        let refused = match refusal {
            404 => "image-not-found",
            _ => "unauthorized",
        };
        assert_eq!(
            scanned.reasons(),
            [
                format!("a/others-a {refused}"),
                "a/own-a newer-image".to_owned(),
                format!("b/others-b {refused}"),
                "b/own-b newer-image".to_owned(),
            ],
        );
        assert_eq!(scanned.used(), (2, 2));
        let message = scanned.message("others-b");
        let tried = "as you, then with the credentials of secret b/regcred";
        assert!(message.contains(tried), "{message}");
        assert!(!message.contains("secret a/"), "{message}");
        assert_eq!(
            objects.asked(),
            [
                "a/secrets/regcred",
                "a/serviceaccounts/default",
                "b/secrets/regcred",
                "b/serviceaccounts/default",
            ]
        );
    }
}

#[tokio::test]
async fn secrets_of_the_service_account_are_tried_after_those_of_the_pod() {
    let registry = registry(403);
    let image = registry.image("team-a/app:1.0.0");
    let objects = Objects::default()
        .account("a", "default", &["regcred"])
        .account("a", "builder", &["regcred"])
        .secret("a", "bobs", &login(&registry, BOB))
        .secret("a", "regcred", &login(&registry, ALICE));
    let workloads = [
        deployment("a", "default", &image, &json!({})),
        deployment(
            "a",
            "builder",
            &image,
            &json!({"serviceAccountName": "builder"}),
        ),
        deployment("a", "fallback", &image, &named("bobs")),
    ];
    let scanned = Scanned::auto(&workloads, &objects).await;
    assert_eq!(
        scanned.reasons(),
        [
            "a/builder newer-image",
            "a/default newer-image",
            "a/fallback newer-image"
        ]
    );
    assert_eq!(scanned.used(), (2, 1));
    assert_eq!(objects.asked().len(), 4, "{:?}", objects.asked());
}

#[tokio::test]
async fn equal_credentials_are_used_once_for_all_namespaces() {
    let registry = registry(403);
    let image = registry.image("team-a/app:1.0.0");
    let mut objects = Objects::default();
    let mut workloads = Vec::new();
    for n in 0..50 {
        let namespace = format!("n{n:02}");
        objects = objects.secret(&namespace, "regcred", &login(&registry, ALICE));
        workloads.push(deployment(&namespace, "web", &image, &named("regcred")));
    }
    let scanned = Scanned::auto(&workloads, &objects).await;
    let reasons = scanned.reasons();
    assert!(
        reasons.iter().all(|row| row.ends_with("newer-image")),
        "{reasons:?}"
    );
    assert_eq!(scanned.used(), (50, 50));
    // Once without a credential, once anonymously, once as Alice.
    assert_eq!(registry.count("/tags/list"), 3, "{:?}", registry.paths());
    let views = scanned.snapshot.pull_secret_views.values();
    assert_eq!(views.map(Vec::len).collect::<Vec<_>>(), [1]);
}

#[tokio::test]
async fn refusal_of_equal_credentials_names_the_secret_of_each_namespace() {
    let registry = registry(403);
    let image = registry.image("team-a/app:1.0.0");
    let objects = Objects::default()
        .secret("a", "regcred", &login(&registry, BOB))
        .secret("b", "pull", &login(&registry, BOB));
    let workloads = [
        deployment("a", "first", &image, &named("regcred")),
        deployment("b", "second", &image, &named("pull")),
    ];
    let scanned = Scanned::auto(&workloads, &objects).await;
    let (first, second) = (scanned.message("first"), scanned.message("second"));
    assert!(first.contains("secret a/regcred"), "{first}");
    assert!(!first.contains("b/pull"), "{first}");
    assert!(
        second.ends_with("; the credentials of secret b/pull are the same"),
        "{second}"
    );
}

#[tokio::test]
async fn pull_secrets_are_read_only_after_a_refusal() {
    let with = async |access: Option<Access>, fault: Option<Fault>| {
        let registry = registry(403);
        let image = registry.image("team-a/app:1.0.0");
        registry.require(access.unwrap_or_default());
        if let Some(fault) = fault {
            registry.fault("/tags/list", fault);
        }
        let objects = Objects::default().secret("a", "regcred", &login(&registry, ALICE));
        let workloads = [deployment("a", "web", &image, &named("regcred"))];
        let options = RegistryOptions {
            max_wait: Duration::ZERO,
            ..options()
        };
        let how = PullSecretUse::Auto(&objects.cluster());
        let scanned = Scanned::with(&workloads, how, options).await;
        (scanned.reasons().remove(0), objects.asked().len())
    };
    for (access, fault, reason, asked) in [
        (None, None, "newer-image", 0),
        (None, Some(Fault::Status(500)), "registry-error", 0),
        (None, Some(Fault::Status(429)), "rate-limited", 0),
        (None, Some(Fault::Body("{")), "registry-error", 0),
        (None, Some(Fault::Status(403)), "unauthorized", 2),
        (None, Some(Fault::Status(404)), "image-not-found", 2),
        (
            Some(Access::TokenFor("alice", "hunter2")),
            None,
            "newer-image",
            2,
        ),
        (
            Some(Access::Basic("alice", "hunter2")),
            None,
            "newer-image",
            2,
        ),
    ] {
        let row = format!("a/web {reason}");
        let case = format!("{access:?} {fault:?}");
        assert_eq!(with(access, fault).await, (row, asked), "{case}");
    }
}

#[tokio::test]
async fn policy_that_needs_a_single_image_is_decided() {
    let registry = registry(403);
    let digest = registry.push("team-a/app", "1.0.0", Image::built("2026-01-01T00:00:00Z"));
    let objects = Objects::default().secret("a", "regcred", &login(&registry, ALICE));
    let mut workload = deployment(
        "a",
        "web",
        &registry.image("team-a/app:1.0.0"),
        &named("regcred"),
    );
    workload["metadata"]["annotations"]["fluxcd.io/tag.app"] = json!("digest:1.0.0");
    let scanned = Scanned::auto(&[workload], &objects).await;
    assert_eq!(registry.count("/tags/list"), 0);
    assert_eq!(scanned.reasons(), ["a/web newer-image"]);
    let row = assess(&scanned.snapshot).expect("rows").rows.remove(0);
    let latest = row.decision.latest.expect("elected").to_string();
    assert!(latest.ends_with(&digest), "{latest}");
}

#[tokio::test]
async fn workload_without_a_secret_keeps_the_users_result_with_the_reason() {
    let registry = registry(403);
    let image = registry.image("team-a/app:1.0.0");
    let objects = Objects::default()
        .account("a", "closed", &["closed"])
        .forbidding("secrets/closed")
        .secret(
            "a",
            "elsewhere",
            &json!({"auths": {"r.example": {"auth": "eDp5"}}}),
        )
        .object(
            "a",
            "secrets",
            "broken",
            json!({"kind": "Secret", "type": "kubernetes.io/dockercfg", "data": {".dockercfg": "aHVudGVyMg=="}}),
        );
    let workloads = [
        deployment("a", "bare", &image, &json!({})),
        deployment("a", "broken", &image, &named("broken")),
        deployment("a", "elsewhere", &image, &named("elsewhere")),
        deployment(
            "a",
            "forbidden",
            &image,
            &json!({"serviceAccountName": "closed"}),
        ),
    ];
    let scanned = Scanned::auto(&workloads, &objects).await;
    assert!(
        scanned
            .reasons()
            .iter()
            .all(|row| row.ends_with(" unauthorized"))
    );
    assert_eq!(scanned.used(), (0, 0));
    let host = registry.host();
    for (name, reason) in [
        (
            "bare",
            "neither the workload nor its service account names a pull secret",
        ),
        (
            "broken",
            "not all pull secrets of the workload could be read",
        ),
        (
            "elsewhere",
            &format!("no pull secret of the workload is for {host}"),
        ),
        (
            "forbidden",
            "not all pull secrets of the workload could be read",
        ),
    ] {
        let message = scanned.message(name);
        assert!(message.ends_with(&format!("; {reason}")), "{message}");
        assert!(message.contains("anonymously"), "{message}");
    }
    assert_eq!(
        scanned.snapshot.notes,
        [
            "note: no permission to read secrets in namespace a; using your own credentials",
            "hint: kubectl auth can-i get secrets -n a",
            "note: pull secret a/broken is not used: not a JSON object (line 1, column 1)",
        ]
    );
}

#[tokio::test]
async fn always_tries_secrets_first_and_the_users_credentials_without_them() {
    let registry = registry(403);
    let (of_a, of_b) = (
        registry.image("team-a/app:1.0.0"),
        registry.image("team-b/app:1.0.0"),
    );
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("config.json");
    std::fs::write(&config, login(&registry, BOB).to_string()).expect("written");
    let objects = Objects::default().secret("a", "regcred", &login(&registry, ALICE));
    let workloads = [
        deployment("a", "own", &of_a, &named("regcred")),
        deployment("a", "not-mine", &of_b, &named("regcred")),
        deployment("b", "users", &of_b, &json!({})),
        deployment("b", "neither", &of_a, &json!({})),
    ];
    let how = PullSecretUse::Always(&objects.cluster());
    let options = RegistryOptions {
        credential_files: vec![config.clone()],
        ..options()
    };
    let scanned = Scanned::with(&workloads, how, options).await;
    assert_eq!(
        scanned.reasons(),
        [
            "a/not-mine unauthorized",
            "a/own newer-image",
            "b/neither unauthorized",
            "b/users newer-image"
        ]
    );
    assert_eq!(scanned.used(), (1, 1));
    let message = scanned.message("not-mine");
    let tried = "access denied (with the credentials of secret a/regcred";
    assert!(message.contains(tried), "{message}");
    let message = scanned.message("neither");
    assert!(message.contains(&config.display().to_string()), "{message}");
}

#[tokio::test]
async fn off_reads_no_secrets() {
    let registry = registry(403);
    let workloads = [deployment(
        "a",
        "web",
        &registry.image("team-a/app:1.0.0"),
        &named("x"),
    )];
    let scanned = Scanned::with(&workloads, PullSecretUse::Off, options()).await;
    assert_eq!(scanned.reasons(), ["a/web unauthorized"]);
    assert!(!scanned.message("web").contains("pull secret"));
}

#[tokio::test]
async fn scan_stopped_before_trying_the_secrets_leaves_the_row_out() {
    let registry = registry(403);
    registry.tag("open/app", ["1.0.0"]);
    let mut snapshot = snapshot(&[deployment(
        "a",
        "web",
        &registry.image("team-a/app:1.0.0"),
        &named("regcred"),
    )]);
    let objects = Objects::default().silent();
    let registries = Registries::new(options()).expect("options");
    scan(
        &mut snapshot,
        &registries,
        PullSecretUse::Auto(&objects.cluster()),
        &|_| {},
        objects.was_asked(),
    )
    .await
    .expect("scanned");
    assert!(snapshot.partial);
    assert_eq!(assess(&snapshot).expect("rows").rows, []);
}

#[tokio::test]
async fn metadata_is_remembered_only_for_the_credential_that_fetched_it() {
    let registry = registry(403);
    let image = registry.image("team-a/app:1.0.0");
    let folder = tempfile::tempdir().expect("a folder");
    let options = |offline| RegistryOptions {
        cache: Cache::open(&CacheOption::Directory(folder.path().to_owned())),
        trust: Trust {
            offline,
            ..Trust::default()
        },
        ..options()
    };
    let objects = Objects::default()
        .secret("a", "regcred", &login(&registry, ALICE))
        .secret("b", "regcred", &login(&registry, BOB));
    let workloads = [
        deployment("a", "web", &image, &named("regcred")),
        deployment("b", "web", &image, &named("regcred")),
    ];
    let cluster = objects.cluster();
    let expected = ["a/web newer-image", "b/web unauthorized"];
    let how = PullSecretUse::Auto(&cluster);
    let online = Scanned::with(&workloads, how, options(false)).await;
    assert_eq!(online.reasons(), expected);
    registry.forget();
    let how = PullSecretUse::Always(&cluster);
    let offline = Scanned::with(&workloads, how, options(true)).await;
    assert_eq!(offline.reasons()[0], expected[0]);
    assert_eq!(offline.reasons()[1], "b/web registry-unreachable");
    assert_eq!(registry.paths(), [""; 0]);
}
