use std::sync::Mutex;

use serde_json::json;

use super::*;
use crate::cluster::Cluster;
use crate::cluster::fake::{Asked, answering, status};
use crate::plan::{Edit, Refusal};
use crate::write::fake::{
    Stored, admitting, authorship, change, object, observed, plan, server, writer,
};
use crate::write::one_write::{is_in, pause};
use crate::write::{Done, StopSignal, WriteError};

async fn write(cluster: &Cluster, plan: &Plan, observed: &[Observed]) -> Vec<Applied> {
    write_as(cluster, plan, observed, DryRun::None).await
}

async fn write_as(
    cluster: &Cluster,
    plan: &Plan,
    observed: &[Observed],
    dry_run: DryRun,
) -> Vec<Applied> {
    let authorship = authorship();
    let writer = LiveWriter {
        dry_run,
        ..writer(cluster, &authorship)
    };
    let stop = StopSignal::never();
    write_live(plan, &context(observed, &stop), &writer, &|_| {}).await
}

fn context<'a>(observed: &'a [Observed], stop: &'a StopSignal) -> WriteContext<'a> {
    WriteContext {
        observed,
        recheck: None,
        wait: None,
        stop,
    }
}

/// `GET web`, `PATCH web dry`, `PATCH web`, `POST events`.
fn short(asked: &Asked) -> Vec<String> {
    let sent = asked.sent();
    let words = sent.iter().map(|sent| {
        let path = sent.uri.split('?').next().unwrap_or_default();
        let name = path.rsplit('/').next().unwrap_or_default();
        let dry = if sent.uri.contains("dryRun=All") {
            " dry"
        } else {
            ""
        };
        format!("{} {name}{dry}", sent.method)
    });
    words.collect()
}

fn done(applied: &Applied) -> Done {
    match &applied.result {
        Ok(done) => *done,
        Err(error) => panic!("{}: {error}", applied.workload),
    }
}

#[tokio::test]
async fn change_is_dry_run_then_written_then_recorded_as_an_event() {
    let (cluster, asked) = server(Box::new(|_, _, _| None));
    let applied = write(&cluster, &plan(&["web"]), &[observed("web", 7)]).await;
    assert_eq!(done(&applied[0]), Done::Written);
    assert_eq!(applied[0].notes, [""; 0]);
    assert_eq!(short(&asked), ["PATCH web dry", "PATCH web", "POST events"]);
    let sent = asked.sent();
    // The dry run sends the same patch, but without a version.
    let mut tried = sent[0].body.clone();
    assert_eq!(tried["metadata"].get("resourceVersion"), None);
    tried["metadata"]["resourceVersion"] = json!("7");
    assert_eq!(tried, sent[1].body);
    let body = &sent[1].body;
    assert_eq!(body["metadata"]["resourceVersion"], "7");
    let last = &body["metadata"]["annotations"]["imgpolicy.dev/last-update"];
    assert!(last.is_string(), "{body}");
    assert_eq!(
        body["spec"],
        json!({"template": {"spec": {"containers": [{"name": "app", "image": "org/app:2"}]}}})
    );
    let event = &sent[2].body;
    assert_eq!(event["reason"], "ImageUpdated");
    assert_eq!(event["note"], "container app: org/app:1 -> org/app:2");
    // The version of the object with the new image.
    assert_eq!(event["regarding"]["resourceVersion"], "8");
}

#[tokio::test]
async fn unobserved_object_is_read_and_left_alone_if_up_to_date() {
    let (cluster, asked) = server(Box::new(|_, _, _| None));
    let mut plan = plan(&["idle", "web"]);
    plan.changes[0].images.clear();
    let applied = write(&cluster, &plan, &[]).await;
    assert_eq!(done(&applied[0]), Done::Unchanged);
    assert_eq!(done(&applied[1]), Done::Written);
    let asked = short(&asked);
    assert!(!asked.contains(&"PATCH idle dry".to_owned()), "{asked:?}");
    assert!(asked.contains(&"GET web".to_owned()), "{asked:?}");
}

#[tokio::test]
async fn dry_run_sends_nothing_or_only_a_dry_run() {
    for (dry_run, requests) in [
        (DryRun::Client, &[][..]),
        (DryRun::Server, &["PATCH web dry"]),
    ] {
        let (cluster, asked) = server(Box::new(|_, _, _| None));
        let plan = plan(&["web"]);
        let applied = write_as(&cluster, &plan, &[observed("web", 7)], dry_run).await;
        assert_eq!(done(&applied[0]), Done::Written);
        assert_eq!(short(&asked), requests);
    }
}

