//! The result of a write.

use serde::{Deserialize, Serialize};

use crate::named_enum::named_enum;

named_enum! {
    /// The result of a planned change.
    pub enum WriteResult {
        /// A dry run: the workload would be written.
        Planned = "planned",
        /// The workload was written.
        Updated = "updated",
        /// The workload already had the requested images.
        Unchanged = "unchanged",
        /// The workload was not written, or its rollout failed.
        Failed = "failed",
        /// The run stopped at an earlier failure, or at Ctrl-C.
        NotStarted = "not-started",
        /// The server had not answered when the run was stopped.
        Unknown = "unknown",
    }
}

/// What became of the files: the commits, and the push.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryItem {
    /// The full hash of the last commit.
    pub commit: String,
    /// The branch; null if HEAD was detached.
    pub branch: Option<String>,
    /// Whether they were pushed.
    pub pushed: bool,
    /// Where the forge offers to open a request to merge what was pushed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The commits, the last one at the end.
    #[serde(default)]
    pub commits: Vec<CommitItem>,
}

/// A commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitItem {
    /// Its full hash.
    pub commit: String,
    /// The first line of its message.
    pub subject: String,
    /// Its files, from the root of the work tree.
    pub files: Vec<String>,
}
