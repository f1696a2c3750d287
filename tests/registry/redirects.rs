//! Registries that redirect to other hosts, like `registry.k8s.io`.

use kubectl_imgpolicy::image::{Fact, FetchFailureKind};

use super::access::Config;
use super::metadata_cache::User;
use super::{ask_with, created, failure, image, options, refused, tags, version};
use crate::support::content::Image;
use crate::support::registry::{Access, Fault, TestRegistry};

/// A registry that redirects all requests for the repository, and the target.
fn redirecting() -> (TestRegistry, TestRegistry) {
    let (registry, storage) = (TestRegistry::start(), TestRegistry::start());
    for tag in ["1", "2", "3", "4", "5"] {
        storage.push("org/app", tag, Image::built("2024-01-01T00:00:00Z"));
    }
    storage.page_size(2);
    registry.fault("/v2/org/app/", Fault::Redirect(storage.url()));
    (registry, storage)
}

#[test]
fn tag_lists_manifests_and_blobs_are_read_from_the_redirect_target() {
    let (registry, storage) = redirecting();
    let mut facts = created(["1"]);
    facts.extend([Fact::Tags, Fact::Digest(version("2"))]);
    let metadata = ask_with(options(), &registry.image("org/app"), facts);
    assert_eq!(tags(&metadata), ["1", "2", "3", "4", "5"]);
    assert!(image(&metadata, "1").created.value().is_some());
    assert!(image(&metadata, "2").digest.value().is_some());
    // The later pages are requested from the host of the first one.
    assert_eq!(registry.count("/tags/list"), 1);
    let pages: Vec<String> = storage
        .requests()
        .into_iter()
        .filter(|request| request.path.ends_with("/tags/list"))
        .map(|request| request.query)
        .collect();
    assert_eq!(
        pages,
        [
            "signature=abc",
            "last=opaque%2B%3D2&n=2",
            "last=opaque%2B%3D4&n=2"
        ]
    );
    assert_eq!(storage.count("HEAD /v2/org/app/manifests/2"), 1);
}

#[test]
fn redirects_to_another_host_carry_no_credentials() {
    for access in [
        Access::Basic("me", "right"),
        Access::TokenFor("me", "right"),
    ] {
        let (registry, storage) = redirecting();
        // Authorized requests are redirected.
        registry.heal();
        registry.require(access.clone());
        registry.lead("/v2/org/app/", &storage.url());
        let config = Config::login(&registry, "right");
        let mut facts = created(["1"]);
        facts.push(Fact::Tags);
        let metadata = ask_with(config.options(), &registry.image("org/app"), facts);
        assert_eq!(tags(&metadata), ["1", "2", "3", "4", "5"]);
        assert!(image(&metadata, "1").created.value().is_some());
        let shown = |r: &TestRegistry| r.requests().iter().any(|r| r.authorization.is_some());
        assert!(shown(&registry) && !shown(&storage), "{access:?}");
        assert_eq!(storage.requests().len(), 5);
    }
}

#[test]
fn a_redirect_within_the_registry_gets_credentials_if_it_requires_them() {
    for access in [Access::Open, Access::Basic("me", "right")] {
        let registry = TestRegistry::start();
        registry.list("moved/app", ["a"]);
        registry.require(access);
        let target = "/v2/moved/app/tags/list?n=1000!".to_owned();
        registry.fault("/v2/org/app/tags/list", Fault::Redirect(target));
        let config = Config::login(&registry, "right");
        let metadata = ask_with(
            config.options(),
            &registry.image("org/app"),
            vec![Fact::Tags],
        );
        assert_eq!(tags(&metadata), ["a"]);
    }
}

