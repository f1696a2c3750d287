//! The decisions for everything in scope.

use jiff::Timestamp;

use super::decision::{Decision, Outcome, Reason};
use super::snapshot::policy_election::PolicyElection;
use crate::policy::State;
use crate::workload::{ContainerType, DeclaredImage, ManifestSource, Owner, WorkloadId, WrittenAt};

/// One container and its decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The workload.
    pub workload: WorkloadId,
    /// Who manages the workload, if a marker says so.
    pub managed_by: Option<Owner>,
    /// The file it was read from, if it was.
    pub source: Option<ManifestSource>,
    /// The kustomization that was built, if it is one of its results.
    pub root: Option<String>,
    /// The container's name.
    pub container: String,
    /// Container or init container.
    pub container_type: ContainerType,
    /// The image as the manifest spells it.
    pub image: String,
    /// In the result of a kustomization: the scalars that decide the image.
    pub written_at: Vec<WrittenAt>,
    /// In a cluster that is compared with a Git repository: the image in the repository.
    pub declared: Option<Box<DeclaredImage>>,
    /// The ImagePolicy that its policy comes from, as `namespace/name`.
    pub image_policy: Option<String>,
    /// The decision.
    pub decision: Decision,
}

/// A part of the scope that could not be read: a namespace, an object, a file.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ScopeError {
    /// `namespace/shop`, `cluster`, `file/web.yaml:12`.
    pub scope: String,
    /// One word: `Forbidden`, `NotFound`, `InvalidDocument`.
    pub reason: String,
    /// The complete message, as it is printed.
    pub message: String,
}

/// Every decision in scope, sorted by namespace, name, kind, and the order of the
/// containers in the spec.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Assessment {
    /// The kubeconfig context; `None` if no cluster was read.
    pub context: Option<String>,
    /// The time that counts as now.
    pub observed_at: Timestamp,
    /// The containers.
    pub rows: Vec<Row>,
    /// The ImagePolicy objects, sorted by namespace and name.
    pub image_policies: Vec<PolicyElection>,
    /// What could not be read.
    pub errors: Vec<ScopeError>,
    /// What to report besides the rows, one sentence each.
    pub notes: Vec<String>,
    /// Pods that belong to no row, counted by the kind of their owner.
    pub uncovered: Vec<(String, usize)>,
    /// The scan was stopped before everything was decided.
    pub partial: bool,
}

/// How many containers are in which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// All rows.
    pub containers: usize,
    /// Automated rows.
    pub automated: usize,
    /// Automated rows whose outcome is an update.
    pub updates: usize,
    /// Automated rows whose update waits until a window opens or a freeze ends.
    pub waiting: usize,
    /// Locked rows.
    pub locked: usize,
    /// Locked rows with a newer elected image.
    pub locked_behind: usize,
    /// Manual rows.
    pub manual: usize,
    /// Ignored rows.
    pub ignored: usize,
    /// Automated rows that could not be decided.
    pub undecided: usize,
}

impl Assessment {
    /// Counts the rows.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let mut summary = Summary::default();
        for Row { decision, .. } in &self.rows {
            summary.containers += 1;
            match decision.state {
                State::Locked => {
                    summary.locked += 1;
                    summary.locked_behind += usize::from(decision.is_behind());
                }
                State::Ignored => summary.ignored += 1,
                State::Manual => summary.manual += 1,
                State::Automated => {
                    summary.automated += 1;
                    summary.waiting += usize::from(decision.reason == Reason::WaitingForWindow);
                    match decision.outcome {
                        Outcome::Update => summary.updates += 1,
                        Outcome::Unknown => summary.undecided += 1,
                        Outcome::Keep => {}
                    }
                }
            }
        }
        summary
    }
}
