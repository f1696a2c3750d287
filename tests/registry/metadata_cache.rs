//! Facts that one run caches and the next one does not request again.

use std::rc::Rc;
use std::time::Duration;

use kubectl_imgpolicy::image::{Fact, FetchFailureKind, Known, RepositoryMetadata, SourceKind};
use kubectl_imgpolicy::registry::{Cache, CacheOption, Registries, RegistryOptions, Trust};
use tempfile::TempDir;

use super::access::Config;
use super::{block_on, built, created, failure, image, name, options, tags, version};
use crate::support::content::{Image, Index};
use crate::support::registry::{Access, Fault, TestRegistry};

const OLD: &str = "2024-01-01T00:00:00Z";
const NEW: &str = "2025-01-01T00:00:00Z";

/// A user with a cache and several runs.
pub(super) struct User {
    home: Rc<TempDir>,
    pub(super) options: RegistryOptions,
}

impl User {
    pub(super) fn new() -> Self {
        Self {
            home: Rc::new(TempDir::new().expect("a folder")),
            options: options(),
        }
    }

    /// The same cache with other options.
    pub(super) fn with(&self, options: RegistryOptions) -> Self {
        Self {
            home: Rc::clone(&self.home),
            options,
        }
    }

    fn cache(&self) -> Cache {
        Cache::open(&CacheOption::Directory(self.home.path().join("cache")))
    }

    fn trusting(&self, trust: Trust) -> Self {
        self.with(RegistryOptions {
            trust,
            ..self.options.clone()
        })
    }

    /// One run: requests facts and writes the cache.
    pub(super) fn run(&self, image: &str, facts: Vec<Fact>) -> RepositoryMetadata {
        let mut metadata = RepositoryMetadata::default();
        self.go_on(image, facts, &mut metadata);
        metadata
    }

    fn go_on(&self, image: &str, facts: Vec<Fact>, metadata: &mut RepositoryMetadata) {
        self.ask_in_turn(image, vec![facts], metadata);
    }

    /// Creates the registries of one run.
    pub(super) fn registries(&self) -> Registries {
        Registries::new(RegistryOptions {
            cache: self.cache(),
            ..self.options.clone()
        })
        .expect("options")
    }

    /// One run that requests all of these facts, round by round.
    pub(super) fn ask_in_turn(
        &self,
        image: &str,
        rounds: Vec<Vec<Fact>>,
        metadata: &mut RepositoryMetadata,
    ) {
        let registries = self.registries();
        block_on(async {
            let name = name(image);
            for facts in rounds {
                registries
                    .answer(registries.user(), &name, facts, metadata)
                    .await;
            }
            assert_eq!(registries.finish().await, [""; 0]);
        });
    }
}

fn confirmed(tag: &str) -> Vec<Fact> {
    vec![Fact::Confirmed(version(tag))]
}

/// A registry with an image and an index.
fn filled() -> (TestRegistry, String) {
    let registry = TestRegistry::start();
    let image = registry.image("org/app");
    registry.push("org/app", "1", Image::built(OLD));
    let both = ["linux/amd64", "linux/arm64"].map(|p| Image::built(NEW).platform(p));
    registry.push("org/app", "2", Index::of(both));
    (registry, image)
}

#[test]
fn content_of_a_digest_is_fetched_only_once() {
    let (registry, app) = filled();
    let user = User::new();
    let first = user.run(&app, created(["1", "2"]));
    assert_eq!(registry.requests().len(), 5);
    assert!(!image(&first, "1").remembered);
    registry.forget();
    let mut second = user.run(&app, created(["1", "2"]));
    assert_eq!(registry.paths(), [""; 0]);
    for tag in ["1", "2"] {
        let (first, second) = (image(&first, tag), image(&second, tag));
        assert_eq!(first.created, second.created);
        assert_eq!(first.digest, second.digest);
        assert!(second.remembered);
    }
    user.go_on(&app, confirmed("2"), &mut second);
    assert_eq!(registry.paths(), ["HEAD /v2/org/app/manifests/2"]);
    assert!(!image(&second, "2").remembered && image(&second, "1").remembered);
    assert_eq!(image(&second, "2").created, image(&first, "2").created);
}

