//! Hostile or huge input: time, memory and messages stay bounded.

use std::time::{Duration, Instant};

use kubectl_imgpolicy::image::{Known, RepositoryMetadata, Tag};
use serde_json::json;

use crate::support::scenario::{Judged, Scenario};

/// 200 KB of this text, close to the limit of the API server.
fn huge(piece: &str) -> String {
    piece.repeat(200_000 / piece.len())
}

/// Checks that the decision takes seconds, with a printable message and warnings.
fn decide_quickly(scenario: &Scenario) -> Judged {
    let start = Instant::now();
    let judged = scenario.decide("app");
    let elapsed = start.elapsed();
    // Without optimisation, on a busy machine; a quadratic algorithm takes minutes.
    assert!(elapsed < Duration::from_secs(20), "{elapsed:?}");
    assert!(
        judged.message.len() < 1000,
        "{} bytes",
        judged.message.len()
    );
    for warning in &judged.warnings {
        assert!(
            warning.message.len() < 1000,
            "{} bytes",
            warning.message.len()
        );
    }
    judged
}

#[test]
fn huge_policy_is_rejected_with_a_short_message() {
    for kind in [
        "semver:",
        "regex:",
        "glob:",
        "digest:",
        "alphabetical:",
        "",
        "SemVer:",
        "numerical:",
    ] {
        for piece in ["a", "*a", "(", "1 || ", "é", "[", "\u{1b}[31m"] {
            let scenario = Scenario::following(&(kind.to_owned() + &huge(piece)), "org/app:1.0.0")
                .tags(&["1.0.0", "1.0.1"]);
            let judged = decide_quickly(&scenario);
            assert_eq!(judged.says(), "unknown invalid-policy -", "{kind}{piece}…");
            assert!(
                judged
                    .policy
                    .as_ref()
                    .is_some_and(|p| p.filter.len() < 1000)
            );
        }
    }
}

#[test]
fn huge_filters_are_rejected_with_a_short_message() {
    for name in [
        "filter-tags",
        "allow-tags",
        "ignore-tags",
        "min-age",
        "policy",
    ] {
        let key = match name {
            "min-age" => "imgpolicy.dev/min-age".to_owned(),
            name => format!("imgpolicy.dev/{name}.app"),
        };
        let list = format!("[{}\"a\"]", huge("\"(a|b)*c\","));
        for value in [huge("(a"), huge("["), list, huge("\u{7}x")] {
            let mut scenario = Scenario::deployment()
                .annotation("fluxcd.io/automated", "true")
                .annotation(&key, &value)
                .container("app", "org/app:1.0.0")
                .tags(&["1.0.0", "1.0.1"]);
            if name != "policy" {
                scenario = scenario.annotation("fluxcd.io/tag.app", "alphabetical");
            }
            let judged = decide_quickly(&scenario);
            assert_eq!(judged.says(), "unknown invalid-policy -", "{name}");
        }
    }
}

#[test]
fn huge_switches_and_images_are_cut_in_messages() {
    let yes = format!("{}true", huge(" "));
    for key in [
        "fluxcd.io/automated",
        "fluxcd.io/locked",
        "imgpolicy.dev/allow-downgrade",
    ] {
        let scenario = Scenario::deployment()
            .annotation(key, &yes)
            .annotation("flux.weave.works/automated", "true")
            .container("app", "org/app:1.0.0");
        decide_quickly(&scenario);
    }
    let scenario = Scenario::deployment().container("app", &huge("org/app:"));
    decide_quickly(&scenario);
    let scenario = Scenario::deployment()
        .annotation("imgpolicy.dev/last-update", &huge("{\"records\":"))
        .annotation("fluxcd.io/locked", "true")
        .container("app", "org/app:1.0.0");
    decide_quickly(&scenario);
}

#[test]
fn huge_image_policies_annotation_is_read_or_rejected_with_a_short_message() {
    let entry = "- {name: a, policy: {semver: {range: '*'}}, aws: {image: org/app}}\n";
    let bombs = "a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\n";
    for text in [
        huge(entry),
        huge("- "),
        huge("[{"),
        huge("a: "),
        huge(bombs),
        huge("x"),
    ] {
        let object = json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": "apps", "namespace": "flux-system",
                "annotations": {"imgpolicy.dev/image-policies": text}}});
        let scenario = Scenario::deployment()
            .annotation("fluxcd.io/automated", "true")
            .policy_object(object)
            .applied_by("apps")
            .container("app", "org/app:1.0.0")
            .tags(&["1.0.0", "1.0.1"]);
        let judged = decide_quickly(&scenario);
        assert_eq!(judged.says(), "unknown invalid-policy -");
        for sentence in scenario.unmatched() {
            assert!(sentence.len() < 1000, "{} bytes", sentence.len());
        }
    }
}

#[test]
fn regex_bombs_are_rejected_or_run_in_linear_time() {
    let tag = "a".repeat(128);
    for (bomb, is_valid) in [
        ("(a*)*b", true),
        ("(a|aa)+$", true),
        ("((a{0,100}){0,100}){0,100}", false),
        (r"(\pL{1000}){9}", false),
        ("a{1001}", false),
    ] {
        let scenario = Scenario::following("alphabetical", "org/app:1")
            .annotation("imgpolicy.dev/filter-tags.app", bomb)
            .tags(&["1", &tag]);
        let judged = decide_quickly(&scenario);
        assert_eq!(
            judged.reason.as_str() != "invalid-policy",
            is_valid,
            "{bomb}"
        );
    }
}

#[test]
fn tags_and_images_with_control_characters_are_rejected() {
    for text in ["1.0\u{1b}[31m", "1.0\n", "1.0\u{0}", "1.0\u{202e}"] {
        assert!(text.parse::<Tag>().is_err());
        let judged = Scenario::deployment()
            .container("app", &format!("org/app:{text}"))
            .decide("app");
        assert_eq!(judged.warns(), "undecided");
    }
    let list = json!({"tags": {"value": ["1.0.0", "1.0\u{1b}[31m"]}, "askedAt": null,
        "source": "registry", "illegalTags": 0, "images": {}});
    assert!(serde_json::from_value::<RepositoryMetadata>(list).is_err());
}

#[test]
fn control_characters_in_annotations_match_no_tag() {
    for policy in ["glob:1.0\u{1b}[31m", "regex:^\u{1b}", "\u{0}"] {
        let judged = Scenario::following(policy, "org/app:1.0")
            .tags(&["1.0", "2.0"])
            .decide("app");
        assert_eq!(judged.says(), "keep no-matching-tag -", "{policy:?}");
    }
}

#[test]
fn a_million_tags_are_decided_in_seconds() {
    let mut tags: Vec<Tag> = (0..1_000_000_u32)
        .map(|n| {
            let tag = format!("{}.{}.{}", n / 10_000, n / 100 % 100, n % 100);
            tag.parse().expect("a tag")
        })
        .collect();
    tags.sort();
    let metadata = RepositoryMetadata {
        tags: Known::Value(tags),
        is_closed: true,
        ..RepositoryMetadata::default()
    };
    let snapshot = Scenario::following("semver:^98", "org/app:98.0.0").snapshot();
    let subjects = snapshot.subjects().expect("subjects");
    let start = Instant::now();
    let decision = subjects[0].decide(&metadata);
    let elapsed = start.elapsed();
    assert_eq!(
        decision.message,
        "98.99.99 is the highest of 10000 tags that match semver:^98"
    );
    // Without optimisation, on a busy machine.
    assert!(elapsed < Duration::from_secs(30), "{elapsed:?}");
}
