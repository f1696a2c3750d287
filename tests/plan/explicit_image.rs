//! One explicit image, and the containers that run an image of its repository.

use kubectl_imgpolicy::plan::{Overrides, Plan, UpdateSpec, plan_image};

use super::{held, images, updated, written};
use crate::support::oracle::{built, digest};
use crate::support::scenario::Scenario;

fn asked(scenario: &Scenario, image: &str, spec: &UpdateSpec) -> Plan {
    let image = image.parse().expect("an image");
    plan_image(&scenario.settled(), &image, spec).expect("a plan")
}

fn plain(scenario: &Scenario, image: &str) -> (String, String) {
    let plan = asked(scenario, image, &UpdateSpec::default());
    (images(&plan), held(&plan))
}

fn overriding(overrides: Overrides) -> UpdateSpec {
    UpdateSpec {
        overrides,
        ..UpdateSpec::default()
    }
}

fn following(policy: &str, image: &str) -> Scenario {
    Scenario::following(policy, image).tags(&["1.0.0", "1.0.1", "1.0.2", "2.0.0"])
}

/// The scan knows which image is requested.
fn scanned_for(scenario: Scenario, image: &str) -> Scenario {
    let image = image.parse().expect("an image");
    scenario.settings(|settings| settings.image = Some(image))
}

fn none() -> String {
    String::new()
}

#[test]
fn every_container_of_the_repository_gets_the_image_in_its_own_spelling() {
    let scenario = following("semver:~1.0", "docker.io/org/app:1.0.0")
        .container("other", "org/other:1.0.0")
        .container("same", "org/app:1.0.2")
        .annotation("fluxcd.io/tag.same", "semver:~1.0")
        .container("done", "index.docker.io/org/app:1.0.1");
    let (images, held) = plain(&scenario, "org/app:1.0.1");
    // The requested image may be lower than the running one.
    assert_eq!(images, "app=docker.io/org/app:1.0.1 same=org/app:1.0.1");
    assert_eq!(held, "");
}

#[test]
fn policy_must_accept_the_image() {
    let scenario = following("semver:~1.0", "org/app:1.0.0");
    assert_eq!(
        plain(&scenario, "org/app:1.0.1"),
        ("app=org/app:1.0.1".to_owned(), none())
    );
    for (tag, message) in [
        ("2.0.0", "2.0.0 lies outside the range (semver:~1.0)"),
        (
            "3.0.0",
            "3.0.0 is not among the tags that semver:~1.0 can elect",
        ),
    ] {
        let image = format!("org/app:{tag}");
        let plan = asked(&scenario, &image, &UpdateSpec::default());
        assert_eq!(
            (images(&plan), held(&plan)),
            (none(), "app not-accepted".to_owned())
        );
        assert_eq!(plan.held_back[0].message, message);
        let lifted = overriding(Overrides {
            policy: true,
            ..Overrides::default()
        });
        let plan = asked(&scenario, &image, &lifted);
        assert_eq!(images(&plan), format!("app={image}"));
        assert_eq!(
            plan.changes[0].images[0].message,
            format!("requested, although {message}")
        );
    }
}

#[test]
fn invalid_policy_accepts_no_image() {
    for scenario in [
        following("semver:nonsense", "org/app:1.0.0"),
        following("semver:nonsense", "org/app:1.0.0").annotation("fluxcd.io/automated", "false"),
    ] {
        let plan = asked(&scenario, "org/app:1.0.1", &UpdateSpec::default());
        assert_eq!(held(&plan), "app not-accepted");
        assert!(
            plan.held_back[0]
                .message
                .contains("annotation fluxcd.io/tag.app")
        );
    }
}

#[test]
fn requested_image_is_written_without_a_policy() {
    let scenario = Scenario::deployment().container("app", "org/app");
    assert_eq!(
        plain(&scenario, "org/app:9"),
        ("app=org/app:9".to_owned(), none())
    );
    let plan = asked(&scenario, "org/app:9", &UpdateSpec::default());
    assert_eq!(plan.changes[0].images[0].policy, None);
}

