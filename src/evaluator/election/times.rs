//! The order by creation time: which facts it needs, and the keys that follow from
//! them.
//!
//! A creation time costs requests. The push time, which some registries report for
//! free, bounds it: no image counts as created more than a day after it was pushed. So
//! the creation times of tags are fetched in the order of their pushes, until none
//! of the remaining tags can be newer than the newest one known. The decision is
//! the same as if every creation time were known.

use std::cmp::Reverse;

use jiff::Timestamp;

use super::rank::{self, RankKey, Ranked, Ranking};
use crate::evaluator::creation::Creation;
use crate::evaluator::decision::{Reason, Verdict};
use crate::evaluator::evaluation::Evaluation;
use crate::evaluator::input::EvaluationInput;
use crate::evaluator::sentence;
use crate::image::{
    Fact, FetchFailureKind, ImageMetadata, RepositoryMetadata, Tag, TagOrDigest, created_by,
    pushed_before,
};
use crate::policy::{Order, Rejection};

/// How many creation times are fetched in the first round. Each later round fetches
/// as many as are already known, so that the rounds are few and at most twice the
/// necessary times are fetched.
const FIRST_DATED: usize = 4;

impl<'m> EvaluationInput<'m> {
    /// What the running tag is compared by. In the order by creation time, this also
    /// fills in the times of the accepted tags, or their bounds.
    ///
    /// # Errors
    ///
    /// The evaluation ends here: facts are missing, or could not be fetched.
    pub(crate) fn running_key(
        &self,
        ranking: &mut Ranking<'m>,
        tags: &[Tag],
    ) -> Result<Option<RankKey<'static>>, Evaluation> {
        if self.order() != Order::Created {
            let key = rank::running_key(self.policy, self.running.as_ref());
            return Ok(key.map(RankKey::into_owned));
        }
        let is_pin = self.policy.rule.is_exact_pin();
        // The policy names one image, or only the running tag is left: there is
        // nothing to order. An extracted name may stand for several tags, though.
        let is_trivial = match ranking.accepted.as_slice() {
            [] => true,
            [only] => is_pin || Some(only.tag) == self.running.as_ref(),
            _ => false,
        };
        if is_trivial {
            return Ok(None);
        }
        // A pin may go down, so it is not compared with the running tag.
        let comparable = self
            .running
            .as_ref()
            .filter(|tag| !is_pin && !tag.is_latest() && tags.contains(tag));
        let keys = self.keys(ranking, comparable)?;
        fill(ranking, keys);
        let Some(running) = comparable else {
            return Ok(None);
        };
        match self.creation(&TagOrDigest::Tag(running.clone())) {
            Creation::At(created) => Ok(Some(RankKey::Created(Some(created.at)))),
            Creation::None => self.without_time(running, ranking).map(|()| None),
            // Listed but gone, or not an image: treated like a tag that is no longer
            // listed.
            Creation::Rejected(
                Rejection::NoManifest | Rejection::NoConfig | Rejection::NotAnImage,
                _,
            ) => Ok(None),
            // The running image's date cannot be read, so nothing can be called newer.
            Creation::Rejected(_, failure) => {
                let message = sentence::no_date_of_running(running, failure.as_ref());
                Err(Verdict::new(Reason::NoCreationTime, message).into())
            }
            Creation::Failed(failure) => Err(Evaluation::failed(&failure)),
            Creation::NotAsked => {
                let mut needs = vec![creation_of(running)];
                needs.extend(self.dated_next(ranking));
                Err(needs_of(needs))
            }
        }
    }

    /// The key of each accepted tag, or why it has none.
    fn keys(
        &self,
        ranking: &Ranking<'m>,
        comparable: Option<&Tag>,
    ) -> Result<Vec<Result<RankKey<'m>, Rejection>>, Evaluation> {
        let mut keys = Vec::with_capacity(ranking.accepted.len());
        let mut needs = Vec::new();
        let (mut failed, mut hidden, mut is_seen) = (None, None, false);
        for Ranked { tag, .. } in &ranking.accepted {
            let version = TagOrDigest::Tag((*tag).clone());
            keys.push(match self.creation(&version) {
                Creation::At(created) => {
                    is_seen = true;
                    Ok(RankKey::Created(Some(created.at)))
                }
                // A running tag without a time has a reason of its own.
                Creation::None if Some(*tag) == self.running.as_ref() => Ok(RankKey::Created(None)),
                Creation::None => Err(Rejection::NoCreationTime),
                Creation::Rejected(rejection, _) => Err(rejection),
                Creation::Failed(failure) if failure.kind == FetchFailureKind::Unauthorized => {
                    hidden.get_or_insert(failure);
                    Err(Rejection::CannotBePulled)
                }
                unknown => match (self.bound(&version), unknown) {
                    (Some(bound), _) => Ok(RankKey::CreatedBy(bound)),
                    (None, Creation::Failed(failure)) => {
                        failed.get_or_insert(failure);
                        continue;
                    }
                    (None, _) => {
                        needs.push(Fact::Created(version));
                        continue;
                    }
                },
            });
        }
        if !needs.is_empty() {
            let running = comparable.filter(|tag| {
                let version = TagOrDigest::Tag((*tag).clone());
                matches!(self.creation(&version), Creation::NotAsked)
            });
            needs.extend(running.map(creation_of));
            return Err(needs_of(needs));
        }
        // Any of them may be the newest, so a missing time is a failure. An image that
        // is hidden affects only its own tag, but only if others are visible.
        match failed.or(hidden.filter(|_| !is_seen)) {
            Some(failure) => Err(Evaluation::failed(&failure)),
            None => Ok(keys),
        }
    }

    /// The latest possible creation time of an image, from its push time.
    fn bound(&self, version: &TagOrDigest) -> Option<Timestamp> {
        let pushed = self
            .metadata
            .image(version)
            .and_then(ImageMetadata::pushed_at);
        created_by(pushed?)
    }

    /// The running tag has no creation time. That is an error if there is a tag to
    /// compare it with.
    fn without_time(&self, running: &Tag, ranking: &Ranking<'m>) -> Result<(), Evaluation> {
        let accepted = &ranking.accepted;
        if accepted
            .iter()
            .any(|r| matches!(r.key, RankKey::Created(_)))
        {
            let message = sentence::no_creation_time(running);
            return Err(Verdict::new(Reason::NoCreationTime, message).into());
        }
        let needs = self.dated_next(ranking);
        if !needs.is_empty() {
            return Err(needs_of(needs));
        }
        // The remaining times could not be fetched; the walk reports why.
        Ok(())
    }

    fn dated_next(&self, ranking: &Ranking<'m>) -> Vec<Fact> {
        to_date_next(self.metadata, ranking.accepted.iter(), ranking.dated())
    }
}

