//! One container, one policy, what is known of the repository: the decision, or
//! what else has to be known.

use super::case::{Case, Outline};
use super::decision::{Reason, Verdict};
use super::election::elect::{Election, Refused, Walk};
use super::election::pin;
use super::election::rank;
use super::election::rank::{Key, Ranked, Ranking};
use super::facts::ContainerFacts;
use crate::image::{Digest, Fact, Known, RepositoryMetadata, Tag};
use crate::policy::{ContainerPolicy, Rule};

/// The evaluator's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evaluation {
    /// It is decided.
    Decided(Box<Verdict>),
    /// Nothing can be said before these facts, or the failure to get them, are
    /// in the metadata. Never empty, and never a fact that is already there.
    Needs(Vec<Fact>),
}

/// Judges a container by its policy.
///
/// Pure and total: the same facts give the same answer, and facts that are not
/// asked for change nothing.
#[must_use]
pub fn evaluate(
    container: &ContainerFacts<'_>,
    policy: &ContainerPolicy,
    metadata: &RepositoryMetadata,
) -> Evaluation {
    judge(container, policy, metadata).evaluation
}

/// An evaluation with the ranking that led to it.
pub(crate) struct Judgement<'m> {
    pub(crate) evaluation: Evaluation,
    pub(crate) ranking: Ranking<'m>,
    pub(crate) refused: Vec<Refused>,
}

impl<'m> Judgement<'m> {
    fn early(evaluation: Evaluation) -> Self {
        Self {
            evaluation,
            ranking: Ranking::default(),
            refused: Vec::new(),
        }
    }
}

pub(crate) fn judge<'m>(
    container: &ContainerFacts<'_>,
    policy: &'m ContainerPolicy,
    metadata: &'m RepositoryMetadata,
) -> Judgement<'m> {
    let case = Case {
        container,
        policy,
        metadata,
        running: container.running_tag(),
    };
    if let Rule::Pin(digest) = &policy.rule {
        let outcome = pin::pin(container, policy, digest, metadata);
        return Judgement::early(case.finish(outcome, &[]));
    }
    if let Rule::Follow(tag) = &policy.rule {
        return case.follow(tag);
    }
    let tags = match &metadata.tags {
        Known::NotAsked => return Judgement::early(Evaluation::Needs(vec![Fact::Tags])),
        Known::Failed(failure) => {
            return Judgement::early(case.finish(Outline::failed(failure), &[]));
        }
        Known::Value(tags) => tags,
    };
    let mut ranking = rank::rank(policy, case.running.as_ref(), tags);
    let running_key = match case.running_key(&mut ranking, tags) {
        Ok(key) => key,
        Err(outline) => {
            let evaluation = case.finish(*outline, &[]);
            return Judgement {
                evaluation,
                ranking,
                refused: Vec::new(),
            };
        }
    };
    let mut walk = Walk {
        container,
        policy,
        metadata,
        running: case.running.clone(),
        by_digest: false,
        running_key,
        refused: Vec::new(),
    };
    let election = walk.elect(&ranking);
    let refused = walk.refused;
    let is_over = !matches!(
        election,
        Election::Needs(_) | Election::Failed(_) | Election::Unchecked(..)
    );
    let evaluation = match case.outline(election, &ranking, &refused) {
        Ok(outline) => case.finish(outline, &refused),
        Err(facts) => Evaluation::Needs(facts),
    };
    if is_over {
        ranking.reject_undated();
    }
    Judgement {
        evaluation,
        ranking,
        refused,
    }
}

impl<'m> Case<'_, 'm> {
    /// `digest:<tag>`: what the tag serves, written by digest.
    fn follow(&self, tag: &'m Tag) -> Judgement<'m> {
        let mut walk = Walk {
            container: self.container,
            policy: self.policy,
            metadata: self.metadata,
            running: self.running.clone(),
            by_digest: true,
            running_key: None,
            refused: Vec::new(),
        };
        let mut ranking = Ranking {
            accepted: vec![Ranked {
                tag,
                key: Key::Created(None),
            }],
            rejected: Vec::new(),
        };
        let election = walk.elect(&ranking);
        let refused = walk.refused;
        let outline = match election {
            Election::Update { tag, digest } => {
                let short = digest.as_ref().map_or_else(String::new, Digest::short);
                let message = format!("{tag} serves {short}");
                Outline::new(Reason::NewerImage, message)
                    .electing(self.container.image.with(Some(&tag), digest.as_ref()))
            }
            Election::Running | Election::Equal(_) => {
                let message = format!("the written digest is what {tag} serves");
                Outline::new(Reason::UpToDate, message).electing(self.container.image.clone())
            }
            Election::Failed(failure) => {
                ranking.accepted.clear();
                Outline::failed(&failure)
            }
            Election::Unchecked(tag, failure) => {
                Outline::failed_gate(&tag, &failure).electing(self.container.image.with_tag(&tag))
            }
            Election::Needs(facts) => Outline::needs(facts),
            Election::Downgrade(_)
            | Election::VariantChange(..)
            | Election::Exhausted
            | Election::Nobody => self.nobody(&ranking, &refused),
        };
        let evaluation = self.finish(outline, &refused);
        Judgement {
            evaluation,
            ranking,
            refused,
        }
    }
}
