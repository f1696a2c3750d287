//! The last check before an image is written: which credentials are used, and the result.

use kubectl_imgpolicy::collect::{Confirmed, FreshLook, PullSecretUse, WantedImage, confirm};
use kubectl_imgpolicy::plan::Presence;
use kubectl_imgpolicy::registry::{Registries, RegistryOptions};
use kubectl_imgpolicy::workload::{PullIdentity, PullSecretRefs};
use serde_json::{Value, json};

use super::cluster::Objects;
use super::scanned::options;
use crate::support::content::Image;
use crate::support::registry::{Access, Fault, Member, TestRegistry};

const ALICE: Member = Member {
    user: "alice",
    password: "hunter2",
    sees: "team-a/",
};

/// A registry with `team-a/app:1.0.1`, and the digest of that tag.
fn registry() -> (TestRegistry, String) {
    let registry = TestRegistry::start();
    let digest = registry.push("team-a/app", "1.0.1", Image::built("2026-01-01T00:00:00Z"));
    (registry, digest)
}

fn login(registry: &TestRegistry) -> Value {
    json!({"auths": {registry.host(): {"username": ALICE.user, "password": ALICE.password}}})
}

/// An image that a workload in namespace `a` pulls with this Secret, or with none.
fn wanted(registry: &TestRegistry, image: &str, secret: Option<&str>) -> WantedImage {
    WantedImage {
        image: registry.image(image).parse().expect("an image"),
        reader: Some(PullIdentity {
            namespace: "a".to_owned(),
            pull_secrets: PullSecretRefs {
                service_account: None,
                names: secret.map(str::to_owned).into_iter().collect(),
                ..PullSecretRefs::default()
            },
        }),
    }
}

async fn look(wanted: &[WantedImage], objects: &Objects, user: RegistryOptions) -> Confirmed {
    let cluster = objects.cluster();
    let as_user = Registries::new(user).expect("options");
    let as_workload = Registries::new(options()).expect("options");
    let look = FreshLook {
        as_user: &as_user,
        as_workload: &as_workload,
        pull_secrets: PullSecretUse::Auto(&cluster),
        accepts_unconfirmed: false,
    };
    confirm(wanted, &look).await
}

/// The user's own credentials, in a file.
fn user_with(login: &Value) -> (tempfile::NamedTempFile, RegistryOptions) {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), login.to_string()).expect("written");
    let options = RegistryOptions {
        credential_files: vec![file.path().to_owned()],
        ..options()
    };
    (file, options)
}

fn served(digest: &str) -> Presence {
    Presence::Served(digest.parse().expect("a digest"))
}

#[tokio::test]
async fn public_image_needs_one_head_request_for_all_workloads() {
    let (registry, digest) = registry();
    let image = wanted(&registry, "team-a/app:1.0.1", None);
    let confirmed = look(&vec![image; 40], &Objects::default(), options()).await;
    assert_eq!(confirmed.presences, vec![served(&digest); 40]);
    let asked = registry.paths();
    assert_eq!(asked, ["HEAD /v2/team-a/app/manifests/1.0.1"]);
}

#[tokio::test]
async fn deleted_tag_and_digest_are_reported_as_gone() {
    let (registry, digest) = registry();
    registry.remove("team-a/app", &digest);
    registry.list("team-a/app", ["1.0.1"]);
    let by_digest = format!("team-a/app:1.0.1@{digest}");
    let images = ["team-a/app:1.0.1", &by_digest].map(|image| wanted(&registry, image, None));
    let confirmed = look(&images, &Objects::default(), options()).await;
    for presence in confirmed.presences {
        let Presence::Gone(message) = presence else {
            panic!("{presence:?}");
        };
        assert!(message.contains("team-a/app"), "{message}");
    }
}

#[tokio::test]
async fn credentials_of_the_workload_are_tried_first_and_are_enough() {
    let (registry, digest) = registry();
    registry.require(Access::Members(&[ALICE], 403));
    let objects = Objects::default().secret("a", "regcred", &login(&registry));
    let image = wanted(&registry, "team-a/app:1.0.1", Some("regcred"));
    // The user has no credentials, and none are needed.
    let confirmed = look(std::slice::from_ref(&image), &objects, options()).await;
    assert_eq!(confirmed.presences, [served(&digest)]);
    assert_eq!((confirmed.used.secrets, confirmed.used.namespaces), (1, 1));
}

#[tokio::test]
async fn image_that_only_the_user_may_pull_is_reported_with_the_reason() {
    let bad =
        |host: String| json!({"auths": {host: {"username": "bob", "password": "no-such-word"}}});
    for (secret, expected) in [
        (
            None,
            "neither the workload nor its service account names a pull secret",
        ),
        (Some("bad"), "secret a/bad"),
        (Some("other"), "no pull secret of the workload is for"),
    ] {
        let (registry, digest) = registry();
        registry.require(Access::Members(&[ALICE], 403));
        let objects = Objects::default()
            .secret("a", "bad", &bad(registry.host()))
            .secret("a", "other", &bad("registry.example".to_owned()));
        let (_file, user) = user_with(&login(&registry));
        let image = wanted(&registry, "team-a/app:1.0.1", secret);
        let confirmed = look(std::slice::from_ref(&image), &objects, user).await;
        let [
            Presence::ServedToUserOnly {
                digest: seen,
                reason,
            },
        ] = &confirmed.presences[..]
        else {
            panic!("{secret:?}: {confirmed:?}");
        };
        assert_eq!(seen.as_str(), digest, "{secret:?}");
        assert!(reason.contains(expected), "{secret:?}: {reason}");
        assert!(!reason.contains("no-such-word"), "{reason}");
    }
}

#[tokio::test]
async fn unreadable_secret_causes_no_warning_about_the_image() {
    let (registry, digest) = registry();
    registry.require(Access::Members(&[ALICE], 403));
    let objects = Objects::default().forbidding("/secrets/");
    let (_file, user) = user_with(&login(&registry));
    let image = wanted(&registry, "team-a/app:1.0.1", Some("regcred"));
    let confirmed = look(std::slice::from_ref(&image), &objects, user).await;
    assert_eq!(confirmed.presences, [served(&digest)]);
    let note = "note: no permission to read secrets in namespace a";
    assert!(confirmed.notes[0].starts_with(note), "{confirmed:?}");
}

#[tokio::test]
async fn without_pull_secrets_only_the_users_credentials_are_used() {
    let (registry, digest) = registry();
    let as_user = Registries::new(options()).expect("options");
    let as_workload = Registries::new(options()).expect("options");
    let look = FreshLook {
        as_user: &as_user,
        as_workload: &as_workload,
        pull_secrets: PullSecretUse::Off,
        accepts_unconfirmed: false,
    };
    let image = wanted(&registry, "team-a/app:1.0.1", Some("regcred"));
    let confirmed = confirm(&[image], &look).await;
    assert_eq!(confirmed.presences, [served(&digest)]);
}

#[tokio::test]
async fn image_is_unknown_if_the_registry_fails() {
    for fault in [500, 429, 403].map(Fault::Status) {
        let (registry, _) = registry();
        registry.fault("/manifests/", fault.clone());
        let image = wanted(&registry, "team-a/app:1.0.1", None);
        let mut user = options();
        user.max_wait = std::time::Duration::ZERO;
        let confirmed = look(std::slice::from_ref(&image), &Objects::default(), user).await;
        let [Presence::Unknown(message)] = &confirmed.presences[..] else {
            panic!("{fault:?}: {confirmed:?}");
        };
        assert!(message.contains(&registry.host()), "{message}");
    }
}
