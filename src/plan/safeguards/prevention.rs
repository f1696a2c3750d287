//! What would prevent a command from doing what `explain` suggests.

use super::owners::{OwnerEffect, Ownership};
use crate::evaluator::{Outcome, Row};
use crate::plan::policy_edit::PolicyEdit;
use crate::plan::refusal::Refusal;
use crate::workload::{Container, Workload};

/// What prevents `update` from writing the elected image of a row, as a sentence. `None` if
/// nothing does, or if no update is elected. `ownership` is that of the workload, if known.
#[must_use]
pub fn prevention<'a>(row: &'a Row, ownership: Option<&'a Ownership>) -> Option<&'a str> {
    if row.decision.outcome != Outcome::Update {
        return None;
    }
    let warnings = &row.decision.warnings;
    let obstacle = warnings.iter().find(|w| w.code.prevents_writing());
    let veto = ownership.filter(|ownership| ownership.effect == OwnerEffect::Reverts);
    obstacle
        .map(|warning| warning.message.as_str())
        .or(veto.map(|ownership| ownership.message.as_str()))
}

/// What happens if a workload is automated without further flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Automation {
    /// It succeeds.
    #[default]
    Possible,
    /// An annotation has another value, so `--overwrite` is required.
    Overwrites,
    /// The workload, or the image of the container, cannot be written.
    Refused,
}

/// What happens if the workload of a container is automated.
#[must_use]
pub fn automation(workload: &Workload, container: &Container) -> Automation {
    let edit = PolicyEdit::Automate {
        policies: Vec::new(),
        overwrite: false,
    };
    let obstacle = workload.obstacle(container);
    if obstacle.is_some_and(|obstacle| !obstacle.yields_to_explicit) {
        return Automation::Refused;
    }
    match edit.edit_of(workload) {
        Ok(_) => Automation::Possible,
        Err(Refusal::AnnotationExists { .. }) => Automation::Overwrites,
        Err(_) => Automation::Refused,
    }
}
