//! One image of one update.

use std::fmt;

use jiff::Timestamp;

use crate::plan::record::record::LastUpdate;
use crate::plan::record::recorded_change::RecordedChange;

/// One image that an update replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEntry {
    /// When; `None` if no source says it.
    pub time: Option<Timestamp>,
    /// If the time is not known: a time before it, if there is one.
    pub after: Option<Timestamp>,
    /// What was replaced.
    pub change: RecordedChange,
    /// Who; `None` if no source says it.
    pub by: Option<String>,
    /// Whether it restored what an earlier update had replaced.
    pub is_rollback: bool,
    /// The safeguards that were overridden.
    pub overrides: Vec<String>,
    /// Where a forge shows what has changed between the two images, as a commit says.
    pub compare: Option<String>,
    /// Where it was found, the most detailed first.
    pub sources: Vec<HistorySource>,
}

/// Where an update was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum HistorySource {
    /// A commit, by its full hash.
    Commit(String),
    /// The record in the workload's annotations.
    Record,
    /// A revision of a Deployment: a `ReplicaSet` with its copy of the annotations.
    Revision(u64),
    /// An Event.
    Event,
}

/// How many digits of the hash of a commit are shown.
const SHORT_HASH: usize = 9;

/// `commit 1a2b3c4d5`, `record`, `revision 3`.
impl fmt::Display for HistorySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Commit(id) => write!(f, "commit {}", id.get(..SHORT_HASH).unwrap_or(id)),
            Self::Record => f.write_str("record"),
            Self::Revision(number) => write!(f, "revision {number}"),
            Self::Event => f.write_str("event"),
        }
    }
}

impl HistoryEntry {
    /// An image of which only the texts are known.
    pub(crate) fn bare(container: &str, from: &str, to: &str, source: HistorySource) -> Self {
        Self {
            time: None,
            after: None,
            change: RecordedChange {
                container: container.to_owned(),
                from: from.to_owned(),
                to: to.to_owned(),
                admitted: None,
                digest: None,
                policy: None,
                unquoted: false,
            },
            by: None,
            is_rollback: false,
            overrides: Vec::new(),
            compare: None,
            sources: vec![source],
        }
    }

    /// The images of a record, found in this source.
    #[must_use]
    pub fn of_record(record: LastUpdate, source: &HistorySource) -> Vec<Self> {
        let LastUpdate {
            time,
            by,
            changes,
            overrides,
            rollback,
            ..
        } = record;
        let changes = changes.into_iter();
        changes
            .map(|change| Self {
                time: Some(time),
                after: None,
                change,
                by: Some(by.clone()),
                is_rollback: rollback,
                overrides: overrides.clone(),
                compare: None,
                sources: vec![source.clone()],
            })
            .collect()
    }

    /// Whether both replace the same image by the same one.
    pub(crate) fn is_same_change(&self, other: &Self) -> bool {
        let (one, another) = (&self.change, &other.change);
        one.container == another.container
            && one.from == another.from
            && (one.is_written(&another.to) || another.is_written(&one.to))
    }
}
