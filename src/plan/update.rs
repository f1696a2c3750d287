//! From decisions to the images that are written.

use super::change::Plan;
use crate::evaluator::{Assessment, Snapshot, SnapshotError};
use crate::image::ImageReference;

/// Which rows are written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UpdateSpec {
    /// Only these containers, by name; empty: all.
    pub containers: Vec<String>,
    /// Manual containers with a policy of their own too.
    pub include_manual: bool,
    /// What is lifted.
    pub overrides: Overrides,
    /// At most so many workloads.
    pub max: Option<usize>,
}

/// The safeguards that are lifted, none by another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Overrides {
    /// `--override-policy`.
    pub policy: bool,
    /// `--override-lock`.
    pub lock: bool,
    /// `--override-owner`.
    pub owner: bool,
}

/// The plan to write what is elected.
#[must_use]
pub fn plan_update(assessment: &Assessment, spec: &UpdateSpec) -> Plan {
    let _ = (assessment, spec);
    todo!("plan helper")
}

/// The plan to write one explicit image into every container in scope whose
/// canonical repository is the same.
///
/// # Errors
///
/// The snapshot's settings make no sense.
pub fn plan_image(
    snapshot: &Snapshot,
    image: &ImageReference,
    spec: &UpdateSpec,
) -> Result<Plan, SnapshotError> {
    let _ = (snapshot, image, spec);
    todo!("plan helper")
}
