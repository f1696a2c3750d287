//! What a colleague changes between a plan and its write, while another client writes the
//! object all the time.
//!
//! The server orders the writes of an object, so its answer to the colleague says which
//! write came first: if our record is not in it yet, our write would come second, and must
//! not happen.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use kubectl_imgpolicy::plan::Plan;
use kubectl_imgpolicy::policy::PolicySources;
use kubectl_imgpolicy::workload::WorkloadKind;
use kubectl_imgpolicy::write::{Done, WriteError};
use serde_json::{Value, json};

use crate::binary::say;
use crate::busy_writer::keep_writing;
use crate::control_plane::ControlPlane;
use crate::kubeconfigs::User;
use crate::objects::{automated, workload};
use crate::plans::{self, app};

/// How many objects are written concurrently.
const AT_ONCE: usize = 4;

/// The longest delay of a colleague's change after the write has begun.
const LONGEST_DELAY: u64 = 60;

/// The annotation that each update writes.
const RECORD: &str = "imgpolicy.dev/last-update";

/// A change by a colleague, in two variants.
type ColleaguesChange = fn(usize) -> Value;

/// The changes that forbid the write.
pub(crate) const DECISIONS: [(&str, ColleaguesChange); 8] = [
    ("automation", |n| match n % 2 {
        0 => annotation("fluxcd.io/automated", "false"),
        _ => json!({"metadata": {"annotations": {"fluxcd.io/automated": null}}}),
    }),
    ("policy", |n| match n % 2 {
        0 => annotation("fluxcd.io/tag.app", "digest:1.1.2"),
        _ => json!({"metadata": {"annotations": {"fluxcd.io/tag.app": null}}}),
    }),
    ("filter", |n| match n % 2 {
        0 => annotation("imgpolicy.dev/filter-tags.app", "^1"),
        _ => annotation("imgpolicy.dev/ignore-tags.app", r#"["^2"]"#),
    }),
    ("min-age", |n| match n % 2 {
        0 => annotation("imgpolicy.dev/min-age", "72h"),
        _ => annotation("imgpolicy.dev/min-age", "1h"),
    }),
    ("lock", |n| match n % 2 {
        0 => annotation("fluxcd.io/locked", "true"),
        _ => annotation("flux.weave.works/locked", "true"),
    }),
    ("ignore", |n| match n % 2 {
        0 => annotation("fluxcd.io/ignore", "true"),
        _ => annotation("flux.weave.works/ignore", "true"),
    }),
    ("owner", |n| match n % 3 {
        0 => json!({"metadata": {"labels": {"kustomize.toolkit.fluxcd.io/name": "apps",
            "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}}}),
        1 => json!({"metadata": {"ownerReferences": [{"apiVersion": "shop.example/v1",
            "kind": "Shop", "name": "s", "uid": "u", "controller": true}]}}),
        _ => annotation(
            "argocd.argoproj.io/tracking-id",
            "shop:apps/Deployment:shop/web",
        ),
    }),
    ("image", |_| {
        json!({"spec": {"template": {"spec": {
            "containers": [{"name": "app", "image": "org/app:9"}]}}}})
    }),
];

/// The changes that are no obstacle.
pub(crate) const UNRELATED: [(&str, ColleaguesChange); 4] = [
    (
        "label",
        |n| json!({"metadata": {"labels": {"team": format!("t{n}")}}}),
    ),
    ("replicas", |n| json!({"spec": {"replicas": 2 + n}})),
    ("status", |n| json!({"status": {"replicas": n}})),
    ("record", |n| {
        let record = json!({"time": "2026-01-01T00:00:00Z", "by": "bob", "number": n.to_string(),
            "changes": [{"container": "side", "from": "org/side:1", "to": "org/side:2",
                "digest": null, "policy": null}],
            "records": {"fluxcd.io/tag.side-image": "2"}});
        json!({"metadata": {"annotations": {"fluxcd.io/tag.side-image": "2",
            "fluxcd.io/build.number": n.to_string(), RECORD: record.to_string()}}})
    }),
];

fn annotation(key: &str, value: &str) -> Value {
    json!({"metadata": {"annotations": {key: value}}})
}

/// What became of the tries of one kind of change.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    /// The colleague came first, and nothing was written.
    pub(crate) refused: usize,
    /// The write came first, or the change was unrelated.
    pub(crate) written: usize,
    /// The colleague came first, and was overridden all the same.
    pub(crate) stale: usize,
    /// An unrelated change prevented the write.
    pub(crate) abandoned: usize,
}

/// A random number generator that only needs its seed.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number below a limit (splitmix64).
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}

/// The seed of this run: given, or by the clock.
pub(crate) fn seed() -> u64 {
    let given = std::env::var("IMGPOLICY_SEED").ok();
    given.map_or_else(
        || jiff::Timestamp::now().as_millisecond().unsigned_abs(),
        |text| text.parse().expect("IMGPOLICY_SEED is a number"),
    )
}

/// A kind of change, and how often it is tried.
pub(crate) struct Tries {
    pub(crate) kind: &'static str,
    pub(crate) change: ColleaguesChange,
    pub(crate) count: usize,
}

/// Tries a change that forbids the write.
pub(crate) async fn try_decision(namespace: &str, tries: &Tries, random: &mut Random) -> Tally {
    let kind = tries.kind;
    let mut tally = Tally::default();
    for Attempt {
        is_first,
        result,
        is_recorded,
    } in attempts(namespace, tries, random).await
    {
        match (is_first, is_recorded) {
            (false, true) => {
                assert_eq!(result.ok(), Some(Done::Written), "{kind}");
                tally.written += 1;
            }
            (true, false) => match result {
                Err(WriteError::Refused(_)) => tally.refused += 1,
                other => {
                    say(&format!("{kind}: {other:?}"));
                    tally.abandoned += 1;
                }
            },
            (true, true) => tally.stale += 1,
            (false, false) => panic!("{kind}: our record is gone: {result:?}"),
        }
    }
    tally
}

/// Tries an unrelated change: every write must succeed, whoever comes first.
pub(crate) async fn try_unrelated(namespace: &str, tries: &Tries, random: &mut Random) -> Tally {
    let mut tally = Tally::default();
    for Attempt { result, .. } in attempts(namespace, tries, random).await {
        match result {
            Ok(Done::Written) => tally.written += 1,
            other => {
                say(&format!("{}: {other:?}", tries.kind));
                tally.abandoned += 1;
            }
        }
    }
    tally
}

/// What became of one try.
struct Attempt {
    /// Whether the colleague came first.
    is_first: bool,
    /// The result of the write, as it is reported.
    result: Result<Done, WriteError>,
    /// Whether it was written.
    is_recorded: bool,
}

/// Tries one kind of change several times, each on its own object.
async fn attempts(namespace: &str, tries: &Tries, random: &mut Random) -> Vec<Attempt> {
    let names: Vec<String> = (0..tries.count)
        .map(|n| format!("{}-{n:03}", tries.kind))
        .collect();
    let objects: Vec<Value> = names
        .iter()
        .map(|name| {
            automated(
                workload("Deployment", namespace, name, "org/app:1"),
                "semver:*",
            )
        })
        .collect();
    ControlPlane::shared().apply(&objects).await;
    // Every third change is made before the write begins.
    let delays: Vec<Option<u64>> = (0..tries.count)
        .map(|n| (n % 3 > 0).then(|| random.below(LONGEST_DELAY)))
        .collect();
    let attempts = names
        .iter()
        .zip(delays)
        .enumerate()
        .map(|(n, (name, delay))| {
            let patch = (tries.change)(n);
            async move { attempt(namespace, name, &patch, delay).await }
        });
    stream::iter(attempts)
        .buffer_unordered(AT_ONCE)
        .collect()
        .await
}

/// Plans, lets the colleague make the change, and writes.
async fn attempt(namespace: &str, name: &str, patch: &Value, delay: Option<u64>) -> Attempt {
    let plane = ControlPlane::shared();
    let cluster = plane.connect(User::Admin, namespace).await;
    let id = plans::id(WorkloadKind::Deployment, namespace, name);
    let observed = cluster.observe(&id).await.expect("read");
    let mut plan = Plan {
        changes: vec![app(id.clone(), "org/app:1", "org/app:2")],
        ..Plan::default()
    };
    let workloads = [observed.workload.clone()];
    plan.rest_on(&workloads, &PolicySources::default());
    let path = format!("/apis/apps/v1/namespaces/{namespace}/deployments/{name}");
    let stop = Arc::new(AtomicBool::new(false));
    let busy = keep_writing(plane.kube_client(), path.clone(), Arc::clone(&stop));
    let busy = tokio::spawn(busy);
    let colleague = change_object(plane.kube_client(), path, patch.clone());
    let observed = [observed];
    let write = plans::write(&cluster, &plan.changes, &observed);
    let (answer, mut applied) = match delay {
        None => (colleague.await, write.await),
        Some(delay) => {
            let later = async {
                tokio::time::sleep(Duration::from_millis(delay)).await;
                colleague.await
            };
            futures_util::join!(later, write)
        }
    };
    stop.store(true, Ordering::Relaxed);
    busy.await.expect("the busy writer ends");
    let now = cluster.object(&id).await.expect("the object exists");
    let result = applied.remove(0).result;
    Attempt {
        is_first: !has_our_record(&answer),
        result,
        is_recorded: has_our_record(&now),
    }
}

async fn change_object(client: kube::Client, path: String, patch: Value) -> Value {
    let path = if patch["status"].is_null() {
        path
    } else {
        format!("{path}/status")
    };
    let request = http::Request::patch(format!("{path}?fieldManager=colleague"))
        .header("Content-Type", "application/merge-patch+json")
        .body(patch.to_string().into_bytes())
        .expect("a request");
    client
        .request(request)
        .await
        .expect("a colleague may change it")
}

/// Whether our update of the container `app` is recorded.
fn has_our_record(object: &Value) -> bool {
    let record = object["metadata"]["annotations"][RECORD].as_str();
    record.is_some_and(|record| record.contains("org/app:2"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_plan_is_written_over_a_colleagues_decision() {
    let plane = ControlPlane::shared();
    let namespace = plane.namespace("stale").await;
    let seed = seed();
    say(&format!("IMGPOLICY_SEED={seed}"));
    let mut random = Random::new(seed);
    let started = Instant::now();
    for (kind, change) in DECISIONS {
        let count = 20;
        let tries = Tries {
            kind,
            change,
            count,
        };
        let tally = try_decision(namespace, &tries, &mut random).await;
        assert_eq!((tally.stale, tally.abandoned), (0, 0), "{kind}: {tally:?}");
        assert!(tally.refused >= 7, "{kind}: {tally:?}");
    }
    for (kind, change) in UNRELATED {
        let count = 25;
        let tries = Tries {
            kind,
            change,
            count,
        };
        let tally = try_unrelated(namespace, &tries, &mut random).await;
        assert_eq!(tally.written, count, "{kind}: {tally:?}");
    }
    let took = started.elapsed().as_secs_f64();
    say(&format!(
        "260 writes beside a colleague and a busy writer in {took:.0} s"
    ));
}
