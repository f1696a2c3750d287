//! Edits of annotations: which keys are written, and what stands against it.

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

/// What an edit writes: `key=value`, or `key-` where it removes.
fn written(edit: &Edit) -> Vec<String> {
    assert!(edit.images.is_empty() && edit.values.is_empty());
    let entry = |(key, value): (&String, &Option<String>)| match value {
        Some(value) => format!("{key}={value}"),
        None => format!("{key}-"),
    };
    edit.annotations.iter().map(entry).collect()
}

fn told(refusal: &Refusal) -> String {
    refusal.to_string()
}

#[test]
fn a_switch_is_exactly_true_and_keeps_the_spelling_in_which_it_stands() {
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
            .expect_err("stands there");
        assert!(matches!(refusal, Refusal::AnnotationExists { .. }));
        let edit = automate(true)
            .edit_of(&web(before))
            .expect("may be replaced");
        assert_eq!(written(&edit), expected, "{before:?}");
    }
}

#[test]
fn another_value_is_named_in_kubectls_words() {
    let refusal = automate(false).edit_of(&web(&[(AUTOMATED, "false")]));
    assert_eq!(
        told(&refusal.expect_err("refused")),
        "--overwrite is false but found the following declared annotation(s): \
         'fluxcd.io/automated' already has a value (false)"
    );
}

#[test]
fn automation_ends_in_every_spelling_or_explicitly() {
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
fn a_policy_is_written_where_it_stands() {
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
fn a_container_that_is_not_there_is_named_with_those_that_are() {
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
            told(&refusal),
            "unable to find container named \"nosuch\" (there are app, side)"
        );
    }
}

#[test]
fn a_policy_for_all_leaves_out_those_that_have_one_of_their_own() {
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
        (None, Some("old"), "--min-age: a duration reads like 72h"),
    ] {
        let (all, age) = (all.map(str::to_owned), age.map(str::to_owned));
        let error = PolicyEdit::set(Vec::new(), all, age, false).expect_err(part);
        assert!(error.to_string().contains(part), "{error}");
        assert!(!error.is_usage());
    }
}

#[test]
fn a_policy_for_all_meets_a_name_that_fits_into_no_key() {
    let long = "a".repeat(60);
    let mut workload = web(&[]);
    workload.containers[0].name.clone_from(&long);
    let edit = PolicyEdit::set(Vec::new(), Some("glob:*".to_owned()), None, false);
    let refusal = edit.expect("well-formed").edit_of(&workload);
    let text = told(&refusal.expect_err("too long"));
    assert!(text.contains("at most 59 characters"), "{text}");
}

#[test]
fn a_lock_says_who_why_and_since_when() {
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
fn a_locked_workload_stays_as_it_is_without_overwrite() {
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
        let text = told(&other.edit_of(&locked).expect_err("another lock"));
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
fn what_a_lock_that_is_gone_left_behind_is_no_obstacle() {
    let left = web(&[
        ("fluxcd.io/locked_user", "alice"),
        ("fluxcd.io/locked_msg", "old"),
    ]);
    let edit = lock("bob", None, false)
        .edit_of(&left)
        .expect("no lock holds");
    assert!(written(&edit).contains(&"fluxcd.io/locked_user=bob".to_owned()));
    assert!(written(&edit).contains(&"fluxcd.io/locked_msg-".to_owned()));
    // Somebody said on purpose that it is not locked.
    let unlocked = web(&[("fluxcd.io/locked", "false")]);
    let refusal = lock("bob", None, false).edit_of(&unlocked);
    assert!(matches!(refusal, Err(Refusal::AnnotationExists { .. })));
}

#[test]
fn a_lock_goes_in_every_spelling() {
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
fn only_the_lock_that_was_seen_goes() {
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
    // One that is gone by itself is as wished.
    assert!(unlock.edit_of(&web(&[])).expect("an edit").is_empty());
}

pub(super) const RECORD: &str = r#"{"time":"2026-11-01T00:00:00Z","by":"a","number":"1","changes":[],
    "records":{"fluxcd.io/tag.app":"1.0.0","fluxcd.io/tag.my-app":"1.0.0"}}"#;

#[test]
fn a_record_is_no_policy() {
    let recorded = web(&[
        ("imgpolicy.dev/last-update", RECORD),
        (TAG, "1.0.0"),
        ("fluxcd.io/tag.my-app", "1.0.0"),
        ("fluxcd.io/tag.proxy", "stg-1"),
        ("fluxcd.io/tag.side", "glob:stg-*"),
    ]);
    // It is not in the way, and what would read as a record gets its type.
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
fn policies_go_with_what_stands_beside_them() {
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
fn whoever_sets_a_policy_of_a_locked_workload_is_told() {
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
