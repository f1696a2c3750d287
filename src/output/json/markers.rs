//! Marked values in the output of `update`.

use serde::{Deserialize, Serialize};

use super::parts::SourceItem;
use super::write_result::WriteResult;
use crate::evaluator::Outcome;
use crate::plan::{MarkerDecision, MarkerReason, MarkerWarning, MarkerWarningCode};

/// A value with a marker of Flux's image automation, or a marker without effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MarkerItem {
    /// The file, and the line of the value.
    pub source: SourceItem,
    /// The ImagePolicy, `namespace/name`; null if the marker has no effect.
    pub policy: Option<String>,
    /// `image`, `name`, `tag` or `digest`; null if the marker has no effect.
    pub part: Option<String>,
    /// The value before; null if the marker has no effect.
    pub from: Option<String>,
    /// The value that the policy stands for; null if it is not known.
    pub to: Option<String>,
    /// `update`, `keep` or `unknown`.
    pub outcome: Outcome,
    /// The reason, from a closed list.
    pub reason: MarkerReason,
    /// The reason as a sentence.
    pub message: String,
    /// The flag that overrides the reason; null if there is none.
    pub lifted_by: Option<String>,
    /// The result of the write; null if the value is kept.
    pub result: Option<WriteResult>,
    /// Why the value was not written.
    pub error: Option<String>,
    /// Warnings.
    pub warnings: Vec<MarkerWarningItem>,
}

/// A warning about a marked value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkerWarningItem {
    /// The kind of warning, from a closed list.
    pub code: MarkerWarningCode,
    /// The warning as a sentence.
    pub message: String,
}

impl MarkerItem {
    /// A decision and the result of its write.
    #[must_use]
    pub fn new(
        decision: &MarkerDecision,
        result: Option<WriteResult>,
        error: Option<String>,
    ) -> Self {
        let target = decision.target();
        Self {
            source: (&decision.value.source).into(),
            policy: target.map(|target| format!("{}/{}", target.namespace, target.name)),
            part: target.map(|target| target.part.as_str().to_owned()),
            from: target.map(|_| decision.value.value.clone()),
            to: decision.to.clone(),
            outcome: decision.reason.outcome(),
            reason: decision.reason,
            message: decision.message.clone(),
            lifted_by: decision.reason.lifted_by().map(str::to_owned),
            result,
            error,
            warnings: decision.warnings.iter().map(Into::into).collect(),
        }
    }
}

impl From<&MarkerWarning> for MarkerWarningItem {
    fn from(warning: &MarkerWarning) -> Self {
        Self {
            code: warning.code,
            message: warning.message.clone(),
        }
    }
}
