//! The state of a container, and locks.

use serde::{Deserialize, Serialize};

use crate::named_enum::named_enum;

named_enum! {
    /// The state of a container by its workload's annotations. The first one that
    /// applies, in this order, is its state.
    pub enum State {
        /// It must not be changed.
        Locked = "locked",
        /// It is skipped, and no registry is asked about it.
        Ignored = "ignored",
        /// It is updated automatically.
        Automated = "automated",
        /// It is updated only on request.
        Manual = "manual",
    }
}

/// A lock on a workload.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Lock {
    /// Who locked it, as written in the annotation.
    pub by: Option<String>,
    /// The reason, as written in the annotation.
    pub message: Option<String>,
    /// The time, as written in the annotation.
    pub at: Option<String>,
}
