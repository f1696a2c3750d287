//! What admission policies of the cluster make of a write.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::*;
use crate::cluster::Cluster;
use crate::cluster::fake::{Asked, status};
use crate::plan::{
    Authorship, LastUpdate, LockNote, Overrides, Plan, PolicyEdit, RecordedChange, plan_rollback,
};
use crate::write::fake::{Stored, admitting, authorship, change, plan, server, writer};
use crate::write::{WriteContext, write_live};

/// The digest of an image, with an `@`.
fn digest(image: &str) -> String {
    let byte = if image.ends_with(":1") { "cd" } else { "ab" };
    format!("@sha256:{}", byte.repeat(32))
}

async fn write_plan(cluster: &Cluster, plan: &Plan, overrides: &[Override]) -> Applied {
    let authorship = Authorship {
        overrides: overrides.to_vec(),
        ..authorship()
    };
    let writer = writer(cluster, &authorship);
    let context = WriteContext {
        observed: &[],
        recheck: None,
        wait: None,
        stop: &StopSignal::never(),
    };
    write_live(plan, &context, &writer, &|_| {}).await.remove(0)
}

async fn stored(cluster: &Cluster) -> Observed {
    let object = cluster.observe(&change("web").workload).await;
    object.expect("read")
}

fn recorded(object: &Observed) -> RecordedChange {
    let last = LastUpdate::from_annotations(&object.annotations);
    last.expect("a record")
        .expect("can be read")
        .changes
        .remove(0)
}

/// Whether all patches after the first requests were dry runs.
fn is_only_tried(asked: &Asked, after: usize) -> bool {
    let sent = asked.sent().split_off(after).into_iter();
    let mut patches = sent.filter(|sent| sent.method == "PATCH");
    patches.all(|sent| sent.uri.contains("dryRun"))
}

/// What an admission policy makes of an image.
const REWRITES: [fn(&str) -> String; 4] = [
    |image| format!("{image}{}", digest(image)),
    |image| {
        let name = image.split(':').next().unwrap_or_default();
        format!("{name}{}", digest(image))
    },
    |image| format!("mirror.example/{image}"),
    |image| format!("mirror.example/{image}{}", digest(image)),
];

/// The policy, from the nth patch on. It leaves an image alone that it has already made.
fn rewriting(make: fn(&str) -> String, from: usize) -> impl Fn(&mut Stored, usize) {
    move |stored, n| {
        let is_made = stored.image.contains('@') || stored.image.starts_with("mirror");
        if n >= from && !is_made {
            stored.image = make(&stored.image);
        }
    }
}

