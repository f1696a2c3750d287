//! What is going to be done, complete before anything is written.

use super::other_repository::is_other_repository;
use super::policy_edit::PolicyEdit;
use super::safeguards::held_back::HeldBack;
use crate::image::{Digest, ImageReference};
use crate::policy::Warning;
use crate::workload::{ContainerType, Names, Source, WorkloadId};

/// Everything that one command is going to write. The same plan is shown,
/// confirmed, printed as data and written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// One change a workload, sorted by namespace, name and kind.
    pub changes: Vec<Change>,
    /// What stays although somebody might expect otherwise.
    pub held_back: Vec<HeldBack>,
}

impl Plan {
    /// Whether its workloads, also those that are held back, stand in more than one
    /// namespace.
    #[must_use]
    pub fn spans_namespaces(&self) -> bool {
        let mut ids = self.workloads();
        let first = ids.next().map(|id| &id.namespace);
        ids.any(|id| Some(&id.namespace) != first)
    }

    /// What its workloads are called side by side.
    #[must_use]
    pub fn names(&self) -> Names<'_> {
        Names::among(self.workloads())
    }

    fn workloads(&self) -> impl Iterator<Item = &WorkloadId> {
        let changes = self.changes.iter().map(|change| &change.workload);
        changes.chain(self.held_back.iter().map(|held| &held.workload))
    }
}

/// What is going to be done to one workload, all of it at once or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The workload.
    pub workload: WorkloadId,
    /// The file it stands in, if it does.
    pub source: Option<Source>,
    /// The images that are replaced, in the order of the spec.
    pub images: Vec<ImageChange>,
    /// The annotations that are edited.
    pub policy: Option<PolicyEdit>,
    /// Whether this puts back what an update replaced; recorded as such.
    pub is_rollback: bool,
    /// What to know before saying yes, each in a sentence.
    pub notes: Vec<String>,
}

/// One image that is replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageChange {
    /// The container's name.
    pub container: String,
    /// Container or init container.
    pub container_type: ContainerType,
    /// The image that the plan starts from, as the manifest spells it.
    pub from: String,
    /// The image that is written.
    pub to: ImageReference,
    /// What its tag served when it was elected, where that is known.
    pub digest: Option<Digest>,
    /// The policy as written, for the record; none for an explicit image
    /// without a policy.
    pub policy: Option<String>,
    /// What the policy's named group `build` matched in the tag.
    pub build: Option<String>,
    /// Why, in a sentence.
    pub message: String,
    /// What else to know.
    pub warnings: Vec<Warning>,
    /// In a rollback, the tag as it stood in a Helm release's values, where it stood
    /// there without quotes and is not read as text.
    pub plain_tag: Option<String>,
}

impl ImageChange {
    /// Whether the new image is of another repository. Canonical names are compared,
    /// not spellings.
    #[must_use]
    pub fn changes_repository(&self) -> bool {
        is_other_repository(&self.from, &self.to)
    }
}
