//! What others change between a plan and its write.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::future::LocalBoxFuture;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::*;
use crate::cluster::Cluster;
use crate::cluster::fake::status;
use crate::plan::Plan;
use crate::policy::PolicySources;
use crate::workload::Workload;
use crate::write::fake::{OnPatch, Stored, admitting, authorship, object, plan, server, writer};
use crate::write::{Fence, WriteContext, WriteEvent, write_live};

const POLICY: &str = "fluxcd.io/tag.app";

/// The annotations of the object that the plan was made for.
fn annotations() -> Value {
    json!({"fluxcd.io/automated": "true", POLICY: "semver:^1",
        "fluxcd.io/tag.worker": "semver:~2"})
}

/// The object with the version that the fake server starts with.
fn planned_object() -> Observed {
    let mut object = object("web", 7, "org/app:1");
    object["metadata"]["annotations"] = annotations();
    let observed = Observed::read(&object, "shop").expect("decodes");
    observed.expect("a workload")
}

/// The plan for the object, with what it rests on.
fn plan_for(workload: &Workload) -> Plan {
    let mut plan = plan(&["web"]);
    plan.rest_on(std::slice::from_ref(workload), &PolicySources::default());
    plan
}

async fn write_until(cluster: &Cluster, stop: &StopSignal) -> Applied {
    let planned = planned_object();
    let plan = plan_for(&planned.workload);
    let authorship = authorship();
    let writer = writer(cluster, &authorship);
    let context = WriteContext {
        observed: std::slice::from_ref(&planned),
        recheck: None,
        wait: None,
        stop,
    };
    let mut applied = write_live(&plan, &context, &writer, &|_| {}).await;
    applied.remove(0)
}

async fn write(cluster: &Cluster) -> Applied {
    write_until(cluster, &StopSignal::never()).await
}

/// A server whose object has the annotations of the plan, and that is changed by somebody
/// else just before the nth patch. `is_busy`: something unrelated is written before every
/// patch.
fn changed_before(n: usize, is_busy: bool, change: fn(&mut Stored)) -> OnPatch {
    let is_first = AtomicBool::new(true);
    Box::new(move |stored, patch, _| {
        if is_first.swap(false, Ordering::Relaxed) {
            stored.annotations = annotations();
        }
        if is_busy && patch > 0 {
            stored.version += 1;
            stored.annotations["beat"] = json!(stored.version.to_string());
        }
        if patch == n {
            stored.version += 1;
            change(stored);
        }
        None
    })
}

fn annotate(stored: &mut Stored, key: &str, value: &str) {
    stored.annotations[key] = json!(value);
}

type Meddling = fn(&mut Stored);

/// What a colleague decides, and why the write is refused then.
const DECISIONS: [(Meddling, &str); 14] = [
    (
        |s| annotate(s, "fluxcd.io/automated", "false"),
        "container app: the state has changed since the plan was made: now manual",
    ),
    (
        |s| annotate(s, POLICY, "digest:1.1.2"),
        "container app: the policy has changed since the plan was made: now digest:1.1.2",
    ),
    (
        |s| annotate(s, POLICY, "semver:x.y"),
        "container app: the policy has changed since the plan was made: now not valid: \
         annotation fluxcd.io/tag.app: ",
    ),
    (
        |s| annotate(s, "imgpolicy.dev/filter-tags.app", "^1\\."),
        "container app: the tag filter has changed since the plan was made: now ^1\\.",
    ),
    (
        |s| annotate(s, "imgpolicy.dev/ignore-tags.app", "[\"2\"]"),
        "container app: the tag filter has changed since the plan was made: now none",
    ),
    (
        |s| annotate(s, "imgpolicy.dev/min-age", "72h"),
        "container app: the minimum age has changed since the plan was made: now 72h",
    ),
    (
        |s| annotate(s, "imgpolicy.dev/allow-downgrade", "true"),
        "container app: the permission to downgrade has changed since the plan was made: now \
         granted",
    ),
    (
        |s| annotate(s, "flux.weave.works/locked", "true"),
        "it has been locked since the plan was made",
    ),
    (
        |s| annotate(s, "flux.weave.works/ignore", "true"),
        "it has been marked as ignored since the plan was made",
    ),
    (
        |s| {
            annotate(
                s,
                "argocd.argoproj.io/tracking-id",
                "shop:apps/Deployment:shop/web",
            )
        },
        "its owner has changed since the plan was made: Application shop of Argo CD reverts it",
    ),
    (
        |s| s.labels = json!({"kustomize.toolkit.fluxcd.io/name": "apps"}),
        "its owner has changed since the plan was made: Kustomization apps reverts it",
    ),
    (
        |s| s.owner_references = json!([{"kind": "Shop", "name": "s", "controller": true}]),
        "its owner has changed since the plan was made: Shop shop/s owns deployment/web",
    ),
    (
        |s| s.image = "org/app:1.9".to_owned(),
        "container app: the image has changed since the plan was made: now org/app:1.9",
    ),
    (
        |s| {
            s.annotations
                .as_object_mut()
                .expect("a mapping")
                .remove(POLICY);
        },
        "container app: the policy has changed since the plan was made: now not valid: \
         annotation fluxcd.io/tag.worker: ",
    ),
];

