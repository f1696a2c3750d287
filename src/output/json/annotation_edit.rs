//! `automate`, `deautomate`, `lock`, `unlock`, `policy set` and `policy unset`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::api_version::API_VERSION;
use super::parts::{ErrorItem, SourceItem, Time, WorkloadItem};
use super::status::ImageStatus;
use super::write_result::DeliveryItem;
use crate::evaluator::{Row, Snapshot};
use crate::named_enum::named_enum;
use crate::plan::{Change, Edit};

named_enum! {
    /// The result of an annotation edit.
    pub enum EditResult {
        /// A dry run: the annotations would be written.
        Planned = "planned",
        /// The annotations were written.
        Annotated = "annotated",
        /// The annotations already had the requested values.
        Unchanged = "unchanged",
        /// The annotations were not written.
        Failed = "failed",
        /// The run stopped at an earlier failure, or at Ctrl-C.
        NotStarted = "not-started",
        /// The server had not answered when the run was stopped.
        Unknown = "unknown",
    }
}

/// The output of a command that edits annotations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AnnotationEditList {
    /// [`API_VERSION`].
    pub api_version: String,
    /// `AnnotationEditList`.
    pub kind: String,
    /// The kubeconfig context; null if no cluster was used.
    pub context: Option<String>,
    /// The time used as the current time.
    pub observed_at: Time,
    /// `none`, `client` or `server`.
    pub dry_run: String,
    /// What could not be read.
    pub errors: Vec<ErrorItem>,
    /// The selected workloads.
    pub items: Vec<AnnotationEdit>,
    /// The commits, if the files were committed.
    #[serde(flatten)]
    pub delivery: Option<DeliveryItem>,
}

impl AnnotationEditList {
    /// Builds the list and adds to each workload its containers as they will be.
    #[must_use]
    pub fn new(
        snapshot: &Snapshot,
        dry_run: &str,
        mut items: Vec<AnnotationEdit>,
        effect: &[Row],
    ) -> Self {
        for item in &mut items {
            let own = effect.iter().map(ImageStatus::from);
            let own = own.filter(|row| row.workload == item.workload && row.source == item.source);
            item.containers = own.collect();
        }
        Self {
            api_version: API_VERSION.to_owned(),
            kind: "AnnotationEditList".to_owned(),
            context: snapshot.context.clone(),
            observed_at: snapshot.observed_at.into(),
            dry_run: dry_run.to_owned(),
            errors: snapshot.errors.iter().map(Into::into).collect(),
            items,
            delivery: None,
        }
    }
}

/// One workload whose annotations are edited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AnnotationEdit {
    /// The workload.
    pub workload: WorkloadItem,
    /// The result.
    pub result: EditResult,
    /// Why the annotations were not written.
    pub error: Option<String>,
    /// The annotations to write, by key; null removes the annotation.
    pub annotations: BTreeMap<String, Option<String>>,
    /// The containers as they will be; empty if they were not evaluated.
    pub containers: Vec<ImageStatus>,
    /// Notes, each one a sentence.
    pub notes: Vec<String>,
    /// The place in a file, if the workload was read from one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceItem>,
}

impl AnnotationEdit {
    /// A change that has not been made yet.
    #[must_use]
    pub fn new(change: &Change, edit: Option<&Edit>) -> Self {
        Self {
            workload: (&change.workload).into(),
            result: EditResult::NotStarted,
            error: None,
            annotations: edit
                .map(|edit| edit.annotations.clone())
                .unwrap_or_default(),
            containers: Vec::new(),
            notes: change.notes.clone(),
            source: change.source.as_ref().map(Into::into),
        }
    }
}
