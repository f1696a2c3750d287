//! States and precedence: product decisions 4, 5 and 16, and section 3.

use kubectl_imgpolicy::image::FetchFailureKind;
use kubectl_imgpolicy::policy::WarningCode;

use crate::support::scenario::Scenario;

/// 1.0.1 is available.
fn scenario() -> Scenario {
    Scenario::deployment()
        .annotation("fluxcd.io/tag.app", "semver:~1.0")
        .container("app", "org/app:1.0.0")
        .tags(&["1.0.0", "1.0.1"])
}

#[test]
fn locked_precedes_ignored_precedes_automated_precedes_manual() {
    let automated = scenario().annotation("fluxcd.io/automated", "true");
    let ignored = automated.clone().annotation("fluxcd.io/ignore", "true");
    let locked = ignored.clone().annotation("fluxcd.io/locked", "true");
    for (scenario, state, says) in [
        (scenario(), "manual", "keep manual 1.0.1"),
        (automated, "automated", "update newer-image 1.0.1"),
        (ignored, "ignored", "keep ignored -"),
        (locked, "locked", "keep locked -"),
    ] {
        let judged = scenario.decide("app");
        assert_eq!(judged.state.as_str(), state);
        assert_eq!(judged.says(), says);
    }
}

#[test]
fn ignored_container_requests_nothing() {
    for lock in ["true", "false"] {
        let judged = scenario()
            .annotation("fluxcd.io/automated", "true")
            .annotation("fluxcd.io/ignore", "true")
            .annotation("fluxcd.io/locked", lock)
            .settings(|s| s.assume = Some("auto".to_owned()))
            .decide("app");
        assert_eq!(judged.asked(), [""; 0]);
        assert_eq!((&judged.policy, &judged.suggestion), (&None, &None));
    }
}

#[test]
fn container_without_a_policy_requests_nothing() {
    for key in ["fluxcd.io/locked", "fluxcd.io/unheard-of"] {
        let judged = Scenario::deployment()
            .annotation(key, "true")
            .container("app", "org/app:1.0.0")
            .decide("app");
        assert_eq!(judged.asked(), [""; 0]);
        assert_eq!((&judged.policy, &judged.latest), (&None, &None));
    }
}

#[test]
fn sync_only_does_not_stop_automation() {
    let judged = scenario()
        .annotation("fluxcd.io/automated", "true")
        .annotation("fluxcd.io/ignore", "sync_only")
        .decide("app");
    assert_eq!(judged.says(), "update newer-image 1.0.1");
    assert_eq!(judged.warns(), "");
}

#[test]
fn only_true_enables_and_a_likely_typo_gives_a_warning() {
    for (value, warns) in [
        ("True", "boolean-typo"),
        ("true ", "boolean-typo"),
        ("yes", "boolean-typo"),
        ("1", "boolean-typo"),
        ("\"true\"", "boolean-typo"),
        ("false", ""),
        ("", ""),
        ("no", ""),
    ] {
        let judged = scenario()
            .annotation("fluxcd.io/automated", value)
            .decide("app");
        assert_eq!(judged.state.as_str(), "manual", "{value:?}");
        assert_eq!(judged.warns(), warns, "{value:?}");
    }
    for key in [
        "flux.weave.works/locked",
        "fluxcd.io/ignore",
        "imgpolicy.dev/allow-downgrade",
        "imgpolicy.dev/allow-variant-change",
    ] {
        let judged = scenario().annotation(key, "True").decide("app");
        assert_eq!(
            judged.warning(WarningCode::BooleanTypo),
            format!("{key} is \"True\", which is not \"true\", so it has no effect; use \"true\"")
        );
    }
}

#[test]
fn misspelt_key_gives_a_warning() {
    for (key, meant) in [
        (
            "imgpolicy.dev/filter-tag.app",
            "imgpolicy.dev/filter-tags.app",
        ),
        (
            "imgpolicy.dev/ignoretags.app",
            "imgpolicy.dev/ignore-tags.app",
        ),
        ("imgpolicy.dev/min_age", "imgpolicy.dev/min-age"),
    ] {
        let judged = scenario().annotation(key, "x").decide("app");
        let expected = format!("{key} is not a known key; did you mean {meant}?");
        assert_eq!(judged.warning(WarningCode::PolicyTypo), expected);
    }
    let other = scenario().annotation("imgpolicy.dev/something-else", "x");
    assert_eq!(other.decide("app").warns(), "");
}

