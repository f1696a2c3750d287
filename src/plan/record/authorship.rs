//! Who changes something, and when: what an audit asks first.

use jiff::Timestamp;

use crate::named_enum::named_enum;

named_enum! {
    /// A safeguard that somebody lifted, by the flag that lifts it. None
    /// implies another.
    pub enum Override {
        /// An image that the policy does not accept.
        Policy = "policy",
        /// A workload that is locked.
        Lock = "lock",
        /// A workload that belongs to GitOps or to an operator.
        Owner = "owner",
    }
}

/// Who makes a change, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorship {
    /// The user as the API server knows them, else the user of the machine.
    pub by: String,
    /// The time that the record carries.
    pub at: Timestamp,
    /// What was lifted, each once.
    pub overrides: Vec<Override>,
}
