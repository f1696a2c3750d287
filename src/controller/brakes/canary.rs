//! One workload first: where several are to get the same image, the others wait until it is
//! available in the first one.

use std::collections::{BTreeMap, BTreeSet};

use crate::image::{CanonicalName, Digest, ImageReference, TagOrDigest};
use crate::plan::Change;
use crate::policy::{FailedRollout, RolloutRules};
use crate::workload::{Workload, WorkloadId, WorkloadKind};

/// From how many workloads on one is updated first.
const MIN_WORKLOADS: usize = 3;

/// What a workload gets: a repository, and a digest or a tag as it is written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CanaryTarget {
    repository: CanonicalName,
    version: TagOrDigest,
}

impl CanaryTarget {
    /// The target that an image names.
    #[must_use]
    pub fn of(image: &ImageReference) -> Self {
        Self {
            repository: image.canonical().clone(),
            version: image.pulled(),
        }
    }

    /// Whether a failure is one of this target, which serves the digest, if that is known.
    fn has_failed(&self, failed: &FailedRollout, digest: Option<&Digest>) -> bool {
        if *failed.image.canonical() != self.repository {
            return false;
        }
        match (&failed.digest, digest, &self.version) {
            (Some(failed), Some(digest), _) | (Some(failed), None, TagOrDigest::Digest(digest)) => {
                failed == digest
            }
            _ => failed.image.pulled() == self.version,
        }
    }
}

/// `docker.io/org/app:1.0.1`.
impl std::fmt::Display for CanaryTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.version {
            TagOrDigest::Tag(tag) => write!(f, "{}:{tag}", self.repository),
            TagOrDigest::Digest(digest) => write!(f, "{}@{digest}", self.repository),
        }
    }
}

/// How much a workload's rollout shows, and costs if it fails. The first one is the best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RolloutSize {
    /// So many Pods, at least one.
    Pods(u32),
    /// One Pod on each node.
    PerNode,
    /// No Pod starts: 0 replicas, a CronJob, a HelmRelease.
    Nothing,
}

impl RolloutSize {
    /// The size of a workload's rollout.
    #[must_use]
    pub fn of(workload: &Workload) -> Self {
        match workload.id.kind {
            WorkloadKind::Deployment | WorkloadKind::StatefulSet => {
                match workload.replicas.unwrap_or(1) {
                    0 => Self::Nothing,
                    pods => Self::Pods(pods),
                }
            }
            WorkloadKind::DaemonSet => Self::PerNode,
            WorkloadKind::CronJob | WorkloadKind::HelmRelease => Self::Nothing,
        }
    }
}

/// How far a workload is with a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CanaryStage {
    /// The update has not been written.
    Due,
    /// It has been written, and its rollout is in progress.
    InProgress,
    /// The workload runs the image, and no rollout is in progress.
    Available,
    /// Its rollout failed.
    Failed,
}

/// A workload and one of its targets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CanaryMember {
    /// The workload.
    pub workload: WorkloadId,
    /// What it gets, or has.
    pub target: CanaryTarget,
    /// `imgpolicy.dev/wave`.
    pub wave: i32,
    /// The size of its rollout.
    pub size: RolloutSize,
    /// How far it is.
    pub stage: CanaryStage,
}

impl CanaryMember {
    /// In the order of updates.
    fn rank(&self) -> (i32, RolloutSize, &WorkloadId) {
        (self.wave, self.size, &self.workload)
    }
}

