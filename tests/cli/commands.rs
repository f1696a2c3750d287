//! `explain`, `images`, `version`, `options`.

use super::{AUTOMATED, deployment, root, with_manifest};
use crate::support::program::{Outcome, TestEnvironment};
use crate::support::registry::TestRegistry;

/// A command on the quick start's files and images.
fn on_quickstart(args: &[&str]) -> Outcome {
    let files = [
        "-f",
        "docs/quickstart/manifests",
        "--oci-layout",
        "docs/quickstart/images",
    ];
    let environment = TestEnvironment::new();
    environment
        .program(args.iter().chain(&files))
        .dir(&root())
        .run()
}

#[test]
fn explain_shows_the_verdict_and_the_next_command() {
    let outcome = on_quickstart(&["explain", "deployment/semver"]).expect(0);
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    assert_eq!(
        lines[..4],
        [
            "deployment/semver container app in namespace default",
            "Would move from 1.0.0 to 1.0.1: 1.0.1 is the highest of 2 tags that match semver:~1.0",
            "",
            "8 tags → 7 are not latest → 3 are versions → 2 are in range → 1 is elected",
        ]
    );
    assert!(
        lines.iter().any(|line| line.starts_with("*         1.0.0")),
        "{outcome:#?}"
    );
    let next = lines.last().expect("lines");
    assert!(
        next.starts_with("Next: kubectl imgpolicy update deployment/semver -f "),
        "{outcome:#?}"
    );
}

#[test]
fn explain_takes_one_container() {
    let all = on_quickstart(&["explain", "deployment/glob-regex"]).expect(0);
    let one = on_quickstart(&["explain", "deployment/glob-regex", "-c", "app"]).expect(0);
    assert!(all.stdout.contains("container sidecar") && all.stdout.contains("container app"));
    assert!(!one.stdout.contains("container sidecar") && one.stdout.contains("container app"));
}

#[test]
fn unknown_container_error_lists_the_existing_containers() {
    let outcome = on_quickstart(&["explain", "deployment/glob-regex", "-c", "web"]).expect(1);
    assert_eq!(
        outcome.stderr,
        "error: unable to find container named \"web\" (there are app, sidecar)\n"
    );
}

#[test]
fn explain_says_why_a_tag_was_not_chosen() {
    for (tag, expected) in [
        ("1.2.0", "1.2.0 was not chosen: it lies outside the range"),
        ("9.9.9", "The repository has no tag 9.9.9"),
    ] {
        let outcome = on_quickstart(&["explain", "deployment/semver", "--tag", tag]).expect(0);
        assert!(
            outcome.stdout.lines().any(|line| line == expected),
            "{outcome:#?}"
        );
    }
}

#[test]
fn explain_shows_ten_tags_or_the_requested_number() {
    let registry = TestRegistry::start();
    registry.tag("org/app", (0..30).map(|n| format!("1.0.{n}")));
    let image = registry.image("org/app:1.0.3");
    let manifest = deployment(
        "web",
        &[AUTOMATED, "fluxcd.io/tag.app: semver:*"],
        &[("app", &image)],
    );
    let environment = with_manifest(&manifest);
    for (limit, expected) in [
        (&[][..], 10),
        (&["--limit", "3"][..], 3),
        (&["--limit", "0"][..], 30),
    ] {
        let args = ["explain", "deployment/web", "-f", "web.yaml"];
        let outcome = environment.run(args.iter().chain(limit)).expect(0);
        let shown = outcome
            .stdout
            .lines()
            .filter(|line| line.contains(" accepted ") || line.contains(" elected "));
        // The running tag is always shown.
        let shown = shown
            .filter(|line| !line.starts_with('*') && line.contains("1.0."))
            .count();
        let without_running = if expected == 30 { 29 } else { expected };
        assert_eq!(shown, without_running, "{limit:?} {outcome:#?}");
    }
}

#[test]
fn explain_prints_json() {
    let one = on_quickstart(&["explain", "deployment/semver", "-o", "json"])
        .expect(0)
        .json();
    assert_eq!(one["kind"], "ImageExplanationList", "{one}");
    assert_eq!(one["apiVersion"], "imgpolicy.dev/v1alpha1");
    let [item] = one["items"].as_array().expect("items").as_slice() else {
        panic!("{one}");
    };
    assert_eq!(item["kind"], "ImageExplanation", "{one}");
    assert_eq!(item["item"]["latest"], "docker.io/org/my-app:1.0.1");
}