#[test]
fn moved_tag_keeps_no_facts_of_its_old_image() {
    let (registry, app) = filled();
    let user = User::new();
    user.run(&app, created(["1"]));
    let digest = registry.push("org/app", "1", Image::built(NEW).label("moved"));
    let mut metadata = user.run(&app, created(["1"]));
    assert_eq!(built(image(&metadata, "1")).as_deref(), Some(OLD));
    registry.forget();
    user.go_on(&app, confirmed("1"), &mut metadata);
    let moved = image(&metadata, "1");
    assert_eq!(
        moved.digest,
        Known::Value(digest.parse().expect("a digest"))
    );
    assert!(moved.created.is_not_asked() && !moved.remembered);
    assert_eq!(moved.first_seen, None, "of the new image nothing was seen");
    user.go_on(&app, created(["1"]), &mut metadata);
    assert_eq!(built(image(&metadata, "1")).as_deref(), Some(NEW));
    // A HEAD request, and in the next run its image by digest.
    assert_eq!(registry.requests().len(), 3, "{:?}", registry.paths());
}

#[test]
fn deleted_tag_is_not_answered_from_the_cache() {
    let (registry, app) = filled();
    let user = User::new();
    let first = user.run(&app, created(["1"]));
    let digest = image(&first, "1")
        .digest
        .value()
        .expect("a digest")
        .to_string();
    let mut metadata = user.run(&app, created(["1"]));
    registry.remove("org/app", &digest);
    user.go_on(&app, confirmed("1"), &mut metadata);
    let gone = image(&metadata, "1");
    assert_eq!(failure(&gone.digest).kind, FetchFailureKind::NotFound);
    assert!(gone.created.is_not_asked() && !gone.remembered, "{gone:?}");
}

#[test]
fn digest_that_cannot_be_confirmed_is_no_longer_trusted() {
    let (registry, app) = filled();
    let user = User::new();
    user.run(&app, created(["1"]));
    let mut metadata = user.run(&app, created(["1"]));
    assert!(image(&metadata, "1").remembered);
    registry.fault("/manifests/", Fault::Status(404));
    let rounds = vec![created(["1"]), confirmed("1"), created(["1"])];
    user.ask_in_turn(&app, rounds, &mut metadata);
    let gone = image(&metadata, "1");
    assert_eq!(failure(&gone.created).kind, FetchFailureKind::NotFound);
    assert!(!gone.remembered);
}

#[test]
fn entries_fetched_with_a_password_are_not_shared() {
    let (registry, app) = filled();
    registry.send_etags();
    registry.require(Access::Basic("me", "hunter2"));
    let user = User::new();
    let [right, wrong] = ["hunter2", "hunter3"].map(|p| Config::login(&registry, p));
    let known = user.with(right.options());
    for _ in 0..2 {
        assert_eq!(tags(&known.run(&app, vec![Fact::Tags])), ["1", "2"]);
    }
    assert_eq!(registry.unchanged(), 1);
    let offline = |options: RegistryOptions| {
        let trust = Trust {
            offline: true,
            ..Trust::default()
        };
        let user = user.with(RegistryOptions { trust, ..options });
        user.run(&app, vec![Fact::Tags])
    };
    assert_eq!(tags(&offline(known.options.clone())), ["1", "2"]);
    let nobody = offline(options());
    assert_eq!(failure(&nobody.tags).kind, FetchFailureKind::NotRemembered);
    let other = offline(wrong.options());
    assert_eq!(failure(&other.tags).kind, FetchFailureKind::NotRemembered);
}

#[test]
fn missing_member_is_looked_up_again() {
    let (registry, app) = filled();
    let [amd64, arm64] = ["linux/amd64", "linux/arm64"].map(|p| Image::built(NEW).platform(p));
    let missing = arm64.clone().content().manifest.digest;
    let index = || Index::of([amd64.clone(), arm64.clone()]);
    registry.push("org/app", "3", index());
    registry.remove("org/app", &missing);
    let user = User::new();
    let members = |user: &User| {
        let metadata = user.run(&app, vec![Fact::Configs(version("3"))]);
        image(&metadata, "3")
            .members
            .value()
            .expect("members")
            .len()
    };
    assert_eq!(members(&user), 1);
    registry.push("org/app", "3", index());
    assert_eq!(members(&user), 2);
}

#[test]
fn refresh_trusts_only_content_addressed_by_digest() {
    let (registry, app) = filled();
    let user = User::new();
    user.run(&app, created(["1", "2"]));
    registry.forget();
    let fresh = user.trusting(Trust {
        refresh: true,
        ..Trust::default()
    });
    let metadata = fresh.run(&app, created(["1", "2"]));
    assert_eq!(registry.count("HEAD "), 2);
    assert_eq!(registry.requests().len(), 2, "{:?}", registry.paths());
    assert!(!image(&metadata, "1").remembered);
}

