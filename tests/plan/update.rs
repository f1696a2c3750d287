//! Which decisions become changes, and what is held back.

use kubectl_imgpolicy::plan::{Authorship, Override, Overrides, Plan, Refusal, UpdateSpec};
use serde_json::json;

use super::{author, edit, held, images, observed, planned, planned_with, updated};
use crate::support::oracle::digest;
use crate::support::scenario::Scenario;

fn following(policy: &str, image: &str) -> Scenario {
    Scenario::following(policy, image).tags(&["1.0.0", "1.0.1", "1.1.0-alpine"])
}

fn manual() -> Scenario {
    following("semver:~1.0", "org/app:1.0.0").annotation("fluxcd.io/automated", "false")
}

fn locked() -> Scenario {
    following("semver:~1.0", "org/app:1.0.0")
        .annotation("fluxcd.io/locked", "true")
        .annotation("fluxcd.io/locked_user", "ops")
        .annotation("fluxcd.io/locked_msg", "freeze")
}

#[test]
fn elected_image_is_written_in_the_spelling_of_the_manifest() {
    let scenario = following("semver:~1.0", "index.docker.io/org/app:1.0.0");
    let plan = planned(&scenario);
    assert_eq!(images(&plan), "app=index.docker.io/org/app:1.0.1");
    assert_eq!(held(&plan), "");
    let image = &plan.changes[0].images[0];
    assert_eq!(image.policy.as_deref(), Some("semver:~1.0"));
    assert_eq!(
        image.message,
        "1.0.1 is the highest of 2 tags that match semver:~1.0"
    );
}

#[test]
fn digest_follows_the_tag() {
    let scenario = following("semver:~1.0", &format!("org/app:1.0.0@{}", digest(1)));
    assert_eq!(
        images(&planned(&scenario)),
        format!("app=org/app:1.0.1@{}", digest(2))
    );
}

#[test]
fn running_image_is_not_in_the_plan() {
    let plan = planned(&following("semver:~1.0", "org/app:1.0.1"));
    assert_eq!(plan, Plan::default());
}

#[test]
fn manual_container_is_updated_only_with_the_flag() {
    let plan = planned(&manual());
    assert_eq!(
        (images(&plan), held(&plan)),
        (String::new(), "app manual".to_owned())
    );
    assert_eq!(
        plan.held_back[0].message,
        "not automated; 1.0.1 is the highest of 2 tags that match semver:~1.0"
    );
    let spec = UpdateSpec {
        include_manual: true,
        ..UpdateSpec::default()
    };
    let plan = planned_with(&manual(), &spec);
    assert_eq!(images(&plan), "app=org/app:1.0.1");
}

#[test]
fn manual_container_without_a_policy_is_never_updated() {
    let scenario = Scenario::deployment()
        .container("app", "org/app:1.0.0")
        .tags(&["1.0.0", "1.0.1"])
        .settings(|settings| settings.assume = Some("auto".to_owned()));
    let spec = UpdateSpec {
        include_manual: true,
        ..UpdateSpec::default()
    };
    assert_eq!(planned_with(&scenario, &spec), Plan::default());
}

#[test]
fn locked_workload_keeps_its_image_unless_overridden() {
    let plan = planned(&locked());
    assert_eq!(held(&plan), "app locked");
    assert!(
        plan.held_back[0]
            .message
            .starts_with("locked by ops: freeze; ")
    );
    for (overrides, expected) in [
        (
            Overrides {
                lock: true,
                ..Overrides::default()
            },
            "app=org/app:1.0.1",
        ),
        (
            Overrides {
                policy: true,
                owner: true,
                lock: false,
                window: true,
                unconfirmed: true,
            },
            "",
        ),
    ] {
        let spec = UpdateSpec {
            overrides,
            ..UpdateSpec::default()
        };
        assert_eq!(images(&planned_with(&locked(), &spec)), expected);
    }
    let overrides = Overrides {
        lock: true,
        ..Overrides::default()
    };
    let spec = UpdateSpec {
        overrides,
        ..UpdateSpec::default()
    };
    let plan = planned_with(&locked(), &spec);
    assert_eq!(
        plan.changes[0].notes,
        ["deployment/web is locked by ops: freeze; overriding the lock"]
    );
}

fn over_the_lock(include_manual: bool) -> UpdateSpec {
    UpdateSpec {
        include_manual,
        overrides: Overrides {
            lock: true,
            ..Overrides::default()
        },
        ..UpdateSpec::default()
    }
}

#[test]
fn overriding_a_lock_does_not_automate() {
    let manual = locked().annotation("fluxcd.io/automated", "false");
    let plan = planned_with(&manual, &over_the_lock(false));
    assert_eq!(
        (images(&plan), held(&plan)),
        (String::new(), "app manual".to_owned())
    );
    let plan = planned_with(&manual, &over_the_lock(true));
    assert_eq!(images(&plan), "app=org/app:1.0.1");
}

#[test]
fn up_to_date_locked_workload_is_not_listed() {
    let scenario = following("semver:~1.0", "org/app:1.0.1").annotation("fluxcd.io/locked", "true");
    assert_eq!(planned(&scenario), Plan::default());
}

#[test]
fn image_that_is_not_written_is_held_back_with_its_reason() {
    for (scenario, expected) in [
        (
            following("semver:<=1.0.0", "org/app:1.0.1"),
            "app downgrade",
        ),
        (
            following("semver:^1.0-0", "org/app:1.0.0-slim"),
            "app variant-change",
        ),
        (
            following("semver:nonsense", "org/app:1.0.0"),
            "app undecided",
        ),
        (following("semver:~3", "org/app:1.0.0"), ""),
        (
            following("semver:~1.0", "org/app:1.0.0").annotation("fluxcd.io/ignore", "true"),
            "",
        ),
    ] {
        let plan = planned(&scenario);
        assert_eq!(
            (images(&plan).as_str(), held(&plan).as_str()),
            ("", expected)
        );
    }
}

