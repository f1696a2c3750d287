//! `automate`, `deautomate`, `lock`, `unlock`, `policy set` and `policy unset`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::API_VERSION;
use super::parts::{ErrorItem, SourceItem, Time, WorkloadItem};
use super::status::ImageStatus;
use crate::evaluator::{Row, Snapshot};
use crate::named_enum::named_enum;
use crate::plan::{Change, Edit};

named_enum! {
    /// What became of a workload's annotations.
    pub enum EditResult {
        /// A dry run: they would be written.
        Planned = "planned",
        /// They were written.
        Annotated = "annotated",
        /// They were as wished already.
        Unchanged = "unchanged",
        /// They were not written.
        Failed = "failed",
        /// An earlier failure ended the run before its turn.
        NotStarted = "not-started",
    }
}

/// The answer of a command that edits annotations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AnnotationEditList {
    /// [`API_VERSION`].
    pub api_version: String,
    /// `AnnotationEditList`.
    pub kind: String,
    /// The kubeconfig context; null where no cluster was asked.
    pub context: Option<String>,
    /// The time that counted as now.
    pub observed_at: Time,
    /// `none`, `client` or `server`.
    pub dry_run: String,
    /// What could not be read.
    pub errors: Vec<ErrorItem>,
    /// The workloads that were named.
    pub items: Vec<AnnotationEdit>,
}

impl AnnotationEditList {
    /// The list, with the containers of each workload as they will be.
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
        }
    }
}

/// One workload whose annotations are edited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AnnotationEdit {
    /// The workload.
    pub workload: WorkloadItem,
    /// What became of it.
    pub result: EditResult,
    /// Why it was not written.
    pub error: Option<String>,
    /// The annotations that are written, by their keys; null removes one.
    pub annotations: BTreeMap<String, Option<String>>,
    /// The containers as they will be; empty where nobody looked.
    pub containers: Vec<ImageStatus>,
    /// What else to know, each in a sentence.
    pub notes: Vec<String>,
    /// The place in a file, where it stands in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceItem>,
}

impl AnnotationEdit {
    /// A change that is not made yet.
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
