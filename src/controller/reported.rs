//! What was reported, and recorded as Events, so that what stays as it was is not repeated.
//! Without any input or output of its own.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::brakes::{Wait, WaitCause};
use super::event::ControllerEvent;
use super::state_events::{held_back, invalid_policy, stopped};
use crate::cluster::EventNote;
use crate::evaluator::{Outcome, Reason, Row, State};
use crate::image::CanonicalName;
use crate::plan::{Change, HeldBack};
use crate::workload::WorkloadId;

/// Where it shows that an update is not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum HeldAt {
    /// In the decision.
    Decision,
    /// In the checks before the write.
    Write,
}

/// What the last report said about a container.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ReportedRow {
    container: String,
    image: String,
    state: State,
    reason: Reason,
    latest: Option<String>,
}

impl ReportedRow {
    fn of(row: &Row) -> Self {
        Self {
            container: row.container.clone(),
            image: row.image.clone(),
            state: row.decision.state,
            reason: row.decision.reason,
            latest: row.decision.latest.as_ref().map(ToString::to_string),
        }
    }
}

/// What was reported.
pub(crate) struct Reported<'a> {
    report: &'a dyn Fn(ControllerEvent<'_>),
    rows: BTreeMap<WorkloadId, Vec<ReportedRow>>,
    held: BTreeMap<(WorkloadId, HeldAt), Vec<HeldBack>>,
    /// Why the last attempt to update a workload could not read what it needs.
    unreadable: BTreeMap<WorkloadId, Vec<String>>,
    waits: BTreeMap<WorkloadId, WaitCause>,
    failing: BTreeSet<CanonicalName>,
    notes: BTreeSet<String>,
    /// What is still to be recorded on workloads.
    events: VecDeque<(WorkloadId, EventNote)>,
    /// The namespaces in which nothing may be recorded.
    unrecorded: BTreeSet<String>,
}

impl<'a> Reported<'a> {
    pub(crate) fn new(report: &'a dyn Fn(ControllerEvent<'_>)) -> Self {
        Self {
            report,
            rows: BTreeMap::new(),
            held: BTreeMap::new(),
            unreadable: BTreeMap::new(),
            waits: BTreeMap::new(),
            failing: BTreeSet::new(),
            notes: BTreeSet::new(),
            events: VecDeque::new(),
            unrecorded: BTreeSet::new(),
        }
    }

    /// Reports something that happens once.
    pub(crate) fn once(&self, event: ControllerEvent<'_>) {
        (self.report)(event);
    }

    /// A workload is gone.
    pub(crate) fn forget(&mut self, id: &WorkloadId) {
        self.rows.remove(id);
        self.held.remove(&(id.clone(), HeldAt::Decision));
        self.held.remove(&(id.clone(), HeldAt::Write));
        self.unreadable.remove(id);
        self.waits.remove(id);
    }

    /// Something could not be read.
    pub(crate) fn note(&mut self, note: &str) {
        if self.notes.insert(note.to_owned()) {
            (self.report)(ControllerEvent::Note(note));
        }
    }

    /// The decisions on whole workloads.
    pub(crate) fn decided(&mut self, rows: &[Row]) {
        let mut now: BTreeMap<&WorkloadId, Vec<&Row>> = BTreeMap::new();
        for row in rows {
            now.entry(&row.workload).or_default().push(row);
        }
        for (id, rows) in now {
            let before = self.rows.remove(id).unwrap_or_default();
            let reported: Vec<ReportedRow> = rows.iter().map(|row| ReportedRow::of(row)).collect();
            for (row, one) in rows.iter().zip(&reported) {
                if !before.contains(one) {
                    (self.report)(ControllerEvent::Decided(row));
                    let event = invalid_policy(row);
                    self.events.extend(event.map(|event| (id.clone(), event)));
                }
            }
            self.rows.insert(id.clone(), reported);
        }
    }

    /// Why a workload is not updated; empty: nothing holds it back.
    pub(crate) fn held(&mut self, id: &WorkloadId, at: HeldAt, held: Vec<HeldBack>) {
        let key = (id.clone(), at);
        let before = self.held.remove(&key).unwrap_or_default();
        for one in held.iter().filter(|one| !before.contains(one)) {
            (self.report)(ControllerEvent::HeldBack(one));
            let event = held_back(one);
            self.events.extend(event.map(|event| (id.clone(), event)));
        }
        if !held.is_empty() {
            self.held.insert(key, held);
        }
    }

    /// What could not be read for an update.
    pub(crate) fn unreadable(&mut self, id: &WorkloadId, errors: &[String]) {
        let before = self.unreadable.remove(id).unwrap_or_default();
        for error in errors.iter().filter(|error| !before.contains(error)) {
            (self.report)(ControllerEvent::Unreadable(id, error));
        }
        if !errors.is_empty() {
            self.unreadable.insert(id.clone(), errors.to_vec());
        }
    }

    /// An update waits. It is decided again in each round, and then waits for the same cause.
    pub(crate) fn waits(&mut self, change: &Change, wait: &Wait) {
        let id = &change.workload;
        if self.waits.insert(id.clone(), wait.cause) != Some(wait.cause) {
            (self.report)(ControllerEvent::Waits(id, wait));
            let event = stopped(change, wait);
            self.events.extend(event.map(|event| (id.clone(), event)));
        }
    }

    /// An update begins.
    pub(crate) fn begins(&mut self, id: &WorkloadId) {
        self.waits.remove(id);
    }

    /// A workload needs no update.
    pub(crate) fn not_planned(&mut self, id: &WorkloadId) {
        self.held(id, HeldAt::Write, Vec::new());
        self.waits.remove(id);
    }

    /// A repository has answered, or why it has not.
    pub(crate) fn scanned(&mut self, name: &CanonicalName, failure: Option<&str>) {
        match failure {
            Some(failure) => {
                if self.failing.insert(name.clone()) {
                    (self.report)(ControllerEvent::ScanFailed(name, failure));
                }
            }
            None => {
                if self.failing.remove(name) {
                    (self.report)(ControllerEvent::ScanRecovered(name));
                }
            }
        }
    }

    /// How many repositories do not answer.
    pub(crate) fn failing(&self) -> usize {
        self.failing.len()
    }

    /// The containers that were decided, by state and outcome.
    pub(crate) fn containers(&self) -> BTreeMap<(State, Outcome), u64> {
        let mut containers = BTreeMap::new();
        for row in self.rows.values().flatten() {
            let key = (row.state, row.reason.outcome());
            *containers.entry(key).or_default() += 1;
        }
        containers
    }

    /// How many workloads wait for a window.
    pub(crate) fn waiting_for_window(&self) -> usize {
        let workloads = self.rows.values();
        let waiting = workloads.filter(|rows| {
            rows.iter()
                .any(|row| row.reason == Reason::WaitingForWindow)
        });
        waiting.count()
    }

    /// The next Event to record.
    pub(crate) fn take_event(&mut self) -> Option<(WorkloadId, EventNote)> {
        while let Some((id, event)) = self.events.pop_front() {
            if !self.unrecorded.contains(&id.namespace) {
                return Some((id, event));
            }
        }
        None
    }

    /// No Event may be recorded in a namespace.
    pub(crate) fn stop_events(&mut self, namespace: &str, why: &str) {
        if self.unrecorded.insert(namespace.to_owned()) {
            self.note(&format!(
                "Events cannot be recorded in {namespace} ({why}), so only the log says which \
                 updates are held back"
            ));
        }
    }
}
