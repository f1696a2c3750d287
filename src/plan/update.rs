//! From decisions to the images that are written.

use super::change::{Change, ImageChange, Plan};
use super::record::authorship::Override;
use super::safeguards::held_back::{HeldBack, Hold};
use crate::evaluator::{Assessment, Decision, Outcome, Reason, Row};
use crate::policy::{Lock, State, WarningCode};
use crate::workload::{ManifestSource, WorkloadId};

/// Which rows are written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UpdateSpec {
    /// Only these containers, by name; empty: all.
    pub containers: Vec<String>,
    /// Manual containers with a policy of their own too.
    pub include_manual: bool,
    /// What is lifted.
    pub overrides: Overrides,
}

/// The safeguards that are lifted, none by another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Overrides {
    /// `--override-policy`.
    pub policy: bool,
    /// `--override-lock`.
    pub lock: bool,
    /// `--override-owner`.
    pub owner: bool,
}

impl Overrides {
    /// What is lifted, as words.
    #[must_use]
    pub fn words(self) -> Vec<Override> {
        let Self {
            policy,
            lock,
            owner,
        } = self;
        let all = [
            (policy, Override::Policy),
            (lock, Override::Lock),
            (owner, Override::Owner),
        ];
        let lifted = all.into_iter().filter(|(is_lifted, _)| *is_lifted);
        lifted.map(|(_, word)| word).collect()
    }
}

impl UpdateSpec {
    pub(crate) fn names(&self, container: &str) -> bool {
        self.containers.is_empty() || self.containers.iter().any(|name| name == container)
    }
}

/// What becomes of one container.
pub(crate) enum Choice {
    /// Its image is replaced.
    Write(Box<ImageChange>),
    /// It stays although somebody might expect otherwise.
    Hold(Box<HeldBack>),
}

/// The plan to write what is elected.
#[must_use]
pub fn plan_update(assessment: &Assessment, spec: &UpdateSpec) -> Plan {
    let mut plan = Plan::default();
    let rows = assessment.rows.iter();
    for row in rows.filter(|row| spec.names(&row.container)) {
        let lock = row.decision.lock.as_ref();
        if let Some(choice) = choose(row, spec) {
            plan.add(&row.workload, row.source.as_ref(), lock, choice);
        }
    }
    plan
}

fn choose(row: &Row, spec: &UpdateSpec) -> Option<Choice> {
    let decision = &row.decision;
    let (reason, hold) = match decision.state {
        State::Automated => (decision.reason, None),
        State::Manual | State::Locked => (decision.policy_reason?, held_by_state(decision, spec)),
        State::Ignored => return None,
    };
    let hold = match (reason, hold) {
        (Reason::NewerImage, hold) => hold,
        // Without the state's own hold nothing would be written either.
        (_, Some(_)) => return None,
        (Reason::Downgrade, None) => Some(Hold::Downgrade),
        (Reason::VariantChange, None) => Some(Hold::VariantChange),
        (reason, None) if reason.outcome() == Outcome::Unknown => Some(Hold::Undecided),
        (_, None) => return None,
    };
    let latest = decision.latest.as_ref();
    if latest.is_some_and(|latest| latest.to_string() == row.image) {
        return None;
    }
    let warnings = &decision.warnings;
    let obstacle = warnings.iter().find(|w| w.code == WarningCode::NotWritable);
    let stays = match (hold, obstacle) {
        (Some(hold), _) => Some((hold, why(decision, hold))),
        (None, Some(obstacle)) => Some((Hold::NotWritable, obstacle.message.clone())),
        (None, None) => None,
    };
    if let Some((hold, message)) = stays {
        return Some(Choice::Hold(Box::new(HeldBack {
            workload: row.workload.clone(),
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
    Some(Choice::Write(Box::new(ImageChange {
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
    })))
}

/// What of a container's state holds it, with all that the user lifts. What lifts
/// a lock does not automate what lies below it.
fn held_by_state(decision: &Decision, spec: &UpdateSpec) -> Option<Hold> {
    let is_locked = decision.state == State::Locked;
    if is_locked && !spec.overrides.lock {
        Some(Hold::Locked)
    } else if !decision.automated && !spec.include_manual {
        Some(Hold::Manual)
    } else {
        None
    }
}

/// The sentence of a container that stays. The faults of one that is not
/// automated stand among its warnings.
fn why(decision: &Decision, hold: Hold) -> String {
    let fault = decision.warnings.iter().find(|w| w.code.is_fault());
    match fault.filter(|_| hold == Hold::Undecided && decision.outcome != Outcome::Unknown) {
        Some(fault) => fault.message.clone(),
        None => decision.message.clone(),
    }
}

impl Plan {
    /// Adds a container's part; those of one workload come one after the other.
    pub(crate) fn add(
        &mut self,
        workload: &WorkloadId,
        source: Option<&ManifestSource>,
        lock: Option<&Lock>,
        choice: Choice,
    ) {
        let image = match choice {
            Choice::Hold(held_back) => {
                self.held_back.push(*held_back);
                return;
            }
            Choice::Write(image) => *image,
        };
        let last = self.changes.last_mut();
        match last.filter(|c| c.workload == *workload && c.source.as_ref() == source) {
            Some(change) => change.images.push(image),
            None => self.changes.push(Change {
                workload: workload.clone(),
                source: source.cloned(),
                images: vec![image],
                policy: None,
                is_rollback: false,
                notes: lock
                    .map(|lock| passed_over(workload, lock))
                    .into_iter()
                    .collect(),
            }),
        }
    }

    /// Keeps the changes of so many workloads and holds the others back. To be
    /// called when it is known what else stays, which counts for nothing.
    pub fn limit(&mut self, max: usize) {
        if self.changes.len() <= max {
            return;
        }
        let message = format!("the plan has {max} {} already", workloads(max));
        for change in self.changes.split_off(max) {
            self.hold_back(&change, Hold::BeyondMax, &message);
        }
    }

    /// Puts the images of a change among those that stay.
    pub(crate) fn hold_back(&mut self, change: &Change, hold: Hold, message: &str) {
        let images = change.images.iter().map(|image| HeldBack {
            workload: change.workload.clone(),
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

/// The note of a lock that was overridden.
fn passed_over(workload: &WorkloadId, lock: &Lock) -> String {
    let by = lock
        .by
        .as_ref()
        .map_or_else(String::new, |by| format!(" by {by}"));
    let why = lock
        .message
        .as_ref()
        .map_or_else(String::new, |why| format!(": {why}"));
    format!("{workload} is locked{by}{why}; the lock is passed over")
}
