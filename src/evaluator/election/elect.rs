//! The walk down the ranking, from the best tag: which one is elected.
//!
//! What costs requests is checked last, and only for the tag that is about to be
//! elected: whether its image passes the gate, and its digest. If the image is
//! refused, the next tag is checked, until the running tag is reached or the limit
//! of refused tags.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::gate::{Gate, Stop, stopped_by};
use super::rank::{RankKey, Ranked, Ranking};
use super::refused::Refused;
use super::times;
use crate::evaluator::creation::Creation;
use crate::evaluator::input::EvaluationInput;
use crate::image::{Digest, Fact, FetchFailure, FetchFailureKind, Known, Tag, TagOrDigest};
use crate::policy::{Order, Rejection, Rule};

/// How many tags are checked one at a time before several are checked at once:
/// usually the first or the second one passes.
const ONE_BY_ONE: usize = 4;
/// How many tags are checked at once after that.
const AT_ONCE: usize = 4;

/// How the walk down the ranking ended.
pub(crate) enum Election {
    /// This tag is better than the running one.
    Update { tag: Tag, digest: Option<Digest> },
    /// The best tag is the running one, or serves the digest that is written.
    Running,
    /// The best tag differs from the running one, and ranks the same.
    Equal(Tag),
    /// The best tag is lower than the running one.
    Downgrade(Tag),
    /// The best tag is of another variant; with the variant of the running tag.
    VariantChange(Tag, String),
    /// Every tag was refused.
    Nobody,
    /// The limit of refused tags was reached; the others were not checked.
    Exhausted,
    /// These facts must be known first.
    Needs(Vec<Fact>),
    /// A necessary fact could not be fetched.
    Failed(FetchFailure),
    /// This tag would be elected, but the registry's rate limit prevents checking
    /// it.
    Unchecked(Tag, FetchFailure),
}

/// Elects one of the ranked tags, and notes those that were refused.
pub(crate) fn elect<'a>(
    input: &EvaluationInput<'a>,
    ranking: &mut Ranking<'a>,
    running_key: Option<RankKey<'a>>,
) -> Election {
    let mut walk = CandidateWalk {
        input,
        by_digest: matches!(input.policy.rule, Rule::Follow(_)),
        running_key,
        refused: Vec::new(),
    };
    let election = walk.elect(ranking);
    ranking.refused = walk.refused;
    election
}

/// The walk down the ranking.
struct CandidateWalk<'i, 'a> {
    input: &'i EvaluationInput<'a>,
    /// Whether images are compared by digest, because the policy follows a tag.
    by_digest: bool,
    /// What the running tag is compared by; `None`: it cannot be compared.
    running_key: Option<RankKey<'a>>,
    refused: Vec<Refused>,
}

/// An element of the heap, which returns the best tag first without sorting the
/// rest.
struct ByRank<'a, 'm>(&'a Ranked<'m>, Order);

impl PartialEq for ByRank<'_, '_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for ByRank<'_, '_> {}

impl PartialOrd for ByRank<'_, '_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ByRank<'_, '_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.compare(other.0, self.1)
    }
}

impl CandidateWalk<'_, '_> {
    fn elect(&mut self, ranking: &Ranking<'_>) -> Election {
        let election = self.walk(ranking);
        // One image may be hidden from these credentials. If every image that was
        // requested is hidden, the credentials are at fault.
        let hidden = self.refused.iter().find_map(|refused| {
            let version = TagOrDigest::Tag(refused.tag.clone());
            self.hidden(&version).cloned()
        });
        match (election, hidden) {
            (Election::Needs(facts), _) => Election::Needs(facts),
            (_, Some(failure)) if !self.has_seen_an_image() => Election::Failed(failure),
            (election, _) => election,
        }
    }

    fn walk(&mut self, ranking: &Ranking<'_>) -> Election {
        let order = self.input.order();
        let accepted = ranking.accepted.iter();
        let mut heap: BinaryHeap<ByRank<'_, '_>> =
            accepted.map(|ranked| ByRank(ranked, order)).collect();
        while let Some(ByRank(candidate, _)) = heap.pop() {
            if candidate.is_undated() {
                let left = heap.iter().map(|ByRank(ranked, _)| *ranked);
                let left = std::iter::once(candidate).chain(left);
                return self.date(candidate.tag, left, ranking.dated());
            }
            if let Some(election) = self.ends_at(candidate) {
                return election;
            }
            if self.counted() >= self.input.context.max_candidates {
                return Election::Exhausted;
            }
            match self.admit(candidate.tag) {
                Ok(election) => return election,
                Err(Stop::Refused {
                    rejection,
                    ripe_at,
                    message,
                }) => self.refused.push(Refused {
                    tag: candidate.tag.clone(),
                    rejection,
                    ripe_at,
                    message,
                }),
                Err(Stop::Needs(mut facts)) => {
                    facts.extend(self.needs_of_next(&mut heap));
                    return Election::Needs(facts);
                }
                Err(Stop::Failed(failure)) if failure.kind == FetchFailureKind::RateLimited => {
                    return Election::Unchecked(candidate.tag.clone(), failure);
                }
                Err(Stop::Failed(failure)) => return Election::Failed(failure),
            }
        }
        Election::Nobody
    }

    /// How the walk ends at a tag, whatever image it serves.
    fn ends_at(&self, candidate: &Ranked<'_>) -> Option<Election> {
        if !self.by_digest && Some(candidate.tag) == self.input.running.as_ref() {
            return Some(Election::Running);
        }
        let order = self.input.order();
        let compared = self
            .running_key
            .as_ref()
            .map(|running| candidate.key.compare(running, order));
        match compared {
            // Of two equal tags, the running one is kept.
            Some(Ordering::Equal) => return Some(Election::Equal(candidate.tag.clone())),
            // The remaining tags are lower still. If a better tag was refused, its
            // refusal is the reason.
            Some(Ordering::Less) if !self.may_go_down() => {
                return Some(if self.refused.is_empty() {
                    Election::Downgrade(candidate.tag.clone())
                } else {
                    Election::Nobody
                });
            }
            _ => {}
        }
        let variant = self.left_variant(candidate)?;
        Some(Election::VariantChange(candidate.tag.clone(), variant))
    }

