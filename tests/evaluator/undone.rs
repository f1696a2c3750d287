//! `kubectl rollout undo` takes back the annotations, too.

use kubectl_imgpolicy::policy::WarningCode;

use crate::support::scenario::Scenario;

const LOCKED: [(&str, &str); 3] = [
    ("fluxcd.io/locked", "true"),
    ("fluxcd.io/locked_user", "alice"),
    ("fluxcd.io/locked_msg", "freeze"),
];

/// 1.0.0 runs again, after 1.0.1 did.
fn undone(annotations: &[(&str, &str)], image: &str) -> Scenario {
    Scenario::following("semver:*", "org/app:1.0.0")
        .tags(&["1.0.0", "1.0.1"])
        .undone(annotations, image)
}

#[test]
fn lost_lock_is_reported_until_the_workload_is_locked_again() {
    let judged = undone(&LOCKED, "org/app:0.9.0").decide("app");
    assert_eq!(
        judged.warning(WarningCode::UndoneLock),
        "revision 7 was locked by alice (freeze); undoing it also removed the lock"
    );
    assert_eq!(judged.warns(), "undone-lock");
    let judged = undone(&LOCKED, "org/app:0.9.0")
        .annotation("flux.weave.works/locked", "true")
        .decide("app");
    assert_eq!(judged.warns(), "");
    let judged = undone(&[("fluxcd.io/locked", "false")], "org/app:0.9.0").decide("app");
    assert_eq!(judged.warns(), "");
}

#[test]
fn image_that_was_undone_is_elected_with_a_warning() {
    for (image, warns) in [
        ("org/app:1.0.1", true),
        ("docker.io/org/app:1.0.1", true),
        ("org/app:1.0.2", false),
        ("org/other:1.0.1", false),
        ("not an image", false),
    ] {
        let judged = undone(&[], image).decide("app");
        assert_eq!(judged.says(), "update newer-image 1.0.1");
        let expected = if warns { "undone-image" } else { "" };
        assert_eq!(judged.warns(), expected, "{image}");
    }
    assert_eq!(
        undone(&[], "org/app:1.0.1")
            .decide("app")
            .warning(WarningCode::UndoneImage),
        "1.0.1 already ran in revision 7, which was undone"
    );
}

#[test]
fn image_that_is_not_elected_needs_no_warning() {
    let judged = Scenario::following("semver:~1.0.0-0", "org/app:1.0.1")
        .tags(&["1.0.1"])
        .undone(&[], "org/app:1.0.1")
        .decide("app");
    assert_eq!(judged.says(), "keep up-to-date 1.0.1");
    assert_eq!(judged.warns(), "");
}