#[tokio::test(start_paused = true)]
async fn decision_made_after_the_plan_is_not_overwritten() {
    for (change, why) in DECISIONS {
        // The fourth patch on a busy object tests values instead of the version.
        for (n, is_busy) in [(1, false), (4, true)] {
            let (cluster, asked) = server(changed_before(n, is_busy, change));
            let applied = write(&cluster).await;
            let Err(error) = &applied.result else {
                panic!("{why} ({n}): {applied:?}");
            };
            let error = error.to_string();
            assert!(error.starts_with(why), "{n}: {error}");
            let kinds = asked.sent().into_iter().map(|sent| sent.content_type);
            let is_tested = kinds.filter(|kind| kind.contains("json-patch")).count();
            assert_eq!(is_tested > 0, n > 3, "{n}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn unrelated_change_is_no_obstacle() {
    let unrelated: [Meddling; 6] = [
        |s| s.labels = json!({"team": "shop"}),
        |s| annotate(s, "fluxcd.io/tag.web", "1.2.3"),
        |s| annotate(s, "fluxcd.io/tag.worker", "semver:~3"),
        |s| annotate(s, "imgpolicy.dev/filter-tags.worker", "^3"),
        // The same policy in another spelling.
        |s| {
            s.annotations
                .as_object_mut()
                .expect("a mapping")
                .remove(POLICY);
            annotate(s, "flux.weave.works/tag.app", "semver:^1");
        },
        |s| s.owner_references = json!([{"kind": "Shop", "name": "s"}]),
    ];
    for (which, change) in unrelated.into_iter().enumerate() {
        for (n, is_busy) in [(1, false), (4, true)] {
            let (cluster, _) = server(changed_before(n, is_busy, change));
            let applied = write(&cluster).await;
            let result = applied.result.as_ref();
            assert_eq!(
                result.ok(),
                Some(&Done::Written),
                "{which}, {n}: {result:?}"
            );
        }
    }
}

/// How many of the patches that change something were sent, by the names of their objects.
fn patched(asked: &crate::cluster::fake::Asked) -> Vec<String> {
    let sent = asked.sent().into_iter();
    let real = sent.filter(|sent| sent.method == "PATCH" && !sent.uri.contains("dryRun"));
    let names = real.map(|sent| {
        let path = sent.uri.split('?').next().unwrap_or_default();
        path.rsplit('/').next().unwrap_or_default().to_owned()
    });
    let mut names: Vec<String> = names.collect();
    names.sort();
    names.dedup();
    names
}

/// Writes twenty workloads; `on_patch` can stop that.
async fn write_twenty(
    on_patch: impl Fn(usize, &watch::Sender<u32>) -> Option<(u16, String)> + Send + Sync + 'static,
) -> (Vec<Applied>, Vec<String>) {
    let (sender, requests) = watch::channel(0);
    let sender = Arc::new(sender);
    let stopper = Arc::clone(&sender);
    let (cluster, asked) = server(Box::new(move |_, n, _| on_patch(n, &stopper)));
    let authorship = authorship();
    let writer = writer(&cluster, &authorship);
    let names: Vec<String> = (0..20).map(|n| format!("w{n:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let context = WriteContext {
        observed: &[],
        recheck: None,
        wait: None,
        stop: &StopSignal::new(requests),
    };
    let applied = write_live(&plan(&names), &context, &writer, &|_| {}).await;
    (applied, patched(&asked))
}

fn names(applied: &[Applied], wanted: Done) -> Vec<String> {
    let of = applied
        .iter()
        .filter(|own| own.result.as_ref().ok() == Some(&wanted));
    of.map(|own| own.workload.name.clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn patches_that_were_sent_before_ctrl_c_are_awaited_and_reported() {
    for stop_at in 1..=20 {
        let (applied, patched) = write_twenty(move |n, stop| {
            if n == stop_at {
                stop.send_modify(|count| *count += 1);
            }
            None
        })
        .await;
        assert_eq!(applied.len(), 20);
        assert_eq!(names(&applied, Done::Written), patched, "{stop_at}");
        let stopped = names(&applied, Done::Stopped).len();
        assert_eq!(patched.len() + stopped, 20, "{stop_at}");
        assert!(
            (stop_at..stop_at + 8).contains(&patched.len()),
            "{stop_at}: {patched:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn patch_without_an_answer_is_unknown_three_seconds_after_ctrl_c() {
    let started = tokio::time::Instant::now();
    let (applied, patched) = write_twenty(|n, stop| {
        if n == 5 {
            stop.send_modify(|count| *count += 1);
        }
        // The client sends the patch again and again.
        (n >= 5).then(|| status(503, "ServiceUnavailable", "the server is away"))
    })
    .await;
    assert_eq!(names(&applied, Done::Written).len(), 4);
    let unknown = names(&applied, Done::Unknown);
    assert!(!unknown.is_empty());
    assert_eq!(unknown.len(), patched.len() - 4, "{applied:?}");
    assert_eq!(names(&applied, Done::Stopped).len(), 20 - patched.len());
    let took = started.elapsed().as_millis();
    assert!((3000..3100).contains(&took), "{took} ms");
}

#[tokio::test(start_paused = true)]
async fn write_that_the_server_does_not_answer_is_named_after_three_seconds() {
    for (refusals, expected) in [(0, 0), (20, 1)] {
        let policy = move |n: usize| {
            (n > 0 && n <= refusals).then(|| status(503, "ServiceUnavailable", "away"))
        };
        let (cluster, _) = server(admitting(|_, _| {}, policy));
        let authorship = authorship();
        let writer = writer(&cluster, &authorship);
        let context = WriteContext {
            observed: &[],
            recheck: None,
            wait: None,
            stop: &StopSignal::never(),
        };
        let slow = Mutex::new(Vec::new());
        write_live(&plan(&["web"]), &context, &writer, &|event| {
            if let WriteEvent::Slow(id) = event {
                slow.lock().expect("no panic").push(id.name.clone());
            }
        })
        .await;
        let slow = slow.into_inner().expect("no panic");
        assert_eq!(slow, vec!["web"; expected], "{refusals}");
    }
}

/// A fence that closes after some checks.
struct ClosingFence(AtomicUsize);

impl Fence for ClosingFence {
    fn check(&self) -> LocalBoxFuture<'_, Result<(), String>> {
        let left = self.0.load(Ordering::Relaxed);
        self.0.store(left.saturating_sub(1), Ordering::Relaxed);
        Box::pin(async move {
            if left == 0 {
                return Err("another replica leads".to_owned());
            }
            Ok(())
        })
    }
}

#[tokio::test]
async fn each_patch_is_sent_only_while_the_fence_is_open() {
    for (checks, expected, patches) in [
        (0, "not written: another replica leads", 0),
        // The first patch meets a conflict, and the second one is no longer sent.
        (1, "not written: another replica leads", 1),
        (2, "written", 2),
    ] {
        let (cluster, requests) = server(changed_before(1, false, |_| {}));
        let planned = planned_object();
        let plan = plan_for(&planned.workload);
        let authorship = authorship();
        let fence = ClosingFence(checks.into());
        let writer = LiveWriter {
            fence: Some(&fence),
            ..writer(&cluster, &authorship)
        };
        let stop = StopSignal::never();
        let context = WriteContext {
            observed: std::slice::from_ref(&planned),
            recheck: None,
            wait: None,
            stop: &stop,
        };
        let applied = write_live(&plan, &context, &writer, &|_| {}).await;
        let result = match &applied[0].result {
            Ok(Done::Written) => "written".to_owned(),
            Ok(done) => format!("{done:?}"),
            Err(error) => error.to_string(),
        };
        let lines = requests.lines();
        let sent = lines
            .iter()
            .filter(|line| line.starts_with("PATCH") && !line.contains("dryRun"))
            .count();
        assert_eq!((result.as_str(), sent), (expected, patches));
    }
}
