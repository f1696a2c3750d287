//! Product decision 12: an elected image is checked before it is written.

use kubectl_imgpolicy::image::FetchFailureKind;
use kubectl_imgpolicy::policy::WarningCode;

use crate::support::oracle::{OracleImage, built, image};
use crate::support::scenario::Scenario;

const HEX: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// 1.0.0 runs, on nodes of one platform.
fn running(policy: &str) -> Scenario {
    Scenario::following(policy, "org/app:1.0.0")
        .nodes(&["linux/amd64"])
        .image("1.0.0", built("2026-01-01"))
}

fn failing(kind: FetchFailureKind) -> OracleImage {
    image().platforms_fail(kind).created_fails(kind)
}

#[test]
fn signature_tags_are_dropped_before_any_request() {
    for policy in ["glob:*", "alphabetical", "regex:.*", "glob:sha256-*"] {
        let mut scenario = running(policy).image("1.0.1", built("2026-02-01"));
        let suffixes = ["", ".sig", ".att", ".sbom"];
        for suffix in suffixes {
            scenario = scenario.image(&format!("sha256-{HEX}{suffix}"), built("2026-03-01"));
        }
        let judged = scenario.decide("app");
        for suffix in suffixes {
            let tag = format!("sha256-{HEX}{suffix}");
            assert_eq!(judged.verdict(&tag), "artifact-tag", "{policy}");
        }
        let asked = judged.asked().join(" ");
        assert!(!asked.contains("sha256-"), "{policy}: {asked}");
        let elected = if policy == "glob:sha256-*" {
            "-"
        } else {
            "1.0.1"
        };
        assert_eq!(judged.elected(), elected, "{policy}");
        assert_eq!(judged.warns(), "", "{policy}");
    }
}

#[test]
fn signature_tag_cannot_be_followed() {
    let tag = format!("sha256-{HEX}.sig");
    let judged = running(&format!("digest:{tag}"))
        .image(&tag, image())
        .decide("app");
    assert_eq!(judged.says(), "keep no-matching-tag -");
}

#[test]
fn tag_that_is_not_an_image_is_skipped_for_the_next_one() {
    for policy in ["semver:*", "glob:*", "alphabetical"] {
        let judged = running(policy)
            .image("1.0.1", built("2026-02-01"))
            .image("1.0.2", built("2026-03-01").artifact())
            .decide("app");
        assert_eq!(judged.says(), "update newer-image 1.0.1", "{policy}");
        assert_eq!(judged.verdict("1.0.2"), "not-an-image", "{policy}");
    }
    let judged = running("semver:*")
        .image("1.0.1", image().artifact())
        .decide("app");
    assert_eq!(judged.says(), "keep up-to-date 1.0.0");
    assert_eq!(
        judged.warning(WarningCode::NotAnImage),
        "1.0.1 is not an image: its config has another type"
    );
}

fn chart() -> OracleImage {
    image().digest(7).artifact()
}

#[test]
fn digest_that_is_not_an_image_is_neither_pinned_nor_followed() {
    let pin = format!("digest:{}", crate::support::oracle::digest(7));
    for policy in [pin.as_str(), "digest:stable"] {
        let judged = running(policy).image("stable", chart()).decide("app");
        assert_eq!(judged.says(), "keep no-matching-tag -", "{policy}");
        assert!(judged.message.ends_with("its config has another type"));
    }
}

#[test]
fn blocked_or_too_large_image_affects_only_its_own_tag() {
    use FetchFailureKind::{CannotBePulled, NoConfig, NotFound, TooLarge};
    for policy in ["semver:*", "glob:*"] {
        for (kind, rejection) in [
            (CannotBePulled, "cannot-be-pulled"),
            (TooLarge, "too-large"),
            (NotFound, "no-manifest"),
            (NoConfig, "no-config"),
        ] {
            let judged = running(policy)
                .image("1.0.1", built("2026-02-01"))
                .image("1.0.2", failing(kind))
                .decide("app");
            assert_eq!(
                judged.says(),
                "update newer-image 1.0.1",
                "{policy} {kind:?}"
            );
            assert_eq!(judged.verdict("1.0.2"), rejection, "{policy}");
        }
    }
}

#[test]
fn tag_whose_config_is_missing_causes_a_warning() {
    for policy in ["semver:*", "glob:*"] {
        let judged = running(policy)
            .image("1.0.1", built("2026-02-01"))
            .image("1.0.2", failing(FetchFailureKind::NoConfig))
            .decide("app");
        assert_eq!(judged.says(), "update newer-image 1.0.1", "{policy}");
        let warning = judged.warning(WarningCode::NoConfig);
        assert!(warning.starts_with("1.0.2 "), "{warning}");
        assert!(warning.contains("config of"), "{warning}");
    }
    let judged = Scenario::following("glob:*", "org/app:b")
        .image("a", built("2026-01-01"))
        .image("b", failing(FetchFailureKind::NoConfig))
        .decide("app");
    assert_eq!(judged.says(), "update newer-image a", "nobody can pull b");
}