/// The workloads that concern the targets of the changes that are due. `workloads`: all that
/// are watched. `in_progress`: those whose rollouts are being awaited.
#[must_use]
pub fn canary_members<'w>(
    workloads: impl IntoIterator<Item = &'w Workload>,
    due: &[&Change],
    in_progress: &BTreeSet<WorkloadId>,
) -> Vec<CanaryMember> {
    let mut targets: BTreeMap<CanaryTarget, Option<&Digest>> = BTreeMap::new();
    let mut due_in: BTreeMap<&WorkloadId, BTreeSet<CanaryTarget>> = BTreeMap::new();
    for change in due {
        for image in &change.images {
            let target = CanaryTarget::of(&image.to);
            let known = targets.entry(target.clone()).or_default();
            *known = known.or(image.digest.as_ref());
            due_in.entry(&change.workload).or_default().insert(target);
        }
    }
    let mut members = Vec::new();
    for workload in workloads {
        let rules = RolloutRules::of(workload).unwrap_or_default();
        let images = workload.containers.iter();
        let images = images.filter_map(|container| container.image.parse::<ImageReference>().ok());
        let running: BTreeSet<CanaryTarget> =
            images.map(|image| CanaryTarget::of(&image)).collect();
        for (target, digest) in &targets {
            let mut failures = rules.failed.iter();
            let own = due_in.get(&workload.id);
            let stage = if own.is_some_and(|own| own.contains(target)) {
                CanaryStage::Due
            } else if failures.any(|failed| target.has_failed(failed, *digest)) {
                CanaryStage::Failed
            } else if !running.contains(target) {
                continue;
            } else if in_progress.contains(&workload.id) {
                CanaryStage::InProgress
            } else {
                CanaryStage::Available
            };
            members.push(CanaryMember {
                workload: workload.id.clone(),
                target: target.clone(),
                wave: rules.wave,
                size: RolloutSize::of(workload),
                stage,
            });
        }
    }
    members
}

/// The workloads that wait for another one, each with the reason as a sentence.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CanaryHolds(BTreeMap<WorkloadId, String>);

impl CanaryHolds {
    /// Decides which workloads wait. All targets have the same order of workloads, so two
    /// never wait for each other.
    #[must_use]
    pub fn new(members: &[CanaryMember]) -> Self {
        let mut groups: BTreeMap<&CanaryTarget, Vec<&CanaryMember>> = BTreeMap::new();
        for member in members {
            groups.entry(&member.target).or_default().push(member);
        }
        let mut holds = BTreeMap::new();
        for (target, mut group) in groups {
            group.sort_by(|a, b| a.rank().cmp(&b.rank()));
            let workloads: BTreeSet<_> = group.iter().map(|member| &member.workload).collect();
            if workloads.len() < MIN_WORKLOADS {
                continue;
            }
            let Some((first, why)) = first_of(target, &group) else {
                continue;
            };
            for member in group {
                let is_due = member.stage == CanaryStage::Due;
                if is_due && Some(&member.workload) != first {
                    holds.entry(member.workload.clone()).or_insert(why.clone());
                }
            }
        }
        Self(holds)
    }

    /// Why a workload waits; `None`: it does not.
    #[must_use]
    pub fn reason(&self, workload: &WorkloadId) -> Option<&str> {
        self.0.get(workload).map(String::as_str)
    }
}

/// The workload that may start, if one may, and why the others wait. `None`: all may start.
fn first_of<'m>(
    target: &CanaryTarget,
    group: &[&'m CanaryMember],
) -> Option<(Option<&'m WorkloadId>, String)> {
    // A workload without Pods shows nothing, unless none of them has any.
    let has_pods = group
        .iter()
        .any(|member| member.size != RolloutSize::Nothing);
    let mut telling = group.to_vec();
    telling.retain(|member| !has_pods || member.size != RolloutSize::Nothing);
    if in_stage(&telling, CanaryStage::Available).is_some() {
        return None;
    }
    if let Some(failed) = in_stage(&telling, CanaryStage::Failed) {
        let id = &failed.workload;
        return Some((
            None,
            format!("{target} failed in {id}, which was updated first"),
        ));
    }
    if let Some(running) = in_stage(&telling, CanaryStage::InProgress) {
        let id = &running.workload;
        return Some((
            None,
            format!("{id} gets {target} first and is not available yet"),
        ));
    }
    let first = in_stage(&telling, CanaryStage::Due)?;
    let id = &first.workload;
    Some((Some(id), format!("{id} gets {target} first")))
}

fn in_stage<'m>(group: &[&'m CanaryMember], stage: CanaryStage) -> Option<&'m CanaryMember> {
    let mut those = group.iter().filter(|member| member.stage == stage);
    those.next().copied()
}

#[cfg(test)]
#[path = "canary_tests.rs"]
mod tests;
