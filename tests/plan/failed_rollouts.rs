//! What is written after the rollout of an update failed.

use kubectl_imgpolicy::plan::{
    AfterFailure, Change, FailedUpdate, LastUpdate, LockNote, Overrides, OwnerEffect, Ownership,
    Plan, PolicyEdit, Refusal, UpdateSpec, after_failure, plan_after_failure, plan_image,
    plan_policy, plan_rollback,
};
use kubectl_imgpolicy::policy::FailedRollout;
use kubectl_imgpolicy::workload::Owner;

use super::{annotation, author, edit, held, images, observed, planned, updated, written};
use crate::support::oracle::{digest, image, time};
use crate::support::scenario::Scenario;

const FAILED: &str = "imgpolicy.dev/failed";
const CAUSE: &str = "it exceeded its progress deadline";

fn scenario() -> Scenario {
    Scenario::following("semver:*", "org/app:1.0.0")
        .image("1.0.0", image().digest(0))
        .image("1.0.1", image().digest(1))
        .annotation("imgpolicy.dev/on-failure", "rollback")
}

/// The update of a scenario.
fn update(scenario: &Scenario) -> Change {
    planned(scenario).changes.remove(0)
}

fn failed(change: &Change) -> FailedUpdate<'_> {
    FailedUpdate {
        change,
        cause: CAUSE,
        at: time("2026-11-21T11:00:00Z"),
    }
}

/// What is written after the update of the scenario failed.
fn plan_of(after: &Scenario, change: &Change) -> Plan {
    let object = observed(after.object());
    let decision = after_failure(&object.workload, true, None);
    plan_after_failure(&failed(change), &object, &decision)
}

fn failures(scenario: &Scenario) -> Vec<FailedRollout> {
    let failures = FailedRollout::from_annotations(&observed(scenario.object()).annotations);
    failures.expect("can be read")
}

#[test]
fn failure_is_recorded_with_the_digest_and_the_image_is_not_planned_again() {
    let change = update(&scenario());
    let after = updated(&scenario());
    let record = Plan {
        changes: vec![failed(&change).record()],
        ..Plan::default()
    };
    let edit = edit(&after, &record);
    assert!(!edit.writes_images());
    assert_eq!(edit.annotations.keys().collect::<Vec<_>>(), [FAILED]);
    let recorded = failures(&written(&after, &record));
    let [one] = recorded.as_slice() else {
        panic!("one failure: {recorded:?}");
    };
    assert_eq!(one.container, "app");
    assert_eq!(one.image.to_string(), "org/app:1.0.1");
    assert_eq!(one.digest, Some(digest(1)));
    assert_eq!(one.cause, CAUSE);
    // If the previous image is there again, it stays.
    let reset = after_record(&record);
    assert_eq!(images(&planned(&reset)), "");
    assert_eq!(
        images(&planned(&reset.image("1.0.2", image()))),
        "app=org/app:1.0.2"
    );
}

/// The scenario with the previous image and the record of the failure.
fn after_record(record: &Plan) -> Scenario {
    written(&scenario(), record)
}

#[test]
fn automatic_rollback_restores_the_image_and_does_not_lock() {
    let change = update(&scenario());
    let after = updated(&scenario());
    let plan = plan_of(&after, &change);
    assert_eq!(
        (images(&plan), held(&plan)),
        ("app=org/app:1.0.0".to_owned(), String::new())
    );
    let back = written(&after, &plan);
    assert_eq!(annotation(&back, "fluxcd.io/locked"), None);
    assert_eq!(failures(&back).len(), 1);
    let last = LastUpdate::from_annotations(&observed(back.object()).annotations);
    let last = last.expect("a record").expect("can be read");
    assert!(last.rollback && last.automatic);
    assert_eq!(last.changes[0].to, "org/app:1.0.0");
    // The failed image is not tried again, and a newer one is.
    assert_eq!(images(&planned(&back)), "");
    assert_eq!(
        images(&planned(&back.image("1.0.2", image()))),
        "app=org/app:1.0.2"
    );
}

#[test]
fn rollback_by_a_user_is_not_automatic_and_still_locks() {
    let after = updated(&scenario());
    let record = failed(&update(&scenario())).record();
    let recorded = written(
        &after,
        &Plan {
            changes: vec![record],
            ..Plan::default()
        },
    );
    let objects = [observed(recorded.object())];
    let plan = plan_rollback(&objects, &[], &LockNote::default(), Overrides::default());
    let back = written(&recorded, &plan);
    assert_eq!(annotation(&back, "fluxcd.io/locked"), Some("true"));
    assert_eq!(failures(&back).len(), 1);
    let text = annotation(&back, "imgpolicy.dev/last-update").expect("a record");
    assert!(
        text.contains("\"rollback\":true") && !text.contains("automatic"),
        "{text}"
    );
}

