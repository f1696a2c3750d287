//! Challenges, tokens and credentials.

use std::path::PathBuf;
use std::time::Duration;

use kubectl_imgpolicy::image::{Fact, FetchFailureKind, RepositoryMetadata};
use kubectl_imgpolicy::registry::{Registries, RegistryOptions};
use serde_json::json;

use super::{ask_with, block_on, created, image, name, options, refused, tags};
use crate::support::content::Image;
use crate::support::registry::{Access, Fault, TestRegistry};

/// A docker config in a temporary directory, and options that use it.
pub(super) struct Config {
    dir: tempfile::TempDir,
}

impl Config {
    pub(super) fn write(config: &serde_json::Value) -> Self {
        let dir = tempfile::tempdir().expect("directory");
        std::fs::write(dir.path().join("config.json"), config.to_string()).expect("config");
        Self { dir }
    }

    pub(super) fn login(registry: &TestRegistry, password: &str) -> Self {
        Self::write(&json!({"auths": {registry.host(): {"username": "me", "password": password}}}))
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("config.json")
    }

    pub(super) fn options(&self) -> RegistryOptions {
        RegistryOptions {
            credential_files: vec![self.path()],
            helper_path: Some(self.dir.path().into()),
            ..options()
        }
    }

    /// Writes a file next to the config.
    pub(super) fn file(&self, name: &str, text: &str) {
        std::fs::write(self.dir.path().join(name), text).expect("a file");
    }

    /// Whether there is a file with this name next to the config.
    pub(super) fn has(&self, name: &str) -> bool {
        self.dir.path().join(name).exists()
    }

    /// A helper program that is a shell script.
    #[cfg(unix)]
    pub(super) fn helper(&self, name: &str, script: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.dir.path().join(format!("docker-credential-{name}"));
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("helper");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("mode");
    }
}

pub(super) fn with_tags() -> TestRegistry {
    let registry = TestRegistry::start();
    registry.list("org/app", ["1"]);
    registry
}

pub(super) fn get_tags(registry: &TestRegistry, options: RegistryOptions) -> RepositoryMetadata {
    ask_with(options, &registry.image("org/app"), vec![Fact::Tags])
}

#[test]
fn a_public_registry_with_tokens_is_read_anonymously() {
    let registry = with_tags();
    registry.require(Access::Token);
    assert_eq!(tags(&get_tags(&registry, options())), ["1"]);
    assert_eq!(
        registry.paths(),
        [
            "GET /v2/org/app/tags/list",
            "GET /token",
            "GET /v2/org/app/tags/list"
        ]
    );
    let token = &registry.requests()[1];
    assert_eq!(
        token.query,
        "service=test+registry&scope=repository%3Aorg%2Fapp%3Apull"
    );
    assert_eq!(token.authorization, None);
}

#[test]
fn one_token_serves_all_requests_to_a_repository() {
    let registry = TestRegistry::start();
    registry.require(Access::Token);
    let names: Vec<String> = (0..20).map(|n| n.to_string()).collect();
    for name in &names {
        registry.push(
            "org/app",
            name,
            Image::built("2024-01-01T00:00:00Z").label(name),
        );
    }
    let facts = created(names.iter().map(String::as_str));
    let metadata = ask_with(options(), &registry.image("org/app"), facts);
    assert!(
        names
            .iter()
            .all(|tag| image(&metadata, tag).created.value().is_some())
    );
    assert_eq!(registry.count("/token"), 1);
    assert_eq!(registry.requests().len(), 2 + 40);
}

#[test]
fn a_second_repository_goes_straight_to_the_token_endpoint() {
    let registry = with_tags();
    registry.list("org/other", ["2"]);
    registry.require(Access::Token);
    let registries = Registries::new(options()).expect("options");
    let (app, other) = (
        name(&registry.image("org/app")),
        name(&registry.image("org/other")),
    );
    let (mut first, mut second) = <(RepositoryMetadata, RepositoryMetadata)>::default();
    // Concurrently: even then there is only one challenge.
    block_on(async {
        tokio::join!(
            registries.answer(registries.user(), &app, vec![Fact::Tags], &mut first),
            registries.answer(registries.user(), &other, vec![Fact::Tags], &mut second),
        );
    });
    assert_eq!((tags(&first), tags(&second)), (vec!["1"], vec!["2"]));
    assert_eq!(registry.count("/token"), 2);
    assert_eq!(registry.count("/tags/list"), 3);
}

