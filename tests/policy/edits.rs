//! Edits of annotations: which keys are written, and when an edit is refused.

use std::collections::BTreeMap;

use kubectl_imgpolicy::plan::{
    ContainerPolicyText, Edit, LockNote, PolicyEdit, Refusal, plan_policy,
};
use kubectl_imgpolicy::policy::lock_on;
use kubectl_imgpolicy::workload::{Workload, decode};
use serde_json::json;

/// `deployment/web` with containers `app` and `side`.
pub(super) fn web(annotations: &[(&str, &str)]) -> Workload {
    let annotations: BTreeMap<&str, &str> = annotations.iter().copied().collect();
    let object = json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "annotations": annotations},
        "spec": {"template": {"spec": {"containers": [
            {"name": "app", "image": "docker.io/org/my-app:1.0.0"},
            {"name": "side", "image": "org/proxy:stg-1"}]}}}});
    decode(&object, "default")
        .expect("decodes")
        .expect("a workload")
}

fn policy(text: &str) -> ContainerPolicyText {
    text.parse().expect(text)
}

pub(super) fn set(policies: &[&str], overwrite: bool) -> PolicyEdit {
    let policies = policies.iter().map(|text| policy(text)).collect();
    PolicyEdit::set(policies, None, None, overwrite).expect("well-formed")
}

pub(super) fn automate(overwrite: bool) -> PolicyEdit {
    PolicyEdit::Automate {
        policies: Vec::new(),
        overwrite,
    }
}

pub(super) fn lock(by: &str, message: Option<&str>, overwrite: bool) -> PolicyEdit {
    PolicyEdit::Lock {
        note: LockNote {
            by: Some(by.to_owned()),
            message: message.map(str::to_owned),
            at: Some(NOW.parse().expect("a time")),
        },
        overwrite,
    }
}

const NOW: &str = "2026-11-21T12:00:00Z";
pub(super) const AUTOMATED: &str = "fluxcd.io/automated";
pub(super) const OLD_AUTOMATED: &str = "flux.weave.works/automated";
pub(super) const TAG: &str = "fluxcd.io/tag.app";
pub(super) const FILTER: &str = "filter.fluxcd.io/app";
pub(super) const OLD_TAG: &str = "flux.weave.works/tag.app";

/// The changes of an edit: `key=value`, or `key-` if it removes the key.
fn written(edit: &Edit) -> Vec<String> {
    assert!(edit.images.is_empty() && edit.values.is_empty());
    let entry = |(key, value): (&String, &Option<String>)| match value {
        Some(value) => format!("{key}={value}"),
        None => format!("{key}-"),
    };
    edit.annotations.iter().map(entry).collect()
}

#[test]
fn switch_is_set_to_true_in_its_existing_spelling() {
    for (before, expected) in [
        (&[][..], &["fluxcd.io/automated=true"][..]),
        (&[(AUTOMATED, "true")], &[]),
        (&[(OLD_AUTOMATED, "true")], &[]),
        (&[(AUTOMATED, "true"), (OLD_AUTOMATED, "true")], &[]),
        (&[("team", "shop")], &["fluxcd.io/automated=true"]),
    ] {
        let edit = automate(false).edit_of(&web(before)).expect("no obstacle");
        assert_eq!(written(&edit), expected, "{before:?}");
    }
    for (before, expected) in [
        (
            &[(AUTOMATED, "false")][..],
            &["fluxcd.io/automated=true"][..],
        ),
        (
            &[(OLD_AUTOMATED, "True")],
            &["flux.weave.works/automated=true"],
        ),
        (
            &[(AUTOMATED, "no"), (OLD_AUTOMATED, "true ")],
            &[
                "flux.weave.works/automated=true",
                "fluxcd.io/automated=true",
            ],
        ),
    ] {
        let refusal = automate(false)
            .edit_of(&web(before))
            .expect_err("it exists");
        assert!(matches!(refusal, Refusal::AnnotationExists { .. }));
        let edit = automate(true)
            .edit_of(&web(before))
            .expect("may be replaced");
        assert_eq!(written(&edit), expected, "{before:?}");
    }
}

