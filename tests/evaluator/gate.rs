//! Product decision 12: what is elected is looked at before it is written.

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
fn tags_of_signatures_are_dropped_before_anything_is_asked() {
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
fn a_signature_is_not_followed_by_its_tag_either() {
    let tag = format!("sha256-{HEX}.sig");
    let judged = running(&format!("digest:{tag}"))
        .image(&tag, image())
        .decide("app");
    assert_eq!(judged.says(), "keep no-matching-tag -");
}

#[test]
fn what_is_not_an_image_is_refused_and_the_next_tag_looked_at() {
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

#[test]
fn a_digest_that_is_not_an_images_is_neither_pinned_nor_followed() {
    let chart = || image().digest(7).artifact();
    let pin = format!("digest:{}", crate::support::oracle::digest(7));
    for policy in [pin.as_str(), "digest:stable"] {
        let judged = running(policy).image("stable", chart()).decide("app");
        assert_eq!(judged.says(), "keep no-matching-tag -", "{policy}");
        assert!(judged.message.ends_with("its config has another type"));
    }
}

#[test]
fn what_cannot_be_pulled_or_is_too_large_spoils_its_own_tag_only() {
    use FetchFailureKind::{CannotBePulled, NotFound, TooLarge};
    for policy in ["semver:*", "glob:*"] {
        for (kind, rejection) in [
            (CannotBePulled, "cannot-be-pulled"),
            (TooLarge, "too-large"),
            (NotFound, "no-manifest"),
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
fn an_old_tag_that_cannot_be_pulled_does_not_stop_an_order_by_time() {
    let judged = running("glob:*")
        .image("0.1.0", failing(FetchFailureKind::CannotBePulled))
        .image("1.0.1", built("2026-02-01"))
        .decide("app");
    assert_eq!(judged.says(), "update newer-image 1.0.1");
}

#[test]
fn a_running_image_whose_date_is_blocked_is_not_replaced_by_an_older_one() {
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
fn one_hidden_tag_spoils_itself_where_another_one_is_shown() {
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
    // No other one was asked for, so nothing shows that it is the tag and not we.
    let judged = running("semver:*")
        .image("1.0.1", failing(Unauthorized))
        .decide("app");
    assert_eq!(judged.says(), "unknown unauthorized -");
}

#[test]
fn where_requests_are_used_up_the_row_shows_what_was_not_checked() {
    let judged = running("semver:*")
        .image("1.0.1", failing(FetchFailureKind::RateLimited))
        .decide("app");
    assert_eq!(judged.says(), "unknown rate-limited 1.0.1");
    assert_eq!(
        judged.message,
        "1.0.1 would be elected, but could not be checked: the oracle fails: RateLimited"
    );
}

/// So many tags for another platform above 1.0.0, and 1.0.1 for the right one.
fn foreign(count: usize) -> Scenario {
    let mut scenario = running("semver:*").image("1.0.1", built("2026-02-01"));
    for patch in 2..count + 2 {
        scenario = scenario.image(&format!("1.0.{patch}"), image().platforms(&["linux/arm64"]));
    }
    scenario
}

#[test]
fn the_search_ends_after_twenty_refused_tags_or_as_many_as_asked_for() {
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
        // The tag list, the running image, and the tags that were looked at.
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

#[test]
fn tags_are_asked_for_one_by_one_and_after_four_refusals_four_at_a_time() {
    let order = |count: usize| {
        let asked = foreign(count).decide("app").asked();
        let of_gate = asked
            .iter()
            .filter_map(|fact| fact.strip_prefix("platforms 1.0."));
        of_gate.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(order(3), "4 3 2 1", "nothing of the running one");
    // Of the four that come after four refusals the first passes.
    let mut scenario = foreign(8);
    scenario = scenario.image("1.0.5", built("2026-02-01"));
    let asked = scenario.decide("app").asked();
    assert_eq!(asked.len(), 1 + 4 + 4, "{asked:?}");
    assert_eq!(order(4), "5 4 3 2 1");
    assert_eq!(order(9), "10 9 8 7 6 5 4 3 2 1");
}

#[test]
fn tags_that_are_too_young_in_an_order_by_time_do_not_end_the_search() {
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
fn the_gate_is_asked_once_for_the_elected_tag_and_nothing_of_the_others() {
    let judged = running("semver:*")
        .tags(&["1.0.1", "1.0.2", "0.9.0", "2.0.0-rc.1"])
        .decide("app");
    assert_eq!(judged.asked(), ["tags", "platforms 1.0.2"]);
}

#[test]
fn a_running_image_that_is_blocked_demands_no_platform_and_no_longer_holds_its_row() {
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
fn a_hidden_running_image_is_not_the_fault_of_the_tags_above_it() {
    let judged = Scenario::following("semver:*", "org/app:1.0.0")
        .image("1.0.0", failing(FetchFailureKind::Unauthorized))
        .image("1.0.1", built("2026-02-01"))
        .image("1.0.2", built("2026-03-01"))
        .decide("app");
    assert_eq!(judged.says(), "unknown unauthorized -");
}

#[test]
fn a_hidden_tag_spoils_itself_also_where_its_push_bounds_its_date() {
    let hidden = |pushed: &str| failing(FetchFailureKind::Unauthorized).pushed(pushed);
    let judged = running("glob:*")
        .image("1.0.1", built("2026-02-01").pushed("2026-02-01"))
        .image("1.0.2", hidden("2026-03-01"))
        .decide("app");
    assert_eq!(judged.says(), "update newer-image 1.0.1");
    assert_eq!(judged.verdict("1.0.2"), "cannot-be-pulled");
}

#[test]
fn what_is_remembered_of_a_refused_tag_is_confirmed() {
    let amd64 = || built("2026-02-01").digest(9);
    let was = || built("2026-02-01").digest(8).platforms(&["linux/arm64"]);
    let judged = running("semver:*")
        .image("1.0.1", amd64().remembered_as(was()))
        .decide("app");
    assert_eq!(judged.says(), "update newer-image 1.0.1");
    assert!(judged.asked().contains(&"confirmed 1.0.1".to_owned()));
    // One that is too young would be younger still.
    let young = built("2026-11-21").digest(7).pushed("2026-11-21");
    let judged = running("semver:*")
        .annotation("imgpolicy.dev/min-age", "72h")
        .image("1.0.1", young.remembered())
        .decide("app");
    assert_eq!(judged.says(), "keep up-to-date 1.0.0");
    assert!(!judged.asked().contains(&"confirmed 1.0.1".to_owned()));
}

#[test]
fn platforms_alone_do_not_tell_that_it_is_an_image() {
    use kubectl_imgpolicy::image::{Fact, Known, TagOrDigest};
    let scenario = running("semver:*").image("1.0.1", image().artifact());
    let snapshot = scenario.snapshot();
    let subjects = snapshot.subjects().expect("subjects");
    let mut metadata = scenario.oracle.omniscience();
    let version = TagOrDigest::Tag("1.0.1".parse().expect("a tag"));
    metadata.images.get_mut(&version).expect("it").content = Known::NotAsked;
    assert_eq!(subjects[0].needs(&metadata), [Fact::Platforms(version)]);
}