#[test]
fn invalid_policy_of_a_manual_container_is_reported() {
    let scenario =
        following("semver:nonsense", "org/app:1.0.0").annotation("fluxcd.io/automated", "false");
    let spec = UpdateSpec {
        include_manual: true,
        ..UpdateSpec::default()
    };
    let plan = planned_with(&scenario, &spec);
    assert_eq!(held(&plan), "app undecided");
    let message = &plan.held_back[0].message;
    assert!(
        message.starts_with("invalid-policy: annotation fluxcd.io/tag.app:"),
        "{message}"
    );
}

#[test]
fn only_the_named_containers_are_updated() {
    let scenario = following("semver:~1.0", "org/app:1.0.0")
        .container("side", "org/side:1.0.0")
        .annotation("fluxcd.io/tag.side", "semver:~1.0");
    let spec = UpdateSpec {
        containers: vec!["side".to_owned()],
        ..UpdateSpec::default()
    };
    assert_eq!(
        images(&planned_with(&scenario, &spec)),
        "side=org/side:1.0.1"
    );
}

#[test]
fn workloads_beyond_the_limit_are_held_back() {
    let mut plan = planned(&following("semver:~1.0", "org/app:1.0.0"));
    let mut second = plan.changes[0].clone();
    second.workload.name = "worker".to_owned();
    plan.changes.push(second);
    plan.limit(2);
    assert_eq!((plan.changes.len(), held(&plan)), (2, String::new()));
    plan.limit(1);
    assert_eq!(
        (plan.changes.len(), held(&plan)),
        (1, "app beyond-max".to_owned())
    );
    assert_eq!(plan.held_back[0].workload.name, "worker");
    assert_eq!(plan.held_back[0].message, "the plan already has 1 workload");
}

#[test]
fn second_run_finds_nothing_to_do() {
    let after = updated(&following("semver:~1.0", "org/app:1.0.0"));
    assert_eq!(planned(&after), Plan::default());
}

#[test]
fn changed_object_is_refused_and_an_updated_one_is_skipped() {
    let scenario = following("semver:~1.0", "org/app:1.0.0");
    let plan = planned(&scenario);
    let tried = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut object = scenario.object().clone();
        change(&mut object);
        plan.changes[0].edit(&observed(&object), &author())
    };
    let containers = "/spec/template/spec/containers/0";
    let renamed = tried(&|object| {
        object.pointer_mut(containers).expect("a container")["name"] = json!("main");
    });
    assert_eq!(
        renamed.expect_err("refused").to_string(),
        "unable to find container named \"app\" (there are main)"
    );
    let moved = tried(&|object| {
        object.pointer_mut(containers).expect("a container")["image"] = json!("org/app:0.9");
    });
    assert_eq!(
        moved.expect_err("refused").to_string(),
        "container app: the image has changed since the plan was made: now org/app:0.9"
    );
    let done = tried(&|object| {
        object.pointer_mut(containers).expect("a container")["image"] = json!("org/app:1.0.1");
    });
    assert!(done.expect("an edit").is_empty());
}

#[test]
fn lock_set_after_the_plan_is_honoured() {
    let plan = planned(&following("semver:~1.0", "org/app:1.0.0"));
    let object = observed(locked().object());
    let refused = plan.changes[0].edit(&object, &author());
    assert_eq!(
        refused,
        Err(Refusal::Locked {
            by: Some("ops".to_owned()),
            message: Some("freeze".to_owned())
        })
    );
    let author = Authorship {
        overrides: vec![Override::Lock],
        ..author()
    };
    let edit = plan.changes[0].edit(&object, &author).expect("an edit");
    let record = edit.annotations["imgpolicy.dev/last-update"].as_deref();
    assert!(record.is_some_and(|record| record.contains(r#""overrides":["lock"]"#)));
}

#[test]
fn release_is_updated_in_its_values() {
    let values =
        json!({"image": {"repository": "org/app", "tag": 1.0}, "side": {"image": "org/s:1.0.0"}});
    let scenario = Scenario::helm_release(values)
        .annotation("fluxcd.io/automated", "true")
        .annotation("fluxcd.io/tag.chart-image", "glob:1.0.1")
        .annotation("fluxcd.io/tag.side", "semver:~1.0")
        .tags(&["1.0", "1.0.0", "1.0.1"]);
    let plan = planned(&scenario);
    let edit = edit(&scenario, &plan);
    let texts: Vec<_> = edit
        .values
        .iter()
        .map(|v| (v.path.join("."), v.text.as_deref().unwrap_or_default()))
        .collect();
    assert_eq!(
        texts,
        [
            ("image.tag".to_owned(), "1.0.1"),
            ("side.image".to_owned(), "org/s:1.0.1")
        ]
    );
    assert!(edit.images.is_empty());
    assert_eq!(planned(&updated(&scenario)), Plan::default());
}

#[test]
fn workload_ignored_after_the_plan_keeps_its_image() {
    let scenario = Scenario::deployment()
        .annotation("fluxcd.io/automated", "true")
        .annotation("fluxcd.io/tag.app", "semver:~1.0")
        .container("app", "org/app:1.0.0")
        .tags(&["1.0.0", "1.0.1"]);
    let plan = planned(&scenario);
    let ignored = scenario.annotation("flux.weave.works/ignore", "true");
    let refusal = plan.changes[0].edit(&observed(ignored.object()), &author());
    assert_eq!(refusal, Err(Refusal::Ignored));
}
