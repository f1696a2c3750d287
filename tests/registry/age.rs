//! The minimum age with different registries, in the first and the second run: which
//! clock counts, and whether the tag is elected.

use kubectl_imgpolicy::collect;
use kubectl_imgpolicy::registry::{Provider, PushTimeApi, RegistryOptions};

use super::block_on;
use super::metadata_cache::User;
use crate::support::content::Image;
use crate::support::registry::providers::hub_tag;
use crate::support::registry::{Fault, TestRegistry};
use crate::support::scenario::Scenario;

const OLD: &str = "2024-01-01T00:00:00Z";
/// The same day in the format of HTTP.
const OLD_HTTP: &str = "Mon, 01 Jan 2024 00:00:00 GMT";

/// Returns `elected CLOCK` for the tag above the running one, or why it is not elected.
fn decide(user: &User, registry: &TestRegistry, more: &[(&str, &str)]) -> String {
    let image = registry.image("org/app:1.0.0");
    let mut scenario = Scenario::following("semver:*", &image)
        .nodes(&["linux/amd64"])
        .annotation("imgpolicy.dev/min-age", "7d");
    for (key, value) in more {
        scenario = scenario.annotation(key, value);
    }
    let snapshot = scenario.snapshot();
    let subjects = snapshot.subjects().expect("subjects");
    let name = subjects[0].repository().expect("a repository");
    let registries = user.registries();
    let metadata = block_on(async {
        let metadata = collect::fetch_until_decidable(name, &[&subjects[0]], &registries).await;
        registries.finish().await;
        metadata
    });
    let examination = subjects[0].examine(&metadata);
    let facts = examination.decision.facts.clone().unwrap_or_default();
    let tag = examination
        .candidates
        .iter()
        .find(|c| c.tag.as_str() == "1.0.1");
    match tag.expect("listed").rejection {
        Some(rejection) => rejection.to_string(),
        None => format!(
            "elected {}",
            facts.age_clock.map_or("-", |clock| clock.as_str())
        ),
    }
}

/// Creates a registry with a tag whose image has an old build time.
fn serving() -> TestRegistry {
    let registry = TestRegistry::start();
    registry.push("org/app", "1.0.0", Image::built(OLD).label("old"));
    registry.push("org/app", "1.0.1", Image::built(OLD).label("new"));
    registry
}

#[test]
fn same_clock_counts_in_the_first_and_the_second_run() {
    let silent = serving();
    let modified = serving();
    modified.last_modified(OLD_HTTP);
    let fresh = serving();
    fresh.last_modified("Sat, 21 Nov 2026 11:00:00 GMT");
    let timeless = serving();
    timeless.last_modified("Thu, 01 Jan 1970 00:00:00 GMT");
    // The `Last-Modified` of a storage server is not that of the registry.
    let (redirecting, storage) = (serving(), serving());
    storage.last_modified(OLD_HTTP);
    redirecting.fault("/manifests/", Fault::Redirect(storage.url()));
    let clock = ("imgpolicy.dev/min-age-clock", "image");
    for (what, registry, more, expected) in [
        ("tells nothing", &silent, &[][..], "too-young"),
        (
            "sends no time, so that of the image is used",
            &silent,
            &[clock][..],
            "elected image",
        ),
        ("changed long ago", &modified, &[], "elected last-modified"),
        ("changed just now", &fresh, &[], "too-young"),
        ("has no times", &timeless, &[], "too-young"),
        ("redirects", &redirecting, &[], "too-young"),
    ] {
        let user = User::new();
        for run in ["cold", "warm"] {
            assert_eq!(decide(&user, registry, more), expected, "{what}, {run}");
        }
    }
}

#[test]
fn push_time_takes_precedence_over_all_other_clocks() {
    for (pushed, expected) in [(OLD, "elected push"), ("2026-11-21T11:00:00Z", "too-young")] {
        let (registry, hub) = (serving(), TestRegistry::start());
        registry.last_modified(OLD_HTTP);
        hub.provide(
            "org/app",
            ["1.0.0", "1.0.1"].map(|tag| hub_tag(tag, pushed)),
        );
        let user = User::new();
        let api = PushTimeApi {
            registry: registry.host(),
            provider: Provider::DockerHub,
            base: format!("{}/", hub.url()),
        };
        let user = user.with(RegistryOptions {
            push_time_apis: vec![api],
            ..super::options()
        });
        for run in ["cold", "warm"] {
            assert_eq!(decide(&user, &registry, &[]), expected, "{pushed} {run}");
        }
    }
}

#[test]
fn clock_of_one_registry_does_not_count_for_another() {
    let (first, second) = (serving(), serving());
    first.last_modified(OLD_HTTP);
    let user = User::new();
    assert_eq!(decide(&user, &first, &[]), "elected last-modified");
    assert_eq!(decide(&user, &second, &[]), "too-young", "the same digests");
}
