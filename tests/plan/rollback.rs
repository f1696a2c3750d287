//! Restoring what the last recorded update replaced.

use kubectl_imgpolicy::plan::{LastUpdate, LockNote, Overrides, Plan, Presence, plan_rollback};
use kubectl_imgpolicy::workload::{ManifestSource, Obstacle};
use serde_json::{Value, json};

use super::{annotation, author, held, images, observed, planned, updated, written};
use crate::support::scenario::Scenario;

fn scenario() -> Scenario {
    Scenario::following("semver:~1.0", "org/app:1.0.0")
        .container("side", "org/side:1.0.0")
        .annotation("fluxcd.io/tag.side", "semver:~1.0")
        .tags(&["1.0.0", "1.0.1"])
}

fn note() -> LockNote {
    LockNote {
        by: Some("admin".to_owned()),
        ..LockNote::default()
    }
}

fn rollback(scenario: &Scenario, containers: &[&str]) -> Plan {
    rollback_with(scenario, containers, Overrides::default())
}

fn rollback_with(scenario: &Scenario, containers: &[&str], overrides: Overrides) -> Plan {
    let containers: Vec<String> = containers.iter().map(ToString::to_string).collect();
    let objects = [observed(scenario.object())];
    plan_rollback(&objects, &containers, &note(), overrides)
}

#[test]
fn every_change_of_the_last_update_is_reverted_and_the_workload_locked() {
    let after = updated(&scenario());
    let plan = rollback(&after, &[]);
    assert_eq!(images(&plan), "app=org/app:1.0.0 side=org/side:1.0.0");
    assert_eq!(held(&plan), "");
    let back = written(&after, &plan);
    assert_eq!(annotation(&back, "fluxcd.io/locked"), Some("true"));
    assert_eq!(
        annotation(&back, "fluxcd.io/locked_msg"),
        Some("rolled back from app 1.0.1, side 1.0.1")
    );
    assert_eq!(annotation(&back, "fluxcd.io/build.number"), Some("2"));
    assert_eq!(annotation(&back, "fluxcd.io/tag.app"), Some("semver:~1.0"));
    assert_eq!(
        annotation(&back, "kubernetes.io/change-cause"),
        Some("imgpolicy: rollback of app 1.0.1 -> 1.0.0, side 1.0.1 -> 1.0.0")
    );
    let last = LastUpdate::from_annotations(&observed(back.object()).annotations);
    let last = last.expect("a record").expect("can be read");
    assert!(last.rollback);
    assert_eq!(last.changes[0].to, "org/app:1.0.0");
    // Automation does not undo it.
    assert_eq!(images(&planned(&back)), "");
    assert_eq!(held(&planned(&back)), "app locked, side locked");
}

#[test]
fn second_rollback_says_so() {
    let after = updated(&scenario());
    let back = written(&after, &rollback(&after, &[]));
    let plan = rollback(&back, &[]);
    assert_eq!(
        (images(&plan), held(&plan)),
        (String::new(), "- already-rolled-back".to_owned())
    );
    assert_eq!(
        plan.held_back[0].message,
        "deployment/web is already rolled back, by admin at 2026-11-21T12:00:00Z"
    );
}

#[test]
fn only_the_named_container_is_rolled_back() {
    let after = updated(&scenario());
    let plan = rollback(&after, &["side"]);
    assert_eq!(images(&plan), "side=org/side:1.0.0");
    let back = written(&after, &plan);
    let message = annotation(&back, "fluxcd.io/locked_msg");
    assert_eq!(message, Some("rolled back from 1.0.1"));
    let plan = rollback(&after, &["setup"]);
    assert_eq!(
        (images(&plan), held(&plan)),
        (String::new(), "setup no-record".to_owned())
    );
}

