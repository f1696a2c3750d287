//! Why a change is not made to an object as it is now.

use crate::policy::KeyError;
use crate::workload::{SEALED, Source};

/// Why a change is not made to an object as it is now. Nothing of the change is
/// written then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A container of the plan is not there any more.
    #[error(
        "unable to find container named {container:?}{}",
        if there.is_empty() { String::new() } else { format!(" (there are {})", there.join(", ")) }
    )]
    ContainerGone {
        /// Its name.
        container: String,
        /// The containers that are there.
        there: Vec<String>,
    },
    /// Somebody wrote another image since the plan was made.
    #[error("container {container}: the image changed since the plan: now {now}")]
    ImageChanged {
        /// The container.
        container: String,
        /// What it runs now.
        now: String,
    },
    /// Somebody locked the workload since the plan was made.
    #[error(
        "it was locked since the plan was made{}{}",
        by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default(),
        message.as_ref().map(|message| format!(": {message}")).unwrap_or_default()
    )]
    Locked {
        /// By whom, as written.
        by: Option<String>,
        /// Why, as written.
        message: Option<String>,
    },
    /// Somebody had the workload ignored since the plan was made.
    #[error("it is ignored since the plan was made")]
    Ignored,
    /// The lock that is to go is not the one that was seen.
    #[error(
        "the lock is another one since the plan was made{}{}",
        by.as_ref().map(|by| format!(": now by {by}")).unwrap_or_default(),
        message.as_ref().map(|message| format!(": {message}")).unwrap_or_default()
    )]
    OtherLock {
        /// By whom, as written.
        by: Option<String>,
        /// Why, as written.
        message: Option<String>,
    },
    /// An annotation has another value already, in kubectl's words.
    #[error(
        "--overwrite is false but found the following declared annotation(s): {}",
        found.iter().map(|(key, value)| format!("'{key}' already has a value ({value})")).collect::<Vec<_>>().join("; ")
    )]
    AnnotationExists {
        /// Keys with their values.
        found: Vec<(String, String)>,
    },
    /// A container's name fits into no annotation.
    #[error("{0}")]
    IllegalKey(#[from] KeyError),
    /// The object's file is encrypted, with a checksum over all of it.
    #[error(
        "{}{SEALED}",
        at.as_ref().map(|at| format!("{}:{}: ", at.file, at.line)).unwrap_or_default()
    )]
    Sealed {
        /// Where it stands.
        at: Option<Source>,
    },
    /// An image of a Helm release stands where it cannot be written.
    #[error("container {container}: {reason}")]
    NoPlace {
        /// The container.
        container: String,
        /// Why there is no place for it.
        reason: String,
    },
}
