//! Equal containers are judged once.
//!
//! Thousands of containers may run the same image under the same policy. The verdict
//! depends on nothing else but what is known of their repository, their platforms and
//! their Pods.

use std::collections::{HashMap, HashSet};

use super::evaluation::Evaluation;
use super::subject::Subject;
use crate::image::RepositoryMetadata;

/// The evaluations of one run.
#[derive(Debug, Default)]
pub(crate) struct Judgements {
    /// By what is known of the repository, and everything else that matters.
    known: HashMap<(usize, String), Option<Evaluation>>,
}

impl Judgements {
    /// Evaluates a container's policy, or returns the evaluation of an equal one. The
    /// metadata must outlive all the calls, because it is identified by its address.
    pub(crate) fn evaluate(
        &mut self,
        subject: &Subject<'_>,
        metadata: &RepositoryMetadata,
    ) -> Option<Evaluation> {
        let Some(key) = subject.judgement_key() else {
            return subject.evaluate(metadata);
        };
        let key = (std::ptr::from_ref(metadata).addr(), key);
        let known = self.known.entry(key);
        known.or_insert_with(|| subject.evaluate(metadata)).clone()
    }
}

/// One of each group of containers that need the same facts about their repository.
#[must_use]
pub fn distinct<'a, 's>(subjects: &[&'a Subject<'s>]) -> Vec<&'a Subject<'s>> {
    let mut seen = HashSet::new();
    let mut distinct = subjects.to_vec();
    distinct.retain(|subject| {
        let key = subject.judgement_key();
        key.is_none_or(|key| seen.insert(key))
    });
    distinct
}
