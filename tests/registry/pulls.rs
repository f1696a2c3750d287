//! Registries that count pulls, like Docker Hub.

use std::time::Duration;

use kubectl_imgpolicy::image::{Fact, FetchFailureKind, RepositoryMetadata};
use kubectl_imgpolicy::registry::{Registries, RegistryOptions};

use super::metadata_cache::User;
use super::{block_on, created, image, name, options};
use crate::support::content::Image;
use crate::support::registry::{Fault, TestRegistry};

const TAGS: usize = 20;

fn filled() -> (TestRegistry, String) {
    let registry = TestRegistry::start();
    for tag in 0..TAGS {
        let image = Image::built("2024-01-01T00:00:00Z").label(&tag.to_string());
        registry.push("org/app", &tag.to_string(), image);
    }
    let image = registry.image("org/app");
    (registry, image)
}

fn all() -> Vec<Fact> {
    let tags: Vec<String> = (0..TAGS).map(|tag| tag.to_string()).collect();
    created(tags.iter().map(String::as_str))
}

/// How many tags were dated, and why the others were not.
fn dated(metadata: &RepositoryMetadata) -> (usize, Option<String>) {
    let mut dated = 0;
    let mut failed = None;
    for tag in 0..TAGS {
        let image = image(metadata, &tag.to_string());
        match &image.created {
            kubectl_imgpolicy::image::Known::Failed(failure) => {
                assert_eq!(failure.kind, FetchFailureKind::RateLimited, "{failure}");
                failed = Some(failure.message.clone());
            }
            _ => dated += 1,
        }
    }
    (dated, failed)
}

/// Makes the first request, whose response reports the limit.
fn first(registries: &Registries, app: &str) -> RepositoryMetadata {
    let mut metadata = RepositoryMetadata::default();
    let facts = created(["0"]);
    block_on(registries.answer(registries.user(), &name(app), facts, &mut metadata));
    metadata
}

#[test]
fn pulls_stop_at_the_reserve_and_the_next_run_continues() {
    let (registry, app) = filled();
    registry.count_pulls(20, 20);
    let user = User::new();
    user.run(&app, created(["0"]));
    let before = registry.pulls_left().expect("counted");
    assert_eq!(before, 19);
    // 20 % of 20 are 4, so 15 more may be used. The limit is unknown before the response
    // to the first HEAD.
    let metadata = user.run(&app, all());
    let (dated_first, message) = dated(&metadata);
    let message = message.expect("some are left");
    for part in [
        "127.0.0.1",
        "20 pulls in 6h",
        "--rate-reserve 20 ",
        "this run made",
        "try again in 6h",
        "in the cache",
    ] {
        assert!(message.contains(part), "{message}");
    }
    let left = registry.pulls_left().expect("counted");
    assert!(left >= 4, "{left} left");
    assert_eq!(dated_first, 20 - left);
    registry.count_pulls(20, 20);
    let (dated, failed) = dated(&user.run(&app, all()));
    assert_eq!((dated, failed), (TAGS, None));
    let left_of_new = registry.pulls_left().expect("counted");
    assert_eq!(
        left_of_new,
        20 - (TAGS - dated_first),
        "only the rest was pulled"
    );
}

#[test]
fn a_head_is_sent_for_a_tag_if_gets_are_counted() {
    let (registry, app) = filled();
    registry.count_pulls(1000, 1000);
    let registries = Registries::new(options()).expect("options");
    first(&registries, &app);
    registry.forget();
    let mut metadata = RepositoryMetadata::default();
    let facts = created(["1"]);
    block_on(registries.answer(registries.user(), &name(&app), facts, &mut metadata));
    let paths = registry.paths();
    assert_eq!(paths[0], "HEAD /v2/org/app/manifests/1");
    assert!(
        paths[1].starts_with("GET /v2/org/app/manifests/sha256:"),
        "{paths:?}"
    );
    assert!(paths[2].starts_with("GET /v2/org/app/blobs/"), "{paths:?}");
}

#[test]
fn a_repository_with_a_slow_tag_list_does_not_delay_the_others() {
    for quota in [None, Some(1000)] {
        let registry = TestRegistry::start();
        for repository in ["org/a", "org/b"] {
            registry.push(repository, "1", Image::built("2024-01-01T00:00:00Z"));
        }
        if let Some(quota) = quota {
            registry.count_pulls(quota, quota);
        }
        registry.fault("/v2/org/a/tags/list", Fault::Slow(Duration::from_secs(3)));
        let registries = Registries::new(options()).expect("options");
        let names = ["org/a", "org/b"].map(|of| name(&registry.image(of)));
        // The registry has been contacted before, so nothing waits for its challenge.
        let mut known = RepositoryMetadata::default();
        block_on(registries.answer(registries.user(), &names[1], vec![Fact::Tags], &mut known));
        let turns = registries.line_up(&names);
        block_on(async {
            let read = names.iter().zip(turns).map(async |(name, turn)| {
                let mut metadata = RepositoryMetadata::default();
                for facts in [vec![Fact::Tags], created(["1"])] {
                    let user = registries.user();
                    registries.answer(user, name, facts, &mut metadata).await;
                }
                drop(turn);
                assert!(image(&metadata, "1").created.value().is_some());
            });
            futures_util::future::join_all(read).await;
        });
        let paths = registry.paths();
        let first = |of: &str| paths.iter().position(|path| path.contains(of));
        assert!(
            first("/org/b/blobs/") < first("/org/a/manifests/"),
            "{paths:?}"
        );
        // The first pull of a repository that is not the first follows a HEAD.
        let of_b = |path: &&String| path.contains("/org/b/manifests/");
        let sent_ahead = paths.iter().find(of_b).expect("asked");
        assert_eq!(sent_ahead, "HEAD /v2/org/b/manifests/1");
    }
}

#[test]
fn the_reserve_can_be_disabled() {
    let (registry, app) = filled();
    registry.count_pulls(20, 20);
    let user = User::new();
    let user = user.with(RegistryOptions {
        rate_reserve: Some(0),
        ..options()
    });
    let metadata = user.run(&app, all());
    assert_eq!(dated(&metadata), (TAGS, None));
    assert_eq!(registry.pulls_left(), Some(0));
}

#[test]
fn the_remaining_pulls_are_reported() {
    let (registry, app) = filled();
    registry.count_pulls(100, 76);
    let registries = Registries::new(options()).expect("options");
    first(&registries, &app);
    let told = format!(
        "{} allows 100 pulls in 6h, of which 75 are left",
        registry.host()
    );
    assert_eq!(registries.statistics().quotas, [told]);
}