#[test]
fn locked_and_ignored_workloads_keep_their_image() {
    let scenario = following("semver:~1.0", "org/app:1.0.0");
    let locked = scenario.clone().annotation("fluxcd.io/locked", "true");
    assert_eq!(
        plain(&locked, "org/app:1.0.1"),
        (none(), "app locked".to_owned())
    );
    let lifted = overriding(Overrides {
        lock: true,
        ..Overrides::default()
    });
    assert_eq!(
        images(&asked(&locked, "org/app:1.0.1", &lifted)),
        "app=org/app:1.0.1"
    );
    // One override does not imply another.
    assert_eq!(
        held(&asked(&locked, "org/app:2.0.0", &lifted)),
        "app not-accepted"
    );
    let ignored = scenario.annotation("fluxcd.io/ignore", "true");
    let all = overriding(Overrides {
        lock: true,
        policy: true,
        owner: true,
        window: true,
        unconfirmed: true,
    });
    assert_eq!(held(&asked(&ignored, "org/app:1.0.1", &all)), "app ignored");
}

#[test]
fn digest_in_the_manifest_is_updated() {
    let scenario = following("semver:~1.0", &format!("org/app:1.0.0@{}", digest(1)));
    // The digest of the elected image is known, because the decision is based on it.
    let (written, _) = plain(&scenario, "org/app:1.0.2");
    assert_eq!(written, format!("app=org/app:1.0.2@{}", digest(3)));
    let plan = asked(&scenario, "org/app:1.0.1", &UpdateSpec::default());
    assert_eq!(held(&plan), "app undecided");
    assert_eq!(
        plan.held_back[0].message,
        "the manifest names a digest, but the digest of 1.0.1 is not known; use \
         org/app:1.0.1@sha256:…"
    );
    let asked_for = scanned_for(scenario.clone(), "org/app:1.0.1");
    let (written, _) = plain(&asked_for, "org/app:1.0.1");
    assert_eq!(written, format!("app=org/app:1.0.1@{}", digest(2)));
    let (written, _) = plain(&scenario, &format!("org/app:1.0.1@{}", digest(2)));
    assert_eq!(written, format!("app=org/app:1.0.1@{}", digest(2)));
}

#[test]
fn digest_that_the_elected_tag_does_not_serve_is_not_accepted() {
    let scenario = following("semver:~1.0", &format!("org/app:1.0.0@{}", digest(1)));
    let (_, held) = plain(&scenario, &format!("org/app:1.0.2@{}", digest(9)));
    assert_eq!(held, "app not-accepted");
    let (_, held) = plain(&scenario, &format!("org/app@{}", digest(9)));
    assert_eq!(held, "app not-accepted");
}

#[test]
fn image_without_tag_and_digest_is_not_written() {
    let scenario = Scenario::deployment().container("app", "org/app:1");
    assert_eq!(
        plain(&scenario, "org/app"),
        (none(), "app undecided".to_owned())
    );
}

#[test]
fn exclusion_flags_also_apply_to_a_requested_image() {
    let scenario = Scenario::deployment()
        .container("app", "org/app:1")
        .settings(|settings| settings.exclude_images = vec!["docker.io/org/*".to_owned()]);
    assert_eq!(plain(&scenario, "org/app:2"), (none(), none()));
}

#[test]
fn build_number_comes_from_the_requested_tag() {
    let scenario = Scenario::following("regex:^main-(?P<build>[0-9]+)$", "org/app:main-1")
        .image("main-1", built("2026-01-01"))
        .image("main-2", built("2026-01-02"))
        .image("main-3", built("2026-01-03"));
    let plan = asked(&scenario, "org/app:main-2", &UpdateSpec::default());
    assert_eq!(plan.changes[0].images[0].build.as_deref(), Some("2"));
    let after = written(&scenario, &plan);
    assert_eq!(
        super::annotation(&after, "fluxcd.io/build.number"),
        Some("2")
    );
    assert_eq!(images(&super::planned(&after)), "app=org/app:main-3");
    assert_eq!(images(&super::planned(&updated(&after))), "");
}

#[test]
fn digest_is_also_requested_without_a_policy() {
    let scenario = Scenario::deployment()
        .container("app", &format!("org/app:1.0.0@{}", digest(1)))
        .tags(&["1.0.0", "1.0.1"]);
    let scenario = scanned_for(scenario, "org/app:1.0.1");
    let (written, _) = plain(&scenario, "org/app:1.0.1");
    assert_eq!(written, format!("app=org/app:1.0.1@{}", digest(2)));
    assert_eq!(scenario.decide("app").says(), "keep manual -");
}

