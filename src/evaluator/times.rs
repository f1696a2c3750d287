//! The order of time: what has to be asked for it, and the keys that the answers
//! give.

use super::case::{Case, Outline};
use super::decision::Reason;
use super::facts::Creation;
use super::rank::{self, Key, Ranked, Ranking};
use super::sentence;
use crate::image::{Fact, Tag, TagOrDigest};
use crate::policy::{Order, Rejection};

impl<'m> Case<'_, 'm> {
    /// What the running tag is compared by. In the order of time this asks for
    /// the times of the accepted tags and fills them in.
    pub(super) fn running_key(
        &self,
        ranking: &mut Ranking<'m>,
        tags: &[Tag],
    ) -> Result<Option<Key<'static>>, Box<Outline>> {
        if self.policy.rule.order() != Order::Created {
            let key = rank::running_key(self.policy, self.running.as_ref());
            return Ok(key.map(Key::into_owned));
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
        let at = |tag: &Tag| self.creation(&TagOrDigest::Tag(tag.clone()));
        let times: Vec<Creation> = ranking.accepted.iter().map(|r| at(r.tag)).collect();
        let running_time = comparable.map(at);

        let asked = ranking.accepted.iter().map(|ranked| ranked.tag);
        let mut needs: Vec<Fact> = asked
            .zip(&times)
            .chain(comparable.zip(running_time.as_ref()))
            .filter(|(_, time)| matches!(time, Creation::NotAsked))
            .map(|(tag, _)| Fact::Created(TagOrDigest::Tag(tag.clone())))
            .collect();
        if !needs.is_empty() {
            needs.sort_unstable();
            needs.dedup();
            return Err(Box::new(Outline::needs(needs)));
        }
        // Any of them may be the newest, so none may be guessed.
        for time in times.iter().chain(&running_time) {
            if let Creation::Failed(failure) = time {
                return Err(Box::new(Outline::failed(failure)));
            }
        }
        self.fill_times(ranking, times);
        match (comparable, running_time) {
            (Some(_), Some(Creation::At(at))) => Ok(Some(Key::Created(Some(at)))),
            (Some(running), Some(Creation::None)) if !ranking.accepted.is_empty() => {
                let message = sentence::no_creation_time(running);
                Err(Box::new(Outline::new(Reason::NoCreationTime, message)))
            }
            // Listed and gone: like a tag that is not listed any more.
            _ => Ok(None),
        }
    }

    /// Gives the accepted tags their times. A tag without one is rejected by
    /// itself; the running tag without one is a reason of its own.
    fn fill_times(&self, ranking: &mut Ranking<'m>, times: Vec<Creation>) {
        let accepted = std::mem::take(&mut ranking.accepted);
        for (Ranked { tag, .. }, time) in accepted.into_iter().zip(times) {
            let at = match time {
                Creation::At(at) => Some(at),
                Creation::None if Some(tag) == self.running.as_ref() => None,
                Creation::None => {
                    ranking.rejected.push((tag, Rejection::NoCreationTime));
                    continue;
                }
                Creation::Gone | Creation::Failed(_) | Creation::NotAsked => {
                    ranking.rejected.push((tag, Rejection::NoManifest));
                    continue;
                }
            };
            let key = Key::Created(at);
            ranking.accepted.push(Ranked { tag, key });
        }
    }
}
