//! An image that somebody asks for by name, which no policy elected.
//!
//! The policy's walk ends at the tag that it elects, and asks nothing of the
//! others. What it takes to write another one is asked here: whether it passes the
//! gate, whether the policy would elect it if the repository had no other tag, and
//! what the tag serves, where the manifest names a digest.

use super::gate::{Gate, Stop, named};
use crate::evaluator::evaluate::{Evaluation, judge};
use crate::evaluator::facts::ContainerFacts;
use crate::evaluator::subject::Subject;
use crate::image::{Fact, ImageReference, Known, RepositoryMetadata, Tag};
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
            let wished = self.wished.map(|wished| named(&wished.pulled()));
            Some(GateRefusal {
                rejection: None,
                message: format!("{} could not be checked: {why}", wished.unwrap_or_default()),
            })
        };
        match self.at_gate(metadata)? {
            Ok(()) => None,
            Err(Stop::Refused(refusal)) => Some(GateRefusal {
                rejection: Some(refusal.rejection),
                message: refusal.message,
            }),
            Err(Stop::Failed(failure)) => unchecked(&failure.message),
            Err(Stop::Needs(_)) => unchecked("it was not asked for"),
        }
    }

    /// Lets the image that is asked for pass the gate.
    fn at_gate(&self, metadata: &RepositoryMetadata) -> Option<Result<(), Stop>> {
        let (Some(wished), Ok(image)) = (&self.wished, &self.image) else {
            return None;
        };
        if wished.tag().is_none() && wished.digest().is_none() {
            return None;
        }
        let gate = Gate {
            container: &self.facts(image),
            min_age: self.policy().and_then(|policy| policy.required_age()),
            metadata,
        };
        Some(gate.pass(&wished.pulled()))
    }

    /// Why the policy would not elect a tag even if there were no other one: it
    /// is too young, lacks a platform, or the registry does not tell. `None`
    /// also where that was not asked, and where the tag is not listed.
    #[must_use]
    pub fn refusal_of(&self, tag: &Tag, metadata: &RepositoryMetadata) -> Option<String> {
        match self.judge_alone(tag, metadata)? {
            Evaluation::Decided(verdict) => {
                let latest = verdict.latest.as_ref();
                let is_elected = latest.is_some_and(|latest| latest.tag() == Some(tag));
                (!is_elected).then_some(verdict.message)
            }
            Evaluation::Needs(_) => None,
        }
    }

    /// What has to be known of the wished image.
    pub(crate) fn wish_needs(&self, metadata: &RepositoryMetadata) -> Vec<Fact> {
        let (Some(wished), Ok(image)) = (&self.wished, &self.image) else {
            return Vec::new();
        };
        let mut facts = match self.at_gate(metadata) {
            Some(Err(Stop::Needs(facts))) => facts,
            _ => Vec::new(),
        };
        if let Some(tag) = wished.tag() {
            if let Some(Evaluation::Needs(needs)) = self.judge_alone(tag, metadata) {
                facts.extend(needs);
            }
            let version = wished.pulled();
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

    /// The policy's word on a tag as if it were the only one. That it is lower
    /// than the running one, or another variant, is what somebody asked for.
    fn judge_alone(&self, tag: &Tag, metadata: &RepositoryMetadata) -> Option<Evaluation> {
        let (Some(policy), Ok(image)) = (self.policy(), &self.image) else {
            return None;
        };
        let is_listed = metadata.tags.value().is_some_and(|tags| tags.contains(tag));
        if !is_listed {
            return None;
        }
        let mut policy = policy.clone();
        policy.allow_downgrade = true;
        policy.allow_variant_change = true;
        let alone = RepositoryMetadata {
            tags: Known::Value(vec![tag.clone()]),
            ..metadata.clone()
        };
        Some(judge(&self.facts(image), &policy, &alone).evaluation)
    }

    pub(crate) fn facts<'f>(&'f self, image: &'f ImageReference) -> ContainerFacts<'f> {
        ContainerFacts {
            image,
            now: self.now,
            platforms: self.platforms.clone(),
            running: self.running,
            max_candidates: self.max_candidates,
        }
    }
}
