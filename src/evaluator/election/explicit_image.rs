//! An image that somebody asks for by name, which no policy elected.
//!
//! The policy's walk ends at the tag that it elects, and asks nothing of the
//! others. What it takes to write another one is asked here: whether it passes the
//! gate, whether the policy would elect it if the repository had no other tag, and
//! what the tag serves, where the manifest names a digest.

use super::gate::{Gate, Stop, named};
use crate::evaluator::evaluate::evaluate;
use crate::evaluator::evaluation::Evaluation;
use crate::evaluator::input::EvaluationInput;
use crate::evaluator::subject::Subject;
use crate::image::{Fact, Known, RepositoryMetadata, Tag};
use crate::policy::Rejection;

/// Why an image that somebody asks for does not pass the gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateRefusal {
    /// The reason; `None`: it could not be checked.
    pub rejection: Option<Rejection>,
    /// The same in a sentence.
    pub message: String,
}

impl GateRefusal {
    /// Whether nobody can want it: what is not an image never runs.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(
            self.rejection,
            Some(Rejection::NotAnImage | Rejection::ArtifactTag)
        )
    }
}

impl Subject<'_> {
    /// Why the image that is asked for does not pass the gate, or could not be
    /// checked. `None` also where nobody asks for one.
    #[must_use]
    pub fn gate_refusal(&self, metadata: &RepositoryMetadata) -> Option<GateRefusal> {
        let unchecked = |why: &str| {
            let requested = self.requested.map(|requested| named(&requested.pulled()));
            Some(GateRefusal {
                rejection: None,
                message: format!(
                    "{} could not be checked: {why}",
                    requested.unwrap_or_default()
                ),
            })
        };
        match self.at_gate(metadata)? {
            Ok(()) => None,
            Err(Stop::Refused {
                rejection, message, ..
            }) => Some(GateRefusal {
                rejection: Some(rejection),
                message,
            }),
            Err(Stop::Failed(failure)) => unchecked(&failure.message),
            Err(Stop::Needs(_)) => unchecked("it was not asked for"),
        }
    }

    /// Lets the image that is asked for pass the gate.
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
            min_age: self.policy().and_then(|policy| policy.demanded_age()),
            metadata,
            tags: &metadata.tags,
        };
        Some(gate.pass(&requested.pulled()))
    }

    /// Why the policy would not elect a tag even if there were no other one: it
    /// is too young, lacks a platform, or the registry does not tell. `None`
    /// also where that was not asked, and where the tag is not listed.
    #[must_use]
    pub fn refusal_of(&self, tag: &Tag, metadata: &RepositoryMetadata) -> Option<String> {
        match self.evaluate_alone(tag, metadata)? {
            Evaluation::Decided(verdict) => {
                let latest = verdict.latest.as_ref();
                let is_elected = latest.is_some_and(|latest| latest.tag() == Some(tag));
                (!is_elected).then_some(verdict.message)
            }
            Evaluation::Needs(_) => None,
        }
    }

    /// What has to be known of the requested image.
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
