//! Registries that respond differently to a HEAD and a GET.

use kubectl_imgpolicy::image::{Fact, FetchFailureKind};
use kubectl_imgpolicy::registry::Registries;

use super::metadata_cache::User;
use super::{ask_with, block_on, created, failure, image, name, options, version};
use crate::support::content::Image;
use crate::support::registry::{Fault, TestRegistry};

const BUILT: &str = "2024-01-01T00:00:00Z";
/// The requests for manifests of the repository.
const HEADS: &str = "HEAD /v2/org/app/manifests/";
const GETS: &str = "GET /v2/org/app/manifests/";

/// A registry with one image, and the image's digest.
fn filled() -> (TestRegistry, String) {
    let registry = TestRegistry::start();
    let digest = registry.push("org/app", "1", Image::built(BUILT));
    (registry, digest)
}

#[test]
fn a_get_decides_if_only_a_head_fails() {
    for status in [400, 403, 404, 405, 406, 410, 412, 500, 501] {
        let (registry, digest) = filled();
        registry.fault(HEADS, Fault::Status(status));
        for asked in ["1", digest.as_str()] {
            registry.forget();
            let facts = vec![Fact::Digest(version(asked))];
            let metadata = ask_with(options(), &registry.image("org/app"), facts);
            let found = image(&metadata, asked).digest.value().expect(asked);
            assert_eq!(found.as_str(), digest, "{status}");
            let expected = [HEADS, GETS].map(|request| format!("{request}{asked}"));
            assert_eq!(registry.paths(), expected, "{status}");
        }
    }
}

#[test]
fn a_manifest_that_the_get_does_not_find_either_is_missing() {
    for status in [400, 404, 405] {
        let (registry, _) = filled();
        registry.fault(HEADS, Fault::Status(status));
        let facts = vec![Fact::Digest(version("2"))];
        let metadata = ask_with(options(), &registry.image("org/app"), facts);
        let failure = failure(&image(&metadata, "2").digest);
        assert_eq!(failure.kind, FetchFailureKind::NotFound, "{failure}");
        // Only the body of a GET has this code.
        assert!(failure.message.contains("MANIFEST_UNKNOWN"), "{failure}");
    }
}

#[test]
fn no_get_follows_if_the_registry_wants_fewer_requests_or_authentication() {
    for (status, kind) in [
        (401, FetchFailureKind::Unauthorized),
        (429, FetchFailureKind::RateLimited),
        (503, FetchFailureKind::ServerError),
    ] {
        let (registry, _) = filled();
        registry.fault(HEADS, Fault::Status(status));
        let mut options = options();
        options.max_wait = std::time::Duration::ZERO;
        let facts = vec![Fact::Digest(version("1"))];
        let metadata = ask_with(options, &registry.image("org/app"), facts);
        let failure = failure(&image(&metadata, "1").digest);
        assert_eq!(failure.kind, kind, "{failure}");
        assert_eq!(registry.count("GET "), 0, "{status}");
    }
}

#[test]
fn a_second_run_returns_the_same_as_the_first_one() {
    for status in [400, 404] {
        let (registry, _) = filled();
        registry.fault("HEAD ", Fault::Status(status));
        let app = registry.image("org/app");
        let user = User::new();
        let facts = || {
            let mut facts = created(["1"]);
            facts.push(Fact::Confirmed(version("1")));
            facts
        };
        let (first, second) = (user.run(&app, facts()), user.run(&app, facts()));
        let told = image(&first, "1");
        assert!(told.created.value().is_some(), "{status}: {told:?}");
        assert_eq!(told.created, image(&second, "1").created, "{status}");
        assert_eq!(told.digest, image(&second, "1").digest, "{status}");
    }
}

#[test]
fn the_get_after_a_head_is_counted_as_a_pull() {
    let (registry, _) = filled();
    for tag in ["2", "3"] {
        registry.push("org/app", tag, Image::built(BUILT).label(tag));
    }
    registry.count_pulls(20, 6);
    let registries = Registries::new(options()).expect("options");
    let app = name(&registry.image("org/app"));
    let mut metadata = Default::default();
    block_on(registries.answer(registries.user(), &app, created(["1"]), &mut metadata));
    registry.fault(HEADS, Fault::Status(404));
    // 20 % of 20 are 4: one of the remaining 5 may be used.
    for (tag, gets) in [("2", 1), ("3", 0)] {
        registry.forget();
        let facts = vec![Fact::Digest(version(tag))];
        let mut metadata = Default::default();
        block_on(registries.answer(registries.user(), &app, facts, &mut metadata));
        assert_eq!(registry.count(GETS), gets, "{tag} {metadata:?}");
    }
}