#[test]
fn workload_missing_from_the_files_is_an_error() {
    for command in ["explain", "status"] {
        let outcome = on_quickstart(&[command, "deployment/nosuch"]).expect(1);
        assert_eq!(outcome.stdout, "", "{command}");
        assert_eq!(
            outcome.stderr, "error: deployment \"nosuch\" not found in the files\n",
            "{command}"
        );
    }
    // Existing workloads are still shown.
    let outcome =
        on_quickstart(&["status", "deployment", "nosuch", "semver", "-o", "name"]).expect(1);
    assert_eq!(outcome.stdout, "deployment.apps/semver\n");
}

#[test]
fn images_lists_every_image_once_with_its_workloads() {
    let outcome = on_quickstart(&["images"]).expect(0);
    insta::assert_snapshot!(outcome.stdout, @r"
    IMAGE                    TAG           WORKLOADS                                                  STATE
    docker.io/org/my-app     1.0.0         deployment/locked,deployment/semver,deployment/timestamp   locked,automated
    docker.io/org/my-app     dev-9e3bdaf   deployment/glob-regex                                      automated
    docker.io/org/my-proxy   stg-4s7bsgv   deployment/glob-regex                                      automated
    my-registry.com/my-app   v1.2.3        deployment/my-app                                          automated
    ");
}

#[test]
fn images_lists_the_tags_of_an_image_newest_first() {
    let args = [
        "images",
        "docker.io/org/my-proxy:stg-4s7bsgv",
        "--oci-layout",
        "docs/quickstart/images",
    ];
    let outcome = TestEnvironment::new()
        .program(args)
        .dir(&root())
        .run()
        .expect(0);
    let tags: Vec<&str> = outcome
        .stdout
        .lines()
        .filter(|line| line.contains("accepted") || line.contains("elected"))
        .filter_map(|line| line.trim_start_matches('*').split_whitespace().next())
        .collect();
    assert_eq!(tags[..2], ["prod-7q0w3ze", "stg-k2x9d1m"], "{outcome:#?}");
    assert!(
        outcome
            .stdout
            .lines()
            .any(|line| line.starts_with("*         stg-4s7bsgv"))
    );
}

#[test]
fn unavailable_tags_are_an_error_in_every_format() {
    let registry = TestRegistry::start();
    let image = registry.image("org/nosuch");
    for format in ["table", "json"] {
        let outcome = TestEnvironment::new().run(["images", &image, "-o", format]);
        let outcome = outcome.expect(1);
        assert_eq!(outcome.stdout, "", "{format}");
        assert!(outcome.stderr.starts_with("error: "), "{outcome:#?}");
    }
}

#[test]
fn images_lists_the_tags_of_a_workload_in_the_order_of_its_policy() {
    let outcome = on_quickstart(&["images", "deployment/semver", "--limit", "2"]).expect(0);
    assert!(
        outcome.stdout.ends_with("\ndates: 2 config\n"),
        "{outcome:#?}"
    );
    let rows: Vec<Vec<&str>> = outcome
        .stdout
        .lines()
        .skip(3)
        .take(2)
        // Without the age.
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .map(|row| row[..row.len() - 1].to_vec())
        .collect();
    assert_eq!(
        rows,
        [
            vec!["1.0.1", "elected", "2026-04-13", "09:00"],
            vec!["*", "1.0.0", "accepted", "2026-03-02", "09:00"]
        ],
        "{outcome:#?}"
    );
}

#[test]
fn version_is_printed_like_kubectls() {
    let environment = TestEnvironment::new();
    let version = concat!("v", env!("CARGO_PKG_VERSION"));
    let outcome = environment.run(["version", "--client"]).expect(0);
    assert_eq!(outcome.stdout, format!("Client Version: {version}\n"));
    let json = environment.run(["version", "-o", "json"]).expect(0).json();
    assert_eq!(json["clientVersion"]["version"], version);
}

#[test]
fn options_lists_kubectls_flags() {
    let outcome = TestEnvironment::new().run(["options"]).expect(0);
    for flag in [
        "--kubeconfig",
        "--context",
        "--cluster",
        "--user",
        "--namespace",
        "--as",
        "--as-group",
        "--request-timeout",
        "--server",
        "--token",
        "--certificate-authority",
        "--insecure-skip-tls-verify",
        "--v",
        "--color",
    ] {
        let found = outcome
            .stdout
            .split([' ', '[', '\n'])
            .any(|word| word == flag);
        assert!(found, "{flag}: {}", outcome.stdout);
    }
}
