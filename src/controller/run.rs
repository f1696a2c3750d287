//! The loop.
//!
//! ```text
//! watches ─► index ─► changed ──┐
//!                               ├─► decide ─► waiting ─► brakes ─► deliver
//! queue ────► repositories due ─┘
//! ```
//!
//! Rounds run side by side, one per repository that is due and one for the workloads that have
//! changed, so that a slow registry delays only its own. Everything happens on one thread: the
//! state is changed only between two awaits.

use std::cell::RefCell;
use std::hash::RandomState;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{LocalBoxFuture, join_all};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::decide::{Decided, DecisionSources, decide};
use super::event::ControllerEvent;
use super::facts::RepositoryFacts;
use super::follow::Followed;
use super::handover::{BothClocks, Handover};
use super::lease::{Leadership, ReportedLeader};
use super::metrics::ControllerMetrics;
use super::progress::{Progress, RunSummary};
use super::queue::{QueueTimes, ScanQueue};
use super::resume::{ResumedMarks, resumed_marks};
use super::updates::{Delivered, UpdateLimits, UpdateWriter, unfinished};
use crate::cluster::{
    EventNote, GOVERNED_NAMESPACES, Scope, WatchedCollection, governed_namespaces,
};
use crate::collect::CollectError;
use crate::image::CanonicalName;
use crate::plan::Change;
use crate::workload::{Workload, WorkloadId};
use crate::write::StopSignal;

/// How many rounds run side by side.
const ROUNDS_AT_ONCE: usize = 32;

/// After how long without any event the loop looks at the time.
const TICK: Duration = Duration::from_secs(1);

/// The shortest time between two readings of the marks that resume updates.
const MARKS_EVERY: Duration = Duration::from_secs(5);

/// What the controller does.
pub struct ControllerRun<'a> {
    /// Where it gets the facts.
    pub sources: DecisionSources<'a>,
    /// How it writes; `None`: it only observes.
    pub writer: Option<UpdateWriter<'a>>,
    /// The namespaces in which it reads workloads.
    pub scopes: Vec<Scope>,
    /// Only workloads with these labels.
    pub label_selector: Option<String>,
    /// When repositories are scanned.
    pub times: QueueTimes,
    /// How many updates there may be.
    pub limits: UpdateLimits,
    /// End when every repository was scanned and every update was made.
    pub once: bool,
    /// Whether this replica leads; `None`: there is no other.
    pub leadership: Option<Leadership>,
    /// What it serves as metrics; `None`: nothing.
    pub metrics: Option<ControllerMetrics>,
    /// When to stop.
    pub stop: &'a StopSignal,
    /// Where events go.
    pub report: &'a dyn Fn(ControllerEvent<'_>),
}

/// What a round is about.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Cause {
    /// Workloads have changed.
    Changed,
    /// A repository is due.
    Due(CanonicalName),
}

impl Cause {
    fn repository(&self) -> Option<&CanonicalName> {
        match self {
            Self::Changed => None,
            Self::Due(name) => Some(name),
        }
    }
}

type RunningRound<'r> = LocalBoxFuture<'r, (Cause, Result<Decided, CollectError>)>;
/// The namespace, and why no Event could be recorded there.
type RunningRecord<'r> = LocalBoxFuture<'r, Option<(String, String)>>;
type RunningUpdate<'r> = LocalBoxFuture<'r, Delivered>;

/// Runs until it is stopped, or with `once` until everything is done.
pub async fn run(run: ControllerRun<'_>) -> RunSummary {
    if let Some(leadership) = &run.leadership {
        leadership.note(GOVERNED_NAMESPACES, Some(governed_namespaces(&run.scopes)));
    }
    let collections = turning(run.metrics.as_ref(), collections(&run));
    let collections = tokio::select! {
        collections = collections => collections,
        () = run.stop.requested() => return RunSummary::default(),
    };
    let followed = RefCell::new(Followed::new(collections.len()));
    let news = Notify::new();
    let watches = collections
        .iter()
        .enumerate()
        .map(|(place, collection)| follow(&run, place, collection, &followed, &news));
    let watches = join_all(watches);
    let work = work(&run, &followed, &news);
    tokio::select! {
        summary = work => summary,
        // Watches never end.
        _ = watches => RunSummary::default(),
    }
}

/// What to watch.
async fn collections(run: &ControllerRun<'_>) -> Vec<WatchedCollection> {
    let what = "the list of kinds that the server has";
    let cluster = run.sources.cluster;
    cluster
        .workload_collections(&run.scopes, |error, wait| {
            (run.report)(ControllerEvent::WatchFailed(what, error.line(), wait));
        })
        .await
}

