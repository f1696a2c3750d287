//! `update` and `rollback`.

use serde::{Deserialize, Serialize};

use super::API_VERSION;
use super::parts::{ErrorItem, SourceItem, Time, WarningItem, WorkloadItem};
use crate::image::{Digest, ImageReference};
use crate::named_enum::named_enum;
use crate::plan::{Change, HeldBack, Hold, ImageChange, Override};
use crate::workload::ContainerType;

named_enum! {
    /// What became of a workload in a plan.
    pub enum WriteResult {
        /// A dry run: it would be written.
        Planned = "planned",
        /// It was written.
        Updated = "updated",
        /// It was as wished already.
        Unchanged = "unchanged",
        /// It was not written, or its rollout failed.
        Failed = "failed",
        /// An earlier failure ended the run before its turn.
        NotStarted = "not-started",
    }
}

/// The answer of `update` and of `rollback`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageUpdateList {
    /// [`API_VERSION`].
    pub api_version: String,
    /// `ImageUpdateList`.
    pub kind: String,
    /// The kubeconfig context; null where no cluster was asked.
    pub context: Option<String>,
    /// The time that counted as now.
    pub observed_at: Time,
    /// `none`, `client` or `server`.
    pub dry_run: String,
    /// The safeguards that were lifted.
    pub overrides: Vec<Override>,
    /// What could not be read.
    pub errors: Vec<ErrorItem>,
    /// The workloads that change.
    pub items: Vec<ImageUpdate>,
    /// What stays although somebody might expect otherwise.
    pub held_back: Vec<HeldBackItem>,
}

impl ImageUpdateList {
    /// A list without items.
    #[must_use]
    pub fn new(context: Option<String>, observed_at: Time, dry_run: &str) -> Self {
        Self {
            api_version: API_VERSION.to_owned(),
            kind: "ImageUpdateList".to_owned(),
            context,
            observed_at,
            dry_run: dry_run.to_owned(),
            overrides: Vec::new(),
            errors: Vec::new(),
            items: Vec::new(),
            held_back: Vec::new(),
        }
    }
}

/// One workload that changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageUpdate {
    /// The workload.
    pub workload: WorkloadItem,
    /// What became of it.
    pub result: WriteResult,
    /// Why it was not written, or why its rollout failed.
    pub error: Option<String>,
    /// Whether it puts back what an earlier update replaced.
    pub rollback: bool,
    /// The images that are replaced, in the order of the spec.
    pub containers: Vec<ImageUpdateContainer>,
    /// What else to know, each in a sentence.
    pub notes: Vec<String>,
    /// The place in a file, where it stands in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceItem>,
}

impl ImageUpdate {
    /// A change and what became of it.
    #[must_use]
    pub fn new(change: &Change, result: WriteResult, error: Option<String>) -> Self {
        Self {
            workload: (&change.workload).into(),
            result,
            error,
            rollback: change.is_rollback,
            containers: change.images.iter().map(Into::into).collect(),
            notes: change.notes.clone(),
            source: change.source.as_ref().map(Into::into),
        }
    }
}

/// One image that is replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageUpdateContainer {
    /// The container's name.
    pub container: String,
    /// `container` or `initContainer`.
    pub container_type: ContainerType,
    /// The image before.
    pub from: String,
    /// The image after.
    pub to: ImageReference,
    /// What that serves; null where it was not asked.
    pub digest: Option<Digest>,
    /// The policy as written; null for an image without one.
    pub policy: Option<String>,
    /// Why, in a sentence.
    pub message: String,
    /// What else to know.
    pub warnings: Vec<WarningItem>,
}

impl From<&ImageChange> for ImageUpdateContainer {
    fn from(image: &ImageChange) -> Self {
        Self {
            container: image.container.clone(),
            container_type: image.container_type,
            from: image.from.clone(),
            to: image.to.clone(),
            digest: image.digest.clone(),
            policy: image.policy.clone(),
            message: image.message.clone(),
            warnings: image.warnings.iter().map(Into::into).collect(),
        }
    }
}

/// Something that stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HeldBackItem {
    /// The workload.
    pub workload: WorkloadItem,
    /// The container; null: the whole workload.
    pub container: Option<String>,
    /// The image that runs.
    pub from: Option<String>,
    /// The image that would be written.
    pub to: Option<ImageReference>,
    /// Why, from a closed list.
    pub reason: Hold,
    /// The same in a sentence.
    pub message: String,
    /// The flag that lifts it; null where none does.
    pub lifted_by: Option<String>,
}

impl From<&HeldBack> for HeldBackItem {
    fn from(held: &HeldBack) -> Self {
        Self {
            workload: (&held.workload).into(),
            container: held.container.clone(),
            from: held.from.clone(),
            to: held.to.clone(),
            reason: held.hold,
            message: held.message.clone(),
            lifted_by: held.hold.lifted_by().map(str::to_owned),
        }
    }
}