#[test]
fn lock_and_ignore_that_were_set_meanwhile_win() {
    let change = update(&scenario());
    let after = updated(&scenario());
    let plan = plan_of(&after, &change);
    for key in ["fluxcd.io/locked", "fluxcd.io/ignore"] {
        let meanwhile = after.clone().annotation(key, "true");
        let refused = plan.changes[0].edit(&observed(meanwhile.object()), &author());
        assert!(
            matches!(refused, Err(Refusal::Locked { .. } | Refusal::Ignored)),
            "{refused:?}"
        );
        let plan = plan_of(&meanwhile, &change);
        assert_eq!(images(&plan), "", "{key}");
        assert_eq!(failures(&written(&meanwhile, &plan)).len(), 1, "{key}");
    }
}

#[test]
fn image_is_left_if_it_is_not_to_be_restored() {
    let owner = |effect| Ownership {
        owner: Owner {
            kind: "Kustomization".to_owned(),
            namespace: Some("flux-system".to_owned()),
            name: "apps".to_owned(),
        },
        effect,
        message: String::new(),
    };
    let workload = |text: Option<&str>| {
        let plain = Scenario::following("semver:*", "org/app:1.0.1");
        let set = text.map(|text| plain.clone().annotation("imgpolicy.dev/on-failure", text));
        set.unwrap_or(plain).workload()
    };
    let on = workload(Some("rollback"));
    let (warns, reverts) = (owner(OwnerEffect::Warns), owner(OwnerEffect::Reverts));
    assert_eq!(after_failure(&on, true, None), AfterFailure::RollBack);
    assert_eq!(
        after_failure(&on, true, Some(&warns)),
        AfterFailure::RollBack
    );
    for (decision, why) in [
        (
            after_failure(&workload(None), true, None),
            "imgpolicy.dev/on-failure does not ask for a rollback",
        ),
        (
            after_failure(&workload(Some("keep")), true, None),
            "imgpolicy.dev/on-failure does not ask for a rollback",
        ),
        (
            after_failure(&workload(Some("undo")), true, None),
            "annotation imgpolicy.dev/on-failure: \"undo\" is not known: use rollback or keep",
        ),
        (
            after_failure(&on, false, None),
            "it was not available before the update",
        ),
        (
            after_failure(&on, true, Some(&reverts)),
            "Kustomization flux-system/apps would revert it",
        ),
    ] {
        assert_eq!(decision, AfterFailure::Keep(why.to_owned()));
    }
}

#[test]
fn update_that_was_written_since_is_not_undone() {
    let change = update(&scenario());
    let newer = updated(&scenario()).image("1.0.2", image().digest(2));
    let plan = plan_of(&updated(&newer), &change);
    assert_eq!(
        (images(&plan), held(&plan)),
        (String::new(), "- changed-since".to_owned())
    );
    assert_eq!(plan.changes.len(), 1, "the failure is recorded");
}

#[test]
fn unlock_forgets_the_failures_and_says_so() {
    let after = updated(&scenario());
    let back = written(&after, &plan_of(&after, &update(&scenario())));
    let plan = plan_policy(&[back.workload()], &PolicyEdit::Unlock { seen: None });
    assert_eq!(
        plan.changes[0].notes,
        [
            "deployment/web may get org/app:1.0.1 again, whose rollout failed at \
             2026-11-21T11:00:00Z"
        ]
    );
    let unlocked = written(&back, &plan);
    assert_eq!(annotation(&unlocked, FAILED), None);
    assert_eq!(images(&planned(&unlocked)), "app=org/app:1.0.1");
}

#[test]
fn overridden_policy_writes_the_image_and_forgets_only_its_failure() {
    let other = scenario().image("1.0.2", image().digest(2));
    let change = update(&other);
    let after = updated(&other);
    let back = written(&after, &plan_of(&after, &change));
    let change = update(&back);
    assert_eq!(images(&planned(&back)), "app=org/app:1.0.1");
    let again = written(&back, &planned(&back));
    let back = written(&again, &plan_of(&again, &change));
    assert_eq!(failures(&back).len(), 2);

    let named = back.settings(|settings| settings.image = "org/app:1.0.2".parse().ok());
    let [refused, allowed] = [false, true].map(|policy| UpdateSpec {
        overrides: Overrides {
            policy,
            ..Overrides::default()
        },
        ..UpdateSpec::default()
    });
    let image = "org/app:1.0.2".parse().expect("an image");
    let plan = plan_image(&named.settled(), &image, &refused).expect("a plan");
    assert_eq!(
        (images(&plan), held(&plan)),
        (String::new(), "app not-accepted".to_owned())
    );
    assert!(
        plan.held_back[0].message.contains("failed before"),
        "{:?}",
        plan.held_back
    );
    let plan = plan_image(&named.settled(), &image, &allowed).expect("a plan");
    let after = written(&named, &plan);
    let left: Vec<String> = failures(&after)
        .iter()
        .map(|one| one.image.to_string())
        .collect();
    assert_eq!(left, ["org/app:1.0.1"]);
}