#[test]
fn filter_with_the_stronger_prefix_applies_with_a_warning() {
    let old = ("flux.weave.works/tag.app", "semver:~0.1");
    let filter = ("filter.fluxcd.io/app", "semver:~0.2");
    let new = ("fluxcd.io/tag.app", "semver:~0.3");
    for (pairs, origin, warnings) in [
        (&[old][..], old.0, 0),
        (&[old, filter], filter.0, 1),
        (&[old, new], new.0, 1),
        (&[filter, new], new.0, 1),
        (&[old, filter, new], new.0, 2),
    ] {
        let mut scenario = Scenario::deployment().container("app", "org/app:1.0.0");
        for (key, value) in pairs {
            scenario = scenario.annotation(key, value);
        }
        let judged = scenario.decide("app");
        let policy = judged.policy.clone().expect("a policy");
        assert_eq!(policy.origin, format!("annotation {origin}"));
        assert_eq!(judged.warnings.len(), warnings, "{:?}", judged.warnings);
    }
}

#[test]
fn equal_filters_do_not_conflict() {
    let judged = scenario()
        .annotation("flux.weave.works/tag.app", "semver:~1.0")
        .decide("app");
    assert_eq!(judged.warns(), "");
}

#[test]
fn switch_with_the_stronger_prefix_applies_with_a_warning() {
    for (new, old, state) in [("true", "false", "automated"), ("false", "true", "manual")] {
        let judged = scenario()
            .annotation("fluxcd.io/automated", new)
            .annotation("flux.weave.works/automated", old)
            .decide("app");
        assert_eq!(judged.state.as_str(), state);
        assert_eq!(
            judged.warning(WarningCode::AnnotationConflict),
            format!(
                "fluxcd.io/automated is {new:?}, but flux.weave.works/automated is {old:?}; \
                 fluxcd.io/automated is used"
            )
        );
    }
    let old_alone = scenario().annotation("flux.weave.works/automated", "true");
    assert_eq!(old_alone.decide("app").says(), "update newer-image 1.0.1");
}

#[test]
fn any_spelling_of_locked_or_ignore_applies() {
    for (word, state) in [("locked", "locked"), ("ignore", "ignored")] {
        for (new, old) in [("true", "false"), ("false", "true")] {
            let judged = scenario()
                .annotation("fluxcd.io/automated", "true")
                .annotation(&format!("fluxcd.io/{word}"), new)
                .annotation(&format!("flux.weave.works/{word}"), old)
                .decide("app");
            assert_eq!(judged.state.as_str(), state);
        }
    }
}

#[test]
fn other_states_keep_their_reason_and_failures_are_warnings() {
    for (key, state) in [("fluxcd.io/locked", "locked"), ("fluxcd.io/none", "manual")] {
        let broken = Scenario::deployment()
            .annotation(key, "true")
            .annotation("fluxcd.io/tag.app", "semver:?")
            .container("app", "org/app:1.0.0")
            .decide("app");
        assert_eq!(broken.says(), format!("keep {state} -"));
        assert_eq!(broken.message, state_message(state));
        assert!(
            broken
                .warning(WarningCode::InvalidPolicy)
                .starts_with("invalid-policy: ")
        );

        let unreachable = scenario()
            .annotation(key, "true")
            .tags_fail(FetchFailureKind::Unreachable)
            .decide("app");
        assert_eq!(unreachable.says(), format!("keep {state} -"));
        assert_eq!(
            unreachable.warning(WarningCode::Undecided),
            "registry-unreachable: the oracle fails: Unreachable"
        );
    }
}

fn state_message(state: &str) -> &str {
    if state == "manual" {
        "not automated"
    } else {
        state
    }
}

#[test]
fn init_container_follows_its_own_filter() {
    let judged = scenario()
        .annotation("fluxcd.io/automated", "true")
        .annotation("fluxcd.io/tag.setup", "semver:^1.0")
        .init_container("setup", "org/setup:1.0.0")
        .tags(&["1.2.0"])
        .decide("setup");
    assert_eq!(judged.writes(), "org/setup:1.2.0");
}

#[test]
fn other_updaters_give_a_warning() {
    for (key, value, warns) in [
        ("keel.sh/policy", "minor", "other-updater"),
        ("keel.sh/policy", "never", ""),
        (
            "argocd-image-updater.argoproj.io/image-list",
            "app=org/app",
            "other-updater",
        ),
    ] {
        let judged = scenario().annotation(key, value).decide("app");
        assert_eq!(judged.warns(), warns, "{key}={value}");
    }
}

#[test]
fn marker_in_the_file_is_another_updater() {
    let mut snapshot = scenario().snapshot();
    let container = &mut snapshot.workloads[0].containers[0];
    container.marker = Some(kubectl_imgpolicy::workload::ImageMarker {
        policy: "flux-system:app".to_owned(),
    });
    let subjects = snapshot.subjects().expect("subjects");
    let decision = subjects[0].decide(&Default::default());
    let warning = decision
        .warnings
        .iter()
        .find(|w| w.code == WarningCode::OtherUpdater);
    assert_eq!(
        warning.map(|w| w.message.as_str()),
        Some("Flux's image automation writes this image by ImagePolicy flux-system:app")
    );
}
