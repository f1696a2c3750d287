//! The updates that were decided and not begun, and which of them may begin. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::controller::brakes::{
    Brakes, BreakerFacts, BreakerKind, Breakers, CanaryHolds, Resumed, UpdateRate, Wait, WaitCause,
    canary_members, failures_seen, past_updates,
};
use crate::controller::index::WatchedWorkloads;
use crate::plan::Change;
use crate::workload::WorkloadId;

/// How far back updates and failures count.
const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// How many updates there may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateLimits {
    /// How many may begin in any 60 seconds.
    pub max_updates: usize,
    /// How many rollouts there may be at a time.
    pub max_rollouts: usize,
    /// How many failures in an hour stop everything, unless a fifth of the updates is more.
    pub max_failures: usize,
    /// The name in the records of this controller's updates.
    pub by: String,
}

/// The updates that wait, and those that have begun.
#[derive(Debug)]
pub(crate) struct WaitingUpdates {
    limits: UpdateLimits,
    due: BTreeMap<WorkloadId, Change>,
    /// Those that have begun and not ended. The index may not show them yet.
    begun: BTreeMap<WorkloadId, Change>,
    waits: BTreeMap<WorkloadId, Wait>,
    rate: UpdateRate,
    /// What was resumed, as far as it was read.
    resumed: Resumed,
}

impl WaitingUpdates {
    pub(crate) fn new(limits: UpdateLimits) -> Self {
        Self {
            rate: UpdateRate::after(limits.max_updates, &[]),
            limits,
            due: BTreeMap::new(),
            begun: BTreeMap::new(),
            waits: BTreeMap::new(),
            resumed: Resumed::default(),
        }
    }

    /// Begins to lead: forgets what was due, and counts the updates that the records of the
    /// workloads show, whoever led when they were made.
    pub(crate) fn begin(&mut self, index: &WatchedWorkloads, now: Timestamp) {
        self.due.clear();
        self.waits.clear();
        let minute = now - SignedDuration::from_mins(2);
        let recorded = past_updates(index.iter(), &self.limits.by, minute);
        self.rate = UpdateRate::after(self.limits.max_updates, &recorded);
        for _ in &self.begun {
            self.rate.start(now);
        }
    }

    /// Whether an update of the workload has begun and not ended.
    pub(crate) fn is_in_progress(&self, id: &WorkloadId) -> bool {
        self.begun.contains_key(id)
    }

    /// Takes up an update that another leader, or this program before a restart, has begun.
    pub(crate) fn take_up(&mut self, change: Change, now: Timestamp) {
        self.rate.start(now);
        self.begun.insert(change.workload.clone(), change);
    }

    /// Adds an update, in place of an earlier one of the same workload.
    pub(crate) fn add(&mut self, change: Change) {
        self.due.insert(change.workload.clone(), change);
    }

    /// Removes the update of a workload, because it has to be decided again.
    pub(crate) fn remove(&mut self, id: &WorkloadId) {
        self.due.remove(id);
        self.waits.remove(id);
    }

    /// How many updates wait.
    pub(crate) fn len(&self) -> usize {
        self.due.len()
    }

    /// Whether none of those that wait will begin by itself soon.
    pub(crate) fn is_held(&self) -> bool {
        self.due.keys().all(|id| {
            let cause = self.waits.get(id).map(|wait| wait.cause);
            matches!(
                cause,
                Some(WaitCause::Breaker | WaitCause::Canary | WaitCause::Window)
            )
        })
    }

    /// The update of a workload, and why it waits.
    pub(crate) fn find(&self, id: &WorkloadId) -> Option<(&Change, &Wait)> {
        self.due.get(id).zip(self.waits.get(id))
    }

    /// The namespaces of the updates that a breaker stops.
    pub(crate) fn stopped_namespaces(&self) -> BTreeSet<String> {
        let stopped = self.waits.iter();
        let stopped = stopped.filter(|(_, wait)| wait.cause == WaitCause::Breaker);
        stopped.map(|(id, _)| id.namespace.clone()).collect()
    }

