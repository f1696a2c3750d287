//! From decisions to the images that are written.

use super::basis::Basis;
use super::change::{Change, ImageChange, Plan};
use super::markers::plan_markers::keep_parts_together;
use super::markers::reason::MarkerReason;
use super::safeguards::held_back::{HeldBack, HoldReason};
use super::safeguards::overrides::Overrides;
use crate::evaluator::{Assessment, Decision, Outcome, Reason, Row};
use crate::policy::{Lock, State, WarningCode};
use crate::workload::{ManifestSource, WorkloadId};

/// Which rows are updated.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UpdateSpec {
    /// Only the containers with these names; empty: all.
    pub containers: Vec<String>,
    /// Also manual containers that have a policy.
    pub include_manual: bool,
    /// The safeguards that are overridden.
    pub overrides: Overrides,
}

impl UpdateSpec {
    pub(crate) fn names(&self, container: &str) -> bool {
        self.containers.is_empty() || self.containers.iter().any(|name| name == container)
    }
}

/// What a plan does with one container.
pub(crate) enum ContainerChoice {
    /// Its image is replaced.
    Write(Box<ImageChange>),
    /// Its image is kept although the user might expect a change.
    HoldReason(Box<HeldBack>),
}

/// The plan that writes the elected images.
#[must_use]
pub fn plan_update(assessment: &Assessment, spec: &UpdateSpec) -> Plan {
    let mut plan = Plan::default();
    let rows = assessment.rows.iter();
    for row in rows.filter(|row| spec.names(&row.container)) {
        let lock = row.decision.lock.as_ref();
        if let Some(choice) = choose(row, spec) {
            let target = ChangeTarget {
                workload: &row.workload,
                source: row.source.as_ref(),
                root: row.root.as_ref(),
            };
            plan.add(target, lock, choice, spec.overrides);
        }
    }
    plan
}

fn choose(row: &Row, spec: &UpdateSpec) -> Option<ContainerChoice> {
    let decision = &row.decision;
    // Flux's automation writes its image to Git, and `plan_markers` to a marked value.
    if row.image_policy.is_some() && !decision.automated {
        return None;
    }
    let (reason, hold) = match decision.state {
        State::Automated if decision.reason == Reason::WaitingForWindow => {
            (decision.policy_reason?, None)
        }
        State::Automated => (decision.reason, None),
        State::Manual | State::Locked => (decision.policy_reason?, held_by_state(decision, spec)),
        State::Ignored => return None,
    };
    let is_closed = decision.closure.is_some() && !spec.overrides.window;
    let hold = match (reason, hold) {
        (Reason::NewerImage, None) if is_closed => Some(HoldReason::WaitingForWindow),
        (Reason::NewerImage, hold) => hold,
        // Nothing would be written even if the state allowed it.
        (_, Some(_)) => return None,
        (Reason::Downgrade, None) => Some(HoldReason::Downgrade),
        (Reason::VariantChange, None) => Some(HoldReason::VariantChange),
        (Reason::ChartTag, None) => Some(HoldReason::ChartTag),
        (reason, None) if reason.outcome() == Outcome::Unknown => Some(HoldReason::Undecided),
        (_, None) => return None,
    };
    let latest = decision.latest.as_ref();
    if latest.is_some_and(|latest| latest.to_string() == row.image) {
        return None;
    }
    let warnings = &decision.warnings;
    let obstacle = warnings.iter().find(|w| w.code.prevents_writing());
    let held = match (hold, obstacle) {
        (Some(hold), _) => Some((hold, why(decision, hold))),
        (None, Some(obstacle)) => {
            let hold = match obstacle.code {
                WarningCode::OverriddenByKustomization => HoldReason::OverriddenByKustomization,
                _ => HoldReason::NotWritable,
            };
            Some((hold, obstacle.message.clone()))
        }
        (None, None) => None,
    };
    if let Some((hold, message)) = held {
        return Some(ContainerChoice::HoldReason(Box::new(HeldBack {
            workload: row.workload.clone(),
            root: row.root.clone(),
            container: Some(row.container.clone()),
            from: Some(row.image.clone()),
            to: latest.cloned(),
            hold,
            message,
        })));
    }
    let digest = decision
        .facts
        .as_ref()
        .and_then(|facts| facts.latest_digest.clone());
    Some(ContainerChoice::Write(Box::new(ImageChange {
        container: row.container.clone(),
        container_type: row.container_type,
        from: row.image.clone(),
        to: latest?.clone(),
        digest,
        policy: decision.policy.as_ref().map(|policy| policy.filter.clone()),
        build: decision.build.clone(),
        message: decision.message.clone(),
        warnings: decision.warnings.clone(),
        plain_tag: None,
        compare: decision
            .facts
            .as_ref()
            .and_then(|facts| facts.compare.clone()),
        lines: Vec::new(),
    })))
}