#[test]
fn remaining_changes_can_be_rolled_back_later() {
    let after = updated(&scenario());
    let back = written(&after, &rollback(&after, &["side"]));
    let plan = rollback(&back, &["side"]);
    assert_eq!(
        (images(&plan), held(&plan)),
        (String::new(), "side already-rolled-back".to_owned())
    );
    let plan = rollback(&back, &[]);
    assert_eq!(images(&plan), "app=org/app:1.0.0");
    let both = written(&back, &plan);
    assert_eq!(held(&rollback(&both, &[])), "- already-rolled-back");
}

#[test]
fn lock_message_lists_only_restored_images() {
    let after = updated(&scenario());
    let mut plan = rollback(&after, &[]);
    let gone = Presence::Gone("no such manifest".to_owned());
    let away = Presence::Unknown("no route to host".to_owned());
    plan.hold_back_missing(&[away, gone]);
    assert_eq!(images(&plan), "app=org/app:1.0.0");
    // A rollback restores the previous image even if its registry is unreachable.
    assert!(
        plan.changes[0].notes[0].contains("no route to host"),
        "{plan:?}"
    );
    let back = written(&after, &plan);
    let message = annotation(&back, "fluxcd.io/locked_msg");
    assert_eq!(message, Some("rolled back from 1.0.1"));
    assert_eq!(images(&rollback(&back, &[])), "side=org/side:1.0.0");
}

#[test]
fn lock_with_value_false_is_not_a_lock() {
    let after = updated(&scenario()).annotation("fluxcd.io/locked", "false");
    let back = written(&after, &rollback(&after, &[]));
    assert_eq!(annotation(&back, "fluxcd.io/locked"), Some("true"));
}

#[test]
fn container_with_another_image_is_not_rolled_back() {
    let after = updated(&scenario());
    let mut object = after.object().clone();
    object["spec"]["template"]["spec"]["containers"][0]["image"] = json!("org/app:1.0.2");
    let plan = rollback(&after.with_object(object.clone()), &[]);
    assert_eq!(images(&plan), "side=org/side:1.0.0");
    assert_eq!(held(&plan), "app changed-since");
    assert_eq!(
        plan.held_back[0].message,
        "the last update wrote org/app:1.0.1, but container app now has org/app:1.0.2"
    );
    object["spec"]["template"]["spec"]["containers"][0]["name"] = json!("main");
    let plan = rollback(&after.with_object(object), &["app"]);
    assert_eq!(plan.held_back[0].message, "container app no longer exists");
}

#[test]
fn workload_without_a_record_is_not_rolled_back() {
    let plan = rollback(&scenario(), &[]);
    assert_eq!(
        (images(&plan), held(&plan)),
        (String::new(), "- no-record".to_owned())
    );
    assert_eq!(
        plan.held_back[0].message,
        "deployment/web has no record of an update"
    );
    let broken = scenario().annotation("imgpolicy.dev/last-update", "nonsense");
    let plan = rollback(&broken, &[]);
    let message = &plan.held_back[0].message;
    assert!(
        message.starts_with("the record of deployment/web cannot be read: "),
        "{message}"
    );
}

#[test]
fn record_with_a_bare_number_is_accepted() {
    let record = json!({"time": "2026-01-02T00:00:00Z", "by": "me", "number": 3, "records": {},
        "changes": [{"container": "app", "from": "org/app:0.9", "to": "org/app:1.0.0",
            "digest": null, "policy": null}]});
    let scenario = scenario().annotation("imgpolicy.dev/last-update", &record.to_string());
    assert_eq!(images(&rollback(&scenario, &[])), "app=org/app:0.9");
}

#[test]
fn existing_lock_is_kept() {
    let locked = updated(&scenario())
        .annotation("flux.weave.works/locked", "true")
        .annotation("flux.weave.works/locked_user", "ops");
    let plan = rollback(&locked, &[]);
    assert_eq!(plan.changes[0].policy, None);
    assert_eq!(
        plan.changes[0].notes,
        ["deployment/web is already locked by ops; that lock is kept"]
    );
    let back = written(&locked, &plan);
    assert_eq!(annotation(&back, "fluxcd.io/locked"), None);
    assert_eq!(
        annotation(&back, "flux.weave.works/locked_user"),
        Some("ops")
    );
}

