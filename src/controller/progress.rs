//! What the loop knows about the work: who uses which repository, what was reported, and which
//! updates wait. Without any input or output of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::brakes::{Resumed, WaitCause};
use super::decide::{Decided, RepositoryUses, Scan, ScanTime};
use super::event::ControllerEvent;
use super::index::WatchedWorkloads;
use super::metrics::{RunCounts, RunFigures, RunGauges};
use super::queue::{ScanOutcome, ScanQueue};
use super::reported::{HeldAt, Reported};
use super::resume::ResumedMarks;
use super::updates::{Delivered, UpdateLimits, UpdateResult, WaitingUpdates};
use super::users::ScanUsers;
use crate::evaluator::Row;
use crate::image::CanonicalName;
use crate::plan::{Change, HeldBack};
use crate::policy::AnnotationKey;
use crate::workload::WorkloadId;
use crate::write::Rollout;

/// What a run has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RunSummary {
    /// Workloads that were updated.
    pub updated: usize,
    /// Updates that failed, or whose rollout did.
    pub failed: usize,
    /// Updates that were decided and not made.
    pub waiting: usize,
    /// Objects, collections and repositories that could not be read.
    pub errors: usize,
}

/// The state of the work.
pub(crate) struct Progress<'a> {
    reported: Reported<'a>,
    users: ScanUsers,
    waiting: WaitingUpdates,
    scanned: BTreeSet<CanonicalName>,
    /// The requests for a scan that were followed.
    requests: BTreeMap<WorkloadId, Option<String>>,
    /// When a window opens for an update that waits for it.
    openings: BTreeMap<WorkloadId, Timestamp>,
    is_deciding_changes: bool,
    counts: RunCounts,
    failed: usize,
}

