//! Properties of every edit of annotations, with any existing annotations.

use std::collections::BTreeMap;

use kubectl_imgpolicy::plan::PolicyEdit;
use kubectl_imgpolicy::policy::{PolicySources, State, lock_on, resolve};
use kubectl_imgpolicy::workload::Workload;
use proptest::prelude::*;

use super::edits::{
    AUTOMATED, FILTER, OLD_AUTOMATED, OLD_TAG, RECORD, TAG, automate, lock, set, web,
};

/// Any annotations: known keys in every spelling, and others.
fn annotations() -> impl Strategy<Value = BTreeMap<String, String>> {
    let key = prop::sample::select(vec![
        AUTOMATED,
        OLD_AUTOMATED,
        TAG,
        FILTER,
        OLD_TAG,
        "fluxcd.io/tag.side",
        "fluxcd.io/tag.my-app",
        "fluxcd.io/tag.gone",
        "fluxcd.io/locked",
        "flux.weave.works/locked",
        "fluxcd.io/locked_msg",
        "imgpolicy.dev/locked-at",
        "imgpolicy.dev/filter-tags.app",
        "imgpolicy.dev/min-age",
        "imgpolicy.dev/last-update",
        "keel.sh/policy",
    ]);
    let value = prop::sample::select(vec![
        "true",
        "false",
        "1.0.0",
        "semver:~1.0",
        "glob:*",
        "72h",
        "alphabetical",
        RECORD,
    ]);
    let entry = (key, value).prop_map(|(key, value)| (key.to_owned(), value.to_owned()));
    prop::collection::btree_map(
        entry.clone().prop_map(|(key, _)| key),
        entry.prop_map(|(_, value)| value),
        0..8,
    )
}

fn any_edit() -> impl Strategy<Value = PolicyEdit> {
    let text = prop::sample::select(vec![
        "semver:~1.0",
        "glob:stg-*",
        "1.0.0",
        "alphabetical",
        "numerical:desc",
        "regex:^v",
    ]);
    (0..7_u8, text, any::<bool>()).prop_map(|(which, text, flag)| match which {
        0 => automate(true),
        1 => PolicyEdit::Deautomate { explicit: flag },
        2 => lock("alice", flag.then_some("freeze"), true),
        3 => PolicyEdit::Unlock { seen: None },
        4 => set(&[&format!("app={text}")], true),
        5 => PolicyEdit::set(
            Vec::new(),
            Some(text.to_owned()),
            Some("72h".to_owned()),
            true,
        )
        .expect("well-formed"),
        _ => PolicyEdit::UnsetPolicy {
            containers: vec!["app".to_owned()],
            all: flag,
            min_age: flag,
        },
    })
}

fn with(annotations: BTreeMap<String, String>) -> Workload {
    let mut workload = web(&[]);
    workload.annotations = annotations;
    workload
}

proptest! {
    #[test]
    fn edits_are_idempotent(before in annotations(), edit in any_edit()) {
        let workload = with(before);
        let once = edit.edit_of(&workload).expect("overwrites").apply_to(&workload);
        let again = edit.edit_of(&once).expect("overwrites");
        prop_assert!(again.is_empty(), "{again:?}");
    }

    #[test]
    fn other_annotations_are_not_changed(before in annotations(), edit in any_edit()) {
        let workload = with(before);
        let written = edit.edit_of(&workload).expect("overwrites");
        for key in written.annotations.keys() {
            let is_ours = ["fluxcd.io/", "flux.weave.works/", "imgpolicy.dev/"]
                .iter()
                .any(|prefix| key.contains(prefix));
            prop_assert!(is_ours && key != "imgpolicy.dev/last-update", "{key}");
        }
    }

    #[test]
    fn policy_that_was_set_is_resolved(
        before in annotations(),
        text in prop::sample::select(vec!["semver:~1.0", "1.0.0", "alphabetical", "glob:*"]),
    ) {
        let workload = with(before);
        let edit = set(&[&format!("app={text}")], true).edit_of(&workload).expect("overwrites");
        let resolved = resolve(&edit.apply_to(&workload), &PolicySources::default());
        let policy = resolved[0].policy.as_ref();
        // Its filter may be malformed; the error is then about the filter.
        let read = match policy {
            Some(Ok(policy)) => policy.rule.to_string(),
            Some(Err(error)) => {
                prop_assert!(error.message.contains("imgpolicy.dev/"), "{error}");
                return Ok(());
            }
            None => String::new(),
        };
        let rule = kubectl_imgpolicy::policy::Rule::parse(text).expect("a policy");
        prop_assert_eq!(read, rule.to_string());
    }

    #[test]
    fn setting_and_unsetting_a_policy_keeps_other_annotations(before in annotations()) {
        let workload = with(before);
        let set = set(&["app=semver:~1.0"], true);
        let unset = PolicyEdit::UnsetPolicy {
            containers: vec!["app".to_owned()],
            all: false,
            min_age: false,
        };
        let after = |edit: &PolicyEdit, workload: &Workload| {
            edit.edit_of(workload).expect("an edit").apply_to(workload)
        };
        let mut direct = after(&unset, &workload).annotations;
        let with_policy = after(&set, &workload);
        // Without another spelling, the policy replaces a record with the same key.
        if with_policy.annotations.get(TAG) != workload.annotations.get(TAG) {
            direct.remove(TAG);
        }
        prop_assert_eq!(after(&unset, &with_policy).annotations, direct);
    }

    #[test]
    fn locked_workload_is_locked_until_it_is_unlocked(before in annotations()) {
        let workload = with(before);
        let locked = lock("alice", None, true).edit_of(&workload).expect("overwrites");
        let locked = locked.apply_to(&workload);
        let sources = PolicySources::default();
        prop_assert_eq!(resolve(&locked, &sources)[0].state, State::Locked);
        prop_assert_eq!(lock_on(&locked).and_then(|lock| lock.by), Some("alice".to_owned()));
        let open = PolicyEdit::Unlock { seen: None }.edit_of(&locked).expect("an edit").apply_to(&locked);
        prop_assert_ne!(resolve(&open, &sources)[0].state, State::Locked);
    }
}