/// Follows one collection.
async fn follow(
    run: &ControllerRun<'_>,
    place: usize,
    collection: &WatchedCollection,
    followed: &RefCell<Followed>,
    news: &Notify,
) {
    let labels = run.label_selector.as_deref();
    let cluster = run.sources.cluster;
    cluster
        .follow_workloads(collection, labels, |what| {
            let mut followed = followed.borrow_mut();
            if followed.take(place, collection, what, run.report) {
                news.notify_one();
            }
        })
        .await;
}

/// The loop itself.
async fn work(run: &ControllerRun<'_>, followed: &RefCell<Followed>, news: &Notify) -> RunSummary {
    let facts = RefCell::new(RepositoryFacts::default());
    let mut queue = ScanQueue::new(run.times, RandomState::new());
    let mut progress = Progress::new(run.limits.clone(), run.report);
    let mut has_begun = false;
    let mut rounds: FuturesUnordered<RunningRound<'_>> = FuturesUnordered::new();
    let mut writes: FuturesUnordered<RunningUpdate<'_>> = FuturesUnordered::new();
    let mut marks: FuturesUnordered<LocalBoxFuture<'_, ResumedMarks>> = FuturesUnordered::new();
    let mut marks_due = Duration::ZERO;
    let mut records: FuturesUnordered<RunningRecord<'_>> = FuturesUnordered::new();
    let mut leadership = run.leadership.clone();
    let mut reported_leader = ReportedLeader::default();
    let mut handover = Handover::default();
    let started = Instant::now();
    let mut stopping = pin!(run.stop.requested().fuse());
    loop {
        let now = started.elapsed();
        let is_stopped = run.stop.is_requested();
        let leads = leadership.as_ref().is_none_or(Leadership::is_leader);
        let holder = leadership.as_ref().and_then(Leadership::other_holder);
        let leader = reported_leader.take(leads, holder.as_deref());
        if leader.is_worth_a_report && leadership.is_some() {
            (run.report)(ControllerEvent::Leading(leads, holder.as_deref()));
        }
        has_begun &= !leader.has_turned;
        if let Some(leadership) = &leadership {
            let now = BothClocks {
                wall: (run.sources.clock)(),
                since_start: now,
            };
            if !leads || leader.has_turned {
                handover.take_over(leadership, &mut queue, now);
            }
            if leads && leader.has_turned {
                for sentence in Handover::sentences(&queue, now.since_start) {
                    (run.report)(ControllerEvent::Note(&sentence));
                }
            }
            if leads {
                handover.pass_on(leadership, &queue, run.sources.registries, now);
            }
        }
        if let Some(metrics) = &run.metrics {
            let followed = followed.borrow();
            metrics.turn_with(followed.state(), || {
                progress.figures(&followed.index, (run.sources.clock)())
            });
        }
        if is_stopped && writes.is_empty() {
            return progress.summary(followed.borrow().errors());
        }
        if leads && !is_stopped && followed.borrow().is_synced() {
            let mut followed = followed.borrow_mut();
            followed.report_synced(run.report);
            if !std::mem::replace(&mut has_begun, true) {
                let now = (run.sources.clock)();
                followed.index.mark_all_changed();
                progress.begin_to_lead(&followed.index, now);
                if let Some(writer) = &run.writer {
                    let limit = writer.rollout_timeout;
                    for change in unfinished(&followed.index, &run.limits.by, limit, now) {
                        if progress.take_up(&change, now) {
                            writes.push(update(run, writer, change, true));
                        }
                    }
                }
            }
            for id in progress.take_opened((run.sources.clock)()) {
                followed.index.mark_changed(&id);
            }
            // A round about what has changed, once the last one has ended.
            if followed.index.has_changed() && !progress.is_deciding_changes() {
                let changed = followed.index.take_changed();
                for name in progress.take_requests(&changed, &followed.index) {
                    queue.request(&name, now);
                }
                progress.begin_changes(&changed, &followed.index);
                let workloads = followed.index.get_all(&changed);
                rounds.push(round(run, Cause::Changed, workloads, &facts));
            }
            let room = ROUNDS_AT_ONCE.saturating_sub(rounds.len());
            for name in queue.take_due(now, room) {
                let users = followed.index.get_all(&progress.users_of(&name));
                rounds.push(round(run, Cause::Due(name), users, &facts));
            }
            if let Some(writer) = &run.writer {
                let now = (run.sources.clock)();
                for change in progress.take_startable(&followed.index, now) {
                    writes.push(update(run, writer, change, false));
                }
            }
            // One at a time: there may be thousands after the start.
            if records.is_empty()
                && let Some((id, event)) = progress.reported().take_event()
                && let Some(writer) = &run.writer
            {
                records.push(record(writer, id, event));
            }
            if now >= marks_due
                && marks.is_empty()
                && let Some((namespaces, known)) = progress.stopped()
            {
                marks_due = now + MARKS_EVERY;
                let cluster = run.sources.cluster;
                let reading = resumed_marks(cluster, cluster.namespace(), namespaces, known);
                marks.push(reading.boxed_local());
            }
            let is_idle = rounds.is_empty()
                && writes.is_empty()
                && marks.is_empty()
                && records.is_empty()
                && !followed.index.has_changed();
            if run.once && is_idle && progress.is_done(run.writer.is_some()) {
                return progress.summary(followed.errors());
            }
        }
        // A standby scans nothing, and neither does a loop without room for another round.
        let may_scan = leads && !is_stopped && rounds.len() < ROUNDS_AT_ONCE;
        let next = queue.next_at().filter(|_| may_scan);
        let next = next.map_or(TICK, |at| at.saturating_sub(now));
        let wake = Instant::now() + next.clamp(Duration::from_millis(10), TICK);
        tokio::select! {
            Some((cause, decided)) = rounds.next(), if !rounds.is_empty() => {
                let now = started.elapsed();
                match decided {
                    Ok(decided) => {
                        progress.take_decided(cause.repository(), decided, &mut queue, now);
                        facts.borrow_mut().retain(|name| progress.is_used(name));
                    }
                    Err(error) => {
                        (run.report)(ControllerEvent::RoundFailed(error.to_string()));
                        progress.fail_round(cause.repository(), &mut queue, now);
                    }
                }
            }
            Some(delivered) = writes.next(), if !writes.is_empty() => {
                let index = &mut followed.borrow_mut().index;
                progress.take_delivered(&delivered, index, (run.sources.clock)());
            }
            Some(refused) = records.next(), if !records.is_empty() => {
                if let Some((namespace, why)) = refused {
                    progress.reported().stop_events(&namespace, &why);
                }
            }
            Some(read) = marks.next(), if !marks.is_empty() => progress.take_resumed(read),
            () = news.notified() => {}
            _ = changed(&mut leadership) => {}
            () = &mut stopping => {}
            () = sleep_until(wake) => {}
        }
    }
}

