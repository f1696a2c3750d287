//! `history`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::api_version::API_VERSION;
use super::parts::{ErrorItem, Time};
use crate::evaluator::ScopeError;
use crate::plan::{HistoryEntry, HistorySource};

/// The output of `history`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateHistory {
    /// [`API_VERSION`].
    pub api_version: String,
    /// `UpdateHistory`.
    pub kind: String,
    /// The kubeconfig context; null if no cluster was used.
    pub context: Option<String>,
    /// The time used as the current time.
    pub observed_at: Time,
    /// The namespace of the workload.
    pub namespace: String,
    /// The workload, as in `deployment/web`.
    pub workload: String,
    /// What could not be read.
    pub errors: Vec<ErrorItem>,
    /// Remarks, each one a sentence.
    pub notes: Vec<String>,
    /// The updates, the newest first.
    pub items: Vec<HistoryItem>,
}

/// One image that an update replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryItem {
    /// When; null if it is not known.
    pub time: Option<Time>,
    /// If the time is not known: a time before it, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Time>,
    /// The container's name.
    pub container: String,
    /// The image before.
    pub from: String,
    /// The image after.
    pub to: String,
    /// What its tag pointed to; null if it is not known.
    pub digest: Option<String>,
    /// The policy that elected it; null if it is not known, or there was none.
    pub policy: Option<String>,
    /// Who; null if it is not known.
    pub by: Option<String>,
    /// Whether it restored what an earlier update had replaced.
    pub rollback: bool,
    /// The safeguards that were overridden.
    pub overrides: Vec<String>,
    /// Where it was found, the most detailed first.
    pub sources: Vec<HistorySourceItem>,
    /// Where a forge shows what has changed between the two images, as a commit says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compare: Option<String>,
}

/// Where an update was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "type")]
pub enum HistorySourceItem {
    /// A commit.
    Commit {
        /// Its full hash.
        commit: String,
    },
    /// The record in the workload's annotations.
    Record,
    /// A revision of a Deployment.
    Revision {
        /// Its number.
        revision: u64,
    },
    /// An Event.
    Event,
}

impl UpdateHistory {
    /// The output for these updates.
    #[must_use]
    pub fn new(
        namespace: &str,
        workload: &str,
        observed_at: Timestamp,
        entries: &[HistoryEntry],
    ) -> Self {
        Self {
            api_version: API_VERSION.to_owned(),
            kind: "UpdateHistory".to_owned(),
            context: None,
            observed_at: observed_at.into(),
            namespace: namespace.to_owned(),
            workload: workload.to_owned(),
            errors: Vec::new(),
            notes: Vec::new(),
            items: entries.iter().map(Into::into).collect(),
        }
    }

    /// Adds what could not be read.
    #[must_use]
    pub fn with_errors(mut self, errors: &[ScopeError]) -> Self {
        self.errors = errors.iter().map(Into::into).collect();
        self
    }
}

impl From<&HistoryEntry> for HistoryItem {
    fn from(entry: &HistoryEntry) -> Self {
        let change = &entry.change;
        Self {
            time: entry.time.map(Time),
            after: entry.after.map(Time),
            container: change.container.clone(),
            from: change.from.clone(),
            to: change.to.clone(),
            digest: change.digest.clone(),
            policy: change.policy.clone(),
            by: entry.by.clone(),
            rollback: entry.is_rollback,
            overrides: entry.overrides.clone(),
            sources: entry.sources.iter().map(Into::into).collect(),
            compare: entry.compare.clone(),
        }
    }
}

impl From<&HistorySource> for HistorySourceItem {
    fn from(source: &HistorySource) -> Self {
        match source {
            HistorySource::Commit(id) => Self::Commit { commit: id.clone() },
            HistorySource::Record => Self::Record,
            HistorySource::Revision(revision) => Self::Revision {
                revision: *revision,
            },
            HistorySource::Event => Self::Event,
        }
    }
}
