//! What a workload's annotations allow.

use serde::{Deserialize, Serialize};

use crate::named_enum::named_enum;

named_enum! {
    /// What a workload's annotations say of a container. The first that holds,
    /// in this order, is its state.
    pub enum State {
        /// Nothing may change it.
        Locked = "locked",
        /// It is left alone and nothing is asked for it.
        Ignored = "ignored",
        /// Updates are made without asking.
        Automated = "automated",
        /// Updates are made when somebody asks.
        Manual = "manual",
    }
}

/// A lock on a workload.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Lock {
    /// Who locked it, as written.
    pub by: Option<String>,
    /// Why, as written.
    pub message: Option<String>,
    /// When, as written.
    pub at: Option<String>,
}
