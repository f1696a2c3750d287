//! One image, one policy and what is known of the repository: the policy's
//! verdict, or what else must be known first.

use super::complete::complete;
use super::decision::{Reason, Verdict};
use super::election::elect::{Election, elect};
use super::election::pin::pin;
use super::election::rank::{RankKey, Ranked, Ranking, rank};
use super::evaluation::Evaluation;
use super::input::EvaluationInput;
use crate::image::{Digest, Fact, Known, Tag};
use crate::policy::Rule;

/// Evaluates a policy.
///
/// Pure and total: the same facts give the same answer, and facts that were not
/// requested change nothing.
pub(crate) fn evaluate(input: &EvaluationInput<'_>) -> Evaluation {
    evaluate_traced(input).0
}

/// Evaluates a policy, and returns the ranking that led to the answer.
pub(crate) fn evaluate_traced<'a>(input: &EvaluationInput<'a>) -> (Evaluation, Ranking<'a>) {
    let mut ranking = Ranking::default();
    let evaluation = match (&input.policy.rule, input.tags) {
        (Rule::Pin(digest), _) => pin(input, digest),
        (Rule::Follow(tag), _) => follow(input, tag, &mut ranking),
        (_, Known::NotAsked) => Evaluation::Needs(vec![Fact::Tags]),
        (_, Known::Failed(failure)) => Evaluation::failed(failure),
        (_, Known::Value(tags)) => {
            ranking = rank(input.policy, input.running.as_ref(), tags);
            choose(input, tags, &mut ranking)
        }
    };
    let evaluation = complete(input, evaluation, &ranking);
    (evaluation, ranking)
}

/// Elects one of the ranked tags.
fn choose<'a>(input: &EvaluationInput<'a>, tags: &[Tag], ranking: &mut Ranking<'a>) -> Evaluation {
    let running_key = match input.running_key(ranking, tags) {
        Ok(key) => key,
        Err(evaluation) => return evaluation,
    };
    let election = elect(input, ranking, running_key);
    let is_over = !matches!(
        election,
        Election::Needs(_) | Election::Failed(_) | Election::Unchecked(..)
    );
    let evaluation = input.conclude(election, ranking);
    if is_over {
        ranking.reject_undated();
    }
    evaluation
}

/// `digest:<tag>`: what the tag serves, written by digest.
fn follow<'a>(input: &EvaluationInput<'a>, tag: &'a Tag, ranking: &mut Ranking<'a>) -> Evaluation {
    ranking.accepted.push(Ranked {
        tag,
        key: RankKey::Created(None),
    });
    match elect(input, ranking, None) {
        Election::Update { tag, digest } => {
            let short = digest.as_ref().map_or_else(String::new, Digest::short);
            Verdict::new(Reason::NewerImage, format!("{tag} serves {short}"))
                .electing(input.image.with(Some(&tag), digest.as_ref()))
                .into()
        }
        Election::Running | Election::Equal(_) => {
            let message = format!("the written digest is what {tag} serves");
            Verdict::new(Reason::UpToDate, message)
                .electing(input.image.clone())
                .into()
        }
        Election::Failed(failure) => {
            ranking.accepted.clear();
            Evaluation::failed(&failure)
        }
        Election::Needs(facts) => Evaluation::Needs(facts),
        Election::Unchecked(tag, failure) => input.unchecked(&tag, &failure).into(),
        Election::Downgrade(_)
        | Election::VariantChange(..)
        | Election::Exhausted
        | Election::Nobody => input.nobody(ranking).into(),
    }
}