#[test]
fn a_token_that_is_no_longer_accepted_is_renewed() {
    let registry = with_tags();
    registry.require(Access::Token);
    registry.push("org/app", "1", Image::built("2024-01-01T00:00:00Z"));
    let registries = Registries::new(options()).expect("options");
    let app = name(&registry.image("org/app"));
    let mut metadata = RepositoryMetadata::default();
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("runtime")
        .block_on(async {
            registries
                .answer(registries.user(), &app, vec![Fact::Tags], &mut metadata)
                .await;
            registry.revoke_tokens();
            // Old enough to have expired, without waiting for that.
            tokio::time::pause();
            tokio::time::advance(std::time::Duration::from_secs(60)).await;
            tokio::time::resume();
            registries
                .answer(registries.user(), &app, created(["1"]), &mut metadata)
                .await;
        });
    assert!(
        image(&metadata, "1").created.value().is_some(),
        "{metadata:?}"
    );
    assert_eq!(registry.count("/token"), 2);
}

#[test]
fn a_new_token_that_expires_during_a_request_is_renewed() {
    let registry = with_tags();
    registry.require(Access::Token);
    registry.expires_in(1);
    registry.push("org/app", "1", Image::built("2024-01-01T00:00:00Z"));
    registry
        .fault("/manifests/", Fault::Slow(Duration::from_millis(1200)))
        .times(1);
    let metadata = std::thread::scope(|scope| {
        let image = registry.image("org/app");
        let facts = std::iter::once(Fact::Tags).chain(created(["1"])).collect();
        let asking = scope.spawn(move || ask_with(options(), &image, facts));
        while registry.count("/manifests/") == 0 {
            assert!(!asking.is_finished());
            std::thread::sleep(Duration::from_millis(1));
        }
        registry.revoke_tokens();
        asking.join().expect("asked")
    });
    assert!(
        image(&metadata, "1").created.value().is_some(),
        "{metadata:?}"
    );
    assert_eq!(registry.count("/token"), 2);
}

#[test]
fn credentials_are_sent_only_to_the_token_endpoint() {
    let registry = with_tags();
    registry.require(Access::TokenFor("me", "hunter2"));
    let config = Config::login(&registry, "hunter2");
    assert_eq!(tags(&get_tags(&registry, config.options())), ["1"]);
    let shown: Vec<Option<String>> = registry
        .requests()
        .into_iter()
        .map(|r| r.authorization)
        .collect();
    assert_eq!(shown[0], None);
    assert_eq!(shown[1].as_deref(), Some("Basic bWU6aHVudGVyMg=="));
    assert_eq!(
        shown[2].as_deref(),
        Some("Bearer 1/repository:org/app:pull")
    );
}

#[test]
fn basic_credentials_are_sent_when_required_and_then_kept() {
    let registry = with_tags();
    registry.push("org/app", "1", Image::built("2024-01-01T00:00:00Z"));
    registry.require(Access::Basic("me", "hunter2"));
    let config = Config::login(&registry, "hunter2");
    let mut facts = created(["1"]);
    facts.push(Fact::Tags);
    let metadata = ask_with(config.options(), &registry.image("org/app"), facts);
    assert_eq!(tags(&metadata), ["1"]);
    assert!(image(&metadata, "1").created.value().is_some());
    let anonymous = registry
        .requests()
        .iter()
        .filter(|r| r.authorization.is_none())
        .count();
    assert_eq!((anonymous, registry.requests().len()), (1, 4));
}

#[test]
fn an_identity_token_is_exchanged_with_oauth() {
    let registry = with_tags();
    let config = Config::write(&json!({"auths": {registry.host(): {
        "username": "00000000-0000-0000-0000-000000000000", "identitytoken": "hunter2"}}}));
    registry.require(Access::TokenForIdentity("hunter2"));
    assert_eq!(tags(&get_tags(&registry, config.options())), ["1"]);
    assert_eq!(registry.count("POST /token"), 1);
}

