//! Who makes a change, when, and which safeguards they override.

use jiff::Timestamp;

use crate::named_enum::named_enum;

named_enum! {
    /// A safeguard that the user overrides with the flag of that name. None implies
    /// another.
    pub enum Override {
        /// Write an image that the policy does not accept.
        Policy = "policy",
        /// Update a locked workload.
        Lock = "lock",
        /// Update a workload that GitOps or an operator manages.
        Owner = "owner",
        /// Update at a time that a window or a freeze does not allow.
        Window = "window",
        /// Write an image that no registry could confirm.
        Unconfirmed = "unconfirmed",
    }
}

/// Who makes a change, when, and whether the workload's annotations say so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorship {
    /// The user name that the API server reports, or else the local user name.
    pub by: String,
    /// The time of the record.
    pub at: Timestamp,
    /// The safeguards that were overridden, each once.
    pub overrides: Vec<Override>,
    /// Whether a write of images also writes the annotations that record it.
    pub is_recorded: bool,
}
