//! Push times from the APIs of Docker Hub, Quay and Harbor, against test servers.

use std::time::Duration;

use jiff::Timestamp;
use kubectl_imgpolicy::image::{Fact, RepositoryMetadata};
use kubectl_imgpolicy::registry::{Provider, PushTimeApi, Registries, RegistryOptions};
use serde_json::{Value, json};

use super::access::Config;
use super::{ask_with, block_on, created, image, name, options, version};
use crate::support::content::Image;
use crate::support::registry::providers::{hub_tag, quay_tag};
use crate::support::registry::{Access, Fault, TestRegistry};

const BUILT: &str = "2024-01-01T00:00:00Z";
/// The time of the first push, in seconds since 1970; each tag follows a minute later.
const FIRST: i64 = 1_704_067_260;

/// Returns the names of this many tags.
fn names(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("1.{n}")).collect()
}

/// Returns when the tag with this number was pushed.
fn time(number: usize) -> Timestamp {
    let number = i64::try_from(number).expect("small");
    Timestamp::from_second(FIRST + 60 * number).expect("a time")
}

/// Returns the tags of a repository in the format of Docker Hub, newest first.
fn on_hub(count: usize) -> Vec<Value> {
    let tags = names(count).into_iter().enumerate();
    tags.rev()
        .map(|(number, name)| hub_tag(&name, &time(number).to_string()))
        .collect()
}

/// Creates a registry with this many tags of one image.
fn with_tags(count: usize) -> TestRegistry {
    let registry = TestRegistry::start();
    for name in names(count) {
        registry.push("org/app", &name, Image::built(BUILT));
    }
    registry
}

/// Returns options that configure an API on another host for a registry.
fn with_api(provider: Provider, api: &TestRegistry, registry: &TestRegistry) -> RegistryOptions {
    RegistryOptions {
        push_time_apis: vec![PushTimeApi {
            registry: registry.host(),
            provider,
            base: format!("{}/", api.url()),
        }],
        max_wait: Duration::from_millis(200),
        ..options()
    }
}

/// Returns the creation time facts of the first tags.
fn dates(count: usize) -> Vec<Fact> {
    created(names(count).iter().map(String::as_str))
}

/// Returns the push time of a tag, and whether its creation time is known.
fn known(metadata: &RepositoryMetadata, tag: &str) -> (Option<Timestamp>, bool) {
    let image = image(metadata, tag);
    let pushed = image.pushed.value().copied().flatten();
    (pushed, image.created.value().is_some())
}

/// Checks that all of the first tags are dated and none has a push time.
fn assert_dated(metadata: &RepositoryMetadata, count: usize, why: &str) {
    for name in names(count) {
        assert_eq!(known(metadata, &name), (None, true), "{name}: {why}");
    }
}

#[test]
fn ten_pages_bound_a_thousand_tags_and_only_some_are_dated() {
    let (registry, hub) = (with_tags(1000), TestRegistry::start());
    hub.provide("org/app", on_hub(1000));
    let options = with_api(Provider::DockerHub, &hub, &registry);
    let registries = Registries::new(options).expect("options");
    let app = name(&registry.image("org/app"));
    let mut metadata = RepositoryMetadata::default();
    let mut ask = |facts| {
        block_on(async {
            let answer = registries.answer(registries.user(), &app, facts, &mut metadata);
            answer.await;
        });
        metadata.clone()
    };
    let bounded = ask(dates(1000));
    for (number, name) in names(1000).iter().enumerate() {
        assert_eq!(known(&bounded, name), (Some(time(number)), false), "{name}");
    }
    let pages: Vec<String> = hub.requests().into_iter().map(|r| r.query).collect();
    assert_eq!(pages.len(), 10);
    assert_eq!(pages[9], "page_size=100&ordering=last_updated&page=10");
    assert_eq!(registry.requests(), []);
}

#[test]
fn tag_with_a_known_push_time_is_dated_on_request() {
    let (registry, hub) = (with_tags(20), TestRegistry::start());
    hub.provide("org/app", on_hub(20));
    let options = with_api(Provider::DockerHub, &hub, &registry);
    let registries = Registries::new(options).expect("options");
    let mut metadata = RepositoryMetadata::default();
    block_on(async {
        for _ in 0..2 {
            let app = name(&registry.image("org/app"));
            let answer = registries.answer(registries.user(), &app, dates(20), &mut metadata);
            answer.await;
        }
    });
    assert_eq!(known(&metadata, "1.7"), (Some(time(7)), true));
    assert_eq!(hub.requests().len(), 1);
    assert_eq!(registry.count("/manifests/"), 20);
}

