//! Why a change is not made to an object as it is now.

use crate::policy::{Closure, KeyError};
use crate::workload::{ManifestSource, SEALED};

/// Why a change is not made to an object as it is now. No part of the change is
/// written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A container of the plan no longer exists.
    #[error(
        "unable to find container named {container:?}{}",
        if there.is_empty() { String::new() } else { format!(" (there are {})", there.join(", ")) }
    )]
    ContainerGone {
        /// Its name.
        container: String,
        /// The containers that exist.
        there: Vec<String>,
    },
    /// Another image has been written since the plan was made.
    #[error("container {container}: the image has changed since the plan was made: now {now}")]
    ImageChanged {
        /// The container.
        container: String,
        /// The image that it has now.
        now: String,
    },
    /// The record of an update names an image of another repository, and no policy of the
    /// cluster turns it into one of the running repository.
    #[error(
        "container {container}: the record would restore an image of another repository, \
         {image}; to restore it, add --override-policy"
    )]
    OtherRepository {
        /// The container.
        container: String,
        /// The image in the record.
        image: String,
    },
    /// The workload has been locked since the plan was made.
    #[error(
        "it has been locked since the plan was made{}{}",
        by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default(),
        message.as_ref().map(|message| format!(": {message}")).unwrap_or_default()
    )]
    Locked {
        /// By whom, as written.
        by: Option<String>,
        /// Why, as written.
        message: Option<String>,
    },
    /// The API server is deleting the object.
    #[error("it is being deleted")]
    BeingDeleted,
    /// The workload has been marked as ignored since the plan was made.
    #[error("it has been marked as ignored since the plan was made")]
    Ignored,
    /// A window or a freeze no longer allows the update.
    #[error("container {container}: {closure}")]
    Closed {
        /// The container.
        container: String,
        /// Until when, and why.
        closure: Closure,
    },
    /// What the decision about a container rests on has changed since.
    #[error("container {container}: the {what} has changed since the plan was made: now {now}")]
    BasisChanged {
        /// The container.
        container: String,
        /// What has changed, such as `policy`.
        what: &'static str,
        /// Its new value.
        now: String,
    },
    /// Somebody else has become the owner of the workload since, and reverts the change.
    #[error("its owner has changed since the plan was made: {message}")]
    OwnerChanged {
        /// What the owner does, and what to do instead.
        message: String,
    },
    /// The registry no longer serves the image that was planned.
    #[error("container {container}: {message}")]
    ImageNotConfirmed {
        /// The container.
        container: String,
        /// What the registry says.
        message: String,
    },
    /// The lock is not the one that was read.
    #[error(
        "a different lock has been set since the plan was made{}{}",
        by.as_ref().map(|by| format!(": now by {by}")).unwrap_or_default(),
        message.as_ref().map(|message| format!(": {message}")).unwrap_or_default()
    )]
    OtherLock {
        /// By whom, as written.
        by: Option<String>,
        /// Why, as written.
        message: Option<String>,
    },
    /// An annotation already has another value; the wording is kubectl's.
    #[error(
        "--overwrite is false but found the following declared annotation(s): {}",
        found.iter().map(|(key, value)| format!("'{key}' already has a value ({value})")).collect::<Vec<_>>().join("; ")
    )]
    AnnotationExists {
        /// Keys with their values.
        found: Vec<(String, String)>,
    },
    /// A container's name does not fit into an annotation key.
    #[error("{0}")]
    IllegalKey(#[from] KeyError),
    /// The object's file is encrypted, with a checksum over all of it.
    #[error(
        "{}{SEALED}",
        at.as_ref().map(|at| format!("{}:{}: ", at.file, at.line)).unwrap_or_default()
    )]
    Sealed {
        /// Where it is.
        at: Option<ManifestSource>,
    },
    /// An image of a Helm release cannot be written in the release's values.
    #[error("container {container}: {reason}")]
    NotWritable {
        /// The container.
        container: String,
        /// Why it cannot be written.
        reason: String,
    },
}