#[tokio::test]
async fn image_made_by_admission_is_recorded_and_can_be_rolled_back() {
    for make in REWRITES {
        let made = make("org/app:2");
        // In the second case, the policy ignores dry runs, and the record is corrected.
        for (from, patches) in [(0, 1), (1, 2)] {
            let (cluster, asked) = server(admitting(rewriting(make, from), |_| None));
            let applied = write_plan(&cluster, &plan(&["web"]), &[]).await;
            assert_eq!(applied.result.ok(), Some(Done::Written), "{made}");
            let note = format!(
                "container app: an admission policy of the cluster changed its image to {made}"
            );
            assert_eq!(applied.notes, [note]);
            let sent = asked.sent().into_iter();
            let real = sent.filter(|s| s.method == "PATCH" && !s.uri.contains("dryRun"));
            assert_eq!(real.count(), patches, "{made}");
            let now = stored(&cluster).await;
            let change = recorded(&now);
            assert_eq!(
                (&*change.to, change.admitted.as_deref()),
                ("org/app:2", Some(&*made))
            );
            if from == 1 {
                continue;
            }

            let rollback = plan_rollback(&[now], &[], &LockNote::default(), Overrides::default());
            let applied = write_plan(&cluster, &rollback, &[]).await;
            assert_eq!(applied.result.ok(), Some(Done::Written), "{made}");
            let now = stored(&cluster).await;
            assert_eq!(now.workload.containers[0].image, make("org/app:1"));
            let change = recorded(&now);
            let expected = (&*made, "org/app:1");
            assert_eq!((&*change.from, &*change.to), expected);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn write_is_recognised_after_a_lost_response_whatever_admission_made_of_it() {
    let lost = [
        status(504, "Timeout", "the request timed out"),
        // The client has sent it again, and it conflicts with itself.
        status(409, "Conflict", "the object has been modified"),
    ];
    for make in REWRITES {
        for from in [0, 1] {
            for lost in lost.clone() {
                let answer = move |n| (n == 1).then(|| lost.clone());
                let (cluster, _) = server(admitting(rewriting(make, from), answer));
                let applied = write_plan(&cluster, &plan(&["web"]), &[]).await;
                assert!(
                    matches!(applied.result, Ok(Done::Written)),
                    "{from}: {applied:?}"
                );
                let [note] = &applied.notes[..] else {
                    panic!("{applied:?}");
                };
                assert!(note.ends_with(&make("org/app:2")), "{note}");
            }
        }
    }
}

#[tokio::test]
async fn write_that_was_not_made_is_a_failure_although_admission_has_rewritten_it() {
    let (cluster, _) = server(Box::new(|stored, n, sent| {
        if n > 0 {
            return Some(status(504, "Timeout", "the request timed out"));
        }
        let mut made = stored.clone();
        made.take(&sent.body);
        made.image.push_str(&digest("org/app:2"));
        Some((200, made.shown("web")))
    }));
    let applied = write_plan(&cluster, &plan(&["web"]), &[]).await;
    let error = applied.result.expect_err("not written").to_string();
    assert!(error.contains("the request timed out"), "{error}");
}

#[tokio::test]
async fn running_tag_with_a_digest_is_taken_back() {
    let policy =
        |stored: &mut Stored, _| stored.image = format!("org/app:1{}", digest("org/app:1"));
    let (cluster, asked) = server(admitting(policy, |_| None));
    let applied = write_plan(&cluster, &plan(&["web"]), &[]).await;
    let error = applied.result.expect_err("taken back").to_string();
    let expected = "container app: an admission policy of the cluster keeps org/app:1";
    assert_eq!(error, expected);
    assert!(is_only_tried(&asked, 0));
}

fn annotate(stored: &mut Stored, key: &str, value: &str) {
    stored.annotations[key] = json!(value);
}

/// The plan of `lock` or `unlock`.
fn annotating(policy: PolicyEdit) -> Plan {
    let mut plan = plan(&["web"]);
    plan.changes[0].images.clear();
    plan.changes[0].policy = Some(policy);
    plan
}

fn lock(message: &str) -> PolicyEdit {
    PolicyEdit::Lock {
        note: LockNote {
            message: Some(message.to_owned()),
            ..LockNote::default()
        },
        overwrite: true,
    }
}

/// What an admission policy does to an object.
type Policy = fn(&mut Stored);

/// Removes every annotation of ours, as a policy does that knows nothing of them.
fn strip(stored: &mut Stored) {
    let annotations = stored.annotations.as_object_mut().expect("a mapping");
    annotations.retain(|key, _| !key.contains("flux") && !key.contains("imgpolicy"));
}

#[tokio::test]
async fn annotation_that_admission_does_not_keep_is_an_error() {
    let undone: [(Plan, Policy, &str); 4] = [
        (
            annotating(lock("hold")),
            strip,
            "removes the annotation fluxcd.io/locked",
        ),
        (
            annotating(lock("hold")),
            |s| annotate(s, "fluxcd.io/locked_msg", "no"),
            "changes the annotation fluxcd.io/locked_msg",
        ),
        (
            annotating(PolicyEdit::Unlock { seen: None }),
            |s| annotate(s, "fluxcd.io/locked", "true"),
            "keeps the annotation fluxcd.io/locked",
        ),
        (
            plan(&["web"]),
            strip,
            "removes the annotation fluxcd.io/build.number",
        ),
    ];
    for (plan, undo, expected) in undone {
        let is_unlock = matches!(plan.changes[0].policy, Some(PolicyEdit::Unlock { .. }));
        let is_in_force = Arc::new(AtomicBool::new(!is_unlock));
        let policy_is_in_force = Arc::clone(&is_in_force);
        let policy = move |stored: &mut Stored, _| {
            if policy_is_in_force.load(Ordering::Relaxed) {
                undo(stored);
            }
        };
        let (cluster, asked) = server(admitting(policy, |_| None));
        if is_unlock {
            let locked = write_plan(&cluster, &annotating(lock("hold")), &[]).await;
            assert_eq!(locked.result.ok(), Some(Done::Written));
            is_in_force.store(true, Ordering::Relaxed);
        }
        let before = asked.lines().len();
        let applied = write_plan(&cluster, &plan, &[]).await;
        let error = applied.result.expect_err(expected).to_string();
        assert_eq!(
            error,
            format!("an admission policy of the cluster {expected}")
        );
        assert!(is_only_tried(&asked, before), "{expected}");
    }
}

#[tokio::test]
async fn lock_that_only_the_real_write_loses_is_an_error_too() {
    let policy = |stored: &mut Stored, n| {
        if n > 0 {
            strip(stored);
        }
    };
    let (cluster, _) = server(admitting(policy, |_| None));
    let applied = write_plan(&cluster, &annotating(lock("hold")), &[]).await;
    let error = applied.result.expect_err("no lock").to_string();
    let expected = "an admission policy of the cluster removes the annotation fluxcd.io/locked";
    assert_eq!(error, expected);
    // An image has been written nevertheless.
    let applied = write_plan(&cluster, &plan(&["web"]), &[]).await;
    assert_eq!(applied.result.ok(), Some(Done::Written));
    assert_eq!(
        applied.notes,
        ["an admission policy of the cluster removes the annotation fluxcd.io/build.number"]
    );
}

#[tokio::test]
async fn reworded_description_of_an_update_is_only_noted() {
    let cause = "kubernetes.io/change-cause";
    let policy = move |stored: &mut Stored, _| annotate(stored, cause, "release 7");
    let (cluster, _) = server(admitting(policy, |_| None));
    let applied = write_plan(&cluster, &plan(&["web"]), &[]).await;
    assert_eq!(applied.result.ok(), Some(Done::Written));
    assert_eq!(
        applied.notes,
        [format!(
            "an admission policy of the cluster changes the annotation {cause}"
        )]
    );
}

#[tokio::test]
async fn record_alone_does_not_restore_an_image_of_another_repository() {
    let mut rollback = plan(&["web"]);
    rollback.changes[0].is_rollback = true;
    rollback.changes[0].images[0].to = "other.example/x:0".parse().expect("an image");
    let (cluster, asked) = server(Box::new(|_, _, _| None));
    let applied = write_plan(&cluster, &rollback, &[]).await;
    let error = applied.result.expect_err("refused").to_string();
    assert_eq!(
        error,
        "container app: the record would restore an image of another repository, \
         other.example/x:0; to restore it, add --override-policy"
    );
    assert!(is_only_tried(&asked, 0));
    let applied = write_plan(&cluster, &rollback, &[Override::Policy]).await;
    assert_eq!(applied.result.ok(), Some(Done::Written));
}