impl<'a> Progress<'a> {
    pub(crate) fn new(limits: UpdateLimits, report: &'a dyn Fn(ControllerEvent<'_>)) -> Self {
        Self {
            reported: Reported::new(report),
            users: ScanUsers::default(),
            waiting: WaitingUpdates::new(limits),
            scanned: BTreeSet::new(),
            requests: BTreeMap::new(),
            openings: BTreeMap::new(),
            is_deciding_changes: false,
            counts: RunCounts::default(),
            failed: 0,
        }
    }

    /// Begins to lead: everything is decided again.
    pub(crate) fn begin_to_lead(&mut self, index: &WatchedWorkloads, now: Timestamp) {
        self.waiting.begin(index, now);
    }

    /// Takes up an update whose rollout may still be under way. Returns whether it is not known
    /// already.
    pub(crate) fn take_up(&mut self, change: &Change, now: Timestamp) -> bool {
        let is_new = !self.waiting.is_in_progress(&change.workload);
        if is_new {
            self.waiting.take_up(change.clone(), now);
        }
        is_new
    }

    /// Whether a round about changed workloads is under way.
    pub(crate) fn is_deciding_changes(&self) -> bool {
        self.is_deciding_changes
    }

    /// Begins a round about workloads that have changed. Forgets those that are gone.
    pub(crate) fn begin_changes(
        &mut self,
        changed: &BTreeSet<WorkloadId>,
        index: &WatchedWorkloads,
    ) {
        self.is_deciding_changes = true;
        for id in changed {
            // The update was decided for what the workload was.
            self.waiting.remove(id);
            if index.get(id).is_none() {
                self.users.remove(id);
                self.reported.forget(id);
                self.requests.remove(id);
                self.openings.remove(id);
            }
        }
    }

    /// The repositories of changed workloads on which somebody has requested a scan.
    pub(crate) fn take_requests(
        &mut self,
        changed: &BTreeSet<WorkloadId>,
        index: &WatchedWorkloads,
    ) -> BTreeSet<CanonicalName> {
        let mut names = BTreeSet::new();
        for workload in changed.iter().filter_map(|id| index.get(id)) {
            let request = AnnotationKey::ScanRequested.find(&workload.annotations);
            let request = request.map(|(_, text)| text.to_owned());
            let before = self.requests.insert(workload.id.clone(), request.clone());
            // What was requested before this program started was followed by the first scan.
            if request.is_some() && before.is_some_and(|before| before != request) {
                names.extend(self.users.repositories_of(&workload.id));
            }
        }
        names
    }

    /// The workloads that use a repository.
    pub(crate) fn users_of(&self, name: &CanonicalName) -> BTreeSet<WorkloadId> {
        self.users.of(name)
    }

    /// Whether any workload uses a repository.
    pub(crate) fn is_used(&self, name: &CanonicalName) -> bool {
        self.users.contains(name)
    }

    /// The workloads whose window has opened.
    pub(crate) fn take_opened(&mut self, now: Timestamp) -> Vec<WorkloadId> {
        let open = self.openings.iter().filter(|(_, at)| **at <= now);
        let open: Vec<WorkloadId> = open.map(|(id, _)| id.clone()).collect();
        for id in &open {
            self.openings.remove(id);
        }
        open
    }

    /// Takes the result of a round. `due`: the repository that it was about; `None`: it was about
    /// workloads that have changed.
    pub(crate) fn take_decided(
        &mut self,
        due: Option<&CanonicalName>,
        decided: Decided,
        queue: &mut ScanQueue<impl std::hash::BuildHasher>,
        now: Duration,
    ) {
        self.is_deciding_changes &= due.is_some();
        if self.set_uses(decided.uses.iter()) {
            queue.keep(&self.users.classes(), now);
        }
        for (name, scan) in &decided.scans {
            queue.finish(name, scan.outcome, now);
            self.take_scan(name, scan, decided.scan_time);
        }
        if let Some(time) = decided.scan_time {
            self.counts.add_scan_duration(time.took);
        }
        if let Some(name) = due.filter(|name| !decided.scans.contains_key(*name)) {
            // Nothing uses it any more.
            queue.finish(name, ScanOutcome::Answered, now);
        }
        for note in &decided.notes {
            self.reported.note(note);
        }
        self.reported.decided(&decided.rows);
        self.take_openings(&decided.rows);
        let mut held: BTreeMap<WorkloadId, Vec<HeldBack>> = BTreeMap::new();
        for one in decided.plan.held_back {
            held.entry(one.workload.clone()).or_default().push(one);
        }
        let changes = decided.plan.changes.iter();
        let planned: BTreeSet<WorkloadId> = changes.map(|change| change.workload.clone()).collect();
        let decided_ids: BTreeSet<&WorkloadId> =
            decided.rows.iter().map(|row| &row.workload).collect();
        for id in decided_ids {
            self.waiting.remove(id);
            self.reported
                .held(id, HeldAt::Decision, held.remove(id).unwrap_or_default());
            if !planned.contains(id) {
                self.reported.not_planned(id);
            }
        }
        for change in decided.plan.changes {
            // After its write, the workload is decided again.
            if !self.waiting.is_in_progress(&change.workload) {
                self.waiting.add(change);
            }
        }
    }

    /// Ends a round that failed as a whole.
    pub(crate) fn fail_round(
        &mut self,
        due: Option<&CanonicalName>,
        queue: &mut ScanQueue<impl std::hash::BuildHasher>,
        now: Duration,
    ) {
        self.is_deciding_changes &= due.is_some();
        if let Some(name) = due {
            queue.finish(name, ScanOutcome::Refused, now);
        }
    }

    /// Takes the updates that may begin now, and reports why others wait.
    pub(crate) fn take_startable(
        &mut self,
        index: &WatchedWorkloads,
        now: Timestamp,
    ) -> Vec<Change> {
        let (startable, held) = self.waiting.take_startable(index, now);
        for change in &startable {
            self.reported.begins(&change.workload);
        }
        for id in held {
            if let Some((change, wait)) = self.waiting.find(&id) {
                self.reported.waits(change, wait);
            }
        }
        startable
    }

    /// The namespaces of the updates that a breaker stops, and what was resumed as far as it is
    /// known; `None`: it stops none.
    pub(crate) fn stopped(&self) -> Option<(BTreeSet<String>, Resumed)> {
        let namespaces = self.waiting.stopped_namespaces();
        (!namespaces.is_empty()).then(|| (namespaces, self.waiting.resumed().clone()))
    }

    /// Takes the marks of what was resumed.
    pub(crate) fn take_resumed(&mut self, marks: ResumedMarks) {
        for note in marks.notes {
            self.reported.note(&note);
        }
        self.waiting.set_resumed(marks.resumed);
    }

    /// What is recorded on workloads.
    pub(crate) fn reported(&mut self) -> &mut Reported<'a> {
        &mut self.reported
    }

    /// Takes what became of an update.
    pub(crate) fn take_delivered(
        &mut self,
        delivered: &Delivered,
        index: &mut WatchedWorkloads,
        now: Timestamp,
    ) {
        let change = &delivered.change;
        let id = &change.workload;
        let failure = delivered.failure.as_ref();
        if let Some(workload) = failure.and_then(|failure| failure.workload.as_ref()) {
            // The next update must not begin before the failure is known.
            index.apply(workload.clone());
        }
        self.waiting.end(id, delivered.is_sent(), now);
        self.failed += delivered.errors.len();
        self.reported.unreadable(id, &delivered.errors);
        self.reported
            .held(id, HeldAt::Write, delivered.held_back.clone());
        if let Some(result) = delivered.result() {
            self.counts.add_update(result);
            // An object that could not be read has its own errors.
            let is_failed = result == UpdateResult::Failed && delivered.applied.is_some();
            self.failed += usize::from(is_failed);
        }
        if let Some(rollout) = &delivered.rollout {
            let is_failed = matches!(rollout, Rollout::Failed(_) | Rollout::TimedOut(_));
            if is_failed {
                self.failed += 1;
                self.counts.add_failed_rollout();
            }
            self.reported
                .once(ControllerEvent::RolledOut(change, rollout));
        }
        if let Some(failure) = failure {
            self.reported
                .once(ControllerEvent::FailureHandled(change, &failure.decision));
        }
    }

    /// Whether every repository was scanned at least once, and nothing waits to be written.
    pub(crate) fn is_done(&self, writes: bool) -> bool {
        let mut names = self.users.names();
        names.all(|name| self.scanned.contains(name)) && (!writes || self.waiting.is_held())
    }

    /// What was done. `unread`: what the watches could not read.
    pub(crate) fn summary(&self, unread: usize) -> RunSummary {
        let updated = self.counts.updates(UpdateResult::Written);
        RunSummary {
            updated: usize::try_from(updated).unwrap_or(usize::MAX),
            failed: self.failed,
            waiting: self.waiting.len(),
            errors: unread + self.reported.failing(),
        }
    }

    /// What the metrics are about.
    pub(crate) fn figures(&self, index: &WatchedWorkloads, now: Timestamp) -> RunFigures {
        let mut waiting = self.waiting.causes();
        // Such an update is decided again when the window opens.
        let for_window = u64::try_from(self.reported.waiting_for_window()).unwrap_or(u64::MAX);
        *waiting.entry(WaitCause::Window).or_default() += for_window;
        RunFigures {
            counts: self.counts.clone(),
            gauges: RunGauges {
                containers: self.reported.containers(),
                waiting,
                breakers: self.waiting.open_breakers(index, now),
            },
        }
    }

    /// Records what workloads elect from. Returns whether that has changed.
    fn set_uses<'u>(
        &mut self,
        uses: impl Iterator<Item = (&'u WorkloadId, &'u RepositoryUses)>,
    ) -> bool {
        let mut has_changed = false;
        for (id, uses) in uses {
            has_changed |= self.users.set(id, uses);
        }
        has_changed
    }

    fn take_scan(&mut self, name: &CanonicalName, scan: &Scan, time: Option<ScanTime>) {
        if let Some(ScanTime { ended, .. }) = time {
            let result = scan.outcome.result();
            self.counts.add_scan(name.registry(), result, ended);
        }
        self.scanned.insert(name.clone());
        self.reported.scanned(name, scan.failure.as_deref());
    }

    /// Takes when windows open for updates that wait for them.
    fn take_openings(&mut self, rows: &[Row]) {
        let mut openings: BTreeMap<&WorkloadId, Option<Timestamp>> = BTreeMap::new();
        for row in rows {
            let until = row
                .decision
                .closure
                .as_ref()
                .and_then(|closure| closure.until);
            let first = openings.entry(&row.workload).or_default();
            *first = first.iter().copied().chain(until).min();
        }
        for (id, until) in openings {
            match until {
                Some(until) => self.openings.insert(id.clone(), until),
                None => self.openings.remove(id),
            };
        }
    }
}

#[cfg(test)]
#[path = "progress_tests.rs"]
mod tests;
