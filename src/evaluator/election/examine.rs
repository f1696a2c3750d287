//! A decision with every tag and the result for it.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::Timestamp;

use super::refused::Refused;
use crate::evaluator::candidate::{Candidate, CandidateVerdict, Examination, FunnelStep};
use crate::evaluator::creation::Creation;
use crate::evaluator::evaluate::evaluate_traced;
use crate::evaluator::input::EvaluationInput;
use crate::evaluator::subject::Subject;
use crate::image::{
    ImageMetadata, ImageReference, RepositoryMetadata, Tag, TagOrDigest, created_by,
};
use crate::policy::{Rejection, VersionError};

impl Subject<'_> {
    /// The decision with every tag and the result for it.
    #[must_use]
    pub fn examine(&self, metadata: &RepositoryMetadata) -> Examination {
        let Some(input) = self.input(metadata) else {
            let decision = self.conclude(None);
            return Examination {
                decision,
                tags: 0,
                funnel: Vec::new(),
                candidates: Vec::new(),
            };
        };
        let (evaluation, ranking) = evaluate_traced(&input);
        let decision = self.conclude(Some(evaluation));
        let order = input.order();
        let mut accepted = ranking.accepted;
        accepted.sort_by(|a, b| b.compare(a, order));
        let refused: BTreeMap<&Tag, &Refused> =
            ranking.refused.iter().map(|r| (&r.tag, r)).collect();
        let elected = decision
            .latest
            .as_ref()
            .or_else(|| decision.suggestion.as_ref()?.latest.as_ref())
            .and_then(ImageReference::tag);

        let mut candidates: Vec<Candidate> = Vec::new();
        let mut rejected: Vec<(Candidate, Rejection)> = Vec::new();
        for ranked in &accepted {
            let mut candidate = candidate(&input, ranked.tag);
            if let Some(refused) = refused.get(ranked.tag) {
                candidate.ripe_at = refused.ripe_at;
                rejected.push((candidate, refused.rejection));
                continue;
            }
            candidate.verdict = if Some(ranked.tag) == elected {
                CandidateVerdict::Elected
            } else {
                CandidateVerdict::Accepted
            };
            candidate.rank = Some(candidates.len() + 1);
            candidates.push(candidate);
        }
        let tags = accepted.len() + ranking.rejected.len();
        let mut others = ranking.rejected;
        others.sort_by_cached_key(|(tag, rejection)| {
            let is_by_push = *rejection == Rejection::OlderByPushTime;
            let pushed = is_by_push.then(|| pushed(metadata, tag)).flatten();
            Reverse((pushed, *tag))
        });
        let others = others.into_iter();
        rejected.extend(others.map(|(tag, rejection)| (candidate(&input, tag), rejection)));
        let funnel = funnel(tags, &rejected);
        candidates.extend(rejected.into_iter().map(|(mut candidate, rejection)| {
            candidate.rejection = Some(rejection);
            if rejection == Rejection::NoVersion {
                let why = input.policy.filter.why_not_a_version(&candidate.tag);
                // That a branch is not a version needs no explanation.
                let why = why.filter(|why| *why != VersionError::Core);
                candidate.detail = why.map(|why| why.to_string());
            }
            candidate
        }));
        Examination {
            decision,
            tags,
            funnel,
            candidates,
        }
    }
}

/// A tag with the facts that are known about it, as a rejected one.
fn candidate(input: &EvaluationInput<'_>, tag: &Tag) -> Candidate {
    let version = TagOrDigest::Tag(tag.clone());
    let created = match input.creation(&version) {
        Creation::At(created) => Some(created),
        _ => None,
    };
    let image = input.metadata.image(&version);
    Candidate {
        tag: tag.clone(),
        verdict: CandidateVerdict::Rejected,
        rejection: None,
        detail: None,
        rank: None,
        created: created.map(|created| created.at),
        created_from: created.map(|created| created.from),
        pushed: image.and_then(ImageMetadata::pushed_at),
        digest: image.and_then(|image| image.digest.value()).cloned(),
        ripe_at: None,
        running: input.running.as_ref() == Some(tag),
    }
}

/// The latest possible creation time of a tag, from its push time.
fn pushed(metadata: &RepositoryMetadata, tag: &Tag) -> Option<Timestamp> {
    let image = metadata.image(&TagOrDigest::Tag(tag.clone()))?;
    created_by(image.pushed_at()?)
}

/// How many tags are left after each test that dropped any.
fn funnel(tags: usize, rejected: &[(Candidate, Rejection)]) -> Vec<FunnelStep> {
    let mut left = tags;
    Rejection::ALL
        .iter()
        .filter_map(|&test| {
            let dropped = rejected.iter().filter(|(_, r)| *r == test).count();
            left -= dropped;
            (dropped > 0).then_some(FunnelStep { test, left })
        })
        .collect()
}