#[test]
fn existing_value_is_reported_as_by_kubectl() {
    let refusal = automate(false).edit_of(&web(&[(AUTOMATED, "false")]));
    assert_eq!(
        refusal.expect_err("refused").to_string(),
        "--overwrite is false but found the following declared annotation(s): \
         'fluxcd.io/automated' already has a value (false)"
    );
}

#[test]
fn deautomate_removes_every_spelling_or_sets_false() {
    let both = web(&[
        (AUTOMATED, "true"),
        (OLD_AUTOMATED, "true"),
        (TAG, "glob:*"),
    ]);
    let end = |explicit| PolicyEdit::Deautomate { explicit };
    assert_eq!(
        written(&end(false).edit_of(&both).expect("an edit")),
        ["flux.weave.works/automated-", "fluxcd.io/automated-"]
    );
    assert_eq!(
        written(&end(true).edit_of(&both).expect("an edit")),
        [
            "flux.weave.works/automated=false",
            "fluxcd.io/automated=false"
        ]
    );
    assert!(end(false).edit_of(&web(&[])).expect("an edit").is_empty());
    assert_eq!(
        written(&end(true).edit_of(&web(&[])).expect("an edit")),
        ["fluxcd.io/automated=false"]
    );
}

#[test]
fn policy_is_written_in_its_existing_spelling() {
    let edit = set(&["app=semver:~1.0"], true);
    for (before, expected) in [
        (&[][..], vec![format!("{TAG}=semver:~1.0")]),
        (&[(FILTER, "glob:*")], vec![format!("{FILTER}=semver:~1.0")]),
        (
            &[(OLD_TAG, "glob:*")],
            vec![format!("{OLD_TAG}=semver:~1.0")],
        ),
        (
            &[(TAG, "glob:*"), (OLD_TAG, "glob:*")],
            vec![
                format!("{OLD_TAG}=semver:~1.0"),
                format!("{TAG}=semver:~1.0"),
            ],
        ),
        (&[(TAG, "semver:~1.0")], vec![]),
    ] {
        let written = written(&edit.edit_of(&web(before)).expect("may be replaced"));
        assert_eq!(written, expected, "{before:?}");
    }
}

#[test]
fn unknown_container_is_reported_with_the_existing_ones() {
    for edit in [
        set(&["nosuch=glob:*"], true),
        PolicyEdit::Automate {
            policies: vec![policy("nosuch=glob:*")],
            overwrite: false,
        },
        PolicyEdit::UnsetPolicy {
            containers: vec!["nosuch".to_owned()],
            all: false,
            min_age: false,
        },
    ] {
        let refusal = edit.edit_of(&web(&[])).expect_err("there is none");
        assert_eq!(
            refusal.to_string(),
            "unable to find container named \"nosuch\" (there are app, side)"
        );
    }
}

#[test]
fn policy_for_all_skips_containers_with_their_own_policy() {
    let edit = PolicyEdit::set(
        vec![policy("side=glob:stg-*")],
        Some("semver:^1".to_owned()),
        Some("72h".to_owned()),
        false,
    );
    let edit = edit
        .expect("well-formed")
        .edit_of(&web(&[]))
        .expect("an edit");
    assert_eq!(
        written(&edit),
        [
            "fluxcd.io/tag.app=semver:^1",
            "fluxcd.io/tag.side=glob:stg-*",
            "imgpolicy.dev/min-age=72h"
        ]
    );
    for (all, age, part) in [
        (Some("semver:>>1"), None, "--tag-all \"semver:>>1\": "),
        (
            None,
            Some("old"),
            "--min-age: \"old\" is not a valid duration",
        ),
    ] {
        let (all, age) = (all.map(str::to_owned), age.map(str::to_owned));
        let error = PolicyEdit::set(Vec::new(), all, age, false).expect_err(part);
        assert!(error.to_string().contains(part), "{error}");
        assert!(!error.is_usage());
    }
}

