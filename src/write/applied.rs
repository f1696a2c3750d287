//! What became of each workload of a plan.

use crate::plan::Refusal;
use crate::workload::{ManifestSource, WorkloadId};

/// How far a write goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DryRun {
    /// All the way.
    #[default]
    None,
    /// Nothing is sent.
    Client,
    /// The server checks it and keeps nothing.
    Server,
}

impl DryRun {
    /// The word of `--dry-run`, which is also that of the data.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

/// What became of one workload.
#[derive(Debug)]
pub struct Applied {
    /// The workload.
    pub workload: WorkloadId,
    /// The file it stands in, if it does.
    pub source: Option<ManifestSource>,
    /// What was done, or why not.
    pub result: Result<Done, WriteError>,
    /// What to tell beside it, each in a sentence.
    pub notes: Vec<String>,
}

/// What was done to a workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// It was written, or would be in a dry run.
    Written,
    /// It was as wished already.
    Unchanged,
    /// An earlier failure ended the run before its turn.
    NotStarted,
}

/// Why a workload was not written. Nothing of its change was.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The object is not what the plan was made for.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// The API server refused, or was not reached.
    #[error("{message}")]
    Cluster {
        /// The line as kubectl prints it.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// The file could not be written.
    #[error("{0}")]
    File(String),
    /// The cluster's own policies keep the image that runs.
    #[error("container {container}: an admission policy of the cluster keeps {image}")]
    TakenBack {
        /// The container.
        container: String,
        /// The image that runs.
        image: String,
    },
    /// The object was changed again and again while it was written.
    #[error("it was changed by others {0} times while it was written; try again")]
    Contended(u32),
}
