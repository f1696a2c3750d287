//! What the loop counts, as plain data.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::histogram::DurationHistogram;
use crate::controller::brakes::{BreakerKind, WaitCause};
use crate::controller::queue::ScanResult;
use crate::controller::updates::UpdateResult;
use crate::evaluator::Outcome;
use crate::policy::State;

/// What has happened since the process started.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunCounts {
    pub(super) scans: BTreeMap<String, BTreeMap<ScanResult, u64>>,
    pub(super) last_answers: BTreeMap<String, Timestamp>,
    pub(super) scan_durations: DurationHistogram,
    pub(super) updates: BTreeMap<UpdateResult, u64>,
    pub(super) rollouts_failed: u64,
}

impl RunCounts {
    /// Counts the scan of a repository of this registry, which has ended now.
    pub fn add_scan(&mut self, host: &str, result: ScanResult, now: Timestamp) {
        let of_host = self.scans.entry(host.to_owned()).or_default();
        *of_host.entry(result).or_default() += 1;
        if result == ScanResult::Answered {
            self.last_answers.insert(host.to_owned(), now);
        }
    }

    /// Counts how long the registries took to answer a round.
    pub fn add_scan_duration(&mut self, took: Duration) {
        self.scan_durations.add(took);
    }

    /// Counts an update.
    pub fn add_update(&mut self, result: UpdateResult) {
        *self.updates.entry(result).or_default() += 1;
    }

    /// Counts a rollout that has failed.
    pub fn add_failed_rollout(&mut self) {
        self.rollouts_failed += 1;
    }

    /// How many updates had this result.
    #[must_use]
    pub fn updates(&self, result: UpdateResult) -> u64 {
        self.updates.get(&result).copied().unwrap_or_default()
    }
}

/// What is so now. Only the leader decides, so these are its own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunGauges {
    /// The containers that were decided.
    pub containers: BTreeMap<(State, Outcome), u64>,
    /// The updates that wait.
    pub waiting: BTreeMap<WaitCause, u64>,
    /// The open breakers.
    pub breakers: BTreeMap<BreakerKind, u64>,
}

/// What the loop hands over.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunFigures {
    /// What has happened.
    pub counts: RunCounts,
    /// What is so now.
    pub gauges: RunGauges,
}
