//! `update` and `rollback`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::api_version::API_VERSION;
use super::markers::MarkerItem;
use super::parts::{ErrorItem, SourceItem, Time, WarningItem, WorkloadItem};
use super::write_result::{DeliveryItem, WriteResult};
use crate::image::{Digest, ImageReference};
use crate::plan::{Change, HeldBack, HoldReason, ImageChange, Override};
use crate::workload::ContainerType;

/// The output of `update` and `rollback`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageUpdateList {
    /// [`API_VERSION`].
    pub api_version: String,
    /// `ImageUpdateList`.
    pub kind: String,
    /// The kubeconfig context; null if no cluster was used.
    pub context: Option<String>,
    /// The time used as the current time.
    pub observed_at: Time,
    /// `none`, `client` or `server`.
    pub dry_run: String,
    /// The safeguards that were overridden.
    pub overrides: Vec<Override>,
    /// What could not be read.
    pub errors: Vec<ErrorItem>,
    /// The workloads that change.
    pub items: Vec<ImageUpdate>,
    /// The updates that are held back.
    pub held_back: Vec<HeldBackItem>,
    /// The markers of Flux's image automation, if they are written in this run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub markers: Vec<MarkerItem>,
    /// The commits, if the files were committed.
    #[serde(flatten)]
    pub delivery: Option<DeliveryItem>,
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
            markers: Vec::new(),
            delivery: None,
        }
    }
}

/// One workload that changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageUpdate {
    /// The workload.
    pub workload: WorkloadItem,
    /// The result.
    pub result: WriteResult,
    /// Why the workload was not written, or why its rollout failed.
    pub error: Option<String>,
    /// Whether the change restores the images that an earlier update replaced.
    pub rollback: bool,
    /// The images to replace, in the order of the spec.
    pub containers: Vec<ImageUpdateContainer>,
    /// The annotations to write with them, by key; null removes the annotation.
    #[serde(default)]
    pub annotations: BTreeMap<String, Option<String>>,
    /// Notes, each one a sentence.
    pub notes: Vec<String>,
    /// The place in a file, if the workload was read from one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceItem>,
    /// The kustomization that builds the workload, if one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
}

impl ImageUpdate {
    /// A change and its result, without annotations.
    #[must_use]
    pub fn new(change: &Change, result: WriteResult, error: Option<String>) -> Self {
        Self {
            workload: (&change.workload).into(),
            result,
            error,
            rollback: change.is_rollback,
            containers: change.images.iter().map(Into::into).collect(),
            annotations: BTreeMap::new(),
            notes: change.notes.clone(),
            source: change.source.as_ref().map(Into::into),
            root: change.root.clone(),
        }
    }
}

/// One image to replace.
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
    /// The digest that the new image points to; null if it was not fetched.
    pub digest: Option<Digest>,
    /// The policy as written; null if the image has none.
    pub policy: Option<String>,
    /// The reason as a sentence.
    pub message: String,
    /// Warnings.
    pub warnings: Vec<WarningItem>,
    /// Where a forge shows what has changed between the two images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compare: Option<String>,
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
            compare: image.compare.clone(),
        }
    }
}

/// An update that is held back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HeldBackItem {
    /// The workload.
    pub workload: WorkloadItem,
    /// The kustomization that builds the workload, if one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// The container; null for the whole workload.
    pub container: Option<String>,
    /// The running image.
    pub from: Option<String>,
    /// The image that would be written.
    pub to: Option<ImageReference>,
    /// The reason, from a closed list.
    pub reason: HoldReason,
    /// The reason as a sentence.
    pub message: String,
    /// The flag that overrides the hold; null if there is none.
    pub lifted_by: Option<String>,
}

impl From<&HeldBack> for HeldBackItem {
    fn from(held: &HeldBack) -> Self {
        Self {
            workload: (&held.workload).into(),
            root: held.root.clone(),
            container: held.container.clone(),
            from: held.from.clone(),
            to: held.to.clone(),
            reason: held.hold,
            message: held.message.clone(),
            lifted_by: held.hold.lifted_by().map(str::to_owned),
        }
    }
}