#[test]
fn requested_tag_must_pass_age_and_platform_checks() {
    let scenario = Scenario::following("semver:~1.0", "org/app:1.0.0")
        .annotation("imgpolicy.dev/min-age", "72h")
        .annotation("imgpolicy.dev/min-age-clock", "image")
        .nodes(&["linux/amd64"])
        .image("1.0.0", built("2026-01-01"))
        .image("1.0.1", built("2026-11-21"))
        .image("1.0.2", built("2026-01-01").platforms(&["linux/arm64"]))
        .image("1.0.3", built("2026-01-01"))
        .image("1.0.4", built("2026-01-01"));
    for (tag, reason) in [
        (
            "1.0.1",
            "1.0.1 does not reach the minimum age until 2026-11-24",
        ),
        ("1.0.2", "1.0.2 does not offer linux/amd64"),
    ] {
        let image = format!("org/app:{tag}");
        let scenario = scanned_for(scenario.clone(), &image);
        let plan = asked(&scenario, &image, &UpdateSpec::default());
        assert_eq!(held(&plan), "app not-accepted", "{tag}");
        let message = &plan.held_back[0].message;
        assert!(message.contains(reason), "{message}");
        assert_eq!(scenario.decide("app").says(), "update newer-image 1.0.4");
    }
    let scenario = scanned_for(scenario, "org/app:1.0.3");
    assert_eq!(plain(&scenario, "org/app:1.0.3").0, "app=org/app:1.0.3");
}

#[test]
fn manifest_with_a_digest_keeps_one() {
    let running = format!("org/app:1.1.0@{}", digest(9));
    let scenario = Scenario::following("semver:~1.0", &running)
        .nodes(&["linux/amd64"])
        .image("1.1.0", built("2026-01-02").digest(9))
        .image("1.0.5", built("2026-01-01").digest(5));
    assert_eq!(scenario.decide("app").reason.as_str(), "downgrade");
    let scenario = scanned_for(scenario, "org/app:1.0.5");
    let expected = format!("app=org/app:1.0.5@{}", digest(5));
    assert_eq!(plain(&scenario, "org/app:1.0.5").0, expected);
}

#[test]
fn unchecked_image_is_held_back_unless_overridden() {
    use kubectl_imgpolicy::image::FetchFailureKind::{RateLimited, Registry, Unauthorized};
    for kind in [RateLimited, Registry, Unauthorized] {
        for automated in [true, false] {
            let scenario = Scenario::deployment()
                .annotation(
                    "fluxcd.io/automated",
                    if automated { "true" } else { "false" },
                )
                .annotation(
                    "fluxcd.io/tag.app",
                    if automated { "semver:*" } else { "glob:x" },
                )
                .container("app", "org/app:1.0.0")
                .nodes(&["linux/amd64"])
                .image("1.0.0", built("2026-01-01"))
                .image("1.0.1", built("2026-01-02").platforms_fail(kind));
            let scenario = scanned_for(scenario, "org/app:1.0.1");
            let plan = asked(&scenario, "org/app:1.0.1", &UpdateSpec::default());
            assert_eq!(held(&plan), "app not-accepted", "{kind:?} {automated}");
            let lifted = overriding(Overrides {
                policy: true,
                ..Overrides::default()
            });
            let plan = asked(&scenario, "org/app:1.0.1", &lifted);
            assert_eq!(images(&plan), "app=org/app:1.0.1", "{kind:?} {automated}");
        }
    }
}

#[test]
fn gate_also_applies_without_a_policy() {
    let scenario = Scenario::deployment()
        .container("app", "org/app:1.0.0")
        .nodes(&["linux/amd64"])
        .image("1.0.0", built("2026-01-01"))
        .image("1.0.1", built("2026-01-02").artifact());
    let scenario = scanned_for(scenario, "org/app:1.0.1");
    let lifted = overriding(Overrides {
        policy: true,
        ..Overrides::default()
    });
    for spec in [UpdateSpec::default(), lifted] {
        let plan = asked(&scenario, "org/app:1.0.1", &spec);
        assert_eq!(held(&plan), "app not-an-image");
        assert_eq!(images(&plan), "");
    }
}