#[test]
fn lock_set_after_the_plan_is_kept() {
    let after = updated(&scenario());
    let plan = rollback(&after, &[]);
    let locked = after
        .annotation("fluxcd.io/locked", "true")
        .annotation("fluxcd.io/locked_msg", "freeze");
    let edit = plan.changes[0].edit(&observed(locked.object()), &author());
    let edit = edit.expect("an edit");
    assert_eq!(edit.images.len(), 2);
    assert_eq!(edit.annotations.get("fluxcd.io/locked_msg"), None);
}

#[test]
fn release_is_rolled_back_in_its_values() {
    let scenario = Scenario::helm_release(json!({"image": {"repository": "org/app"}}))
        .annotation("fluxcd.io/automated", "true")
        .annotation("fluxcd.io/tag.chart-image", "semver:1.0.1")
        .tags(&["1.0.0", "1.0.1"]);
    let after = updated(&scenario);
    let back = written(&after, &rollback(&after, &[]));
    // Without a tag, the chart uses its own again.
    assert_eq!(back.object()["spec"]["values"]["image"].get("tag"), None);
    assert_eq!(back.workload().containers[0].image, "org/app");
}

#[test]
fn image_that_can_no_longer_be_written_is_not_restored() {
    let values = json!({"image": {"repository": "org/app", "tag": "1.0.0"}});
    let scenario = Scenario::helm_release(values)
        .annotation("fluxcd.io/automated", "true")
        .annotation("fluxcd.io/tag.chart-image", "semver:~1.0")
        .tags(&["1.0.0", "1.0.1"]);
    let after = updated(&scenario);
    assert_eq!(images(&rollback(&after, &[])), "chart-image=org/app:1.0.0");
    // A digest has been added since, and takes precedence over the tag.
    let mut objects = [observed(after.object())];
    let container = &mut objects[0].workload.containers[0];
    container.obstacle = Some(Obstacle {
        message: "image.digest counts more".to_owned(),
        yields_to_explicit: false,
    });
    let plan = plan_rollback(&objects, &[], &note(), Overrides::default());
    assert_eq!(images(&plan), "");
    assert_eq!(held(&plan), "chart-image not-writable");
    // An obstacle for automation only does not prevent a rollback.
    let container = &mut objects[0].workload.containers[0];
    container.obstacle = Some(Obstacle {
        message: "the chart's own tag".to_owned(),
        yields_to_explicit: true,
    });
    let plan = plan_rollback(&objects, &[], &note(), Overrides::default());
    assert_eq!(images(&plan), "chart-image=org/app:1.0.0");
}

/// The scenario after an update whose record says that `app` had this image before.
fn recorded(from: &str) -> Scenario {
    let after = updated(&scenario());
    let text = annotation(&after, "imgpolicy.dev/last-update").expect("a record");
    let forged = text.replacen(
        "\"from\":\"org/app:1.0.0\"",
        &format!("\"from\":{from:?}"),
        1,
    );
    assert_ne!(forged, text);
    after.annotation("imgpolicy.dev/last-update", &forged)
}