#[test]
fn a_private_repository_without_credentials_is_unauthorized_with_advice() {
    for access in [
        Access::Basic("me", "hunter2"),
        Access::TokenFor("me", "hunter2"),
    ] {
        let registry = with_tags();
        registry.require(access);
        let message = refused(options(), &registry, FetchFailureKind::Unauthorized);
        assert!(message.contains("anonymously"), "{message}");
        assert!(
            message.contains(&format!("docker login {}", registry.host())),
            "{message}"
        );
    }
}

#[test]
fn wrong_credentials_are_named_by_their_file_and_not_shown() {
    for access in [
        Access::Basic("me", "right"),
        Access::TokenFor("me", "right"),
    ] {
        let registry = with_tags();
        registry.require(access);
        let config = Config::login(&registry, "hunter2");
        let message = refused(config.options(), &registry, FetchFailureKind::Unauthorized);
        assert!(
            message.contains(&config.path().display().to_string()),
            "{message}"
        );
    }
}

#[test]
fn a_denial_is_kept_for_the_run() {
    let registry = TestRegistry::start();
    registry.require(Access::TokenFor("me", "hunter2"));
    let names: Vec<String> = (0..50).map(|n| n.to_string()).collect();
    let facts = created(names.iter().map(String::as_str));
    let mut options = options();
    options.max_connections = 4;
    ask_with(options, &registry.image("org/app"), facts);
    assert_eq!(registry.count("/token"), 1);
    assert_eq!(registry.count("/manifests/"), 1);
}

#[test]
fn forbidden_is_unauthorized() {
    let registry = with_tags();
    registry.fault("/tags/list", Fault::Status(403));
    let message = refused(options(), &registry, FetchFailureKind::Unauthorized);
    assert!(message.contains("HTTP 403"), "{message}");
}

#[test]
fn credentials_never_follow_a_redirect() {
    let (registry, storage) = (TestRegistry::start(), TestRegistry::start());
    registry.require(Access::Basic("me", "hunter2"));
    for registry in [&registry, &storage] {
        registry.push("org/app", "1", Image::built("2024-01-01T00:00:00Z"));
    }
    registry.fault("/blobs/", Fault::Redirect(storage.url()));
    let config = Config::login(&registry, "hunter2");
    let metadata = ask_with(config.options(), &registry.image("org/app"), created(["1"]));
    assert!(
        image(&metadata, "1").created.value().is_some(),
        "{metadata:?}"
    );
    let at_storage = storage.requests();
    assert_eq!(at_storage.len(), 1);
    assert_eq!(at_storage[0].authorization, None);
    assert_eq!(at_storage[0].query, "signature=abc");
}

#[test]
fn credentials_are_not_sent_to_a_token_endpoint_without_https() {
    let registry = with_tags();
    registry.require(Access::TokenFor("me", "hunter2"));
    registry.realm("http://auth.example.invalid/token");
    let config = Config::login(&registry, "hunter2");
    let message = refused(config.options(), &registry, FetchFailureKind::Registry);
    assert!(
        message.contains("auth.example.invalid is not https"),
        "{message}"
    );
}

#[test]
fn a_broken_token_endpoint_is_reported() {
    for (fault, kind, part) in [
        (Fault::Status(500), FetchFailureKind::Registry, "HTTP 500"),
        (Fault::Status(429), FetchFailureKind::RateLimited, "429"),
        (
            Fault::Body("{\"token\":\"\"}"),
            FetchFailureKind::Registry,
            "without a token",
        ),
        (
            Fault::Body("hunter2"),
            FetchFailureKind::Registry,
            "without a token",
        ),
    ] {
        let registry = with_tags();
        registry.require(Access::Token);
        registry.fault("/token", fault);
        let mut options = options();
        options.max_wait = std::time::Duration::ZERO;
        let message = refused(options, &registry, kind);
        assert!(message.contains(part), "{message}");
    }
}

#[cfg(unix)]
mod helpers {
    use std::time::{Duration, Instant};

    use super::*;

    fn with_helper(registry: &TestRegistry, script: &str) -> Config {
        registry.require(Access::TokenFor("me", "hunter2"));
        let config = Config::write(&json!({"credHelpers": {registry.host(): "test"}}));
        config.helper("test", script);
        config
    }

