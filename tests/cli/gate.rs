//! The requests that the gate costs, and that every command goes through it.

use super::{AUTOMATED, automated, deployment, text, with_manifest};
use crate::support::content::{Content, Image, Index};
use crate::support::program::TestEnvironment;
use crate::support::registry::TestRegistry;

const BUILT: &str = "2024-01-01T00:00:00Z";
const CHART: &str = "application/vnd.cncf.helm.config.v1+json";

fn image(label: &str) -> Image {
    Image::built(BUILT).label(label)
}

fn index(label: &str) -> Index {
    Index::of(["linux/amd64", "linux/arm64"].map(|p| image(label).platform(p)))
}

fn chart(label: &str) -> Content {
    image(label).config_type(CHART).content()
}

fn charts(label: &str) -> Content {
    Content::artifact_index([image(label).config_type(CHART)])
}

/// The number of requests of a first and a second run that elect 1.0.1 over 1.0.0.
fn cost(registry: &TestRegistry, running: &str, flags: &[&str]) -> (usize, usize) {
    let environment = with_manifest(&automated("semver:*", running));
    let requests = || {
        registry.forget();
        let args = ["status", "-f", "web.yaml", "-o", "json"];
        let item = environment.run(args.iter().chain(flags)).expect(0).item();
        let latest = text(&item, "latest");
        assert!(latest.contains(":1.0.1"), "{latest}");
        registry.requests().len()
    };
    (requests(), requests())
}

/// A registry with 1.0.0, 1.0.1, and higher tags.
fn serving(two: fn(&str) -> Content, above: &[Content]) -> TestRegistry {
    let registry = TestRegistry::start();
    registry.push("org/app", "1.0.0", two("old"));
    registry.push("org/app", "1.0.1", two("new"));
    for (at, content) in above.iter().enumerate() {
        registry.push("org/app", &format!("1.0.{}", at + 2), content.clone());
    }
    registry
}

#[test]
fn update_costs_few_requests_and_each_refused_tag_one_or_two_more() {
    let single: fn(&str) -> Content = |label| image(label).content();
    let multi: fn(&str) -> Content = |label| index(label).into();
    let amd64 = ["--platform", "linux/amd64"];
    let foreign = |label: &str| Content::from(Index::of([image(label).platform("linux/s390x")]));
    for (two, above, flags, expected) in [
        // Cold: the list, and the manifest and config of both. Warm: the list and two HEADs.
        (single, &[][..], &[][..], (5, 3)),
        (single, &[], &amd64[..], (3, 2)),
        (multi, &[], &[], (3, 3)),
        (multi, &[], &amd64, (2, 2)),
        // For each refused tag; in a later run a HEAD confirms it.
        (single, &[chart("a")], &amd64, (4, 3)),
        (
            single,
            &[chart("a"), chart("b"), chart("c")],
            &amd64,
            (6, 5),
        ),
        (single, &[charts("a")], &amd64, (5, 3)),
        (multi, &[foreign("a")], &amd64, (3, 3)),
    ] {
        let registry = serving(two, above);
        let running = registry.image("org/app:1.0.0");
        let seen = cost(&registry, &running, flags);
        let context = format!("{} above, {flags:?}: {:?}", above.len(), registry.paths());
        assert!(
            seen.0 <= expected.0 && seen.1 <= expected.1,
            "{seen:?} {expected:?} {context}"
        );
    }
}