#[test]
fn image_of_another_repository_is_restored_only_if_the_policy_is_overridden() {
    let digest = format!("sha256:{}", "ab".repeat(32));
    for (from, is_elsewhere) in [
        ("other.example/org/x:1.0.0".to_owned(), true),
        ("org/app2:1.0.0".to_owned(), true),
        ("quay.io/org/app:1.0.0".to_owned(), true),
        (format!("other.example/org/app@{digest}"), true),
        // The same repository in other spellings.
        ("docker.io/org/app:1.0.0".to_owned(), false),
        ("registry-1.docker.io/org/app:1.0.0".to_owned(), false),
        (format!("index.docker.io/org/app:1.0.0@{digest}"), false),
    ] {
        let scenario = recorded(&from);
        let app = format!("app={from}");
        let side = "side=org/side:1.0.0";
        let plan = rollback(&scenario, &[]);
        if !is_elsewhere {
            assert_eq!(images(&plan), format!("{app} {side}"));
            assert!(!plan.changes[0].images[0].changes_repository(), "{from}");
            continue;
        }
        // The other container is still restored.
        assert_eq!(images(&plan), side, "{from}");
        assert_eq!(held(&plan), "app other-repository", "{from}");
        let held = &plan.held_back[0];
        assert_eq!(
            held.to.as_ref().map(ToString::to_string),
            Some(from.clone())
        );
        assert_eq!(held.hold.lifted_by(), Some("--override-policy"));
        // The change that was held back can still be reverted.
        let back = written(&scenario, &plan);
        let last = LastUpdate::from_annotations(&observed(back.object()).annotations);
        let last = last.expect("a record").expect("can be read");
        assert_eq!(last.pending[0].from, from);

        let overrides = Overrides {
            policy: true,
            ..Overrides::default()
        };
        let plan = rollback_with(&scenario, &[], overrides);
        assert_eq!(images(&plan), format!("{app} {side}"));
        assert!(plan.changes[0].images[0].changes_repository(), "{from}");
        let back = written(&scenario, &plan);
        assert_eq!(
            annotation(&back, "kubernetes.io/change-cause"),
            Some(&*format!(
                "imgpolicy: rollback of app org/app:1.0.1 -> {from}, side 1.0.1 -> 1.0.0"
            ))
        );
        assert_eq!(
            annotation(&back, "fluxcd.io/locked_msg"),
            Some("rolled back from app org/app:1.0.1, side 1.0.1")
        );
    }
}

#[test]
fn record_with_an_invalid_image_restores_nothing() {
    for from in [
        "",
        "Other.example/X:1",
        "other.example/x:",
        "https://other.example/x:1",
    ] {
        let overrides = Overrides {
            policy: true,
            ..Overrides::default()
        };
        let plan = rollback_with(&recorded(from), &["app"], overrides);
        let got = (images(&plan), held(&plan));
        assert_eq!(got, (String::new(), "app no-record".to_owned()), "{from:?}");
    }
}

#[test]
fn numeric_tag_of_a_live_release_is_restored_as_a_number() {
    for (tag, shown) in [
        (json!(787_849), "787849"),
        (json!(1.2), "1.2"),
        (json!(false), "false"),
    ] {
        let object = json!({"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
            "metadata": {"name": "web", "annotations": {"fluxcd.io/automated": "true",
                "fluxcd.io/tag.app": "glob:1.0.1"}},
            "spec": {"values": {"app": {"image": {"repository": "org/app", "tag": tag}}}}});
        let before = Scenario::following("glob:1.0.1", "org/app:1.0.0")
            .tags(&["1.0.0", "1.0.1"])
            .with_object(object);
        let after = updated(&before);
        let image = &after.object()["spec"]["values"]["app"]["image"];
        assert_eq!(image["tag"], "1.0.1");
        let last = LastUpdate::from_annotations(&observed(after.object()).annotations);
        let change = &last.expect("a record").expect("can be read").changes[0];
        assert_eq!(
            (&*change.from, change.unquoted),
            (&*format!("org/app:{shown}"), true)
        );
        let back = written(&after, &rollback(&after, &[]));
        let image = &back.object()["spec"]["values"]["app"]["image"];
        assert_eq!(image["tag"], tag);
    }
}