#[test]
fn tag_that_is_not_a_version_is_explained() {
    for (tag, part) in [
        ("1.2.3.4", "'.4' follows"),
        (
            "1.2.3-01",
            "the number 01 in its pre-release has a leading zero",
        ),
        ("1_2", "'_' follows its numbers"),
    ] {
        let judged = Scenario::following("semver:*", "org/app")
            .tags(&[tag])
            .decide("app");
        assert_eq!(judged.verdict(tag), "no-version");
        let message = &judged.message;
        assert!(
            message.contains(&format!("{tag} is not a semantic version")),
            "{message}"
        );
        assert!(message.contains(part), "{message}");
        assert!(
            message.contains("numerical") && message.contains("extract"),
            "{message}"
        );
    }
}

#[test]
fn old_tag_that_cannot_be_pulled_does_not_stop_creation_order() {
    let judged = running("glob:*")
        .image("0.1.0", failing(FetchFailureKind::CannotBePulled))
        .image("1.0.1", built("2026-02-01"))
        .decide("app");
    assert_eq!(judged.says(), "update newer-image 1.0.1");
}

#[test]
fn running_image_with_a_blocked_date_is_not_replaced_by_an_older_one() {
    let judged = Scenario::following("glob:*", "org/app:b")
        .image("a", built("2026-01-01"))
        .image("b", failing(FetchFailureKind::CannotBePulled))
        .decide("app");
    assert_eq!(judged.says(), "unknown no-creation-time -");
    assert_eq!(
        judged.message,
        "the date of the running b cannot be read (the oracle fails: CannotBePulled), so newer and \
         older tags cannot be distinguished; use semver: or numerical, or update --image"
    );
}

#[test]
fn hidden_tag_affects_only_itself_if_another_is_visible() {
    use FetchFailureKind::Unauthorized;
    for policy in ["semver:*", "glob:*"] {
        let hidden = running(policy).image("1.0.2", failing(Unauthorized));
        let judged = hidden
            .clone()
            .image("1.0.1", built("2026-02-01"))
            .decide("app");
        assert_eq!(judged.says(), "update newer-image 1.0.1", "{policy}");
        assert_eq!(judged.verdict("1.0.2"), "cannot-be-pulled", "{policy}");
    }
    // No other image was requested, so the credentials may be at fault.
    let judged = running("semver:*")
        .image("1.0.1", failing(Unauthorized))
        .decide("app");
    assert_eq!(judged.says(), "unknown unauthorized -");
}

#[test]
fn rate_limited_row_shows_the_unchecked_tag() {
    let judged = running("semver:*")
        .image("1.0.1", failing(FetchFailureKind::RateLimited))
        .decide("app");
    assert_eq!(judged.says(), "unknown rate-limited 1.0.1");
    assert_eq!(
        judged.message,
        "1.0.1 would be elected, but could not be checked: the oracle fails: RateLimited"
    );
}

/// `count` tags above 1.0.0 for another platform, and 1.0.1 for the right one.
fn foreign(count: usize) -> Scenario {
    let mut scenario = running("semver:*").image("1.0.1", built("2026-02-01"));
    for patch in 2..count + 2 {
        scenario = scenario.image(&format!("1.0.{patch}"), image().platforms(&["linux/arm64"]));
    }
    scenario
}

#[test]
fn search_ends_after_twenty_refused_tags_or_the_flag() {
    for (count, most, says) in [
        (19, None, "update newer-image 1.0.1"),
        (20, None, "unknown wrong-platform -"),
        (200, None, "unknown wrong-platform -"),
        (200, Some(201), "update newer-image 1.0.1"),
        (3, Some(3), "unknown wrong-platform -"),
        (2, Some(3), "update newer-image 1.0.1"),
    ] {
        let judged = foreign(count)
            .settings(|s| s.max_candidates = most)
            .decide("app");
        assert_eq!(judged.says(), says, "{count} {most:?}");
        let looked = most.unwrap_or(20).min(count + 1);
        // The tag list, the running image, and the tags that were checked.
        assert!(
            judged.asked().len() <= 2 + looked,
            "{count}: {:?}",
            judged.asked()
        );
    }
    let judged = foreign(200).decide("app");
    assert_eq!(
        judged.message,
        "1.0.201 does not offer linux/amd64, on which the workload runs; none of the best 20 tags \
         can be elected, and the others were not checked: raise --max-candidates to check more"
    );
}

/// The tags above 1.0.0 whose platforms were requested, in order.
fn checked(count: usize) -> String {
    let asked = foreign(count).decide("app").asked();
    let of_gate = asked
        .iter()
        .filter_map(|fact| fact.strip_prefix("platforms 1.0."));
    of_gate.collect::<Vec<_>>().join(" ")
}