#[test]
fn few_dates_are_read_without_the_api() {
    let (registry, hub) = (with_tags(8), TestRegistry::start());
    hub.provide("org/app", on_hub(8));
    let options = with_api(Provider::DockerHub, &hub, &registry);
    let metadata = ask_with(options, &registry.image("org/app"), dates(8));
    assert!(image(&metadata, "1.0").created.value().is_some());
    assert_eq!(hub.requests(), []);
}

#[test]
fn tags_after_the_last_page_are_dated() {
    let (registry, hub) = (with_tags(1050), TestRegistry::start());
    hub.provide("org/app", on_hub(1050));
    let options = with_api(Provider::DockerHub, &hub, &registry);
    let metadata = ask_with(options, &registry.image("org/app"), dates(1050));
    assert_eq!(known(&metadata, "1.50"), (Some(time(50)), false));
    assert_eq!(known(&metadata, "1.49"), (None, true));
    assert_eq!(hub.requests().len(), 10);
    assert_eq!(registry.count("/manifests/"), 50);
}

#[test]
fn registry_credentials_are_never_sent_to_the_docker_hub_api() {
    let (registry, hub) = (with_tags(10), TestRegistry::start());
    hub.provide("org/app", on_hub(10));
    registry.require(Access::TokenFor("me", "hunter2"));
    let config = Config::login(&registry, "hunter2");
    let options = RegistryOptions {
        push_time_apis: with_api(Provider::DockerHub, &hub, &registry).push_time_apis,
        ..config.options()
    };
    let facts = [vec![Fact::Digest(version("1.0"))], dates(10)].concat();
    let metadata = ask_with(options, &registry.image("org/app"), facts);
    assert!(image(&metadata, "1.0").digest.value().is_some());
    assert_eq!(known(&metadata, "1.9"), (Some(time(9)), false));
    assert_eq!(hub.paths(), ["GET /v2/repositories/org/app/tags"]);
    assert_eq!(hub.requests()[0].authorization, None);
}

/// Checks that all tags are dated although the API fails in this way.
fn assert_all_dated_despite(provider: Provider, fault: Fault) {
    let (registry, api) = (with_tags(10), TestRegistry::start());
    api.provide("org/app", on_hub(10));
    let why = format!("{provider:?}, {fault:?}");
    api.fault("", fault);
    let options = RegistryOptions {
        request_timeout: Some(Duration::from_millis(500)),
        ..with_api(provider, &api, &registry)
    };
    let metadata = ask_with(options, &registry.image("org/app"), dates(10));
    assert_dated(&metadata, 10, &why);
    assert!(!api.requests().is_empty(), "{why}");
}

#[test]
fn tags_are_dated_if_the_api_refuses_or_responds_with_nonsense() {
    for provider in [Provider::DockerHub, Provider::Quay, Provider::Harbor] {
        assert_all_dated_despite(provider, Fault::Status(401));
        assert_all_dated_despite(provider, Fault::Status(404));
        assert_all_dated_despite(provider, Fault::Status(500));
        assert_all_dated_despite(provider, Fault::RetryAfter(429, 3600));
        assert_all_dated_despite(provider, Fault::Body("<html>"));
        assert_all_dated_despite(provider, Fault::Body("[7]"));
        assert_all_dated_despite(provider, Fault::Body("{}"));
        assert_all_dated_despite(provider, Fault::Redirect("https://hub.example".to_owned()));
    }
}

#[test]
fn tags_are_dated_if_the_api_hangs_floods_or_disconnects() {
    for fault in [
        Fault::Status(429),
        Fault::Status(503),
        Fault::Announced(1 << 40),
        Fault::GzipBomb(16 << 20),
        Fault::Reset,
        Fault::Slow(Duration::from_secs(5)),
    ] {
        assert_all_dated_despite(Provider::DockerHub, fault);
    }
}

#[test]
fn failed_page_ends_the_list_and_earlier_pages_are_used() {
    let (registry, hub) = (with_tags(150), TestRegistry::start());
    hub.provide("org/app", on_hub(150));
    hub.fault("page=2", Fault::Status(500));
    let options = with_api(Provider::DockerHub, &hub, &registry);
    let metadata = ask_with(options, &registry.image("org/app"), dates(150));
    assert_eq!(known(&metadata, "1.50"), (Some(time(50)), false));
    assert_eq!(known(&metadata, "1.49"), (None, true));
}

