//! The result of an evaluation.

use super::decision::Verdict;
use crate::image::{Fact, FetchFailure};

/// What a policy says about a container, or what must be known first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Evaluation {
    /// The policy's answer.
    Decided(Box<Verdict>),
    /// These facts, or the failure to fetch them, must be in the metadata first.
    /// Never empty, and never a fact that is already there.
    Needs(Vec<Fact>),
}

impl Evaluation {
    /// The evaluation ends because a fact could not be fetched.
    pub(crate) fn failed(failure: &FetchFailure) -> Self {
        Verdict::new(failure.kind.into(), &failure.message).into()
    }
}

impl From<Verdict> for Evaluation {
    fn from(verdict: Verdict) -> Self {
        Self::Decided(Box::new(verdict))
    }
}
