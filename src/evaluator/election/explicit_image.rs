//! An image that the user requests by name, instead of the elected one.
//!
//! An evaluation ends at the tag that it elects and requests no facts about the
//! others. The facts needed to write another tag are requested here: whether its
//! image passes the gate, whether the policy would elect it if the repository had no
//! other tag, and what the tag serves if the manifest names a digest.

use super::gate::{Gate, Stop, named};
use crate::evaluator::evaluate::evaluate;
use crate::evaluator::evaluation::Evaluation;
use crate::evaluator::input::EvaluationInput;
use crate::evaluator::subject::Subject;
use crate::image::{Fact, Known, RepositoryMetadata, Tag};
use crate::policy::Rejection;

/// Why a requested image does not pass the gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateRefusal {
    /// The reason; `None`: it could not be checked.
    pub rejection: Option<Rejection>,
    /// The reason as a sentence.
    pub message: String,
}

impl GateRefusal {
    /// Whether no flag overrides it, because the image can never run.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(
            self.rejection,
            Some(Rejection::NotAnImage | Rejection::ArtifactTag)
        )
    }
}

impl Subject<'_> {
    /// Why the requested image does not pass the gate, or could not be checked.
    /// `None` also if no image is requested.
    #[must_use]
    pub fn gate_refusal(&self, metadata: &RepositoryMetadata) -> Option<GateRefusal> {
        match self.at_gate(metadata)? {
            Ok(()) => None,
            Err(Stop::Refused {
                rejection, message, ..
            }) => Some(GateRefusal {
                rejection: Some(rejection),
                message,
            }),
            Err(Stop::Failed(failure)) => Some(self.unchecked(&failure.message)),
            Err(Stop::Needs(_)) => Some(self.unchecked("it was not requested")),
        }
    }

    fn unchecked(&self, why: &str) -> GateRefusal {
        let requested = self.requested.map(|requested| named(&requested.pulled()));
        let requested = requested.unwrap_or_default();
        GateRefusal {
            rejection: None,
            message: format!("{requested} could not be checked: {why}"),
        }
    }

    /// Checks the requested image at the gate.
    fn at_gate(&self, metadata: &RepositoryMetadata) -> Option<Result<(), Stop>> {
        let (Some(requested), Ok(image)) = (&self.requested, &self.image) else {
            return None;
        };
        if requested.tag().is_none() && requested.digest().is_none() {
            return None;
        }
        let gate = Gate {
            image,
            context: &self.context,
            min_age: self.policy().and_then(|policy| policy.required_age()),
            failed: self.policy().map_or(&[], |policy| &policy.failed),
            admits_artifacts: false,
            metadata,
            tags: &metadata.tags,
        };
        Some(gate.pass(&requested.pulled()))
    }

    /// Why the policy would not elect a tag even if it were the only one: it is too
    /// young, does not offer a platform, or could not be checked. `None` also if the
    /// facts were not requested, or the tag is not listed.
    #[must_use]
    pub fn policy_refusal(&self, tag: &Tag, metadata: &RepositoryMetadata) -> Option<String> {
        match self.evaluate_alone(tag, metadata)? {
            Evaluation::Decided(verdict) => {
                let latest = verdict.latest.as_ref();
                let is_elected = latest.is_some_and(|latest| latest.tag() == Some(tag));
                (!is_elected).then_some(verdict.message)
            }
            Evaluation::Needs(_) => None,
        }
    }

    /// The facts that must be known about the requested image.
    pub(crate) fn needs_of_request(&self, metadata: &RepositoryMetadata) -> Vec<Fact> {
        let (Some(requested), Ok(image)) = (&self.requested, &self.image) else {
            return Vec::new();
        };
        let mut facts = match self.at_gate(metadata) {
            Some(Err(Stop::Needs(facts))) => facts,
            _ => Vec::new(),
        };
        if let Some(tag) = requested.tag() {
            if let Some(Evaluation::Needs(needs)) = self.evaluate_alone(tag, metadata) {
                facts.extend(needs);
            }
            let version = requested.pulled();
            match metadata.image(&version) {
                Some(known) if known.remembered => facts.push(Fact::Confirmed(version)),
                Some(known) if !known.digest.is_not_asked() => {}
                _ if image.digest().is_some() => facts.push(Fact::Digest(version)),
                _ => {}
            }
        }
        facts.sort_unstable();
        facts.dedup();
        facts
    }

    /// Evaluates a tag as if it were the only one. That the tag is lower than the
    /// running one, or another variant, is allowed, because the user asked for it.
    fn evaluate_alone(&self, tag: &Tag, metadata: &RepositoryMetadata) -> Option<Evaluation> {
        let input = self.input(metadata)?;
        let is_listed = metadata.tags.value().is_some_and(|tags| tags.contains(tag));
        if !is_listed {
            return None;
        }
        let mut policy = input.policy.clone();
        policy.allow_downgrade = true;
        policy.allow_variant_change = true;
        let only = Known::Value(vec![tag.clone()]);
        Some(evaluate(&EvaluationInput {
            policy: &policy,
            tags: &only,
            ..input
        }))
    }
}