#[tokio::test(start_paused = true)]
async fn conflict_rereads_the_object_without_repeating_the_dry_run() {
    let (cluster, asked) = server(Box::new(|stored, n, _| {
        // Another client writes the status.
        if n == 1 {
            stored.version = 40;
        }
        None
    }));
    let applied = write(&cluster, &plan(&["web"]), &[observed("web", 7)]).await;
    assert_eq!(done(&applied[0]), Done::Written);
    assert_eq!(
        short(&asked),
        [
            "PATCH web dry",
            "PATCH web",
            "GET web",
            "PATCH web",
            "POST events"
        ]
    );
    assert_eq!(
        asked.sent()[3].body["metadata"]["resourceVersion"],
        json!("40")
    );
}

fn count(sent: &[String], line: &str) -> usize {
    sent.iter().filter(|sent| *sent == line).count()
}

#[tokio::test(start_paused = true)]
async fn constantly_changed_object_is_given_up() {
    let (cluster, asked) = server(Box::new(|stored, _, _| {
        stored.version += 1;
        None
    }));
    let started = tokio::time::Instant::now();
    let applied = write(&cluster, &plan(&["web"]), &[observed("web", 7)]).await;
    let error = applied[0].result.as_ref().expect_err("contended");
    assert_eq!(
        error.to_string(),
        "it was changed by others 10 times while it was being written; try again"
    );
    let sent = short(&asked);
    // A dry run needs no version, so it meets no conflict.
    assert_eq!(count(&sent, "PATCH web dry"), 1);
    assert_eq!(count(&sent, "PATCH web"), 10);
    let took = started.elapsed().as_millis();
    assert!((9 * 5..=9 * 101).contains(&took), "{took} ms");
}

#[tokio::test(start_paused = true)]
async fn repeated_conflicts_switch_to_a_tested_patch() {
    let (cluster, asked) = server(Box::new(|stored, _, _| {
        stored.version += 1;
        stored.annotations = json!({"beat": stored.version.to_string()});
        None
    }));
    let applied = write(&cluster, &plan(&["web"]), &[observed("web", 7)]).await;
    assert_eq!(done(&applied[0]), Done::Written);
    let sent = asked.sent();
    let patches = sent.iter().filter(|sent| sent.method == "PATCH");
    let kinds: Vec<&str> = patches.map(|sent| sent.content_type.as_str()).collect();
    let strategic = "application/strategic-merge-patch+json";
    let steps = "application/json-patch+json";
    assert_eq!(kinds, [strategic, strategic, strategic, strategic, steps]);
}

#[tokio::test(start_paused = true)]
async fn image_changed_during_a_tested_patch_is_left_alone() {
    let (cluster, _) = server(Box::new(|stored, n, _| {
        stored.version += 1;
        stored.annotations = json!({"beat": stored.version.to_string()});
        if n == 4 {
            stored.image = "org/app:1.9".to_owned();
        }
        None
    }));
    let applied = write(&cluster, &plan(&["web"]), &[observed("web", 7)]).await;
    let Err(WriteError::Refused(refusal)) = &applied[0].result else {
        panic!("{applied:?}");
    };
    let now = "org/app:1.9".to_owned();
    let container = "app".to_owned();
    assert_eq!(*refusal, Refusal::ImageChanged { container, now });
}

#[tokio::test(start_paused = true)]
async fn image_written_by_others_is_left_alone() {
    let (cluster, asked) = server(Box::new(|stored, n, _| {
        if n == 1 {
            stored.version += 1;
            stored.image = "org/app:1.9".to_owned();
        }
        None
    }));
    let applied = write(&cluster, &plan(&["web"]), &[observed("web", 7)]).await;
    let Err(WriteError::Refused(refusal)) = &applied[0].result else {
        panic!("{applied:?}");
    };
    let now = "org/app:1.9".to_owned();
    let container = "app".to_owned();
    assert_eq!(*refusal, Refusal::ImageChanged { container, now });
    assert_eq!(short(&asked), ["PATCH web dry", "PATCH web", "GET web"]);
}

