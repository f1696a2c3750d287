//! Which tags pass a policy's text tests, and how they rank.
//!
//! One pass over the tags uses only their text. The order by creation time gets its
//! keys later, because only the times of accepted tags need to be fetched.

use std::borrow::Cow;
use std::cmp::Ordering;

use jiff::Timestamp;

use super::refused::Refused;
use crate::image::Tag;
use crate::policy::{
    ConstraintMiss, ContainerPolicy, Decimal, Order, Passed, Rejection, Rule, TagVersion,
};

/// How many numeric parts a version must have if the running tag is not a version,
/// so that date tags and build numbers never hijack a semver policy.
const FULL_VERSION: usize = 3;

/// The rejections of tags whose creation time was requested but is missing.
const WITHOUT_TIME: [Rejection; 6] = [
    Rejection::NoManifest,
    Rejection::NoConfig,
    Rejection::CannotBePulled,
    Rejection::TooLarge,
    Rejection::NotAnImage,
    Rejection::NoCreationTime,
];

/// What a tag is ranked by.
#[derive(Debug, Clone)]
pub(crate) enum RankKey<'m> {
    /// By precedence.
    Version(TagVersion),
    /// By text.
    Text(Cow<'m, str>),
    /// By number.
    Number(Decimal),
    /// By creation time; `None` until it is known.
    Created(Option<Timestamp>),
    /// By a creation time that is not known, but is not later than this.
    CreatedBy(Timestamp),
}

impl RankKey<'_> {
    /// The same key without borrowed data.
    pub(crate) fn into_owned(self) -> RankKey<'static> {
        match self {
            Self::Version(version) => RankKey::Version(version),
            Self::Text(text) => RankKey::Text(Cow::Owned(text.into_owned())),
            Self::Number(number) => RankKey::Number(number),
            Self::Created(at) => RankKey::Created(at),
            Self::CreatedBy(at) => RankKey::CreatedBy(at),
        }
    }

    /// The creation time, or its latest possible value.
    fn time(&self) -> Option<Timestamp> {
        match self {
            Self::Created(at) => *at,
            Self::CreatedBy(at) => Some(*at),
            Self::Version(_) | Self::Text(_) | Self::Number(_) => None,
        }
    }

    /// `Greater`: `self` ranks better. All keys of one policy are of the same kind.
    pub(crate) fn compare(&self, other: &Self, order: Order) -> Ordering {
        let ascending = match (self, other) {
            (Self::Version(a), Self::Version(b)) => a.precedence(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Number(a), Self::Number(b)) => a.cmp(b),
            _ => self.time().cmp(&other.time()),
        };
        match order {
            Order::AlphabeticalDesc | Order::NumericalDesc => ascending.reverse(),
            _ => ascending,
        }
    }
}

/// A tag that passed, with what it is ranked by.
#[derive(Debug, Clone)]
pub(crate) struct Ranked<'m> {
    pub(crate) tag: &'m Tag,
    pub(crate) key: RankKey<'m>,
}

impl Ranked<'_> {
    /// Whether only a bound of its creation time is known.
    pub(crate) fn is_undated(&self) -> bool {
        matches!(self.key, RankKey::CreatedBy(_))
    }

    /// The total order of candidates: the policy's order, then the bytes of the tag,
    /// greater first.
    pub(crate) fn compare(&self, other: &Self, order: Order) -> Ordering {
        self.key
            .compare(&other.key, order)
            .then_with(|| self.tag.cmp(other.tag))
    }
}

/// The repository's tags, divided by what the policy says of them.
#[derive(Debug, Default)]
pub(crate) struct Ranking<'m> {
    pub(crate) accepted: Vec<Ranked<'m>>,
    pub(crate) rejected: Vec<(&'m Tag, Rejection)>,
    /// Those of the accepted tags that were refused because of their images, best
    /// first.
    pub(crate) refused: Vec<Refused>,
}