#[test]
fn digest_minimum_age_and_counted_pulls_add_only_their_own_requests() {
    let single: fn(&str) -> Content = |label| image(label).content();
    let amd64 = ["--platform", "linux/amd64"];
    let registry = serving(single, &[]);
    let pinned = registry.image(&format!(
        "org/app:1.0.0@{}",
        image("old").content().manifest.digest
    ));
    let (cold, warm) = cost(&registry, &pinned, &amd64);
    assert!(cold <= 4 && warm <= 3, "pinned: {cold} {warm}");
    let aged = [
        "--platform",
        "linux/amd64",
        "--min-age",
        "1h",
        "--min-age-clock=image",
    ];
    let running = registry.image("org/app:1.0.0");
    let (cold, warm) = cost(&registry, &running, &aged);
    assert!(cold <= 4 && warm <= 3, "aged: {cold} {warm}");
    let counting = serving(single, &[]);
    counting.count_pulls(100, 100);
    let (cold, warm) = cost(&counting, &counting.image("org/app:1.0.0"), &[]);
    assert!(cold <= 5 + 2 && warm <= 3, "counted: {cold} {warm}");
}

/// 1.0.1 is a chart, and the repository also holds signatures.
fn with_artifacts() -> TestRegistry {
    let registry = TestRegistry::start();
    let digest = registry.push("org/app", "1.0.0", image("old"));
    registry.push("org/app", "1.0.1", chart("new"));
    let signature = image("sig").layer("application/vnd.dev.cosign.simplesigning.v1+json");
    registry.push(
        "org/app",
        &format!("{}.sig", digest.replace(':', "-")),
        signature,
    );
    registry
}

#[test]
fn no_command_writes_a_non_image_artifact() {
    let registry = with_artifacts();
    let running = registry.image("org/app:1.0.0");
    let signature = format!(
        "org/app:{}.sig",
        image("old").content().manifest.digest.replace(':', "-")
    );
    for (manifest, what) in [
        (automated("semver:*", &running), "automated"),
        (automated("alphabetical", &running), "by the text"),
        (
            deployment("web", &["note: none"], &[("app", running.as_str())]),
            "manual",
        ),
        (
            deployment("web", &[AUTOMATED], &[("app", running.as_str())]),
            "implied",
        ),
    ] {
        let environment = with_manifest(&manifest);
        let stays = |environment: &TestEnvironment| {
            let file = environment.home().join("web.yaml");
            assert_eq!(
                std::fs::read_to_string(file).expect("a file"),
                manifest,
                "{what}"
            );
        };
        environment.run(["update", "--all", "-f", "web.yaml", "--yes"]);
        stays(&environment);
        for image in ["org/app:1.0.1", &signature] {
            let image = registry.image(image);
            for lifted in [&[][..], &["--override-policy"]] {
                let args = ["update", "-f", "web.yaml", "--yes", "--image", &image];
                let outcome = environment.run(args.iter().chain(lifted)).expect(1);
                let said = format!("{}{}", outcome.stdout, outcome.stderr);
                let why = if image.ends_with(".sig") {
                    "belongs to another image"
                } else {
                    "is not an image"
                };
                assert!(said.contains(why), "{what} {image}: {said}");
                stays(&environment);
            }
        }
    }
}

#[test]
fn explicit_image_must_fit_unless_the_safeguard_is_lifted() {
    let registry = TestRegistry::start();
    registry.push("org/app", "1.0.0", image("old"));
    registry.push("org/app", "1.0.1", image("new").platform("linux/arm64"));
    let running = registry.image("org/app:1.0.0");
    let manifest = deployment("web", &["note: none"], &[("app", running.as_str())]);
    let environment = with_manifest(&manifest);
    let image = registry.image("org/app:1.0.1");
    let args = ["update", "-f", "web.yaml", "--yes", "--image", &image];
    let outcome = environment.run(args);
    let said = format!("{}{}", outcome.stdout, outcome.stderr);
    assert!(said.contains("does not offer linux/amd64"), "{outcome:#?}");
    let file = environment.home().join("web.yaml");
    assert_eq!(std::fs::read_to_string(&file).expect("a file"), manifest);
    environment
        .run(args.iter().chain(&["--override-policy"]))
        .expect(0);
    assert!(
        std::fs::read_to_string(&file)
            .expect("a file")
            .contains(":1.0.1")
    );
}