    /// What was resumed, as far as it was read.
    pub(crate) fn resumed(&self) -> &Resumed {
        &self.resumed
    }

    /// Sets what was resumed.
    pub(crate) fn set_resumed(&mut self, resumed: Resumed) {
        self.resumed = resumed;
    }

    /// Takes the updates that may begin now. Each must be ended with [`Self::end`]. Returns them
    /// with the workloads whose updates wait for another reason than before.
    pub(crate) fn take_startable(
        &mut self,
        index: &WatchedWorkloads,
        now: Timestamp,
    ) -> (Vec<Change>, Vec<WorkloadId>) {
        let (mut startable, mut newly_held) = (Vec::new(), Vec::new());
        if self.due.is_empty() {
            return (startable, newly_held);
        }
        let breakers = self.breakers(index, now);
        // Once is enough: all but the first workload of a target are held, or none.
        let mut in_progress: BTreeSet<WorkloadId> = self.begun.keys().cloned().collect();
        let due: Vec<&Change> = self.due.values().chain(self.begun.values()).collect();
        let members = canary_members(index.iter(), &due, &in_progress);
        let canary = CanaryHolds::new(&members);
        let ids: Vec<WorkloadId> = self.due.keys().cloned().collect();
        for id in ids {
            let Some(change) = self.due.get(&id) else {
                continue;
            };
            let brakes = Brakes {
                in_progress: &in_progress,
                max_rollouts: self.limits.max_rollouts,
                breakers: &breakers,
                canary: &canary,
                rate: &self.rate,
            };
            // Windows are part of the decision, and are checked again by the writer.
            match brakes.may_start(change, None, now) {
                Ok(()) => {
                    self.waits.remove(&id);
                    self.rate.start(now);
                    if let Some(change) = self.due.remove(&id) {
                        in_progress.insert(id.clone());
                        self.begun.insert(id, change.clone());
                        startable.push(change);
                    }
                }
                Err(wait) => {
                    let before = self.waits.get(&id).map(|before| before.cause);
                    if before != Some(wait.cause) {
                        newly_held.push(id.clone());
                    }
                    self.waits.insert(id, wait);
                }
            }
        }
        (startable, newly_held)
    }

    /// The open breakers.
    fn breakers(&self, index: &WatchedWorkloads, now: Timestamp) -> Breakers {
        let failures = failures_seen(index.iter());
        if failures.is_empty() {
            return Breakers::default();
        }
        let updates = past_updates(index.iter(), &self.limits.by, now - HOUR).len();
        Breakers::derive(&BreakerFacts {
            failures: &failures,
            resumed: &self.resumed,
            updates,
            max_failures: self.limits.max_failures,
            now,
        })
    }

    /// How many breakers are open, by what they stop.
    pub(crate) fn open_breakers(
        &self,
        index: &WatchedWorkloads,
        now: Timestamp,
    ) -> BTreeMap<BreakerKind, u64> {
        let mut open = BTreeMap::new();
        for breaker in self.breakers(index, now).open() {
            *open.entry(breaker.scope.kind()).or_default() += 1;
        }
        open
    }

    /// How many updates wait, by why.
    pub(crate) fn causes(&self) -> BTreeMap<WaitCause, u64> {
        let mut causes = BTreeMap::new();
        for wait in self.waits.values() {
            *causes.entry(wait.cause).or_default() += 1;
        }
        causes
    }

    /// An update and its rollout have ended. `is_sent`: its write may have reached the API server;
    /// otherwise it was ended by the checks before the write, and uses up no rate.
    pub(crate) fn end(&mut self, id: &WorkloadId, is_sent: bool, now: Timestamp) {
        self.begun.remove(id);
        if is_sent {
            self.rate.end(now);
        } else {
            self.rate.cancel();
        }
    }
}

#[cfg(test)]
#[path = "waiting_tests.rs"]
mod tests;
