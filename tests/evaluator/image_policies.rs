//! `imagePolicies` of a Kustomization: every field, what is rejected, and what is
//! ambiguous. Which workloads they apply to is tested in `reach`.

use serde_json::{Value, json};

use crate::support::oracle::{digest, image};
use crate::support::scenario::{Judged, Scenario};

/// An entry for org/app with this policy.
pub(super) fn entry(policy: Value) -> Value {
    json!({"name": "app-image", "policy": policy, "dockerhub": {"image": "docker.io/org/app"}})
}

pub(super) fn semver() -> Value {
    entry(json!({"semver": {"range": "~1.0"}}))
}

/// The entry with one more field, given by its path.
fn with(mut entry: Value, path: &[&str], value: Value) -> Value {
    let mut at = &mut entry;
    for key in path {
        at = &mut at[*key];
    }
    *at = value;
    entry
}

fn decide(entry: Value, tags: &[&str]) -> Judged {
    Scenario::governed_by(entry, "org/app:1.0.0")
        .tags(tags)
        .decide("app")
}

#[test]
fn every_policy_of_an_entry_elects() {
    for (policy, filter, elected) in [
        (json!({"semver": {"range": "~1.0"}}), "semver:~1.0", "1.0.1"),
        (
            json!({"alphabetical": {"order": "asc"}}),
            "alphabetical:asc",
            "b",
        ),
        (
            json!({"alphabetical": {"order": "desc"}}),
            "alphabetical:desc",
            "0.9",
        ),
        (json!({"alphabetical": {}}), "alphabetical:asc", "b"),
        (json!({"alphabetical": null}), "alphabetical:asc", "b"),
    ] {
        let judged = decide(entry(policy), &["0.9", "1.0.0", "1.0.1", "1.2.0", "b"]);
        assert_eq!(judged.elected(), elected, "{filter}");
        assert_eq!(
            judged.policy.as_ref().map(|p| p.filter.as_str()),
            Some(filter)
        );
    }
}

fn elected_by(policy: Value) -> String {
    Scenario::governed_by(entry(policy), "org/app:1.0.0")
        .image("1.0.0", image().digest(1))
        .image("stable", image().digest(2))
        .decide("app")
        .elected()
}

#[test]
fn digest_is_pinned_or_followed() {
    assert_eq!(
        elected_by(json!({"digest": digest(2).to_string()})),
        "@sha256:0202020"
    );
    assert_eq!(
        elected_by(json!({"digest": {"tag": "stable"}})),
        "stable@sha256:0202020"
    );
}

#[test]
fn identifier_is_read_from_three_fields() {
    let tags = ["v1.0.0", "v1.0.1", "1.0.2", "w1.0.3"];
    for place in [
        &["identifier"][..],
        &["policy", "identifier"],
        &["policy", "semver", "identifier"],
    ] {
        let entry = with(semver(), place, json!("v"));
        let judged = Scenario::governed_by(entry, "org/app:v1.0.0")
            .tags(&tags)
            .decide("app");
        assert_eq!(judged.says(), "update newer-image v1.0.1", "{place:?}");
        assert_eq!(judged.verdict("1.0.2"), "no-identifier");
    }
}

#[test]
fn different_identifiers_are_rejected() {
    let twice = with(semver(), &["identifier"], json!("v"));
    let same = with(twice.clone(), &["policy", "identifier"], json!("v"));
    assert_eq!(decide(same, &["v1.0.1"]).elected(), "v1.0.1");
    let other = with(twice, &["policy", "identifier"], json!("w"));
    let judged = decide(other, &["v1.0.1"]);
    assert_eq!(judged.says(), "unknown invalid-policy -");
    assert!(judged.message.ends_with("two identifiers: \"v\" and \"w\""));
}

#[test]
fn every_provider_may_name_the_image() {
    for provider in ["aws", "gcr", "oci", "dockerhub", "azure", "github"] {
        let mut entry = json!({"name": "x", "policy": {"semver": {"range": "~1.0"}}});
        entry[provider] = json!({"image": "index.docker.io/org/app"});
        assert_eq!(
            decide(entry, &["1.0.0", "1.0.1"]).elected(),
            "1.0.1",
            "{provider}"
        );
    }
}

