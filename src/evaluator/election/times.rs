//! The order of time: what has to be asked for it, and the keys that the answers
//! give.
//!
//! A time costs requests, and a time of push, which some registries tell for
//! nothing, bounds it: nothing is created later than a day after it was pushed.
//! So tags are dated in the order of their pushes, until none that is left can
//! be newer than the best that is dated. The decision is the same as with every
//! tag dated.

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

/// How many tags are dated at once at first; later, as many as are dated
/// already, so that the rounds stay few and no more than twice the times that
/// are needed are asked for.
const FIRST_DATED: usize = 4;

impl<'m> EvaluationInput<'m> {
    /// What the running tag is compared by. In the order of time this asks for
    /// the times of the accepted tags, or for what bounds them, and fills them
    /// in.
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
        // One image is named, or only the running one is left: nothing to order.
        // What is extracted from several tags may be one name, though.
        let is_ordered = match ranking.accepted.as_slice() {
            [] => true,
            [only] => is_pin || Some(only.tag) == self.running.as_ref(),
            _ => false,
        };
        if is_ordered {
            return Ok(None);
        }
        // A pin may go down, so nothing is compared with what runs.
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
            // Listed and gone, or not an image: like a tag that is not listed any
            // more.
            Creation::Rejected(Rejection::NoManifest | Rejection::NotAnImage, _) => Ok(None),
            // It runs, and its date is out of reach: nothing may be called newer.
            Creation::Rejected(_, failure) => {
                let message = sentence::no_date_of_running(running, failure.as_ref());
                Err(Verdict::new(Reason::NoCreationTime, message).into())
            }
            Creation::Failed(failure) => Err(Evaluation::failed(&failure)),
            Creation::NotAsked => {
                let mut needs = vec![asked(running)];
                needs.extend(self.dated_next(ranking));
                Err(needed(needs))
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
                // The running tag without a time is a reason of its own.
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
            needs.extend(running.map(asked));
            return Err(needed(needs));
        }
        // Any of them may be the newest, so none may be guessed. One that is hidden
        // spoils itself alone, but only where others are shown.
        match failed.or(hidden.filter(|_| !is_seen)) {
            Some(failure) => Err(Evaluation::failed(&failure)),
            None => Ok(keys),
        }
    }

    /// The latest time at which an image was built, by its push.
    fn bound(&self, version: &TagOrDigest) -> Option<Timestamp> {
        let pushed = self
            .metadata
            .image(version)
            .and_then(ImageMetadata::pushed_at);
        created_by(pushed?)
    }

    /// The running tag has no time. That is the reason of the row if there is
    /// anything to compare it with.
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
            return Err(needed(needs));
        }
        // What is left could not be dated; the walk says why.
        Ok(())
    }

    fn dated_next(&self, ranking: &Ranking<'m>) -> Vec<Fact> {
        to_date_next(self.metadata, ranking.accepted.iter(), ranking.dated())
    }
}

/// Gives the accepted tags their keys, and rejects those that have none.
fn fill<'m>(ranking: &mut Ranking<'m>, keys: Vec<Result<RankKey<'m>, Rejection>>) {
    let accepted = std::mem::take(&mut ranking.accepted);
    for (Ranked { tag, .. }, key) in accepted.into_iter().zip(keys) {
        match key {
            Ok(key) => ranking.accepted.push(Ranked { tag, key }),
            Err(rejection) => ranking.rejected.push((tag, rejection)),
        }
    }
}

/// Which of the tags that are left to elect from are dated next; none if the
/// best of them is dated.
///
/// Only what may be as new as the best that is dated has to be. Of that, all
/// that was pushed within a day of the last push is asked for at once, since the
/// last one pushed was hardly created later than that and so none of them can be
/// spared; the rest a few at a time, because the best that is dated may be an
/// old one.
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
    let is_not_asked = |(_, tag): &(Timestamp, &Tag)| {
        let image = metadata.image(&TagOrDigest::Tag((*tag).clone()));
        image.is_none_or(|image| image.created.is_not_asked())
    };
    undated.retain(|(bound, _)| *bound >= best);
    undated.retain(is_not_asked);
    undated.sort_unstable_by_key(|(bound, _)| Reverse(*bound));
    let Some(last_push) = undated.first().map(|(bound, _)| pushed_before(*bound)) else {
        return Vec::new();
    };
    let few = dated.max(FIRST_DATED);
    let within_a_day = undated.partition_point(|(bound, _)| *bound >= last_push);
    undated.truncate(few.max(within_a_day));
    undated.into_iter().map(|(_, tag)| asked(tag)).collect()
}

fn asked(tag: &Tag) -> Fact {
    Fact::Created(TagOrDigest::Tag(tag.clone()))
}

fn needed(mut facts: Vec<Fact>) -> Evaluation {
    facts.sort_unstable();
    facts.dedup();
    Evaluation::Needs(facts)
}