    /// How many refused tags count towards the limit. In the order by creation time,
    /// images that are too young do not count, because their dates were already known.
    fn counted(&self) -> usize {
        let is_by_time = self.input.order() == Order::Created;
        self.refused
            .iter()
            .filter(|refused| !is_by_time || refused.rejection != Rejection::TooYoung)
            .count()
    }

    /// The facts that the next tags need, if enough tags were refused that more
    /// refusals are likely.
    fn needs_of_next(&self, heap: &mut BinaryHeap<ByRank<'_, '_>>) -> Vec<Fact> {
        let counted = self.counted();
        if counted < ONE_BY_ONE {
            return Vec::new();
        }
        let left = self
            .input
            .context
            .max_candidates
            .saturating_sub(counted + 1);
        let mut needs = Vec::new();
        for _ in 1..AT_ONCE.min(left + 1) {
            let Some(ByRank(next, _)) = heap.pop() else {
                break;
            };
            if next.is_undated() || self.ends_at(next).is_some() {
                break;
            }
            if let Err(Stop::Needs(facts)) = self.admit(next.tag) {
                needs.extend(facts);
            }
        }
        needs
    }

    /// The creation time of the best tag is unknown, so any tag below it may win.
    fn date<'r>(
        &self,
        best: &Tag,
        left: impl Iterator<Item = &'r Ranked<'r>>,
        dated: usize,
    ) -> Election {
        let version = TagOrDigest::Tag(best.clone());
        match self.input.creation(&version) {
            Creation::Failed(failure) => Election::Failed(failure),
            _ => Election::Needs(times::to_date_next(self.input.metadata, left, dated)),
        }
    }

    fn may_go_down(&self) -> bool {
        self.input.policy.allow_downgrade || self.input.policy.rule.is_exact_pin()
    }

    /// The variant of the running tag, if the candidate is of another one.
    fn left_variant(&self, candidate: &Ranked<'_>) -> Option<String> {
        if self.input.policy.allow_variant_change || self.input.policy.rule.is_exact_pin() {
            return None;
        }
        let (RankKey::Version(running), RankKey::Version(elected)) =
            (self.running_key.as_ref()?, &candidate.key)
        else {
            return None;
        };
        let variant = running.variant()?;
        (elected.variant() != Some(variant)).then(|| variant.to_owned())
    }

    /// Checks whether a tag's image may be written.
    fn admit(&self, tag: &Tag) -> Result<Election, Stop> {
        let version = TagOrDigest::Tag(tag.clone());
        let image = self.input.image;
        // `name@sha256:old` can be compared with the elected image only by digest,
        // which takes fewer requests than the gate.
        if self.by_digest || image.tag().is_none() && image.digest().is_some() {
            let digest = self.digest_to_write(&version)?;
            if digest.is_some() && image.digest() == digest.as_ref() {
                return Ok(Election::Running);
            }
        }
        let passed = Gate::for_input(self.input).pass(&version);
        match passed.and_then(|()| self.digest_to_write(&version)) {
            Ok(digest) => Ok(Election::Update {
                tag: tag.clone(),
                digest,
            }),
            // If other images are visible, a hidden one affects only its own tag.
            Err(Stop::Failed(failure)) if self.hidden(&version).is_some() => {
                let rejection = Rejection::CannotBePulled;
                let message = format!("{tag} {}: {failure}", rejection.phrase());
                Err(Stop::refused(rejection, message))
            }
            Err(stop) => Err(stop),
        }
    }

    /// Whether a failure means that a listed image is hidden from these credentials,
    /// although the list of tags is not.
    fn is_hidden(&self, failure: &FetchFailure) -> bool {
        failure.kind == FetchFailureKind::Unauthorized
            && !self.by_digest
            && self.input.tags.value().is_some()
    }

    /// The failure that hides an image, if it is hidden.
    fn hidden(&self, version: &TagOrDigest) -> Option<&FetchFailure> {
        let image = self.input.metadata.image(version)?;
        let failure = match (&image.platforms, &image.created) {
            (Known::Failed(failure), _) | (_, Known::Failed(failure)) => failure,
            _ => return None,
        };
        self.is_hidden(failure).then_some(failure)
    }

    fn has_seen_an_image(&self) -> bool {
        let mut images = self.input.metadata.images.values();
        images.any(|image| image.digest.value().is_some())
    }

    /// The digest of the elected tag, if the manifest names a digest, which is then
    /// replaced, or if the policy elects digests.
    fn digest_to_write(&self, version: &TagOrDigest) -> Result<Option<Digest>, Stop> {
        let is_wanted = self.by_digest || self.input.policy.reflects_digest;
        if self.input.image.digest().is_none() && !is_wanted {
            return Ok(None);
        }
        match self
            .input
            .metadata
            .image(version)
            .map(|image| &image.digest)
        {
            None | Some(Known::NotAsked) => Err(Stop::Needs(vec![Fact::Digest(version.clone())])),
            Some(Known::Value(digest)) => Ok(Some(digest.clone())),
            // A listed tag without a manifest is refused alone; a followed tag is
            // the only candidate.
            Some(Known::Failed(failure)) if self.by_digest => Err(Stop::Failed(failure.clone())),
            Some(Known::Failed(failure)) => Err(stopped_by(failure, version)),
        }
    }
}