#[test]
fn allowed_tags_extend_a_regex_and_allow_pre_releases_in_the_range() {
    for place in [&["allowTags"][..], &["dockerhub", "allowTags"]] {
        let entry = with(
            semver(),
            &["dockerhub", "policy"],
            json!({"tags": {"regex": "^[0-9.]+$"}}),
        );
        let entry = with(entry, place, json!(["-rc", "^9"]));
        let judged = decide(
            entry,
            &[
                "1.0.0",
                "1.0.1-rc.1",
                "1.0.1-beta",
                "1.2.0-rc.1",
                "9.0.0-rc.1",
            ],
        );
        assert_eq!(judged.elected(), "1.0.1-rc.1", "{place:?}");
        assert_eq!(judged.verdict("1.0.1-beta"), "filtered");
        assert_eq!(
            judged.verdict("1.2.0-rc.1"),
            "out-of-range",
            "bounds still apply"
        );
    }
}

#[test]
fn allowed_tags_restrict_without_a_regex() {
    let entry = with(semver(), &["allowTags"], json!(["^1.0.[01]"]));
    let judged = decide(entry, &["1.0.0", "1.0.1", "1.0.2", "1.0.1-rc.1"]);
    assert_eq!(judged.elected(), "1.0.1");
    assert_eq!(judged.verdict("1.0.2"), "not-allowed");
    assert_eq!(judged.verdict("1.0.1-rc.1"), "pre-release");
}

#[test]
fn ignored_tags_take_precedence() {
    for place in [&["ignoreTags"][..], &["dockerhub", "ignoreTags"]] {
        let entry = with(semver(), &["allowTags"], json!(["."]));
        let judged = decide(
            with(entry, place, json!(["2$"])),
            &["1.0.0", "1.0.1", "1.0.2"],
        );
        assert_eq!(judged.elected(), "1.0.1", "{place:?}");
        assert_eq!(judged.verdict("1.0.2"), "ignored");
    }
}

#[test]
fn invalid_entry_is_rejected_with_the_field() {
    let cases: Vec<(Value, &str)> = vec![
        (
            with(semver(), &["polices"], json!(1)),
            "the entry has an unknown field \"polices\"",
        ),
        (
            with(semver(), &["policy", "glob"], json!("x")),
            "policy has an unknown field \"glob\"",
        ),
        (
            with(semver(), &["policy", "semver", "rang"], json!("x")),
            "semver has an unknown field",
        ),
        (
            with(semver(), &["dockerhub", "regex"], json!("x")),
            "dockerhub has an unknown field",
        ),
        (
            with(
                semver(),
                &["dockerhub", "policy"],
                json!({"tags": {"glob": "x"}}),
            ),
            "tags has an unknown field",
        ),
        (
            with(
                semver(),
                &["dockerhub", "policy"],
                json!({"tags": {"regex": "("}}),
            ),
            "regex \"(\": ",
        ),
        (
            with(semver(), &["allowTags"], json!("^v")),
            "allowTags must be a list",
        ),
        (
            with(semver(), &["allowTags"], json!([1])),
            "allowTags must be a list of strings",
        ),
        (
            with(semver(), &["ignoreTags"], json!(["("])),
            "ignoreTags \"(\": ",
        ),
        (
            with(
                with(semver(), &["allowTags"], json!(["a"])),
                &["dockerhub", "allowTags"],
                json!(["b"]),
            ),
            "allowTags is in the entry and in its block",
        ),
        (
            with(semver(), &["aws"], json!({"image": "org/app"})),
            "only one block may have the image",
        ),
        (
            with(semver(), &["policy", "digest"], json!("x")),
            "policy must have only one of semver, digest",
        ),
        (
            with(semver(), &["policy"], json!({})),
            "policy must have one of semver, digest",
        ),
        (
            with(semver(), &["policy", "semver"], json!({})),
            "semver has no range",
        ),
        (
            with(semver(), &["policy", "semver", "range"], json!("")),
            "range \"\": ",
        ),
        (
            with(semver(), &["policy", "semver", "range"], json!(1.0)),
            "range must be a string; quote it",
        ),
        (
            with(semver(), &["identifier"], json!(1)),
            "identifier must be a string",
        ),
        (entry(json!({"digest": "sha256:beef"})), "digest: "),
        (
            entry(json!({"digest": {"tag": "a b"}})),
            "the tag \"a b\": ",
        ),
        (
            entry(json!({"alphabetical": {"order": "up"}})),
            "order must be asc or desc, not \"up\"",
        ),
        (with(semver(), &["name"], json!(null)), "it has no name"),
    ];
    for (entry, word) in cases {
        let judged = decide(entry, &["1.0.0", "1.0.1"]);
        assert_eq!(judged.says(), "unknown invalid-policy -", "{word}");
        assert!(
            judged.message.contains(word),
            "{} lacks {word}",
            judged.message
        );
        assert_eq!(judged.asked(), [""; 0]);
    }
}

