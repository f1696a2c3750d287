//! The record that an update leaves at the workload, in the same write as the
//! images.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The value of `imgpolicy.dev/last-update`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastUpdate {
    /// When.
    pub time: Timestamp,
    /// Who.
    pub by: String,
    /// The build number, as `fluxcd.io/build.number` has it.
    pub number: String,
    /// What was replaced.
    pub changes: Vec<RecordedChange>,
    /// The keys that tell the written tags, with their values.
    pub records: BTreeMap<String, String>,
    /// What was lifted for it; left out where that is nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<String>,
    /// Whether it put back what an earlier update replaced.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rollback: bool,
}

/// One image that was replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedChange {
    /// The container.
    pub container: String,
    /// The image before.
    pub from: String,
    /// The image after.
    pub to: String,
    /// What its tag served.
    pub digest: Option<String>,
    /// The policy that elected it.
    pub policy: Option<String>,
}
