//! Images whose rollouts failed in a workload are not elected again.

use kubectl_imgpolicy::evaluator::{Outcome, Reason};
use kubectl_imgpolicy::policy::WarningCode;
use serde_json::{Value, json};

use crate::support::oracle::{digest, image};
use crate::support::scenario::Scenario;

const FAILED: &str = "imgpolicy.dev/failed";

/// Running 1.0.0, and 1.0.1 serves the digest of 1s.
fn due() -> Scenario {
    Scenario::following("semver:*", "org/app:1.0.0")
        .image("1.0.0", image().digest(0))
        .image("1.0.1", image().digest(1))
}

/// One failure of `app`. `byte`: the digest that it had.
fn failure(image: &str, byte: Option<u8>) -> Value {
    let mut failure = json!({"container": "app", "image": image,
        "at": "2026-11-21T11:00:00Z", "cause": "no Pod started"});
    if let Some(byte) = byte {
        failure["digest"] = json!(digest(byte).to_string());
    }
    failure
}

fn after(scenario: Scenario, failures: &[Value]) -> Scenario {
    scenario.annotation(FAILED, &json!(failures).to_string())
}

#[test]
fn image_that_failed_is_rejected_and_the_running_one_is_kept() {
    let judged = after(due(), &[failure("org/app:1.0.1", Some(1))]).decide("app");
    assert_eq!(judged.says(), "keep failed-before 1.0.0");
    assert_eq!(judged.policy_reason, Some(Reason::FailedBefore));
    assert!(!judged.is_behind());
    assert_eq!(judged.verdict("1.0.1"), "failed-before");
    assert_eq!(
        judged.message,
        "1.0.1 failed before, at 2026-11-21T11:00:00Z: no Pod started; the running 1.0.0 is kept"
    );
    assert_eq!(judged.warns(), "", "the message says it");
}

#[test]
fn newer_image_is_elected_instead_with_a_warning() {
    let newer = due().image("1.0.2", image().digest(2));
    let judged = after(newer, &[failure("org/app:1.0.1", Some(1))]).decide("app");
    assert_eq!(judged.says(), "update newer-image 1.0.2");
    assert_eq!(judged.warns(), "");
    let lower = due().image("1.0.2", image().digest(2));
    let judged = after(lower, &[failure("org/app:1.0.2", Some(2))]).decide("app");
    assert_eq!(judged.says(), "update newer-image 1.0.1");
    assert_eq!(
        judged.warning(WarningCode::FailedBefore),
        "1.0.2 failed before, at 2026-11-21T11:00:00Z: no Pod started"
    );
}

#[test]
fn another_push_of_the_tag_is_elected() {
    let judged = after(due(), &[failure("org/app:1.0.1", Some(9))]).decide("app");
    assert_eq!(judged.says(), "update newer-image 1.0.1");
}

#[test]
fn same_digest_is_rejected_by_any_tag_and_in_any_spelling() {
    let retagged = due().image("1.0.2", image().digest(1));
    for spelling in ["org/app:1.0.1", "docker.io/org/app:1.0.1"] {
        let judged = after(retagged.clone(), &[failure(spelling, Some(1))]).decide("app");
        assert_eq!(judged.says(), "keep failed-before 1.0.0", "{spelling}");
        assert_eq!(
            judged.message,
            "1.0.2 failed before as 1.0.1, at 2026-11-21T11:00:00Z: no Pod started; the running \
             1.0.0 is kept"
        );
    }
}

#[test]
fn without_a_digest_the_tag_is_rejected_and_nothing_more_is_requested() {
    let judged = after(due(), &[failure("org/app:1.0.1", None)]).decide("app");
    assert_eq!(judged.says(), "keep failed-before 1.0.0");
    assert_eq!(judged.asked(), due().decide("app").asked());
    let other = after(due(), &[failure("org/app:1.0.2", None)]).decide("app");
    assert_eq!(other.says(), "update newer-image 1.0.1");
}