#[test]
fn invalid_entry_still_shows_its_policy() {
    let judged = decide(with(semver(), &["typo"], json!(1)), &["1.0.1"]);
    let policy = judged.policy.clone().expect("a policy");
    assert_eq!(
        (policy.filter.as_str(), policy.order.as_str()),
        ("semver:~1.0", "semver")
    );
}

#[test]
fn names_are_unique_in_a_kustomization() {
    let other = with(semver(), &["dockerhub", "image"], json!("org/other"));
    let judged = Scenario::deployment()
        .kustomization("apps", json!([semver(), other]))
        .applied_by("apps")
        .container("app", "org/app:1.0.0")
        .decide("app");
    assert!(judged.message.ends_with("another entry has the same name"));
}

#[test]
fn two_entries_for_one_image_are_ambiguous_until_one_is_chosen() {
    let wide = with(
        entry(json!({"semver": {"range": "*"}})),
        &["name"],
        json!("wide"),
    );
    let scenario = Scenario::deployment()
        .kustomization("apps", json!([semver(), wide]))
        .applied_by("apps")
        .container("app", "org/app:1.0.0")
        .tags(&["1.0.0", "1.0.1", "2.0.0"]);
    let judged = scenario.decide("app");
    assert_eq!(judged.says(), "unknown invalid-policy -");
    assert_eq!(
        judged.message,
        "imagePolicies entry app-image of Kustomization flux-system/apps: imagePolicies entry \
         wide of Kustomization flux-system/apps is for the same image; choose one with the \
         annotation imgpolicy.dev/policy.app"
    );
    for (name, elected) in [("app-image", "1.0.1"), ("flux-system/wide", "2.0.0")] {
        let chosen = scenario
            .clone()
            .annotation("imgpolicy.dev/policy.app", name);
        assert_eq!(chosen.decide("app").elected(), elected, "{name}");
    }
    for name in ["nobody", "other-ns/wide", ""] {
        let judged = scenario
            .clone()
            .annotation("imgpolicy.dev/policy.app", name)
            .decide("app");
        assert_eq!(judged.says(), "unknown invalid-policy -");
        let expected = format!(
            "annotation imgpolicy.dev/policy.app: there is no imagePolicies entry {name:?}"
        );
        assert_eq!(judged.message, expected);
    }
}

#[test]
fn name_used_by_several_kustomizations_must_be_qualified() {
    let scenario = Scenario::deployment()
        .kustomization("apps", json!([semver()]))
        .kustomization("more", json!([semver()]))
        .container("app", "org/app:1.0.0")
        .annotation("imgpolicy.dev/policy.app", "app-image")
        .tags(&["1.0.0", "1.0.1"]);
    let judged = scenario.decide("app");
    assert_eq!(
        judged.message,
        "annotation imgpolicy.dev/policy.app: it could be the imagePolicies entry app-image of \
         Kustomization flux-system/apps or the imagePolicies entry app-image of Kustomization \
         flux-system/more"
    );
    assert_eq!(scenario.applied_by("more").decide("app").elected(), "1.0.1");
}
