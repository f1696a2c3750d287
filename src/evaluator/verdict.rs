//! From how the walk ended to the verdict and its sentence.

use super::case::{Case, Outline};
use super::decision::Reason;
use super::election::elect::{Election, Refused};
use super::election::rank::Ranking;
use super::sentence;
use crate::image::{Fact, Known, Tag};
use crate::policy::{Order, Rejection, TagVersion, Warning, WarningCode};

/// The reason of a container whose best tag the gate refuses.
pub(crate) fn reason_of(rejection: Rejection) -> Reason {
    match rejection {
        Rejection::TooYoung => Reason::TooYoung,
        Rejection::WrongPlatform => Reason::WrongPlatform,
        _ => Reason::NoMatchingTag,
    }
}

impl<'m> Case<'_, 'm> {
    /// The verdict of a walk; the error is what has to be known first.
    pub(crate) fn outline(
        &self,
        election: Election,
        ranking: &Ranking<'m>,
        refused: &[Refused],
    ) -> Result<Outline, Vec<Fact>> {
        let (policy, image) = (self.policy, self.container.image);
        let order = policy.rule.order();
        let accepted = ranking.accepted.len();
        let elected = |tag: &Tag| sentence::elected(policy, tag, accepted, refused);
        let running = self.running.as_ref();
        // What compares with the running tag does so because there is one.
        let against = |tag: &Tag, sentence: &dyn Fn(&str, &Tag) -> String| match running {
            Some(running) => sentence(&elected(tag), running),
            None => elected(tag),
        };
        Ok(match election {
            Election::Needs(facts) => return Err(facts),
            Election::Failed(failure) => Outline::failed(&failure),
            Election::Update { tag, digest } => {
                let outline = Outline::new(Reason::NewerImage, elected(&tag))
                    .electing(image.with(Some(&tag), digest.as_ref()));
                self.with_update_warnings(outline, &tag)
            }
            Election::Running => {
                let message = match running {
                    Some(tag) => format!("the running {}", elected(tag)),
                    None => "the written digest is what the elected tag serves".to_owned(),
                };
                Outline::new(Reason::UpToDate, message).electing(image.clone())
            }
            Election::Equal(tag) => {
                let message = against(&tag, &|elected, r| sentence::equal(elected, order, r));
                Outline::new(Reason::UpToDate, message).electing(image.clone())
            }
            Election::Downgrade(tag) => {
                let message = against(&tag, &|elected, r| sentence::downgrade(elected, order, r));
                Outline::new(Reason::Downgrade, message).electing(image.with_tag(&tag))
            }
            Election::VariantChange(tag, variant) => {
                let message = against(&tag, &|elected, r| sentence::variant(elected, r, &variant));
                Outline::new(Reason::VariantChange, message).electing(image.with_tag(&tag))
            }
            Election::Nobody => self.nobody(ranking, refused),
            Election::Exhausted => self.exhausted(ranking, refused),
            Election::Unchecked(tag, failure) => {
                Outline::failed_gate(&tag, &failure).electing(image.with_tag(&tag))
            }
        })
    }

    /// Nothing is elected: because all were refused, or because none matched.
    pub(crate) fn nobody(&self, ranking: &Ranking<'m>, refused: &[Refused]) -> Outline {
        // A missing manifest tells least of why the others were refused.
        let best = refused
            .iter()
            .find(|refused| refused.rejection != Rejection::NoManifest)
            .or(refused.first());
        let Some(best) = best else {
            return Outline::new(
                Reason::NoMatchingTag,
                sentence::no_match(self.policy, ranking),
            );
        };
        Outline::new(
            reason_of(best.rejection),
            sentence::nobody(best, ranking.accepted.len()),
        )
    }

    /// So many were refused that the others were not looked at.
    fn exhausted(&self, ranking: &Ranking<'m>, refused: &[Refused]) -> Outline {
        let mut outline = self.nobody(ranking, refused);
        outline.message = sentence::exhausted(refused);
        outline
    }

    fn with_update_warnings(&self, mut outline: Outline, elected: &Tag) -> Outline {
        let version = |tag: &Tag| {
            self.policy
                .filter
                .key_of_running(tag.as_str())
                .parse::<TagVersion>()
                .ok()
        };
        if self.policy.rule.order() == Order::Semver
            && let Some(running) = self.running.as_ref()
            && let (Some(from), Some(to)) = (version(running), version(elected))
            && to.major() > from.major()
        {
            outline.warnings.push(Warning::new(
                WarningCode::Major,
                format!("{running} → {elected} is a new major version"),
            ));
        }
        if let (Some(running), Known::Value(tags)) = (&self.running, &self.metadata.tags)
            && !running.is_latest()
            && !tags.contains(running)
        {
            outline.warnings.push(Warning::new(
                WarningCode::RunningTagGone,
                format!("the running {running} is gone from the registry"),
            ));
        }
        outline
    }
}