/// Why a container's state holds it back, given the overrides. Overriding a lock does
/// not automate the container.
fn held_by_state(decision: &Decision, spec: &UpdateSpec) -> Option<HoldReason> {
    let is_locked = decision.state == State::Locked;
    if is_locked && !spec.overrides.lock {
        Some(HoldReason::Locked)
    } else if !decision.automated && !spec.include_manual {
        Some(HoldReason::Manual)
    } else {
        None
    }
}

/// The message for a container that is held back. If it is not automated, failures
/// are among its warnings.
fn why(decision: &Decision, hold: HoldReason) -> String {
    if hold == HoldReason::WaitingForWindow
        && let Some(closure) = &decision.closure
    {
        return closure.to_string();
    }
    let fault = decision.warnings.iter().find(|w| w.code.is_fault());
    match fault.filter(|_| hold == HoldReason::Undecided && decision.outcome != Outcome::Unknown) {
        Some(fault) => fault.message.clone(),
        None => decision.message.clone(),
    }
}

/// The workload that a change is for, and where it was read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ChangeTarget<'a> {
    pub(crate) workload: &'a WorkloadId,
    pub(crate) source: Option<&'a ManifestSource>,
    pub(crate) root: Option<&'a String>,
}

impl ChangeTarget<'_> {
    fn is_of(&self, change: &Change) -> bool {
        change.workload == *self.workload
            && change.source.as_ref() == self.source
            && change.root.as_ref() == self.root
    }
}

impl Plan {
    /// Adds a container. Containers of one workload must be added consecutively.
    pub(crate) fn add(
        &mut self,
        target: ChangeTarget<'_>,
        lock: Option<&Lock>,
        choice: ContainerChoice,
        overrides: Overrides,
    ) {
        let image = match choice {
            ContainerChoice::HoldReason(held_back) => {
                self.held_back.push(*held_back);
                return;
            }
            ContainerChoice::Write(image) => *image,
        };
        let last = self.changes.last_mut();
        match last.filter(|change| target.is_of(change)) {
            Some(change) => change.images.push(image),
            None => self.changes.push(Change {
                workload: target.workload.clone(),
                source: target.source.cloned(),
                root: target.root.cloned(),
                images: vec![image],
                policy: None,
                is_rollback: false,
                basis: Basis {
                    obeys_windows: !overrides.window,
                    ..Basis::default()
                },
                notes: lock
                    .map(|lock| overridden_lock(target.workload, lock))
                    .into_iter()
                    .collect(),
            }),
        }
    }

    /// Keeps the changes of at most `max` workloads and marked values, and holds back the
    /// others. Call this after everything else that is held back is known, because that
    /// does not count.
    pub fn limit(&mut self, max: usize) {
        let mut left = max.saturating_sub(self.changes.len());
        for marker in self.markers.iter_mut().filter(|marker| marker.is_update()) {
            match left.checked_sub(1) {
                Some(rest) => left = rest,
                None => {
                    let message = format!("the plan already has {max} workloads or marked values");
                    marker.keep(MarkerReason::BeyondMax, message);
                }
            }
        }
        keep_parts_together(&mut self.markers);
        if self.changes.len() <= max {
            return;
        }
        let message = format!("the plan already has {max} {}", workloads(max));
        for change in self.changes.split_off(max) {
            self.hold_back(&change, HoldReason::BeyondMax, &message);
        }
    }

    /// Moves the images of a change to those held back.
    pub(crate) fn hold_back(&mut self, change: &Change, hold: HoldReason, message: &str) {
        let images = change.images.iter().map(|image| HeldBack {
            workload: change.workload.clone(),
            root: change.root.clone(),
            container: Some(image.container.clone()),
            from: Some(image.from.clone()),
            to: Some(image.to.clone()),
            hold,
            message: message.to_owned(),
        });
        self.held_back.extend(images);
    }
}

fn workloads(count: usize) -> &'static str {
    if count == 1 { "workload" } else { "workloads" }
}

/// The note about an overridden lock.
fn overridden_lock(workload: &WorkloadId, lock: &Lock) -> String {
    let by = lock
        .by
        .as_ref()
        .map_or_else(String::new, |by| format!(" by {by}"));
    let why = lock
        .message
        .as_ref()
        .map_or_else(String::new, |why| format!(": {why}"));
    format!("{workload} is locked{by}{why}; overriding the lock")
}