/// Assigns the accepted tags their keys, and rejects those that have none.
fn fill<'m>(ranking: &mut Ranking<'m>, keys: Vec<Result<RankKey<'m>, Rejection>>) {
    let accepted = std::mem::take(&mut ranking.accepted);
    for (Ranked { tag, .. }, key) in accepted.into_iter().zip(keys) {
        match key {
            Ok(key) => ranking.accepted.push(Ranked { tag, key }),
            Err(rejection) => ranking.rejected.push((tag, rejection)),
        }
    }
}

/// The creation times to fetch next for the remaining tags; none if the time of the
/// best tag is known.
///
/// Only tags that may be as new as the newest known one matter. All those pushed
/// within a day of the last push are fetched at once, because the last one pushed
/// was hardly created later than that, so all of them will be needed. The others
/// are fetched a few at a time, because the newest known one may be old.
pub(crate) fn to_date_next<'r>(
    metadata: &RepositoryMetadata,
    left: impl Iterator<Item = &'r Ranked<'r>>,
    dated: usize,
) -> Vec<Fact> {
    let mut best = Timestamp::MIN;
    let mut undated: Vec<(Timestamp, &Tag)> = Vec::new();
    for Ranked { tag, key } in left {
        match key {
            RankKey::Created(Some(at)) => best = best.max(*at),
            RankKey::CreatedBy(bound) => undated.push((*bound, tag)),
            _ => {}
        }
    }
    undated.retain(|(bound, tag)| {
        let image = metadata.image(&TagOrDigest::Tag((*tag).clone()));
        *bound >= best && image.is_none_or(|image| image.created.is_not_asked())
    });
    undated.sort_unstable_by_key(|(bound, _)| Reverse(*bound));
    let Some(last_push) = undated.first().map(|(bound, _)| pushed_before(*bound)) else {
        return Vec::new();
    };
    let few = dated.max(FIRST_DATED);
    let within_a_day = undated.partition_point(|(bound, _)| *bound >= last_push);
    undated.truncate(few.max(within_a_day));
    undated
        .into_iter()
        .map(|(_, tag)| creation_of(tag))
        .collect()
}

fn creation_of(tag: &Tag) -> Fact {
    Fact::Created(TagOrDigest::Tag(tag.clone()))
}

fn needs_of(mut facts: Vec<Fact>) -> Evaluation {
    facts.sort_unstable();
    facts.dedup();
    Evaluation::Needs(facts)
}