#[test]
fn failures_of_other_containers_and_repositories_change_nothing() {
    let mut other = failure("org/app:1.0.1", Some(1));
    other["container"] = json!("side");
    let elsewhere = failure("org/other:1.0.1", Some(1));
    for failures in [vec![other], vec![elsewhere]] {
        let judged = after(due(), &failures).decide("app");
        assert_eq!(judged.says(), "update newer-image 1.0.1");
        assert_eq!(judged.asked(), due().decide("app").asked());
    }
}

#[test]
fn no_tag_that_has_not_failed_is_left() {
    let gone =
        Scenario::following("semver:>=1.0.1", "org/app:1.0.0").image("1.0.1", image().digest(1));
    let judged = after(gone, &[failure("org/app:1.0.1", Some(1))]).decide("app");
    assert_eq!(judged.says(), "keep failed-before -");
    assert_eq!(
        judged.message,
        "1.0.1 failed before, at 2026-11-21T11:00:00Z: no Pod started"
    );
}

#[test]
fn running_image_that_failed_is_no_reason_to_change_it() {
    let failed = Scenario::following("semver:*", "org/app:1.0.1")
        .image("1.0.0", image().digest(0))
        .image("1.0.1", image().digest(1));
    let judged = after(failed, &[failure("org/app:1.0.1", Some(1))]).decide("app");
    assert_eq!(judged.says(), "keep up-to-date 1.0.1");
}

#[test]
fn digests_that_a_policy_names_or_follows_are_rejected_too() {
    let pinned = format!("digest:{}", digest(1));
    for policy in [pinned.as_str(), "digest:1.0.1"] {
        let scenario = Scenario::following(policy, "org/app:1.0.0")
            .image("1.0.0", image().digest(0))
            .image("1.0.1", image().digest(1));
        let judged = scenario.decide("app");
        assert_eq!(judged.outcome, Outcome::Update, "{policy}");
        let judged = after(scenario, &[failure("org/app:1.0.1", Some(1))]).decide("app");
        assert_eq!(judged.says(), "keep failed-before -", "{policy}");
    }
}

#[test]
fn policy_of_a_kustomization_rejects_it_too() {
    let entry = json!({"name": "app", "policy": {"semver": {"range": "*"}},
        "dockerhub": {"image": "org/app"}});
    let governed = Scenario::governed_by(entry, "org/app:1.0.0")
        .image("1.0.0", image().digest(0))
        .image("1.0.1", image().digest(1));
    assert_eq!(governed.decide("app").says(), "update newer-image 1.0.1");
    let judged = after(governed, &[failure("org/app:1.0.1", Some(1))]).decide("app");
    assert_eq!(judged.says(), "keep failed-before 1.0.0");
}

#[test]
fn annotation_that_cannot_be_read_makes_every_policy_invalid() {
    for (key, text, message) in [
        (
            FAILED,
            "org/app:1.0.1",
            "annotation imgpolicy.dev/failed: it is not a list of failed images: ",
        ),
        (
            "imgpolicy.dev/on-failure",
            "undo",
            "annotation imgpolicy.dev/on-failure: \"undo\" is not known: use rollback or keep",
        ),
        (
            "imgpolicy.dev/wave",
            "first",
            "annotation imgpolicy.dev/wave: \"first\" is not a whole number, such as 1",
        ),
    ] {
        let judged = due().annotation(key, text).decide("app");
        assert_eq!(judged.says(), "unknown invalid-policy -", "{key}");
        assert!(judged.message.starts_with(message), "{}", judged.message);
    }
    let hint = due().annotation(FAILED, "[").decide("app").decision.message;
    assert!(
        hint.ends_with("'kubectl imgpolicy unlock deployment/web'"),
        "{hint}"
    );
    for (key, text) in [
        ("on-failure", "rollback"),
        ("on-failure", "keep"),
        ("wave", "-3"),
    ] {
        let judged = due().annotation(&format!("imgpolicy.dev/{key}"), text);
        assert_eq!(
            judged.decide("app").says(),
            "update newer-image 1.0.1",
            "{key}"
        );
    }
}