#[test]
fn the_redirect_target_is_named_but_its_error_is_not_quoted() {
    for (access, kind, part) in [
        // With the text `no such repository`.
        (
            Access::Open,
            FetchFailureKind::NotFound,
            "the repository (redirected to HOST)",
        ),
        // With the text `log in`.
        (
            Access::Basic("me", "right"),
            FetchFailureKind::Unauthorized,
            "HOST, to which the registry redirects, denies access to the repository (HTTP 401)",
        ),
    ] {
        let (registry, storage) = (TestRegistry::start(), TestRegistry::start());
        storage.require(access);
        registry.fault("/tags/list", Fault::Redirect(storage.url()));
        let config = Config::login(&storage, "right");
        let message = refused(config.options(), &registry, kind);
        assert!(
            message.contains(&part.replace("HOST", &storage.host())),
            "{message}"
        );
        for quoted in ["NAME_UNKNOWN", "no such", "UNAUTHORIZED", "log in"] {
            assert!(!message.contains(quoted), "{message}");
        }
        assert_eq!(storage.requests().len(), 1);
        assert_eq!(storage.requests()[0].authorization, None);
    }
}

#[test]
fn a_malformed_tag_list_from_the_redirect_target_is_not_quoted() {
    let (registry, storage) = (TestRegistry::start(), TestRegistry::start());
    storage.fault("/tags/list", Fault::Body("{\"hunter2\":"));
    registry.fault("/tags/list", Fault::Redirect(storage.url()));
    let message = refused(options(), &registry, FetchFailureKind::Registry);
    assert!(message.contains("malformed"), "{message}");
}

#[test]
fn pages_from_another_host_are_compared_with_those_of_the_previous_run() {
    let (registry, storage) = redirecting();
    storage.send_etags();
    let user = User::new();
    let app = registry.image("org/app");
    let all = ["1", "2", "3", "4", "5"];
    assert_eq!(tags(&user.run(&app, vec![Fact::Tags])), all);
    assert_eq!(storage.unchanged(), 0);
    assert_eq!(tags(&user.run(&app, vec![Fact::Tags])), all);
    assert_eq!(storage.unchanged(), 3);
    storage.list("org/app", ["6"]);
    let more = ["1", "2", "3", "4", "5", "6"];
    assert_eq!(tags(&user.run(&app, vec![Fact::Tags])), more);
    // Another host has other pages, and also knows the first one.
    let elsewhere = TestRegistry::start();
    elsewhere.list("org/app", more);
    elsewhere.page_size(2);
    elsewhere.send_etags();
    registry.heal();
    registry.fault("/v2/org/app/", Fault::Redirect(elsewhere.url()));
    storage.forget();
    assert_eq!(tags(&user.run(&app, vec![Fact::Tags])), more);
    assert_eq!(
        (storage.requests().len(), elsewhere.requests().len()),
        (0, 3)
    );
}

#[test]
fn five_redirects_are_followed() {
    for (hops, found) in [(5, true), (6, false)] {
        let last = TestRegistry::start();
        last.list("org/app", ["a"]);
        let mut chain = vec![last];
        for _ in 0..hops {
            let registry = TestRegistry::start();
            let next = chain.last().expect("a registry").url();
            registry.fault("/tags/list", Fault::Redirect(next));
            chain.push(registry);
        }
        let registry = chain.last().expect("a registry");
        if found {
            let metadata = ask_with(options(), &registry.image("org/app"), vec![Fact::Tags]);
            assert_eq!(tags(&metadata), ["a"]);
        } else {
            let message = refused(options(), registry, FetchFailureKind::Registry);
            assert!(message.contains("more than 5 redirects"), "{message}");
            assert_eq!(chain[0].requests(), []);
        }
    }
}

#[test]
fn a_missing_tag_list_is_not_an_empty_list() {
    let (registry, storage) = redirecting();
    storage.fault("/tags/list", Fault::Status(500));
    let metadata = ask_with(options(), &registry.image("org/app"), vec![Fact::Tags]);
    let failure = failure(&metadata.tags);
    assert_eq!(failure.kind, FetchFailureKind::ServerError);
    assert!(failure.message.contains(&storage.host()), "{failure}");
}
