//! From the result of an election to a verdict with its message.

use super::decision::{Reason, Verdict};
use super::election::elect::Election;
use super::election::rank::Ranking;
use super::evaluation::Evaluation;
use super::input::{EvaluationInput, ImpliedTag};
use super::sentence;
use super::sentence::CHART_TAG;
use crate::image::{FetchFailure, Known, Tag};
use crate::policy::{Order, Rejection, TagVersion, Warning, WarningCode};

impl EvaluationInput<'_> {
    /// The evaluation that follows from an election.
    pub(crate) fn conclude(&self, election: Election, ranking: &Ranking<'_>) -> Evaluation {
        let (order, image) = (self.order(), self.image);
        let running = self.running.as_ref();
        let verdict = match election {
            Election::Needs(facts) => return Evaluation::Needs(facts),
            Election::Failed(failure) => return Evaluation::failed(&failure),
            Election::Update { tag, digest } if self.keeps_chart_tag() => {
                let elected = self.elected(&tag, ranking);
                let message = format!("{elected}, but {CHART_TAG}; use --image, or pin one tag");
                Verdict::new(Reason::ChartTag, message)
                    .electing(image.with(Some(&tag), digest.as_ref()))
            }
            Election::Update { tag, digest } => {
                let message = self.elected(&tag, ranking);
                let mut verdict = Verdict::new(Reason::NewerImage, message)
                    .electing(image.with(Some(&tag), digest.as_ref()));
                verdict.warnings.extend(self.major_warning(&tag));
                verdict.warnings.extend(self.running_tag_gone_warning());
                verdict
            }
            Election::Running | Election::Equal(_) if ranking.has_failed_before() => {
                let verdict = Verdict::new(Reason::FailedBefore, sentence::kept(running, ranking));
                verdict.electing(image.clone())
            }
            Election::Running => {
                let message = match running {
                    Some(tag) => format!("the running {}", self.elected(tag, ranking)),
                    None => "the written digest is what the elected tag serves".to_owned(),
                };
                Verdict::new(Reason::UpToDate, message).electing(image.clone())
            }
            Election::Equal(tag) => {
                let mut message = self.elected(&tag, ranking);
                if let Some(running) = running {
                    message = sentence::equal(&message, order, running);
                }
                Verdict::new(Reason::UpToDate, message).electing(image.clone())
            }
            Election::Downgrade(tag) => {
                let mut message = self.elected(&tag, ranking);
                if let Some(running) = running {
                    message = sentence::downgrade(&message, order, running);
                }
                Verdict::new(Reason::Downgrade, message).electing(image.with_tag(&tag))
            }
            Election::VariantChange(tag, variant) => {
                let mut message = self.elected(&tag, ranking);
                if let Some(running) = running {
                    message = sentence::variant(&message, running, &variant);
                }
                Verdict::new(Reason::VariantChange, message).electing(image.with_tag(&tag))
            }
            Election::Nobody => self.nobody(ranking),
            Election::Exhausted => {
                let message = sentence::exhausted(&ranking.refused);
                Verdict {
                    message,
                    ..self.nobody(ranking)
                }
            }
            Election::Unchecked(tag, failure) => self.unchecked(&tag, &failure),
        };
        verdict.into()
    }

    /// Whether the tag that runs is not known, because the chart of a Helm release
    /// chooses it. Any elected tag might be a downgrade, unless it is named exactly.
    fn keeps_chart_tag(&self) -> bool {
        self.context.implied == ImpliedTag::OfChart && !self.policy.rule.is_exact_pin()
    }

    fn elected(&self, tag: &Tag, ranking: &Ranking<'_>) -> String {
        sentence::elected(self.policy, tag, ranking.accepted.len(), &ranking.refused)
    }

    /// Nothing is elected, because every tag was refused or none matched.
    pub(crate) fn nobody(&self, ranking: &Ranking<'_>) -> Verdict {
        // A missing manifest explains the least about why the others were refused.
        let best = ranking
            .refused
            .iter()
            .find(|refused| refused.rejection != Rejection::NoManifest)
            .or(ranking.refused.first());
        match best {
            Some(best) => Verdict::new(
                Reason::for_refused(best.rejection),
                sentence::nobody(best, ranking.accepted.len()),
            ),
            None => Verdict::new(
                Reason::NoMatchingTag,
                sentence::no_match(self.policy, ranking),
            ),
        }
    }

    /// A tag would be elected, but could not be checked.
    pub(crate) fn unchecked(&self, tag: &Tag, failure: &FetchFailure) -> Verdict {
        Verdict::new(failure.kind.into(), sentence::unchecked(tag, failure))
            .electing(self.image.with_tag(tag))
    }

    fn major_warning(&self, elected: &Tag) -> Option<Warning> {
        if self.order() != Order::Semver {
            return None;
        }
        let running = self.running.as_ref()?;
        let (from, to) = (self.version_of(running)?, self.version_of(elected)?);
        (to.major() > from.major()).then(|| {
            let message = format!("{running} → {elected} is a new major version");
            Warning::new(WarningCode::Major, message)
        })
    }

    fn version_of(&self, tag: &Tag) -> Option<TagVersion> {
        let text = self.policy.filter.key_of_running(tag.as_str());
        text.parse().ok()
    }

    fn running_tag_gone_warning(&self) -> Option<Warning> {
        let (Some(running), Known::Value(tags)) = (&self.running, self.tags) else {
            return None;
        };
        let is_gone = !running.is_latest() && !tags.contains(running);
        is_gone.then(|| {
            let message = format!("the running {running} is gone from the registry");
            Warning::new(WarningCode::RunningTagGone, message)
        })
    }
}
