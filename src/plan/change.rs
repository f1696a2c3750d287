//! What will be written, complete before anything is written.

use std::collections::BTreeSet;

use super::basis::Basis;
use super::markers::decision::MarkerDecision;
use super::other_repository::is_other_repository;
use super::policy_edit::PolicyEdit;
use super::safeguards::held_back::HeldBack;
use crate::image::{Digest, ImageReference};
use crate::policy::Warning;
use crate::workload::{
    ContainerType, ManifestSource, Names, Workload, WorkloadId, spans_namespaces,
};

/// Everything that one command will write. The same plan is previewed, confirmed,
/// printed as data, and written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// One change per workload, sorted by namespace, name and kind.
    pub changes: Vec<Change>,
    /// What is kept although the user might expect a change.
    pub held_back: Vec<HeldBack>,
    /// Every marker of Flux's image automation, with what happens to its value.
    pub markers: Vec<MarkerDecision>,
}

impl Plan {
    /// Whether nothing is written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && !self.markers.iter().any(MarkerDecision::is_update)
    }

    /// Whether its workloads, including those held back, are in more than one
    /// namespace.
    #[must_use]
    pub fn spans_namespaces(&self) -> bool {
        spans_namespaces(self.workloads())
    }

    /// The names that distinguish its workloads from each other.
    #[must_use]
    pub fn names(&self) -> Names<'_> {
        Names::among(self.workloads())
    }

    /// The files that are written.
    #[must_use]
    pub fn files(&self) -> BTreeSet<&str> {
        let changes = self.changes.iter().filter_map(|one| one.source.as_ref());
        let markers = self.markers.iter().filter(|marker| marker.is_update());
        let sources = changes.chain(markers.map(|marker| &marker.value.source));
        sources.map(|source| source.file.as_str()).collect()
    }

    /// Adds changes, each at its place in the order.
    pub fn add_changes(&mut self, changes: Vec<Change>) {
        self.changes.extend(changes);
        self.sort();
    }

    /// Sorts the changes by namespace, name, kind and kustomization.
    pub(crate) fn sort(&mut self) {
        self.changes.sort_by_cached_key(|change| {
            let id = &change.workload;
            let name = (id.namespace.clone(), id.name.clone(), id.kind.to_string());
            (name, change.root.clone())
        });
    }

    fn workloads(&self) -> impl Iterator<Item = &WorkloadId> {
        let changes = self.changes.iter().map(|change| &change.workload);
        changes.chain(self.held_back.iter().map(|held| &held.workload))
    }
}

/// What will be written to one workload, all at once or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The workload.
    pub workload: WorkloadId,
    /// The file that contains it, if there is one.
    pub source: Option<ManifestSource>,
    /// The kustomization that builds it, if one does.
    pub root: Option<String>,
    /// The images that are replaced, in the order of the spec.
    pub images: Vec<ImageChange>,
    /// The annotations that are edited.
    pub policy: Option<PolicyEdit>,
    /// Whether this restores what an update replaced; recorded as a rollback.
    pub is_rollback: bool,
    /// What to know before confirming, one sentence each.
    pub notes: Vec<String>,
    /// What the images rest on, which is compared with the object when it is written.
    pub basis: Basis,
}

impl Change {
    /// New images of a workload in a cluster, about which nothing more is known.
    #[must_use]
    pub fn of_images(workload: WorkloadId, images: Vec<ImageChange>) -> Self {
        Self {
            workload,
            source: None,
            root: None,
            images,
            policy: None,
            is_rollback: false,
            notes: Vec::new(),
            basis: Basis::default(),
        }
    }

    /// Whether this restores images because the rollout of an update failed, without being
    /// asked for.
    #[must_use]
    pub fn is_automatic_rollback(&self) -> bool {
        self.is_rollback && matches!(self.policy, Some(PolicyEdit::RecordFailure { .. }))
    }

    /// Whether this changes the workload: a file may hold another of the same name, and two
    /// kustomizations may build it from the same file.
    #[must_use]
    pub fn is_for(&self, workload: &Workload) -> bool {
        let is_same = self.workload == workload.id && self.root == workload.root;
        // What a kustomization builds may be written elsewhere than its document.
        is_same && (self.root.is_some() || self.source == workload.source)
    }
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
    /// What its tag served when it was elected, if that is known.
    pub digest: Option<Digest>,
    /// The policy as written, for the record; none for an explicit image
    /// without a policy.
    pub policy: Option<String>,
    /// What the policy's named group `build` matched in the tag.
    pub build: Option<String>,
    /// The reason as a sentence.
    pub message: String,
    /// Further warnings.
    pub warnings: Vec<Warning>,
    /// In a rollback, the tag as it was written in a Helm release's values, if it was
    /// written there without quotes and is not read as text.
    pub plain_tag: Option<String>,
    /// Where a forge shows what has changed between the two images, if that is known.
    pub compare: Option<String>,
    /// With a kustomization: the lines that are edited for this image, once they are known.
    pub lines: Vec<ManifestSource>,
}

impl ImageChange {
    /// A change that nothing more is known about.
    #[must_use]
    pub fn new(
        container: impl Into<String>,
        container_type: ContainerType,
        from: impl Into<String>,
        to: ImageReference,
    ) -> Self {
        Self {
            container: container.into(),
            container_type,
            from: from.into(),
            to,
            digest: None,
            policy: None,
            build: None,
            message: String::new(),
            warnings: Vec::new(),
            plain_tag: None,
            compare: None,
            lines: Vec::new(),
        }
    }

    /// Whether the new image is of another repository. Canonical names are compared,
    /// not spellings.
    #[must_use]
    pub fn changes_repository(&self) -> bool {
        is_other_repository(&self.from, &self.to)
    }
}
