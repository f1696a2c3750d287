//! What is judged, and what belongs to every verdict: its facts, and the warnings
//! that hold whatever is decided.

use super::decision::{DecisionFacts, Reason, Verdict};
use super::election::age::ripeness;
use super::election::elect;
use super::election::elect::Refused;
use super::evaluate::Evaluation;
use super::facts::{ContainerFacts, Creation, creation};
use super::{moved_tag, sentence};
use crate::image::{Fact, FetchFailure, ImageReference, RepositoryMetadata, Tag, TagOrDigest};
use crate::policy::{ContainerPolicy, Rejection, Warning, WarningCode};

/// A verdict before its facts and warnings are gathered.
pub(crate) struct Outline {
    pub(crate) reason: Reason,
    pub(crate) message: String,
    pub(crate) latest: Option<ImageReference>,
    pub(crate) warnings: Vec<Warning>,
    /// Whether the policy needs more, and what.
    pub(crate) needs: Vec<Fact>,
}

impl Outline {
    pub(crate) fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            latest: None,
            warnings: Vec::new(),
            needs: Vec::new(),
        }
    }

    pub(crate) fn failed(failure: &FetchFailure) -> Self {
        Self::new(failure.kind.into(), &failure.message)
    }

    /// A tag would be elected, and could not be checked.
    pub(crate) fn failed_gate(tag: &Tag, failure: &FetchFailure) -> Self {
        let message = sentence::unchecked(tag, failure);
        Self::new(failure.kind.into(), message)
    }

    pub(crate) fn needs(facts: Vec<Fact>) -> Self {
        Self {
            needs: facts,
            ..Self::new(Reason::UpToDate, "")
        }
    }

    pub(crate) fn electing(mut self, latest: ImageReference) -> Self {
        self.latest = Some(latest);
        self
    }
}

/// What is judged.
pub(crate) struct Case<'a, 'm> {
    pub(crate) container: &'a ContainerFacts<'a>,
    pub(crate) policy: &'a ContainerPolicy,
    pub(crate) metadata: &'m RepositoryMetadata,
    pub(crate) running: Option<Tag>,
}

impl Case<'_, '_> {
    pub(crate) fn creation(&self, of: &TagOrDigest) -> Creation {
        creation(self.metadata, of, self.container.now)
    }

    /// Gathers what belongs to every verdict.
    pub(crate) fn finish(&self, outline: Outline, refused: &[Refused]) -> Evaluation {
        let Outline {
            reason,
            message,
            latest,
            mut warnings,
            needs,
        } = outline;
        if !needs.is_empty() {
            return Evaluation::Needs(needs);
        }
        let unconfirmed = self.unconfirmed(latest.as_ref(), refused);
        if !unconfirmed.is_empty() {
            return Evaluation::Needs(unconfirmed);
        }
        warnings.extend(mutable_tag(self.container.image));
        // Where nobody was elected the first refusal is the message itself.
        if latest.is_some() {
            warnings.extend(elect::warnings(refused));
        }
        match moved_tag::check(self.container, self.metadata) {
            Err(fact) => return Evaluation::Needs(vec![fact]),
            Ok(Some(warning)) => warnings.push(warning),
            Ok(None) => {}
        }
        let facts = self.facts(latest.as_ref());
        Evaluation::Decided(Box::new(Verdict {
            reason,
            message,
            latest,
            facts: Some(facts),
            warnings,
        }))
    }

    /// What a run is told of the elected and of the running tag, and of those that
    /// are refused for what they serve, is as fresh as the run: what is only
    /// remembered of them has to be confirmed. That the other tags did not move
    /// meanwhile is taken on trust. One that is too young would be younger still.
    fn unconfirmed(&self, latest: Option<&ImageReference>, refused: &[Refused]) -> Vec<Fact> {
        let elected = latest.and_then(ImageReference::tag);
        let refused = refused
            .iter()
            .filter(|refused| refused.rejection != Rejection::TooYoung)
            .map(|refused| &refused.tag);
        let mut tags: Vec<&Tag> = elected
            .into_iter()
            .chain(&self.running)
            .chain(refused)
            .collect();
        tags.sort_unstable();
        tags.dedup();
        tags.into_iter()
            .map(|tag| TagOrDigest::Tag(tag.clone()))
            .filter(|version| self.metadata.image(version).is_some_and(|i| i.remembered))
            .map(Fact::Confirmed)
            .collect()
    }

    fn facts(&self, latest: Option<&ImageReference>) -> DecisionFacts {
        let known = |image: &ImageReference| {
            let version = match (image.tag(), image.digest()) {
                (Some(tag), _) => TagOrDigest::Tag(tag.clone()),
                _ => image.pulled(),
            };
            let created = match self.creation(&version) {
                Creation::At(created) => Some(created),
                _ => None,
            };
            let known = self.metadata.image(&version);
            let served = known.and_then(|image| image.digest.value());
            let age_clock = self
                .policy
                .required_age()
                .zip(known)
                .and_then(|(min_age, known)| {
                    ripeness(known, min_age, self.metadata, self.container.now)
                })
                .map(|ripe| ripe.clock);
            (created, image.digest().or(served).cloned(), age_clock)
        };
        let (current_created, current_digest, _) = known(self.container.image);
        let (latest_created, latest_digest, age_clock) = latest.map(known).unwrap_or_default();
        DecisionFacts {
            current_created: current_created.map(|created| created.at),
            current_created_from: current_created.map(|created| created.from),
            current_digest,
            latest_created: latest_created.map(|created| created.at),
            latest_created_from: latest_created.map(|created| created.from),
            latest_digest,
            age_clock,
            asked_at: self.metadata.asked_at,
            source: self.metadata.source,
            place: self.metadata.place.clone(),
        }
    }
}

/// The warning of an image whose name may mean another image tomorrow.
pub(crate) fn mutable_tag(image: &ImageReference) -> Option<Warning> {
    let message = match image.tag() {
        _ if !image.is_mutable() => return None,
        Some(tag) => format!("{tag} may mean another image tomorrow"),
        None => "without a tag the image is latest, which may be another tomorrow".to_owned(),
    };
    Some(Warning::new(WarningCode::MutableTag, message))
}