#[test]
fn hanging_api_does_not_affect_the_registry_on_its_host() {
    let registry = with_tags(10);
    for app in ["org/b", "org/c"] {
        for tag in names(10) {
            registry.push(app, &tag, Image::built(BUILT));
        }
    }
    registry.fault("/api/v1/", Fault::Slow(Duration::from_secs(5)));
    let options = RegistryOptions {
        request_timeout: Some(Duration::from_millis(500)),
        ..with_api(Provider::Quay, &registry, &registry)
    };
    let registries = Registries::new(options).expect("options");
    for app in ["org/app", "org/b", "org/c"] {
        let metadata = super::ask(&registries, &registry.image(app), dates(10));
        assert_dated(&metadata, 10, app);
    }
    // The API itself is given up after two timeouts.
    assert_eq!(registry.count("/api/v1/"), 2);
}

#[test]
fn malformed_entries_are_ignored_and_their_tags_are_dated() {
    let (registry, hub) = (with_tags(10), TestRegistry::start());
    let pushed = time(9).to_string();
    hub.provide(
        "org/app",
        [
            hub_tag("1.0", &pushed),
            json!({"name": "1.1", "last_updated": null, "tag_last_pushed": null}),
            json!({"name": "1.2", "last_updated": "yesterday"}),
            json!({"name": "1.3", "last_updated": 7}),
            json!({"name": ["1.4"], "last_updated": pushed}),
            json!({"last_updated": pushed}),
            json!({"name": "1.5", "last_updated": "0001-01-01T00:00:00Z"}),
            json!({"name": "no tag\u{1b}[31m", "last_updated": pushed}),
            json!(null),
            json!("1.6"),
            json!({"name": "1.7", "last_updated": pushed, "digest": 7}),
            json!({"name": "1.8", "last_updated": pushed, "digest": "md5:0"}),
            json!({"name": "1.9", "tag_last_pushed": pushed}),
            json!({"name": "2.0", "last_updated": pushed}),
        ],
    );
    let options = with_api(Provider::DockerHub, &hub, &registry);
    let metadata = ask_with(options, &registry.image("org/app"), dates(10));
    for name in names(10) {
        let expected = match name.as_str() {
            "1.0" | "1.8" | "1.9" => (Some(time(9)), false),
            _ => (None, true),
        };
        assert_eq!(known(&metadata, &name), expected, "{name}");
    }
    assert!(metadata.image(&version("2.0")).is_none());
}

#[test]
fn tag_with_another_digest_than_listed_is_dated() {
    let (registry, hub) = (with_tags(10), TestRegistry::start());
    let mut entries = on_hub(10);
    for entry in &mut entries {
        entry["digest"] = json!(format!("sha256:{}", "a".repeat(64)));
    }
    hub.provide("org/app", entries);
    let options = with_api(Provider::DockerHub, &hub, &registry);
    let registries = Registries::new(options).expect("options");
    let app = name(&registry.image("org/app"));
    let mut metadata = RepositoryMetadata::default();
    for facts in [vec![Fact::Digest(version("1.3"))], dates(10)] {
        block_on(registries.answer(registries.user(), &app, facts, &mut metadata));
    }
    assert_eq!(known(&metadata, "1.3"), (None, true));
    assert_eq!(known(&metadata, "1.4"), (Some(time(4)), false));
}

#[test]
fn requested_push_time_is_returned_or_known_to_be_missing() {
    let (registry, hub) = (with_tags(2), TestRegistry::start());
    hub.provide("org/app", on_hub(1));
    let facts = || vec![Fact::Pushed(version("1.0")), Fact::Pushed(version("1.1"))];
    let told = with_api(Provider::DockerHub, &hub, &registry);
    for (options, expected) in [(told, Some(time(0))), (options(), None)] {
        let metadata = ask_with(options, &registry.image("org/app"), facts());
        assert_eq!(
            image(&metadata, "1.0").pushed.value(),
            Some(&expected),
            "{expected:?}"
        );
        assert_eq!(image(&metadata, "1.1").pushed.value(), Some(&None));
    }
    assert_eq!(hub.requests().len(), 1);
    assert_eq!(registry.requests(), []);
}

#[test]
fn quay_lists_push_times_in_seconds_page_by_page() {
    let registry = with_tags(120);
    let tags = names(120).into_iter().enumerate();
    let entries: Vec<Value> = tags
        .rev()
        .map(|(number, name)| quay_tag(&name, time(number).as_second()))
        .chain([json!({"name": "1.0", "start_ts": "soon"})])
        .collect();
    registry.provide("org/app", entries);
    let options = with_api(Provider::Quay, &registry, &registry);
    let metadata = ask_with(options, &registry.image("org/app"), dates(120));
    for (number, name) in names(120).iter().enumerate() {
        assert_eq!(known(&metadata, name), (Some(time(number)), false));
    }
    let queries: Vec<String> = registry.requests().into_iter().map(|r| r.query).collect();
    assert_eq!(
        queries,
        [
            "limit=100&onlyActiveTags=true&page=1",
            "limit=100&onlyActiveTags=true&page=2"
        ]
    );
}
