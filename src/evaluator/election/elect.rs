//! From the best tag downwards: which one is elected.
//!
//! What costs requests is asked last and only of the tag that is about to be
//! elected: whether it passes the gate, and its digest. A tag that fails is
//! rejected and the next one is looked at, until the running tag is reached or so
//! many were refused that the search ends.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use jiff::Timestamp;

use super::gate::{Gate, Refusal, Stop, stopped_by};
use super::rank::{Key, Ranked, Ranking};
use super::times;
use crate::evaluator::facts::{ContainerFacts, Creation, creation};
use crate::image::{
    Digest, Fact, FetchFailure, FetchFailureKind, ImageMetadata, Known, RepositoryMetadata, Tag,
    TagOrDigest,
};
use crate::policy::{ContainerPolicy, Order, Rejection, TagVersion, Warning, WarningCode};

/// So many refused tags are looked at one after the other: most often the first
/// or the second one passes. After that some are asked for side by side.
const ONE_BY_ONE: usize = 4;
/// How many tags are asked for side by side then.
const SIDE_BY_SIDE: usize = 4;

/// A tag that would have been elected, had its image passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) tag: Tag,
    pub(crate) rejection: Rejection,
    pub(crate) ripe_at: Option<Timestamp>,
    pub(crate) message: String,
}

impl Refused {
    fn new(tag: &Tag, refusal: Refusal) -> Self {
        Self {
            tag: tag.clone(),
            rejection: refusal.rejection,
            ripe_at: refusal.ripe_at,
            message: refusal.message,
        }
    }
}

/// What to tell of the refused where another tag is elected: one warning of each
/// kind, because a month of nightly builds may be too young.
pub(crate) fn warnings(refused: &[Refused]) -> Vec<Warning> {
    let kinds = [
        (Rejection::NotAnImage, WarningCode::NotAnImage),
        (Rejection::CannotBePulled, WarningCode::CannotBePulled),
        (Rejection::TooLarge, WarningCode::TooLarge),
        (Rejection::WrongPlatform, WarningCode::WrongPlatform),
        (Rejection::TooYoung, WarningCode::TooYoung),
    ];
    kinds
        .into_iter()
        .filter_map(|(rejection, code)| {
            let mut those = refused.iter().filter(|r| r.rejection == rejection);
            let best = those.next()?;
            let message = match those.count() {
                0 => best.message.clone(),
                1 => format!("{}; the same holds for 1 more tag", best.message),
                more => format!("{}; the same holds for {more} more tags", best.message),
            };
            Some(Warning::new(code, message))
        })
        .collect()
}

/// How the walk ended.
pub(crate) enum Election {
    /// This tag is better than the running one.
    Update { tag: Tag, digest: Option<Digest> },
    /// The best tag is the running one, or the written digest is the best tag's.
    Running,
    /// The best tag is another one, and equal to the running one in the order.
    Equal(Tag),
    /// The best tag is lower than the running one.
    Downgrade(Tag),
    /// The best tag is another variant; the running one's name.
    VariantChange(Tag, String),
    /// Every tag was refused.
    Nobody,
    /// So many were refused that the others were not looked at.
    Exhausted,
    /// More has to be known.
    Needs(Vec<Fact>),
    /// What has to be known could not be had.
    Failed(FetchFailure),
    /// This tag would be elected, but the registry allows no more requests to
    /// check it.
    Unchecked(Tag, FetchFailure),
}

/// What is fixed during the walk.
pub(crate) struct Walk<'a> {
    pub(crate) container: &'a ContainerFacts<'a>,
    pub(crate) policy: &'a ContainerPolicy,
    pub(crate) metadata: &'a RepositoryMetadata,
    pub(crate) running: Option<Tag>,
    /// Whether images are compared by digest: the policy follows a tag.
    pub(crate) by_digest: bool,
    /// What the running tag is compared by; `None`: it cannot be compared.
    pub(crate) running_key: Option<Key<'a>>,
    pub(crate) refused: Vec<Refused>,
}

