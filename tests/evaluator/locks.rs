//! A lock keeps the image, but still shows what would be elected.

use crate::support::scenario::Scenario;

fn locked() -> Scenario {
    Scenario::deployment()
        .annotation("fluxcd.io/automated", "true")
        .annotation("fluxcd.io/tag.app", "semver:~1.0")
        .annotation("fluxcd.io/locked", "true")
        .container("app", "org/app:1.0.0")
}

#[test]
fn locked_container_shows_the_newer_image() {
    let judged = locked().tags(&["1.0.0", "1.0.1"]).decide("app");
    assert_eq!(judged.says(), "keep locked 1.0.1");
    assert!(judged.is_behind());
    assert_eq!(
        judged.message,
        "locked; 1.0.1 is the highest of 2 tags that match semver:~1.0"
    );
}

#[test]
fn locked_container_without_a_newer_image_is_not_behind() {
    let judged = locked().tags(&["1.0.0"]).decide("app");
    assert_eq!(judged.says(), "keep locked 1.0.0");
    assert!(!judged.is_behind());
}

#[test]
fn message_says_who_locked_it_and_why() {
    let judged = locked()
        .annotation("fluxcd.io/locked_user", "ann")
        .annotation("fluxcd.io/locked_msg", "until the migration is done")
        .annotation("imgpolicy.dev/locked-at", "2026-11-01T00:00:00Z")
        .tags(&["1.0.0", "1.0.1"])
        .decide("app");
    assert!(
        judged
            .message
            .starts_with("locked by ann: until the migration is done; 1.0.1 is")
    );
    let lock = judged.lock.clone().expect("a lock");
    assert_eq!(lock.by.as_deref(), Some("ann"));
    assert_eq!(lock.at.as_deref(), Some("2026-11-01T00:00:00Z"));
}

#[test]
fn author_and_message_alone_do_not_lock() {
    let judged = locked()
        .annotation("fluxcd.io/locked", "false")
        .annotation("fluxcd.io/locked_msg", "do not touch")
        .tags(&["1.0.0", "1.0.1"])
        .decide("app");
    assert_eq!(judged.says(), "update newer-image 1.0.1");
    assert_eq!(judged.lock, None);
}
