//! A decision with every tag and what became of it.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::refused::Refused;
use crate::evaluator::candidate::{Candidate, CandidateVerdict, Examination, FunnelStep};
use crate::evaluator::creation::{Creation, creation};
use crate::evaluator::evaluate::evaluate_traced;
use crate::evaluator::subject::Subject;
use crate::image::{
    ImageMetadata, ImageReference, RepositoryMetadata, Tag, TagOrDigest, created_by,
};
use crate::policy::Rejection;

impl Subject<'_> {
    /// The decision with every tag and what became of it.
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
        let order = self.policy().map(|policy| policy.rule.order());
        let mut accepted = ranking.accepted;
        if let Some(order) = order {
            accepted.sort_by(|a, b| b.compare(a, order));
        }
        let refused: BTreeMap<&Tag, &Refused> =
            ranking.refused.iter().map(|r| (&r.tag, r)).collect();
        let elected = decision
            .latest
            .as_ref()
            .or_else(|| decision.suggestion.as_ref()?.latest.as_ref())
            .and_then(ImageReference::tag)
            .cloned();

        let running = self.image.as_ref().ok().map(ImageReference::pulled);
        let candidate = |tag: &Tag| {
            let version = TagOrDigest::Tag(tag.clone());
            let created = match creation(metadata, &version, self.context.now) {
                Creation::At(created) => Some(created),
                _ => None,
            };
            let image = metadata.image(&version);
            Candidate {
                tag: tag.clone(),
                verdict: CandidateVerdict::Rejected,
                rejection: None,
                rank: None,
                created: created.map(|created| created.at),
                created_from: created.map(|created| created.from),
                pushed: image.and_then(ImageMetadata::pushed_at),
                digest: image.and_then(|i| i.digest.value()).cloned(),
                ripe_at: None,
                running: running.as_ref() == Some(&version)
                    || self
                        .image
                        .as_ref()
                        .is_ok_and(|image| image.tag() == Some(tag)),
            }
        };
        let mut candidates: Vec<Candidate> = Vec::new();
        let mut rejected: Vec<(Candidate, Rejection)> = Vec::new();
        for ranked in &accepted {
            let mut candidate = candidate(ranked.tag);
            if let Some(refused) = refused.get(ranked.tag) {
                candidate.ripe_at = refused.ripe_at;
                rejected.push((candidate, refused.rejection));
                continue;
            }
            candidate.verdict = if Some(ranked.tag) == elected.as_ref() {
                CandidateVerdict::Elected
            } else {
                CandidateVerdict::Accepted
            };
            candidate.rank = Some(candidates.len() + 1);
            candidates.push(candidate);
        }
        let tags = accepted.len() + ranking.rejected.len();
        let mut others: Vec<_> = ranking.rejected;
        let pushed = |tag: &Tag, rejection: Rejection| {
            if rejection != Rejection::OlderByPushTime {
                return None;
            }
            created_by(
                metadata
                    .image(&TagOrDigest::Tag(tag.clone()))?
                    .pushed_at()?,
            )
        };
        others.sort_by_cached_key(|(tag, rejection)| Reverse((pushed(tag, *rejection), *tag)));
        rejected.extend(
            others
                .into_iter()
                .map(|(tag, rejection)| (candidate(tag), rejection)),
        );
        let funnel = funnel(tags, &rejected);
        candidates.extend(rejected.into_iter().map(|(mut candidate, rejection)| {
            candidate.rejection = Some(rejection);
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

/// How many tags are left behind each test that dropped any.
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
