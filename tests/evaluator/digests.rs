//! Product decision 7: digests stay correct.

use kubectl_imgpolicy::image::FetchFailureKind;

use crate::support::oracle::{built, digest, image};
use crate::support::scenario::Scenario;

/// `org/app:TAG@sha256:…` with a digest of this byte.
fn pinned(tag: &str, byte: u8) -> String {
    let colon = if tag.is_empty() { "" } else { ":" };
    format!("org/app{colon}{tag}@{}", digest(byte))
}

#[test]
fn written_digest_is_replaced_with_that_of_the_elected_tag() {
    let judged = Scenario::following("semver:*", &pinned("1.0.0", 9))
        .image("1.0.0", image().digest(9))
        .image("1.0.1", image().digest(2))
        .decide("app");
    assert_eq!(judged.writes(), pinned("1.0.1", 2));
    // The manifest also contains the digest; the running image is read for its platforms.
    let running = format!("platforms {}", digest(9));
    assert_eq!(judged.asked(), ["tags", "platforms 1.0.1", &running]);
}

#[test]
fn digest_alone_becomes_tag_and_digest() {
    let judged = Scenario::following("semver:*", &pinned("", 9))
        .image("1.0.1", image().digest(2))
        .decide("app");
    assert_eq!(judged.writes(), pinned("1.0.1", 2));
}

#[test]
fn digest_alone_is_compared_by_digest_only() {
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
fn no_digest_is_requested_or_written_without_a_written_one() {
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
fn tag_without_a_manifest_is_skipped() {
    let judged = Scenario::following("semver:*", &pinned("1.0.0", 9))
        .image("1.0.2", image().gone())
        .image("1.0.1", image().digest(2))
        .image("1.0.0", image().digest(9))
        .decide("app");
    assert_eq!(judged.writes(), pinned("1.0.1", 2));
    assert_eq!(judged.verdict("1.0.2"), "no-manifest");
    assert_eq!(judged.warns(), "", "the list of tags reports it");
}

#[test]
fn followed_tag_is_written_with_its_digest() {
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
fn followed_tag_that_serves_the_written_digest_is_up_to_date() {
    let judged = Scenario::following("digest:stable", &pinned("stable", 2))
        .image("stable", image().digest(2))
        .decide("app");
    assert_eq!(judged.says(), "keep up-to-date stable@sha256:0202020");
}

#[test]
fn latest_can_be_followed_by_digest() {
    let judged = Scenario::following("digest:latest", "org/app:latest")
        .image("latest", image().digest(2))
        .decide("app");
    assert_eq!(judged.writes(), pinned("latest", 2));
}

#[test]
fn missing_followed_tag_is_not_found() {
    let judged = Scenario::following("digest:stable", "org/app:1").decide("app");
    assert_eq!(judged.says(), "unknown image-not-found -");
}

#[test]
fn followed_tag_must_pass_platform_and_age_checks() {
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
fn pinned_digest_keeps_the_tag_that_serves_it() {
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
fn pinned_digest_drops_a_tag_that_serves_another() {
    for tag in ["1.0.0", "gone"] {
        let judged = Scenario::following(&pin(2), &format!("org/app:{tag}"))
            .image("1.0.0", image().digest(1))
            .image("other", image().digest(2))
            .decide("app");
        assert_eq!(judged.writes(), pinned("", 2), "{tag}");
    }
}

#[test]
fn written_pinned_digest_is_up_to_date_and_requests_nothing() {
    let judged = Scenario::following(&pin(2), &pinned("1.0.0", 2)).decide("app");
    assert_eq!(judged.says(), "keep up-to-date 1.0.0@sha256:0202020");
    assert_eq!(judged.asked(), [""; 0]);
}

#[test]
fn pinned_digest_unknown_to_the_registry_is_not_written() {
    let judged = Scenario::following(&pin(7), "org/app:1.0.0")
        .image("1.0.0", image().digest(1))
        .decide("app");
    assert_eq!(judged.says(), "unknown image-not-found -");
}

#[test]
fn failure_to_fetch_a_digest_leaves_the_row_undecided() {
    let judged = Scenario::following("semver:*", &pinned("1.0.0", 9))
        .tags_fail(FetchFailureKind::Unauthorized)
        .decide("app");
    assert_eq!(judged.says(), "unknown unauthorized -");
}
