//! What marked values are decided from.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::evaluator::{PolicyElection, Settings};
use crate::plan::safeguards::overrides::Overrides;
use crate::policy::{ImageAutomation, PolicySources};
use crate::workload::MarkedValue;

/// The markers of the files, and the objects that they refer to.
#[derive(Debug, Clone, Copy)]
pub struct MarkerInput<'a> {
    /// The marked values, in the order of the files.
    pub values: &'a [MarkedValue],
    /// The ImagePolicy objects, with what they elect.
    pub policies: &'a [PolicyElection],
    /// The ImageUpdateAutomation objects. If there are none, every policy applies to
    /// every file.
    pub automations: &'a [GovernedFiles],
    /// The other sources of policies, which take precedence over markers.
    pub sources: &'a PolicySources,
}

/// An ImageUpdateAutomation, and the files with markers in which it edits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GovernedFiles {
    /// The object.
    pub automation: ImageAutomation,
    /// The files below its path, as they are shown.
    pub files: BTreeSet<String>,
    /// Whether its path exists.
    pub path_exists: bool,
}

/// The flags of a run that concern marked values.
#[derive(Debug, Clone, Copy)]
pub struct MarkerSpec<'a> {
    /// The settings of the decisions.
    pub settings: &'a Settings,
    /// The safeguards that are overridden.
    pub overrides: Overrides,
    /// The time that counts as now.
    pub now: Timestamp,
}
