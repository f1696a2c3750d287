//! Cached answers belong to the identity that the registry has accepted.

use std::time::Duration;

use kubectl_imgpolicy::image::{Fact, FetchFailureKind, RepositoryMetadata, TagOrDigest};
use kubectl_imgpolicy::registry::{RegistryOptions, Trust};
use serde_json::json;

use super::access::Config;
use super::metadata_cache::User;
use super::{created, failure, image, options, tags, version};
use crate::support::content::Image;
use crate::support::registry::{Access, TestRegistry};

const TAGS: [&str; 3] = ["1", "2", "3"];

/// A private repository, and a user whose credential helper returns the last login.
struct Desk {
    registry: TestRegistry,
    app: String,
    config: Config,
    user: User,
}

impl Desk {
    fn new() -> Self {
        let registry = TestRegistry::start();
        registry.tag("org/app", TAGS);
        let config = Config::write(&json!({"credHelpers": {registry.host(): "test"}}));
        // The shell finds no other programs.
        config.helper(
            "test",
            "read -r login < \"${0%/*}/login\" || :; echo \"$login\"",
        );
        let user = User::new().with(config.options());
        Self {
            app: registry.image("org/app"),
            registry,
            config,
            user,
        }
    }

    /// Logs in as somebody whom the registry accepts.
    fn log_in(&self, user: &'static str, password: &'static str) {
        self.log_in_without_access(user, password);
        self.registry.require(Access::TokenFor(user, password));
    }

    fn log_in_without_access(&self, user: &str, password: &str) {
        let login = json!({"Username": user, "Secret": password});
        self.config.file("login", &login.to_string());
    }

    /// One run that requests these facts, round by round.
    fn run(&self, rounds: Vec<Vec<Fact>>) -> RepositoryMetadata {
        self.registry.forget();
        let mut metadata = RepositoryMetadata::default();
        self.user.ask_in_turn(&self.app, rounds, &mut metadata);
        metadata
    }

    fn run_trusting(&self, trust: Trust, rounds: Vec<Vec<Fact>>) -> RepositoryMetadata {
        self.registry.forget();
        let options = RegistryOptions {
            trust,
            ..self.config.options()
        };
        let mut metadata = RepositoryMetadata::default();
        let user = self.user.with(options);
        user.ask_in_turn(&self.app, rounds, &mut metadata);
        metadata
    }

    fn contents(&self) -> usize {
        self.registry.count("GET /v2/org/app/manifests/") + self.registry.count("/blobs/")
    }
}

fn everything() -> Vec<Vec<Fact>> {
    vec![vec![Fact::Tags], created(TAGS)]
}

const OFFLINE: Trust = Trust {
    offline: true,
    refresh: false,
    max_age: Duration::ZERO,
};

const PATIENT: Trust = Trust {
    offline: false,
    refresh: false,
    max_age: Duration::from_secs(3600),
};

#[test]
fn after_another_login_nothing_of_the_former_account_is_shown() {
    let desk = Desk::new();
    desk.log_in("alice", "hunter2");
    let metadata = desk.run(everything());
    let digest = image(&metadata, "1").digest.value().expect("a digest");
    let pinned = Fact::Created(TagOrDigest::Digest(digest.clone()));
    for rounds in [everything(), vec![vec![pinned.clone()]]] {
        for trust in [OFFLINE, PATIENT] {
            let again = desk.run_trusting(trust, rounds.clone());
            assert_eq!(
                desk.registry.paths(),
                [""; 0],
                "{trust:?}: the same account"
            );
            assert!(again.images.values().all(|i| i.created.value().is_some()));
        }
    }
    for (user, password) in [("bob", "hunter2"), ("alice", "hunter3"), ("", "")] {
        desk.log_in_without_access(user, password);
        let mut rounds = everything();
        rounds.push(vec![pinned.clone()]);
        for (trust, kind) in [
            (OFFLINE, FetchFailureKind::NotRemembered),
            (PATIENT, FetchFailureKind::Unauthorized),
            (Trust::default(), FetchFailureKind::Unauthorized),
        ] {
            let seen = desk.run_trusting(trust, rounds.clone());
            assert_eq!(failure(&seen.tags).kind, kind, "{user} {trust:?}");
            for (version, image) in &seen.images {
                assert_eq!(failure(&image.created).kind, kind, "{user} {version}");
            }
            assert_eq!(seen.images.len(), 4);
        }
    }
}

#[test]
fn rotated_helper_password_costs_the_list_and_two_heads() {
    let desk = Desk::new();
    desk.log_in("AWS", "a password of this hour");
    desk.run(everything());
    assert_eq!(desk.contents(), 6);
    desk.log_in("AWS", "a password of the next hour");
    let mut rounds = everything();
    rounds.push(vec![
        Fact::Confirmed(version("1")),
        Fact::Confirmed(version("3")),
    ]);
    let metadata = desk.run(rounds);
    assert_eq!(tags(&metadata), TAGS);
    assert!(
        metadata
            .images
            .values()
            .all(|i| i.created.value().is_some())
    );
    assert_eq!(desk.contents(), 0, "{:?}", desk.registry.paths());
    assert_eq!(desk.registry.count("HEAD "), 2);
}

#[test]
fn facts_of_a_digest_are_for_every_account_with_access_and_tags_are_not() {
    let desk = Desk::new();
    desk.log_in("alice", "hunter2");
    desk.run(everything());
    desk.log_in("bob", "hunter3");
    let metadata = desk.run(everything());
    assert!(
        metadata
            .images
            .values()
            .all(|i| i.created.value().is_some())
    );
    assert!(metadata.images.values().all(|i| !i.remembered));
    let contents = desk.registry.count("/blobs/");
    assert_eq!(contents, 0, "what a digest has never changes");
}

#[test]
fn public_entries_need_no_identity_and_no_helper() {
    let registry = TestRegistry::start();
    registry.tag("org/app", TAGS);
    let app = registry.image("org/app");
    let config = Config::write(&json!({"credHelpers": {registry.host(): "test"}}));
    config.helper("test", "echo ran >> \"${0%/*}/ran\"; exit 1");
    let user = User::new().with(config.options());
    user.run(&app, vec![Fact::Tags]);
    registry.forget();
    for trust in [OFFLINE, PATIENT] {
        let user = user.with(RegistryOptions {
            trust,
            ..config.options()
        });
        assert_eq!(tags(&user.run(&app, vec![Fact::Tags])), TAGS);
    }
    let nobody = user.with(RegistryOptions {
        trust: OFFLINE,
        ..options()
    });
    assert_eq!(tags(&nobody.run(&app, vec![Fact::Tags])), TAGS);
    assert_eq!(registry.paths(), [""; 0]);
    assert!(!config.has("ran"), "the helper was run");
}

#[test]
fn image_of_a_private_repository_is_not_known_under_another_name() {
    let desk = Desk::new();
    desk.registry.push(
        "org/public",
        "1",
        Image::built("2024-01-01T00:00:00Z").label("1"),
    );
    desk.log_in("alice", "hunter2");
    let metadata = desk.run(everything());
    let digest = image(&metadata, "1").digest.value().expect("a digest");
    desk.log_in_without_access("", "");
    desk.registry.open("org/public");
    let pinned = Fact::Created(TagOrDigest::Digest(digest.clone()));
    let user = desk.user.with(RegistryOptions {
        trust: OFFLINE,
        ..options()
    });
    let seen = user.run(&desk.registry.image("org/public"), vec![pinned]);
    let image = seen.images.values().next().expect("an answer");
    assert_eq!(
        failure(&image.created).kind,
        FetchFailureKind::NotRemembered
    );
}