#[test]
fn tag_list_is_trusted_for_its_maximum_age() {
    let (registry, app) = filled();
    let user = User::new();
    let first = user.run(&app, vec![Fact::Tags]);
    registry.list("org/app", ["3"]);
    registry.forget();
    let patient = user.trusting(Trust {
        max_age: Duration::from_secs(600),
        ..Trust::default()
    });
    let second = patient.run(&app, vec![Fact::Tags]);
    assert_eq!(registry.paths(), [""; 0]);
    assert_eq!(tags(&second), ["1", "2"]);
    assert_eq!(
        (second.source, second.asked_at),
        (SourceKind::Cache, first.asked_at)
    );
    let usual = user.run(&app, vec![Fact::Tags]);
    assert_eq!(tags(&usual), ["1", "2", "3"]);
    assert_eq!(usual.source, SourceKind::Registry);
}

#[test]
fn offline_sends_no_requests_and_reports_missing_facts() {
    let (registry, app) = filled();
    let user = User::new();
    user.run(&app, vec![Fact::Tags, Fact::Created(version("1"))]);
    registry.forget();
    let offline = user.trusting(Trust {
        offline: true,
        ..Trust::default()
    });
    let facts = vec![
        Fact::Tags,
        Fact::Created(version("1")),
        Fact::Created(version("2")),
    ];
    let metadata = offline.run(&app, facts);
    assert_eq!(tags(&metadata), ["1", "2"]);
    let known = image(&metadata, "1");
    assert!(known.created.value().is_some());
    assert!(!known.remembered, "nobody is there to confirm it");
    let unknown = failure(&image(&metadata, "2").created);
    assert_eq!(unknown.kind, FetchFailureKind::NotRemembered);
    assert!(
        unknown.message.contains("--offline contacts no registry"),
        "{unknown}"
    );
    let other = offline.run(&registry.image("org/other"), vec![Fact::Tags]);
    assert!(failure(&other.tags).message.contains("not in the cache"));
    assert_eq!(registry.paths(), [""; 0]);
}

#[test]
fn unchanged_tag_list_is_not_sent_again() {
    let (registry, app) = filled();
    registry.page_size(1);
    registry.send_etags();
    let user = User::new();
    let first = user.run(&app, vec![Fact::Tags]);
    let second = user.run(&app, vec![Fact::Tags]);
    assert_eq!(tags(&first), tags(&second));
    assert_eq!(second.source, SourceKind::Registry);
    assert_eq!(registry.unchanged(), 2, "both pages");
    registry.push("org/app", "0", Image::built(NEW));
    assert_eq!(tags(&user.run(&app, vec![Fact::Tags])), ["0", "1", "2"]);
}

#[test]
fn first_seen_time_of_a_digest_does_not_change() {
    let (registry, app) = filled();
    let user = User::new();
    let seen = |tag: &str| {
        let metadata = user.run(&app, created([tag]));
        image(&metadata, tag).first_seen.expect("seen")
    };
    let first = seen("1");
    assert_eq!(seen("1"), first, "and it stays so");
    // The same image under another tag is not newer.
    registry.push("org/app", "again", Image::built(OLD));
    assert_eq!(seen("again"), first);
    // A tag that moves to another image does not keep the old time.
    registry.push("org/app", "1", Image::built(NEW).label("moved"));
    let mut metadata = user.run(&app, created(["1"]));
    user.go_on(&app, confirmed("1"), &mut metadata);
    user.go_on(&app, created(["1"]), &mut metadata);
    assert!(image(&metadata, "1").first_seen.expect("seen") > first);
}

#[test]
fn first_seen_time_is_missing_without_a_cache() {
    let (_registry, app) = filled();
    let metadata = super::ask_with(options(), &app, created(["1"]));
    assert_eq!(image(&metadata, "1").first_seen, None);
}

#[test]
fn missing_configs_of_an_index_are_requested_only_once() {
    let (registry, app) = filled();
    let nested = Index::of([Image::built(NEW)]);
    registry.push(
        "org/app",
        "3",
        Index::of([Image::built(OLD)]).nesting(nested),
    );
    let user = User::new();
    for _ in 0..2 {
        let metadata = user.run(&app, vec![Fact::Configs(version("3"))]);
        let image = image(&metadata, "3");
        assert!(
            image.configs_asked,
            "otherwise they are requested again in each run"
        );
        let members = image.members.value().expect("members");
        let with_config = members.iter().filter(|member| member.config.is_some());
        assert_eq!((with_config.count(), members.len()), (1, 2));
    }
}