#[tokio::test]
async fn change_refused_by_the_dry_run_is_never_written() {
    for (answer, hint) in [
        (
            status(
                403,
                "Forbidden",
                "deployments.apps \"web\" is forbidden: User \"eve\" cannot patch resource",
            ),
            Some("kubectl auth can-i patch deployments.apps -n shop"),
        ),
        // Permissions do not help against a policy.
        (status(403, "Forbidden", "a webhook denied it"), None),
        (status(422, "Invalid", "spec.x: Invalid value"), None),
        (status(404, "NotFound", "not found"), None),
    ] {
        let line = crate::cluster::fake::line_of(&answer);
        let (cluster, asked) = server(Box::new(move |_, n, _| (n == 0).then(|| answer.clone())));
        let applied = write(&cluster, &plan(&["web"]), &[observed("web", 7)]).await;
        let Err(WriteError::Cluster {
            message,
            hint: given,
        }) = &applied[0].result
        else {
            panic!("{applied:?}");
        };
        assert_eq!((message, given.as_deref()), (&line, hint));
        assert_eq!(short(&asked), ["PATCH web dry"]);
    }
}

#[tokio::test]
async fn one_failure_does_not_stop_the_others() {
    let (cluster, _) = server(Box::new(|_, _, sent| {
        let is_gone = sent.uri.contains("/b?");
        is_gone.then(|| status(404, "NotFound", "deployments.apps \"b\" not found"))
    }));
    let names = ["a", "b", "c"];
    let objects = names.map(|name| observed(name, 7));
    let reported = Mutex::new(Vec::new());
    let authorship = authorship();
    let writer = writer(&cluster, &authorship);
    let report = |event: WriteEvent<'_>| {
        let WriteEvent::Applied(applied) = event else {
            return;
        };
        let mut reported = reported.lock().expect("no panic before");
        reported.push(applied.workload.name.clone());
    };
    let stop = StopSignal::never();
    let context = context(&objects, &stop);
    let applied = write_live(&plan(&names), &context, &writer, &report).await;
    let written: Vec<_> = applied
        .iter()
        .map(|applied| (applied.workload.name.as_str(), applied.result.is_ok()))
        .collect();
    assert_eq!(written, [("a", true), ("b", false), ("c", true)]);
    let error = applied[1].result.as_ref().expect_err("gone").to_string();
    assert_eq!(
        error,
        "Error from server (NotFound): deployments.apps \"b\" not found"
    );
    // The failed write needed one request, the others three.
    let reported = reported.into_inner().expect("no panic before");
    assert_eq!(reported, ["a", "b", "c"]);
}

#[tokio::test(start_paused = true)]
async fn patch_applied_despite_a_server_error_is_written_once() {
    // In the first case the client repeats the patch and conflicts with its own version.
    for (code, requests) in [
        (
            504,
            &[
                "PATCH web dry",
                "PATCH web",
                "PATCH web",
                "GET web",
                "POST events",
            ][..],
        ),
        (
            500,
            &["PATCH web dry", "PATCH web", "GET web", "POST events"],
        ),
    ] {
        let (cluster, asked) = server(Box::new(move |stored, n, sent| {
            (n == 1).then(|| {
                stored.take(&sent.body);
                status(code, "", "the request timed out")
            })
        }));
        let applied = write(&cluster, &plan(&["web"]), &[observed("web", 7)]).await;
        assert_eq!(done(&applied[0]), Done::Written);
        assert_eq!(short(&asked), requests);
    }
}

#[tokio::test]
async fn failed_patch_is_reported_in_the_servers_words() {
    let (cluster, asked) = server(Box::new(|_, n, _| {
        (n == 1).then(|| status(500, "InternalError", "a webhook is away"))
    }));
    let applied = write(&cluster, &plan(&["web"]), &[observed("web", 7)]).await;
    let error = applied[0].result.as_ref().expect_err("failed").to_string();
    assert_eq!(
        error,
        "Error from server (InternalError): a webhook is away"
    );
    assert_eq!(short(&asked), ["PATCH web dry", "PATCH web", "GET web"]);
}

#[tokio::test]
async fn image_rewritten_by_admission_is_noted() {
    let mirror = |stored: &mut Stored, n| {
        if n == 1 {
            stored.image = "mirror.example/org/app:2".to_owned();
        }
    };
    let (cluster, _) = server(admitting(mirror, |_| None));
    let applied = write(&cluster, &plan(&["web"]), &[observed("web", 7)]).await;
    assert_eq!(done(&applied[0]), Done::Written);
    assert_eq!(
        applied[0].notes,
        [
            "container app: an admission policy of the cluster changed its image to \
          mirror.example/org/app:2"
        ]
    );
}