#[test]
fn policy_for_all_is_refused_for_an_overlong_container_name() {
    let long = "a".repeat(60);
    let mut workload = web(&[]);
    workload.containers[0].name.clone_from(&long);
    let edit = PolicyEdit::set(Vec::new(), Some("glob:*".to_owned()), None, false);
    let refusal = edit.expect("well-formed").edit_of(&workload);
    let text = refusal.expect_err("too long").to_string();
    assert!(text.contains("at most 59 characters"), "{text}");
}

#[test]
fn lock_records_who_why_and_when() {
    let edit = lock("alice", Some("freeze"), false).edit_of(&web(&[]));
    assert_eq!(
        written(&edit.expect("an edit")),
        [
            "fluxcd.io/locked=true",
            "fluxcd.io/locked_msg=freeze",
            "fluxcd.io/locked_user=alice",
            "imgpolicy.dev/locked-at=2026-11-21T12:00:00Z"
        ]
    );
}

const LOCKED: [(&str, &str); 4] = [
    ("flux.weave.works/locked", "true"),
    ("flux.weave.works/locked_user", "alice"),
    ("fluxcd.io/locked_msg", "freeze"),
    ("imgpolicy.dev/locked-at", "2026-11-01T00:00:00Z"),
];

#[test]
fn existing_lock_is_kept_without_overwrite() {
    let locked = web(&LOCKED);
    for same in [
        lock("alice", Some("freeze"), false),
        lock("alice", None, false),
    ] {
        assert!(same.edit_of(&locked).expect("the same lock").is_empty());
    }
    for other in [
        lock("bob", None, false),
        lock("alice", Some("other"), false),
    ] {
        let text = other
            .edit_of(&locked)
            .expect_err("another lock")
            .to_string();
        for part in [
            "--overwrite is false",
            "locked_user' already has a value (alice)",
        ] {
            assert!(text.contains(part), "{text}");
        }
    }
    let edit = lock("bob", None, true)
        .edit_of(&locked)
        .expect("may be replaced");
    assert_eq!(
        written(&edit),
        [
            "flux.weave.works/locked_user=bob",
            "fluxcd.io/locked_msg-",
            "imgpolicy.dev/locked-at=2026-11-21T12:00:00Z"
        ]
    );
}

#[test]
fn leftovers_of_a_removed_lock_do_not_prevent_a_new_one() {
    let left = web(&[
        ("fluxcd.io/locked_user", "alice"),
        ("fluxcd.io/locked_msg", "old"),
    ]);
    let edit = lock("bob", None, false)
        .edit_of(&left)
        .expect("no lock holds");
    assert!(written(&edit).contains(&"fluxcd.io/locked_user=bob".to_owned()));
    assert!(written(&edit).contains(&"fluxcd.io/locked_msg-".to_owned()));
    // An explicit `false` is not a leftover.
    let unlocked = web(&[("fluxcd.io/locked", "false")]);
    let refusal = lock("bob", None, false).edit_of(&unlocked);
    assert!(matches!(refusal, Err(Refusal::AnnotationExists { .. })));
}

#[test]
fn unlock_removes_every_spelling() {
    let mut all = LOCKED.to_vec();
    all.push(("fluxcd.io/locked", "false"));
    let edit = PolicyEdit::Unlock { seen: None }
        .edit_of(&web(&all))
        .expect("an edit");
    assert_eq!(edit.annotations.len(), 5);
    assert!(edit.annotations.values().all(Option::is_none));
    assert_eq!(lock_on(&edit.apply_to(&web(&all))), None);
}