/// A heap's element; the heap gives the best first without sorting the rest.
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

/// Whether a tag's image may be elected.
enum Admission {
    Admitted(Option<Digest>),
    Same,
    Stopped(Stop),
}

impl From<Stop> for Admission {
    fn from(stop: Stop) -> Self {
        Self::Stopped(stop)
    }
}

impl Walk<'_> {
    /// Walks down the ranking.
    pub(crate) fn elect(&mut self, ranking: &Ranking<'_>) -> Election {
        let election = self.walk(ranking);
        // One tag may be hidden from us. If all that were asked for are, it is we
        // who may not see them.
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
        let order = self.policy.rule.order();
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
            if self.counted() >= self.container.max_candidates {
                return Election::Exhausted;
            }
            match self.admit(candidate.tag) {
                Admission::Admitted(digest) => {
                    return Election::Update {
                        tag: candidate.tag.clone(),
                        digest,
                    };
                }
                Admission::Same => return Election::Running,
                Admission::Stopped(Stop::Refused(refusal)) => {
                    self.refused.push(Refused::new(candidate.tag, refusal));
                }
                Admission::Stopped(Stop::Needs(mut facts)) => {
                    facts.extend(self.needs_of_next(&mut heap));
                    return Election::Needs(facts);
                }
                Admission::Stopped(Stop::Failed(failure)) => match failure.kind {
                    FetchFailureKind::RateLimited => {
                        return Election::Unchecked(candidate.tag.clone(), failure);
                    }
                    _ => return Election::Failed(failure),
                },
            }
        }
        Election::Nobody
    }

    /// How the walk ends at a tag, whatever its image is.
    fn ends_at(&self, candidate: &Ranked<'_>) -> Option<Election> {
        if !self.by_digest && Some(candidate.tag) == self.running.as_ref() {
            return Some(Election::Running);
        }
        let order = self.policy.rule.order();
        let compared = self
            .running_key
            .as_ref()
            .map(|running| candidate.key.compare(running, order));
        match compared {
            // Of two equals the running one stays.
            Some(Ordering::Equal) => return Some(Election::Equal(candidate.tag.clone())),
            // What is left is lower still; if a better tag was refused, that is
            // the reason.
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

    /// How many of the refused count towards the end of the search. In the order
    /// of time the date that refuses a young image was known already.
    fn counted(&self) -> usize {
        let is_by_time = self.policy.rule.order() == Order::Created;
        let counts = |refused: &&Refused| !is_by_time || refused.rejection != Rejection::TooYoung;
        self.refused.iter().filter(counts).count()
    }

    /// What the next tags need, once so many were refused that more will be.
    fn needs_of_next(&self, heap: &mut BinaryHeap<ByRank<'_, '_>>) -> Vec<Fact> {
        let counted = self.counted();
        if counted < ONE_BY_ONE {
            return Vec::new();
        }
        let left = self.container.max_candidates.saturating_sub(counted + 1);
        let mut needs = Vec::new();
        for _ in 1..SIDE_BY_SIDE.min(left + 1) {
            let Some(ByRank(next, _)) = heap.pop() else {
                break;
            };
            if next.is_undated() || self.ends_at(next).is_some() {
                break;
            }
            if let Admission::Stopped(Stop::Needs(facts)) = self.admit(next.tag) {
                needs.extend(facts);
            }
        }
        needs
    }

    /// The best tag is not dated, so it may be any below it that wins.
    fn date<'r>(
        &self,
        best: &Tag,
        left: impl Iterator<Item = &'r Ranked<'r>>,
        dated: usize,
    ) -> Election {
        let version = TagOrDigest::Tag(best.clone());
        match creation(self.metadata, &version, self.container.now) {
            Creation::Failed(failure) => Election::Failed(failure),
            _ => Election::Needs(times::to_date_next(self.metadata, left, dated)),
        }
    }

    fn may_go_down(&self) -> bool {
        self.policy.allow_downgrade || self.policy.rule.is_exact_pin()
    }

    /// The variant of the running tag, where the candidate is of another.
    fn left_variant(&self, candidate: &Ranked<'_>) -> Option<String> {
        if self.policy.allow_variant_change || self.policy.rule.is_exact_pin() {
            return None;
        }
        let variant_of = |key: &Key<'_>| match key {
            Key::Version(version) => Some(TagVersion::variant(version).map(str::to_owned)),
            _ => None,
        };
        let running = variant_of(self.running_key.as_ref()?)??;
        let elected = variant_of(&candidate.key)?;
        (elected.as_ref() != Some(&running)).then_some(running)
    }

    /// Asks of a tag's image what the policy and the workload demand.
    fn admit(&self, tag: &Tag) -> Admission {
        let version = TagOrDigest::Tag(tag.clone());
        // `name@sha256:old` is compared with the elected one by digest only, and
        // that costs less than to pass the gate.
        if self.by_digest || self.container.image.tag().is_none() {
            match self.digest_to_write(&version) {
                Ok(digest)
                    if digest.is_some() && self.container.image.digest() == digest.as_ref() =>
                {
                    return Admission::Same;
                }
                Ok(_) => {}
                Err(stop) => return stop.into(),
            }
        }
        let gate = Gate {
            container: self.container,
            min_age: self.policy.required_age(),
            metadata: self.metadata,
        };
        match gate
            .pass(&version)
            .and_then(|()| self.digest_to_write(&version))
        {
            Ok(digest) => Admission::Admitted(digest),
            // Where others are shown, a tag that is hidden spoils itself alone.
            Err(Stop::Failed(failure)) if self.hidden(&version).is_some() => {
                let rejection = Rejection::CannotBePulled;
                let message = format!("{tag} {}: {failure}", rejection.phrase());
                Admission::Stopped(Stop::Refused(Refusal {
                    rejection,
                    ripe_at: None,
                    message,
                }))
            }
            Err(stop) => stop.into(),
        }
    }

    /// Whether a listed image is hidden from us, although the list is not.
    fn is_hidden(&self, failure: &FetchFailure) -> bool {
        failure.kind == FetchFailureKind::Unauthorized
            && !self.by_digest
            && self.metadata.tags.value().is_some()
    }

    /// Why a refused tag is hidden, if that is why it was refused.
    fn hidden(&self, version: &TagOrDigest) -> Option<&FetchFailure> {
        let image = self.metadata.image(version)?;
        let failure = match (&image.platforms, &image.created) {
            (Known::Failed(failure), _) | (_, Known::Failed(failure)) => failure,
            _ => return None,
        };
        self.is_hidden(failure).then_some(failure)
    }

    fn has_seen_an_image(&self) -> bool {
        let is_seen = |image: &ImageMetadata| image.digest.value().is_some();
        self.metadata.images.values().any(is_seen)
    }

    /// Where the manifest pins a digest, the elected tag's belongs there.
    fn digest_to_write(&self, version: &TagOrDigest) -> Result<Option<Digest>, Stop> {
        if self.container.image.digest().is_none() && !self.by_digest {
            return Ok(None);
        }
        match self.metadata.image(version).map(|image| &image.digest) {
            None | Some(Known::NotAsked) => Err(Stop::Needs(vec![Fact::Digest(version.clone())])),
            Some(Known::Value(digest)) => Ok(Some(digest.clone())),
            // A listed tag without a manifest spoils itself alone; a followed one
            // is all there is.
            Some(Known::Failed(failure)) if self.by_digest => Err(Stop::Failed(failure.clone())),
            Some(Known::Failed(failure)) => Err(stopped_by(failure, version)),
        }
    }
}