impl Ranking<'_> {
    /// How many tags were rejected for this reason.
    pub(crate) fn count(&self, rejection: Rejection) -> usize {
        self.rejected
            .iter()
            .filter(|(_, r)| *r == rejection)
            .count()
    }

    /// Whether a better tag was refused because its rollout failed before.
    pub(crate) fn has_failed_before(&self) -> bool {
        let mut refused = self.refused.iter();
        refused.any(|refused| refused.rejection == Rejection::FailedBefore)
    }

    /// How many creation times of tags that pass were requested, whether they are
    /// known or missing.
    pub(crate) fn dated(&self) -> usize {
        let undated = self.accepted.iter().filter(|ranked| ranked.is_undated());
        self.accepted.len() - undated.count()
            + WITHOUT_TIME
                .iter()
                .map(|rejection| self.count(*rejection))
                .sum::<usize>()
    }

    /// Rejects the tags whose creation time is unknown: the election is over, and
    /// none of them could have won.
    pub(crate) fn reject_undated(&mut self) {
        let undated = self.accepted.extract_if(.., |ranked| ranked.is_undated());
        self.rejected
            .extend(undated.map(|ranked| (ranked.tag, Rejection::OlderByPushTime)));
    }
}

/// Applies a policy's text tests to all tags.
pub(crate) fn rank<'m>(
    policy: &ContainerPolicy,
    running: Option<&Tag>,
    tags: &'m [Tag],
) -> Ranking<'m> {
    let parts = running
        .and_then(|tag| {
            policy
                .filter
                .key_of_running(tag.as_str())
                .parse::<TagVersion>()
                .ok()
        })
        .map_or(FULL_VERSION, |version| version.parts());
    let mut ranking = Ranking::default();
    for tag in tags {
        let key = policy
            .filter
            .pass(tag)
            .and_then(|passed| key(&policy.rule, tag, passed, parts));
        match key {
            Ok(key) => ranking.accepted.push(Ranked { tag, key }),
            Err(rejection) => ranking.rejected.push((tag, rejection)),
        }
    }
    ranking
}

fn key<'m>(
    rule: &Rule,
    tag: &'m Tag,
    passed: Passed<'m>,
    running_parts: usize,
) -> Result<RankKey<'m>, Rejection> {
    let text = passed.key.as_ref();
    match rule {
        Rule::Semver(constraint) => {
            let version: TagVersion = text.parse().map_err(|_| Rejection::NoVersion)?;
            if version.parts() != FULL_VERSION && version.parts() != running_parts {
                return Err(Rejection::PartialVersion);
            }
            match constraint.check(&version) {
                Ok(()) => Ok(RankKey::Version(version)),
                Err(ConstraintMiss::Prerelease)
                    if passed.allows_prerelease
                        && constraint.matches_with_prereleases(&version) =>
                {
                    Ok(RankKey::Version(version))
                }
                Err(ConstraintMiss::Prerelease) => Err(Rejection::PreRelease),
                Err(ConstraintMiss::OutOfRange) => Err(Rejection::OutOfRange),
            }
        }
        Rule::Glob(glob) if glob.is_match(text) => Ok(RankKey::Created(None)),
        Rule::Regex(regex) if regex.is_match(text) => Ok(RankKey::Created(None)),
        Rule::Glob(_) | Rule::Regex(_) => Err(Rejection::NoMatch),
        Rule::Alphabetical(_) => Ok(RankKey::Text(passed.key)),
        Rule::Numerical(_) => text
            .parse()
            .map(RankKey::Number)
            .map_err(|_| Rejection::NoNumber),
        // These rules name one image and rank nothing.
        Rule::Follow(followed) if followed == tag => Ok(RankKey::Text(passed.key)),
        Rule::Pin(_) | Rule::Follow(_) => Err(Rejection::NoMatch),
    }
}

/// What the running tag is compared by, in an order by text. `None`: it cannot be
/// compared, so nothing is a downgrade from it.
pub(crate) fn running_key<'t>(
    policy: &ContainerPolicy,
    running: Option<&'t Tag>,
) -> Option<RankKey<'t>> {
    let running = running.filter(|tag| !tag.is_latest())?;
    let text = policy.filter.key_of_running(running.as_str());
    match policy.rule {
        Rule::Semver(_) => text.parse().ok().map(RankKey::Version),
        Rule::Numerical(_) => text.parse().ok().map(RankKey::Number),
        // A whole tag is not comparable with texts extracted from other tags.
        Rule::Alphabetical(_) if !policy.filter.can_extract(running.as_str()) => None,
        Rule::Alphabetical(_) => Some(RankKey::Text(text)),
        Rule::Glob(_) | Rule::Regex(_) | Rule::Pin(_) | Rule::Follow(_) => None,
    }
}
