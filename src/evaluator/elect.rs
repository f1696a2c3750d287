//! From the best tag downwards: which one is elected.
//!
//! What costs requests is asked last and only of the tag that is about to be
//! elected: its age, its platforms, its digest. A tag that fails is rejected and
//! the next one is looked at, until the running tag is reached.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use jiff::Timestamp;

use super::facts::{ContainerFacts, Creation, creation, ripe_at};
use super::rank::{Key, Ranked, Ranking};
use super::{sentence, times};
use crate::image::{
    Digest, Fact, FetchFailure, FetchFailureKind, Known, Platform, RepositoryMetadata, Tag,
    TagOrDigest,
};
use crate::policy::{ContainerPolicy, Order, Rejection, TagVersion, Warning, WarningCode};

/// A tag that would have been elected, had its image passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) tag: Tag,
    pub(super) rejection: Rejection,
    pub(super) ripe_at: Option<Timestamp>,
    pub(super) message: String,
}

/// What to tell of the refused where another tag is elected: one warning of each
/// kind, because a month of nightly builds may be too young.
pub(super) fn warnings(refused: &[Refused]) -> Vec<Warning> {
    let kinds = [
        (Rejection::TooYoung, WarningCode::TooYoung),
        (Rejection::WrongPlatform, WarningCode::WrongPlatform),
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
pub(super) enum Election {
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
    /// More has to be known.
    Needs(Vec<Fact>),
    /// What has to be known could not be had.
    Failed(FetchFailure),
}

/// What is fixed during the walk.
pub(super) struct Walk<'a> {
    pub(super) container: &'a ContainerFacts<'a>,
    pub(super) policy: &'a ContainerPolicy,
    pub(super) metadata: &'a RepositoryMetadata,
    pub(super) running: Option<Tag>,
    /// Whether images are compared by digest: the policy follows a tag.
    pub(super) by_digest: bool,
    /// What the running tag is compared by; `None`: it cannot be compared.
    pub(super) running_key: Option<Key<'a>>,
    pub(super) refused: Vec<Refused>,
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
    Refused(Refused),
    Needs(Vec<Fact>),
    Failed(FetchFailure),
}

impl Walk<'_> {
    /// Walks down the ranking.
    pub(super) fn elect(&mut self, ranking: &Ranking<'_>) -> Election {
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
            if !self.by_digest && Some(candidate.tag) == self.running.as_ref() {
                return Election::Running;
            }
            match self
                .running_key
                .as_ref()
                .map(|running| candidate.key.compare(running, order))
            {
                // Of two equals the running one stays.
                Some(Ordering::Equal) => return Election::Equal(candidate.tag.clone()),
                Some(Ordering::Less) if !self.may_go_down() => {
                    // What is left is lower still; if a better tag was refused,
                    // that is the reason.
                    if self.refused.is_empty() {
                        return Election::Downgrade(candidate.tag.clone());
                    }
                    return Election::Nobody;
                }
                _ => {}
            }
            if let Some(variant) = self.left_variant(candidate) {
                return Election::VariantChange(candidate.tag.clone(), variant);
            }
            match self.admit(candidate.tag) {
                Admission::Admitted(digest) => {
                    return Election::Update {
                        tag: candidate.tag.clone(),
                        digest,
                    };
                }
                Admission::Same => return Election::Running,
                Admission::Refused(refused) => self.refused.push(refused),
                Admission::Needs(facts) => return Election::Needs(facts),
                Admission::Failed(failure) => return Election::Failed(failure),
            }
        }
        Election::Nobody
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
        let digest = match self.digest_to_write(&version) {
            Ok(digest) => digest,
            Err(admission) => return admission,
        };
        // `name@sha256:old` is compared with the elected one by digest only.
        if (self.by_digest || self.container.image.tag().is_none())
            && digest.is_some()
            && self.container.image.digest() == digest.as_ref()
        {
            return Admission::Same;
        }
        for check in [Self::check_age, Self::check_platforms] {
            if let Some(admission) = check(self, tag, &version) {
                return admission;
            }
        }
        Admission::Admitted(digest)
    }

    /// Where the manifest pins a digest, the elected tag's belongs there.
    fn digest_to_write(&self, version: &TagOrDigest) -> Result<Option<Digest>, Admission> {
        if self.container.image.digest().is_none() && !self.by_digest {
            return Ok(None);
        }
        match self.metadata.image(version).map(|image| &image.digest) {
            None | Some(Known::NotAsked) => {
                Err(Admission::Needs(vec![Fact::Digest(version.clone())]))
            }
            Some(Known::Value(digest)) => Ok(Some(digest.clone())),
            // A listed tag without a manifest spoils itself alone; a followed one
            // is all there is.
            Some(Known::Failed(failure))
                if failure.kind == FetchFailureKind::NotFound && !self.by_digest =>
            {
                Err(match version {
                    TagOrDigest::Tag(tag) => Admission::Refused(no_manifest(tag)),
                    TagOrDigest::Digest(_) => Admission::Failed(failure.clone()),
                })
            }
            Some(Known::Failed(failure)) => Err(Admission::Failed(failure.clone())),
        }
    }

    fn check_age(&self, tag: &Tag, version: &TagOrDigest) -> Option<Admission> {
        let min_age = self.policy.min_age?;
        let image = self.metadata.image(version);
        let pushed = image.map_or(&Known::NotAsked, |image| &image.pushed);
        let mut needs = Vec::new();
        let created = match creation(self.metadata, version, self.container.now) {
            Creation::NotAsked => {
                needs.push(Fact::Created(version.clone()));
                None
            }
            Creation::Failed(failure) => return Some(Admission::Failed(failure)),
            Creation::Gone => return Some(Admission::Refused(no_manifest(tag))),
            Creation::At(at) => Some(at),
            Creation::None => None,
        };
        if pushed.is_not_asked() {
            needs.push(Fact::Pushed(version.clone()));
        }
        if !needs.is_empty() {
            return Some(Admission::Needs(needs));
        }
        let ripe_at = image.and_then(|image| ripe_at(image, created, min_age));
        if ripe_at.is_some_and(|ripe_at| ripe_at <= self.container.now) {
            // The time of the push can only make it younger.
            return match pushed {
                Known::Failed(failure) => Some(Admission::Failed(failure.clone())),
                Known::Value(_) | Known::NotAsked => None,
            };
        }
        Some(Admission::Refused(Refused {
            tag: tag.clone(),
            rejection: Rejection::TooYoung,
            ripe_at,
            message: sentence::too_young(tag, ripe_at),
        }))
    }

    fn check_platforms(&self, tag: &Tag, version: &TagOrDigest) -> Option<Admission> {
        let possible = self.container.platforms.as_ref()?;
        let offered = |version: &TagOrDigest| self.metadata.image(version).map(|i| &i.platforms);
        let running = self.container.image.pulled();
        let mut unasked = vec![version];
        if running != *version {
            unasked.push(&running);
        }
        unasked.retain(|version| offered(version).is_none_or(Known::is_not_asked));
        if !unasked.is_empty() {
            let facts = unasked.into_iter().cloned().map(Fact::Platforms);
            return Some(Admission::Needs(facts.collect()));
        }
        let elected = match offered(version)? {
            Known::Value(platforms) => platforms,
            Known::Failed(failure) if failure.kind == FetchFailureKind::NotFound => {
                return Some(Admission::Refused(no_manifest(tag)));
            }
            Known::Failed(failure) => return Some(Admission::Failed(failure.clone())),
            Known::NotAsked => return None,
        };
        let lacking = match offered(&running)? {
            Known::Value(running) if !running.is_empty() => {
                lacking_platform(possible, Some(running), elected)
            }
            // The registry would know, so its silence must not lower the demand:
            // it is decided only if the answer would change nothing.
            Known::Failed(failure) if failure.kind != FetchFailureKind::NotFound => {
                let any = lacking_platform(possible, None, elected);
                if any.is_none() && lacking_platform(possible, Some(possible), elected).is_some() {
                    return Some(Admission::Failed(failure.clone()));
                }
                any
            }
            _ => lacking_platform(possible, None, elected),
        }?;
        Some(Admission::Refused(Refused {
            tag: tag.clone(),
            rejection: Rejection::WrongPlatform,
            ripe_at: None,
            message: sentence::wrong_platform(tag, &lacking),
        }))
    }
}

/// A tag that is listed, and whose manifest is gone.
fn no_manifest(tag: &Tag) -> Refused {
    Refused {
        tag: tag.clone(),
        rejection: Rejection::NoManifest,
        ripe_at: None,
        message: format!("{tag} {}", Rejection::NoManifest.phrase()),
    }
}

/// What the elected image lacks: it must serve every platform of the running
/// image on which the workload can run; where that is not known, any one of the
/// possible ones.
fn lacking_platform(
    possible: &[Platform],
    running: Option<&[Platform]>,
    elected: &[Platform],
) -> Option<String> {
    let served = |wanted: &Platform| elected.iter().any(|offered| offered.serves(wanted));
    let required: Vec<&Platform> = possible
        .iter()
        .filter(|wanted| running.is_some_and(|r| r.iter().any(|offered| offered.serves(wanted))))
        .collect();
    if required.is_empty() {
        let names: Vec<&str> = possible.iter().map(Platform::as_str).collect();
        return (!possible.iter().any(served)).then(|| names.join(" or "));
    }
    let lacking: Vec<&str> = required
        .into_iter()
        .filter(|wanted| !served(wanted))
        .map(Platform::as_str)
        .collect();
    (!lacking.is_empty()).then(|| lacking.join(", "))
}
