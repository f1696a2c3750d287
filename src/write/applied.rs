//! The result for each workload of a plan.

use crate::plan::Refusal;
use crate::workload::{ManifestSource, PodProblem, WorkloadId};

/// Whether a write is a dry run, and of which kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DryRun {
    /// Everything is written.
    #[default]
    None,
    /// Nothing is sent.
    Client,
    /// The server validates the change and stores nothing.
    Server,
}

impl DryRun {
    /// The value of `--dry-run`, which the JSON data also uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

/// The result for one workload.
#[derive(Debug)]
pub struct Applied {
    /// The workload.
    pub workload: WorkloadId,
    /// The manifest that defines it, if it came from a file.
    pub source: Option<ManifestSource>,
    /// What was done, or why not.
    pub result: Result<Done, WriteError>,
    /// Notes on the result, one sentence each.
    pub notes: Vec<String>,
    /// After a rollback: the Pods that keep it from going on until they are deleted.
    pub stuck: Vec<PodProblem>,
}

/// What was done to a workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// It was written, or would be in a dry run.
    Written,
    /// It already was as requested.
    Unchanged,
    /// An earlier failure ended the run before its turn.
    NotStarted,
    /// The user stopped the run before it was written.
    Stopped,
    /// The user stopped the run before the server answered: it may have been written.
    Unknown,
}

/// Why a workload was not written. No part of its change was.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The object no longer fits the plan.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// The API server refused, or could not be reached.
    #[error("{message}")]
    Cluster {
        /// The line as kubectl prints it.
        message: String,
        /// What the user can do about it.
        hint: Option<String>,
    },
    /// The file could not be written.
    #[error("{0}")]
    File(String),
    /// It was written and could not be committed or pushed.
    #[error("{0}")]
    NotCommitted(String),
    /// An admission policy of the cluster keeps the running image.
    #[error("container {container}: an admission policy of the cluster keeps {image}")]
    TakenBack {
        /// The container.
        container: String,
        /// The running image.
        image: String,
    },
    /// An admission policy of the cluster undoes an edit of an annotation.
    #[error("an admission policy of the cluster {does} the annotation {key}")]
    AnnotationNotKept {
        /// The annotation.
        key: String,
        /// What the policy does to it: `removes`, `changes` or `keeps`.
        does: &'static str,
    },
    /// This process may no longer write.
    #[error("not written: {0}")]
    Fenced(String),
    /// Others kept changing the object while it was being written.
    #[error("it was changed by others {0} times while it was being written; try again")]
    Contended(u32),
}
