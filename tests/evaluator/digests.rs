//! Product decision 7: digests stay right.

use kubectl_imgpolicy::image::FetchFailureKind;

use crate::support::oracle::{built, digest, image};
use crate::support::scenario::Scenario;

/// `org/app:TAG@sha256:…` with the digest of that byte.
fn pinned(tag: &str, byte: u8) -> String {
    let colon = if tag.is_empty() { "" } else { ":" };
    format!("org/app{colon}{tag}@{}", digest(byte))
}

#[test]
fn a_written_digest_becomes_that_of_the_elected_tag() {
    let judged = Scenario::following("semver:*", &pinned("1.0.0", 9))
        .image("1.0.0", image().digest(9))
        .image("1.0.1", image().digest(2))
        .decide("app");
    assert_eq!(judged.writes(), pinned("1.0.1", 2));
    // The manifest tells the digest too; of the running one its platforms count.
    let running = format!("platforms {}", digest(9));
    assert_eq!(judged.asked(), ["tags", "platforms 1.0.1", &running]);
}

#[test]
fn a_digest_alone_becomes_tag_and_digest() {
    let judged = Scenario::following("semver:*", &pinned("", 9))
        .image("1.0.1", image().digest(2))
        .decide("app");
    assert_eq!(judged.writes(), pinned("1.0.1", 2));
}

#[test]
fn a_digest_alone_is_compared_with_the_elected_one_by_digest_only() {
    let judged = Scenario::following("semver:*", &pinned("", 2))
        .image("1.0.1", image().digest(2))
        .image("1.0.0", image().digest(1))
        .decide("app");
    assert_eq!(judged.says(), "keep up-to-date @sha256:0202020");
    assert_eq!(
        judged.message,
        "the written digest is what the elected tag serves"
    );
}

#[test]
fn without_a_written_digest_none_is_asked_for_or_written() {
    let judged = Scenario::following("semver:*", "org/app:1.0.0")
        .tags(&["1.0.0", "1.0.1"])
        .decide("app");
    assert_eq!(judged.writes(), "org/app:1.0.1");
    assert_eq!(
        judged.asked(),
        ["tags", "platforms 1.0.1", "platforms 1.0.0"]
    );
}

#[test]
fn an_elected_tag_without_a_manifest_is_passed_over() {
    let judged = Scenario::following("semver:*", &pinned("1.0.0", 9))
        .image("1.0.2", image().gone())
        .image("1.0.1", image().digest(2))
        .image("1.0.0", image().digest(9))
        .decide("app");
    assert_eq!(judged.writes(), pinned("1.0.1", 2));
    assert_eq!(judged.verdict("1.0.2"), "no-manifest");
    assert_eq!(judged.warns(), "", "that is said where tags are listed");
}

#[test]
fn a_followed_tag_is_written_with_what_it_serves() {
    for (image_before, writes) in [
        ("org/app:stable".to_owned(), pinned("stable", 2)),
        (pinned("stable", 1), pinned("stable", 2)),
        ("org/app:1.0.0".to_owned(), pinned("stable", 2)),
        (pinned("", 1), pinned("stable", 2)),
    ] {
        let judged = Scenario::following("digest:stable", &image_before)
            .nodes(&["linux/amd64"])
            .image("stable", image().digest(2))
            .decide("app");
        assert_eq!(judged.writes(), writes, "{image_before}");
        assert_eq!(judged.asked(), ["digest stable", "platforms stable"]);
        assert_eq!(judged.message, "stable serves sha256:0202020");
        assert_eq!(judged.verdict("stable"), "elected");
    }
}

#[test]
fn a_followed_tag_that_serves_what_is_written_is_up_to_date() {
    let judged = Scenario::following("digest:stable", &pinned("stable", 2))
        .image("stable", image().digest(2))
        .decide("app");
    assert_eq!(judged.says(), "keep up-to-date stable@sha256:0202020");
}

#[test]
fn latest_is_followed_by_digest_although_it_is_never_elected() {
    let judged = Scenario::following("digest:latest", "org/app:latest")
        .image("latest", image().digest(2))
        .decide("app");
    assert_eq!(judged.writes(), pinned("latest", 2));
}

#[test]
fn a_followed_tag_that_is_gone_is_not_found() {
    let judged = Scenario::following("digest:stable", "org/app:1").decide("app");
    assert_eq!(judged.says(), "unknown image-not-found -");
}

#[test]
fn a_followed_tag_waits_for_its_platforms_and_its_age() {
    let scenario = Scenario::following("digest:stable", "org/app:stable").image(
        "stable",
        built("2026-11-20").digest(2).platforms(&["linux/amd64"]),
    );
    let young = scenario.clone().annotation("imgpolicy.dev/min-age", "72h");
    assert_eq!(young.decide("app").says(), "unknown too-young -");
    let arm = scenario.clone().nodes(&["linux/arm64"]).decide("app");
    assert_eq!(arm.says(), "unknown wrong-platform -");
    assert_eq!(
        arm.asked(),
        ["digest stable", "platforms stable"],
        "each once"
    );
    assert_eq!(arm.verdict("stable"), "wrong-platform");
}

fn pin(byte: u8) -> String {
    format!("digest:{}", digest(byte))
}

#[test]
fn a_pinned_digest_keeps_the_tag_that_serves_it() {
    let judged = Scenario::following(&pin(2), "org/app:1.0.0")
        .nodes(&["linux/amd64"])
        .image("1.0.0", image().digest(2))
        .decide("app");
    assert_eq!(judged.writes(), pinned("1.0.0", 2));
    let expected = [
        format!("digest {}", digest(2)),
        "digest 1.0.0".to_owned(),
        format!("platforms {}", digest(2)),
    ];
    assert_eq!(judged.asked(), expected);
}

#[test]
fn a_pinned_digest_drops_a_tag_that_serves_another() {
    for tag in ["1.0.0", "gone"] {
        let judged = Scenario::following(&pin(2), &format!("org/app:{tag}"))
            .image("1.0.0", image().digest(1))
            .image("other", image().digest(2))
            .decide("app");
        assert_eq!(judged.writes(), pinned("", 2), "{tag}");
    }
}

#[test]
fn a_pinned_digest_that_is_written_is_up_to_date_and_asks_nothing() {
    let judged = Scenario::following(&pin(2), &pinned("1.0.0", 2)).decide("app");
    assert_eq!(judged.says(), "keep up-to-date 1.0.0@sha256:0202020");
    assert_eq!(judged.asked(), [""; 0]);
}

#[test]
fn a_pinned_digest_that_the_registry_does_not_know_is_not_written() {
    let judged = Scenario::following(&pin(7), "org/app:1.0.0")
        .image("1.0.0", image().digest(1))
        .decide("app");
    assert_eq!(judged.says(), "unknown image-not-found -");
}

#[test]
fn a_digest_that_cannot_be_had_decides_nothing() {
    let judged = Scenario::following("semver:*", &pinned("1.0.0", 9))
        .tags_fail(FetchFailureKind::Unauthorized)
        .decide("app");
    assert_eq!(judged.says(), "unknown unauthorized -");
}