/// The scenario after an update, whose container `app` now has this image. `admitted`: what
/// the record says that the server made of the written one.
fn admitted(now: &str, admitted: Option<&str>) -> Scenario {
    let after = updated(&scenario());
    let text = annotation(&after, "imgpolicy.dev/last-update").expect("a record");
    let mut record: Value = serde_json::from_str(text).expect("JSON");
    // A record has no such field if the server made nothing else of it.
    assert_eq!(record["changes"][0].get("admitted"), None);
    if let Some(image) = admitted {
        record["changes"][0]["admitted"] = json!(image);
    }
    let after = after.annotation("imgpolicy.dev/last-update", &record.to_string());
    let mut object = after.object().clone();
    object["spec"]["template"]["spec"]["containers"][0]["image"] = json!(now);
    after.with_object(object)
}

#[test]
fn image_that_admission_made_of_the_written_one_is_rolled_back() {
    let text = annotation(&updated(&scenario()), "imgpolicy.dev/last-update")
        .expect("a record")
        .to_owned();
    let record: Value = serde_json::from_str(&text).expect("JSON");
    let digest = record["changes"][0]["digest"].as_str().expect("a digest");
    let other = format!("sha256:{}", "ef".repeat(32));
    for (now, recorded, is_restored) in [
        (
            format!("org/app:1.0.1@{other}"),
            Some(format!("org/app:1.0.1@{other}")),
            true,
        ),
        (
            format!("org/app@{other}"),
            Some(format!("org/app@{other}")),
            true,
        ),
        (
            "mirror.example/org/app:1.0.1".to_owned(),
            Some("mirror.example/org/app:1.0.1".to_owned()),
            true,
        ),
        // The requested image is also accepted: the policy may be gone.
        (
            "org/app:1.0.1".to_owned(),
            Some("mirror.example/org/app:1.0.1".to_owned()),
            true,
        ),
        // By the digest in the record.
        (format!("org/app:1.0.1@{digest}"), None, true),
        (format!("docker.io/org/app:1.0.1@{digest}"), None, true),
        (format!("org/app@{digest}"), None, true),
        // Not what the update wrote.
        (format!("org/app:1.0.1@{other}"), None, false),
        (format!("org/app:1.0.2@{digest}"), None, false),
        (format!("org/other@{digest}"), None, false),
        ("mirror.example/org/app:1.0.1".to_owned(), None, false),
        (
            "org/app:1.0.2".to_owned(),
            Some("mirror.example/org/app:1.0.1".to_owned()),
            false,
        ),
    ] {
        let plan = rollback(&admitted(&now, recorded.as_deref()), &["app"]);
        let expected = if is_restored {
            ("app=org/app:1.0.0".to_owned(), String::new())
        } else {
            (String::new(), "app changed-since".to_owned())
        };
        assert_eq!((images(&plan), held(&plan)), expected, "{now} {recorded:?}");
    }
}

#[test]
fn rewritten_registry_in_a_file_is_another_repository() {
    let mirrored = "mirror.example/org/app:1.0.1";
    let scenario = admitted(mirrored, Some(mirrored));
    let mut object = observed(scenario.object());
    object.workload.source = Some(ManifestSource {
        file: "web.yaml".to_owned(),
        line: 1,
    });
    let containers = ["app".to_owned()];
    // No server checks what becomes of the restored image.
    let plan = plan_rollback(&[object], &containers, &note(), Overrides::default());
    assert_eq!(held(&plan), "app other-repository");
}

#[test]
fn what_could_not_be_restored_keeps_what_admission_made_of_it() {
    let mirrored = "mirror.example/org/app:1.0.1";
    let scenario = admitted(mirrored, Some(mirrored));
    let back = written(&scenario, &rollback(&scenario, &["side"]));
    let last = LastUpdate::from_annotations(&observed(back.object()).annotations);
    let last = last.expect("a record").expect("can be read");
    assert_eq!(last.pending[0].admitted.as_deref(), Some(mirrored));
    assert_eq!(images(&rollback(&back, &[])), "app=org/app:1.0.0");
}