    #[test]
    fn a_helper_runs_once_per_registry() {
        let registry = with_tags();
        registry.list("org/other", ["2"]);
        let config = with_helper(
            &registry,
            "[ \"$1\" = get ] || exit 1\nread server\necho \"$server\" >> \"${0%/*}/asked\"\n\
             echo '{\"ServerURL\":\"x\",\"Username\":\"me\",\"Secret\":\"hunter2\"}'",
        );
        let registries = Registries::new(config.options()).expect("options");
        let (mut first, mut second) = <(RepositoryMetadata, RepositoryMetadata)>::default();
        let (app, other) = (
            name(&registry.image("org/app")),
            name(&registry.image("org/other")),
        );
        block_on(async {
            registries
                .answer(registries.user(), &app, vec![Fact::Tags], &mut first)
                .await;
            registries
                .answer(registries.user(), &other, vec![Fact::Tags], &mut second)
                .await;
        });
        assert_eq!((tags(&first), tags(&second)), (vec!["1"], vec!["2"]));
        let asked = std::fs::read_to_string(config.dir.path().join("asked")).expect("asked");
        assert_eq!(asked, format!("{}\n", registry.host()));
    }

    #[test]
    fn a_helper_may_return_an_identity_token() {
        let registry = with_tags();
        let config = with_helper(
            &registry,
            "echo '{\"Username\":\"<token>\",\"Secret\":\"hunter2\"}'",
        );
        registry.require(Access::TokenForIdentity("hunter2"));
        assert_eq!(tags(&get_tags(&registry, config.options())), ["1"]);
    }

    #[test]
    fn the_output_of_a_failing_helper_is_not_shown() {
        for (script, part) in [
            (
                "echo hunter2; echo hunter2 >&2; exit 3",
                "docker-credential-test failed (exit status: 3)",
            ),
            (
                "echo hunter2",
                "docker-credential-test returned something that is not a credential",
            ),
            // Truncated output would still be a credential.
            (
                "echo '{\"Username\":\"me\",\"Secret\":\"hunter2\"}'; printf '%1048576s' ' '",
                "docker-credential-test returned more than 1048576 bytes",
            ),
        ] {
            let registry = with_tags();
            let config = with_helper(&registry, script);
            let message = refused(config.options(), &registry, FetchFailureKind::Unauthorized);
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn a_helper_without_the_credential_or_that_is_missing_leaves_us_anonymous() {
        let registry = with_tags();
        let config = with_helper(
            &registry,
            "echo credentials not found in native keychain; exit 1",
        );
        let message = refused(config.options(), &registry, FetchFailureKind::Unauthorized);
        assert!(message.contains("no credentials were found,"), "{message}");
        let missing = Config::write(&json!({"credsStore": "nowhere"}));
        let message = refused(missing.options(), &registry, FetchFailureKind::Unauthorized);
        assert!(
            message.contains("docker-credential-nowhere is not on the PATH"),
            "{message}"
        );
    }

    #[test]
    fn a_helper_that_hangs_is_killed() {
        let registry = with_tags();
        let config = with_helper(&registry, "exec sleep 30");
        let mut options = config.options();
        let path =
            std::ffi::OsString::from(format!("{}:/usr/bin:/bin", config.dir.path().display()));
        options.helper_path = Some(path);
        options.helper_timeout = Duration::from_millis(100);
        let started = Instant::now();
        let message = refused(options, &registry, FetchFailureKind::Unauthorized);
        assert!(message.contains("did not answer within 100ms"), "{message}");
        assert!(started.elapsed() < Duration::from_secs(5));
    }
}

#[test]
fn a_broken_config_file_is_named_and_the_next_one_used() {
    let registry = with_tags();
    registry.require(Access::Basic("me", "hunter2"));
    let (broken, good) = (
        Config::write(&json!("hunter2")),
        Config::login(&registry, "hunter2"),
    );
    let mut options = options();
    options.credential_files = vec![broken.path()];
    let message = refused(options.clone(), &registry, FetchFailureKind::Unauthorized);
    assert!(
        message.contains(&broken.path().display().to_string()),
        "{message}"
    );
    options.credential_files.push(good.path());
    assert_eq!(tags(&get_tags(&registry, options)), ["1"]);
}
