//! `--include-image` and `--exclude-image`: what is left out is shown, and
//! nothing is asked of it.

use kubectl_imgpolicy::evaluator::{Snapshot, SnapshotError};
use serde_json::json;

use crate::support::scenario::{Judged, Scenario};

/// The container `app` of an automated workload under these globs.
fn scoped(image: &str, include: &[&str], exclude: &[&str]) -> Scenario {
    let globs = |globs: &[&str]| globs.iter().map(ToString::to_string).collect();
    Scenario::following("semver:*", image)
        .tags(&["1.0.0", "1.0.1"])
        .settings(|s| s.include_images = globs(include))
        .settings(|s| s.exclude_images = globs(exclude))
}

fn decide(image: &str, include: &[&str], exclude: &[&str]) -> Judged {
    scoped(image, include, exclude).decide("app")
}

#[test]
fn an_excluded_image_is_kept_and_nothing_is_asked() {
    let judged = decide("nginx:1.0.0", &[], &["docker.io/library/*"]);
    assert_eq!(judged.says(), "keep excluded -");
    assert_eq!(
        judged.message,
        "docker.io/library/nginx is left out by --exclude-image docker.io/library/*"
    );
    assert_eq!(judged.asked(), [""; 0]);
    assert_eq!(judged.facts, None);
    assert_eq!(
        judged.policy.as_ref().map(|p| p.filter.as_str()),
        Some("semver:*"),
        "the policy is shown"
    );
    assert_eq!(
        (judged.examination.tags, judged.warns()),
        (0, String::new())
    );
}

#[test]
fn a_star_crosses_slashes_and_all_else_stands_for_itself() {
    for (glob, is_left_out) in [
        ("docker.io/library/nginx", true),
        ("docker.io/*", true),
        ("*", true),
        ("*nginx", true),
        ("*/nginx", true),
        ("docker.io/nginx", false),
        ("nginx", false),
        ("docker.io/library/ngin?", false),
        ("docker.io/library/nginx:*", false),
        ("docker.io", false),
    ] {
        let judged = decide("nginx:1.0.0", &[], &["quay.io/*", glob]);
        let reason = if is_left_out {
            "excluded"
        } else {
            "newer-image"
        };
        assert_eq!(judged.reason.as_str(), reason, "{glob}");
    }
}

#[test]
fn where_images_are_included_all_others_are_left_out_and_excluding_wins() {
    let image = "ghcr.io/org/app:1.0.0";
    for (include, exclude, expected) in [
        (&["ghcr.io/*"][..], &[][..], "newer-image"),
        (&["quay.io/*", "*/org/*"], &[], "newer-image"),
        (&["quay.io/*"], &[], "excluded"),
        (&["ghcr.io/*"], &["*/app"], "excluded"),
        (&["ghcr.io/*"], &["*/other"], "newer-image"),
    ] {
        let judged = decide(image, include, exclude);
        assert_eq!(judged.reason.as_str(), expected, "{include:?} {exclude:?}");
    }
    assert_eq!(
        decide(image, &["quay.io/*", "a/*"], &[]).message,
        "ghcr.io/org/app is left out by --include-image quay.io/* and 1 more"
    );
}

#[test]
fn who_is_not_automated_keeps_the_reason_of_the_state() {
    let with = |key: &str, value: &str| {
        scoped("nginx:1.0.0", &[], &["*"])
            .annotation(key, value)
            .decide("app")
    };
    let locked = with("fluxcd.io/locked", "true");
    assert_eq!(locked.says(), "keep locked -");
    assert_eq!(
        locked.message,
        "locked; docker.io/library/nginx is left out by --exclude-image *"
    );
    assert_eq!(with("fluxcd.io/ignore", "true").says(), "keep ignored -");
    assert_eq!(with("fluxcd.io/automated", "false").says(), "keep manual -");
    assert_eq!(
        with("fluxcd.io/tag.app", "semver:?").says(),
        "keep excluded -"
    );
}

#[test]
fn what_has_no_policy_is_not_judged_by_an_assumed_one() {
    let judged = Scenario::deployment()
        .container("app", "nginx:1.0.0")
        .tags(&["1.0.1"])
        .settings(|s| s.assume = Some("auto".to_owned()))
        .settings(|s| s.exclude_images = vec!["*".to_owned()])
        .decide("app");
    assert_eq!(judged.says(), "keep manual -");
    assert_eq!(judged.suggestion, None);
    assert_eq!(judged.asked(), [""; 0]);
}

#[test]
fn what_is_no_image_tells_of_its_own_fault() {
    for (include, exclude) in [(&["quay.io/*"][..], &[][..]), (&[], &["*"])] {
        let judged = decide("Not An Image", include, exclude);
        assert_eq!(judged.says(), "unknown unparsable-image -");
    }
}

#[test]
fn settings_that_were_saved_before_there_were_globs_leave_nothing_out() {
    let scenario = scoped("nginx:1.0.0", &[], &[]);
    let mut saved = serde_json::to_value(scenario.snapshot()).expect("saves");
    let settings = saved["settings"].as_object_mut().expect("an object");
    assert_eq!(settings.remove("includeImages"), Some(json!([])));
    assert_eq!(settings.remove("excludeImages"), Some(json!([])));
    let loaded = Snapshot::parse(&saved.to_string()).expect("loads");
    assert_eq!(loaded, scenario.snapshot());
}

#[test]
fn a_saved_glob_that_is_too_long_is_named() {
    let snapshot = scoped("nginx", &[], &["*a".repeat(600).as_str()]).snapshot();
    let error = snapshot.subjects().expect_err("too long");
    assert!(matches!(error, SnapshotError::ImageGlob { .. }));
    let text = error.to_string();
    assert!(text.starts_with("--exclude-image \"*a"), "{text}");
    assert!(text.ends_with("the glob is 1200 bytes long; at most 1024 are allowed"));
}