/// Work at the start, during which the loop counts as turning.
async fn turning<T>(metrics: Option<&ControllerMetrics>, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            () = sleep_until(Instant::now() + TICK) => {
                if let Some(metrics) = metrics {
                    metrics.turn();
                }
            }
        }
    }
}

/// Waits until another replica leads, or this one begins or stops to lead.
async fn changed(leadership: &mut Option<Leadership>) -> bool {
    match leadership {
        Some(leadership) => leadership.changed().await,
        None => std::future::pending().await,
    }
}

/// The write of an update, or with `is_written` only what follows it.
fn update<'r>(
    run: &'r ControllerRun<'_>,
    writer: &'r UpdateWriter<'_>,
    change: Change,
    is_written: bool,
) -> RunningUpdate<'r> {
    let report = run.report;
    Box::pin(async move {
        if is_written {
            writer.take_up(change, report).await
        } else {
            writer.deliver(change, report).await
        }
    })
}

/// Records an Event. Returns the namespace if none may be recorded there, and why.
fn record<'r>(writer: &'r UpdateWriter<'_>, id: WorkloadId, event: EventNote) -> RunningRecord<'r> {
    Box::pin(async move {
        let recorded = writer.record_state(&id, event).await;
        let error = recorded.err()?;
        tracing::debug!("no Event on {id}: {error}");
        error
            .is_access_denied()
            .then(|| (id.namespace, error.reason().to_owned()))
    })
}

/// A round about workloads.
fn round<'r>(
    run: &'r ControllerRun<'_>,
    cause: Cause,
    workloads: Vec<Workload>,
    facts: &'r RefCell<RepositoryFacts>,
) -> RunningRound<'r> {
    let asked = cause.repository().cloned().into_iter().collect();
    Box::pin(async move {
        let decided = decide(&run.sources, workloads, asked, facts).await;
        (cause, decided)
    })
}