#[test]
fn unlock_removes_only_the_lock_that_was_planned() {
    let seen = plan_policy(&[web(&LOCKED)], &PolicyEdit::Unlock { seen: None });
    let unlock = seen.changes[0].policy.clone().expect("an edit");
    assert!(unlock.edit_of(&web(&LOCKED)).is_ok());
    let other = web(&[
        ("fluxcd.io/locked", "true"),
        ("fluxcd.io/locked_msg", "incident"),
    ]);
    let refusal = unlock.edit_of(&other).expect_err("another lock");
    assert_eq!(
        refusal.to_string(),
        "a different lock has been set since the plan was made: incident"
    );
    // If the lock no longer exists, there is nothing to do.
    assert!(unlock.edit_of(&web(&[])).expect("an edit").is_empty());
}

pub(super) const RECORD: &str = r#"{"time":"2026-11-01T00:00:00Z","by":"a","number":"1","changes":[],
    "records":{"fluxcd.io/tag.app":"1.0.0","fluxcd.io/tag.my-app":"1.0.0"}}"#;

#[test]
fn record_is_not_a_policy() {
    let recorded = web(&[
        ("imgpolicy.dev/last-update", RECORD),
        (TAG, "1.0.0"),
        ("fluxcd.io/tag.my-app", "1.0.0"),
        ("fluxcd.io/tag.proxy", "stg-1"),
        ("fluxcd.io/tag.side", "glob:stg-*"),
    ]);
    // A record does not prevent the edit, and a value with the form of a record gets its type.
    let edit = set(&["app=1.0.0"], false)
        .edit_of(&recorded)
        .expect("no obstacle");
    assert_eq!(written(&edit), ["fluxcd.io/tag.app=glob:1.0.0"]);
    let unset = PolicyEdit::UnsetPolicy {
        containers: Vec::new(),
        all: true,
        min_age: false,
    };
    let edit = unset.edit_of(&recorded).expect("an edit");
    assert_eq!(written(&edit), ["fluxcd.io/tag.side-"]);
}

#[test]
fn unset_removes_policies_with_their_filters() {
    let workload = web(&[
        (AUTOMATED, "true"),
        (TAG, "semver:*"),
        (FILTER, "semver:*"),
        ("imgpolicy.dev/filter-tags.app", "^v"),
        ("imgpolicy.dev/ignore-tags.app", "[]"),
        ("imgpolicy.dev/min-age", "72h"),
        ("imgpolicy.dev/allow-downgrade", "true"),
        ("flux.weave.works/tag.gone", "glob:*"),
        ("fluxcd.io/tag_all", "glob:*"),
        ("fluxcd.io/tag.side", "glob:*"),
    ]);
    let unset = |containers: &[&str], all, min_age| {
        let containers = containers.iter().map(|&name| name.to_owned()).collect();
        let edit = PolicyEdit::UnsetPolicy {
            containers,
            all,
            min_age,
        };
        let edit = edit.edit_of(&workload).expect("an edit");
        assert!(edit.annotations.values().all(Option::is_none));
        edit.annotations.into_keys().collect::<Vec<_>>()
    };
    let of_app = [
        FILTER,
        TAG,
        "imgpolicy.dev/filter-tags.app",
        "imgpolicy.dev/ignore-tags.app",
    ];
    assert_eq!(unset(&["app"], false, false), of_app);
    assert_eq!(
        unset(&["gone"], false, false),
        ["flux.weave.works/tag.gone"]
    );
    assert_eq!(unset(&[], false, true), ["imgpolicy.dev/min-age"]);
    let all = unset(&[], true, false);
    assert_eq!(all.len(), 9, "{all:?}");
    assert!(!all.contains(&AUTOMATED.to_owned()));
}

#[test]
fn setting_a_policy_of_a_locked_workload_adds_a_note() {
    let plan = plan_policy(&[web(&LOCKED)], &set(&["app=glob:*"], false));
    assert_eq!(
        plan.changes[0].notes,
        [
            "deployment/web is locked by alice; it is not updated until \
          'kubectl imgpolicy unlock deployment/web'"
        ]
    );
    assert_eq!(
        plan_policy(&[web(&LOCKED)], &PolicyEdit::Unlock { seen: None }).changes[0].notes,
        [""; 0]
    );
}