#[test]
fn tags_are_checked_one_by_one_then_four_at_a_time() {
    assert_eq!(checked(3), "4 3 2 1", "no request for the running tag");
    // The first of the four after four refusals passes.
    let mut scenario = foreign(8);
    scenario = scenario.image("1.0.5", built("2026-02-01"));
    let asked = scenario.decide("app").asked();
    assert_eq!(asked.len(), 1 + 4 + 4, "{asked:?}");
    assert_eq!(checked(4), "5 4 3 2 1");
    assert_eq!(checked(9), "10 9 8 7 6 5 4 3 2 1");
}

#[test]
fn too_young_tags_do_not_count_towards_the_limit_in_creation_order() {
    let mut scenario = Scenario::following("glob:*", "org/app:a")
        .nodes(&["linux/amd64"])
        .annotation("imgpolicy.dev/min-age", "72h")
        .image("a", built("2026-01-01"))
        .image("b", built("2026-02-01").pushed("2026-02-01"));
    for minute in 10..40 {
        let at = format!("2026-11-21T10:{minute}:00Z");
        scenario = scenario.image(&format!("n-{minute}"), built(&at).pushed(&at));
    }
    assert_eq!(scenario.decide("app").says(), "update newer-image b");
}

#[test]
fn gate_checks_only_the_elected_tag() {
    let judged = running("semver:*")
        .tags(&["1.0.1", "1.0.2", "0.9.0", "2.0.0-rc.1"])
        .decide("app");
    assert_eq!(judged.asked(), ["tags", "platforms 1.0.2"]);
}

#[test]
fn blocked_running_image_requires_no_platform() {
    use FetchFailureKind::{CannotBePulled, NotFound, TooLarge};
    for kind in [CannotBePulled, NotFound, TooLarge] {
        let judged = Scenario::following("semver:*", "org/app:1.0.0")
            .image("1.0.0", failing(kind))
            .image("1.0.1", built("2026-02-01"))
            .decide("app");
        assert_eq!(judged.says(), "update newer-image 1.0.1", "{kind:?}");
    }
}

#[test]
fn hidden_running_image_does_not_affect_better_tags() {
    let judged = Scenario::following("semver:*", "org/app:1.0.0")
        .image("1.0.0", failing(FetchFailureKind::Unauthorized))
        .image("1.0.1", built("2026-02-01"))
        .image("1.0.2", built("2026-03-01"))
        .decide("app");
    assert_eq!(judged.says(), "unknown unauthorized -");
}

fn hidden(pushed: &str) -> OracleImage {
    failing(FetchFailureKind::Unauthorized).pushed(pushed)
}

#[test]
fn hidden_tag_affects_only_itself_if_its_push_time_is_known() {
    let judged = running("glob:*")
        .image("1.0.1", built("2026-02-01").pushed("2026-02-01"))
        .image("1.0.2", hidden("2026-03-01"))
        .decide("app");
    assert_eq!(judged.says(), "update newer-image 1.0.1");
    assert_eq!(judged.verdict("1.0.2"), "cannot-be-pulled");
}

#[test]
fn cached_facts_of_a_refused_tag_are_confirmed() {
    let amd64 = || built("2026-02-01").digest(9);
    let was = || built("2026-02-01").digest(8).platforms(&["linux/arm64"]);
    let judged = running("semver:*")
        .image("1.0.1", amd64().remembered_as(was()))
        .decide("app");
    assert_eq!(judged.says(), "update newer-image 1.0.1");
    assert!(judged.asked().contains(&"confirmed 1.0.1".to_owned()));
    // An image that was pushed since would be younger still.
    let young = built("2026-11-21").digest(7).pushed("2026-11-21");
    let judged = running("semver:*")
        .annotation("imgpolicy.dev/min-age", "72h")
        .image("1.0.1", young.remembered())
        .decide("app");
    assert_eq!(judged.says(), "keep up-to-date 1.0.0");
    assert!(!judged.asked().contains(&"confirmed 1.0.1".to_owned()));
}

#[test]
fn platforms_alone_do_not_prove_an_image() {
    use kubectl_imgpolicy::image::{Fact, Known, TagOrDigest};
    let scenario = running("semver:*").image("1.0.1", image().artifact());
    let snapshot = scenario.snapshot();
    let subjects = snapshot.subjects().expect("subjects");
    let mut metadata = scenario.oracle.omniscience();
    let version = TagOrDigest::Tag("1.0.1".parse().expect("a tag"));
    metadata.images.get_mut(&version).expect("it").content = Known::NotAsked;
    assert_eq!(subjects[0].needs(&metadata), [Fact::Platforms(version)]);
}