#[tokio::test]
async fn image_reverted_by_admission_is_not_written() {
    let (cluster, asked) = server(Box::new(|_, n, _| {
        (n == 0).then(|| (200, object("web", 8, "org/app:1").to_string()))
    }));
    let applied = write(&cluster, &plan(&["web"]), &[observed("web", 7)]).await;
    let error = applied[0].result.as_ref().expect_err("taken back");
    assert_eq!(
        error.to_string(),
        "container app: an admission policy of the cluster keeps org/app:1"
    );
    assert_eq!(short(&asked), ["PATCH web dry"]);
}

#[tokio::test]
async fn forbidden_events_are_reported_once() {
    let (cluster, asked) = answering(|sent| {
        if sent.uri.contains("/events") {
            status(403, "Forbidden", "events.events.k8s.io is forbidden")
        } else {
            let path = sent.uri.split('?').next().unwrap_or_default();
            let name = path.rsplit('/').next().unwrap_or_default();
            let mut object = object(name, 8, "org/app:2");
            object["metadata"]["annotations"] = sent.body["metadata"]["annotations"].clone();
            (200, object.to_string())
        }
    });
    let names: Vec<String> = (0..20).map(|n| format!("w{n:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let objects: Vec<Observed> = names.iter().map(|name| observed(name, 7)).collect();
    let applied = write(&cluster, &plan(&names), &objects).await;
    assert!(applied.iter().all(|applied| applied.result.is_ok()));
    let notes: Vec<&String> = applied.iter().flat_map(|applied| &applied.notes).collect();
    assert_eq!(
        notes,
        [
            "Events could not be recorded in shop (Forbidden), so only the annotations of the \
          workloads record what was changed"
        ]
    );
    let events = asked
        .lines()
        .into_iter()
        .filter(|line| line.contains("/events"));
    // At most those that were in flight when the first was refused.
    assert!(events.count() <= AT_ONCE);
}

#[tokio::test]
async fn rollback_has_its_own_event_and_annotation_edits_have_none() {
    let mut change = change("web");
    let object = observed("web", 7);
    let (cluster, asked) = server(Box::new(|_, _, _| None));
    change.is_rollback = true;
    let plan = Plan {
        changes: vec![change],
        ..Plan::default()
    };
    write(&cluster, &plan, &[object]).await;
    let event = asked.sent().remove(2).body;
    assert_eq!(
        (&event["reason"], &event["action"]),
        (&json!("ImageRolledBack"), &json!("RollBack"))
    );
}

#[tokio::test]
async fn five_hundred_workloads_are_written_eight_at_a_time() {
    let (cluster, asked) = server(Box::new(|_, _, _| None));
    let names: Vec<String> = (0..500).map(|n| format!("w{n:03}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let objects: Vec<Observed> = names.iter().map(|name| observed(name, 7)).collect();
    let applied = write(&cluster, &plan(&names), &objects).await;
    assert!(applied.iter().all(|applied| done(applied) == Done::Written));
    let order = applied.iter().map(|applied| applied.workload.name.as_str());
    assert_eq!(order.collect::<Vec<_>>(), names);
    assert_eq!(asked.most_at_once(), AT_ONCE);
}

#[test]
fn pauses_are_in_range_and_differ() {
    let pauses: std::collections::BTreeSet<_> = (0..200).map(|_| pause()).collect();
    let millis = Duration::from_millis;
    assert!(pauses.iter().all(|p| (millis(5)..=millis(100)).contains(p)));
    assert!(pauses.len() > 20, "{pauses:?}");
}

fn annotation(key: &str, text: Option<&str>) -> Edit {
    Edit {
        annotations: BTreeMap::from([(key.to_owned(), text.map(str::to_owned))]),
        ..Edit::default()
    }
}

fn value(path: &[&str]) -> Edit {
    Edit {
        values: vec![crate::plan::ValueEdit {
            path: path.iter().map(|&key| key.to_owned()).collect(),
            text: Some("2".to_owned()),
            is_plain: false,
        }],
        ..Edit::default()
    }
}

#[test]
fn edit_is_in_an_object_that_contains_all_its_values() {
    let mut object = observed("web", 7);
    object.annotations = BTreeMap::from([("a".to_owned(), "1".to_owned())]);
    object.values = Some(json!({"app": {"tag": "2"}}));
    for (edit, expected) in [
        (annotation("a", Some("1")), true),
        (annotation("a", Some("2")), false),
        (annotation("a", None), false),
        (annotation("b", None), true),
        (value(&["app", "tag"]), true),
        (value(&["app", "image", "tag"]), false),
        (value(&["app"]), false),
    ] {
        assert_eq!(is_in(&edit, &object), expected, "{edit:?}");
    }
}
