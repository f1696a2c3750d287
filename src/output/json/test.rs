//! `test`.

use serde::{Deserialize, Serialize};

use super::parts::PolicyItem;
use crate::evaluator::{Candidate, CandidateVerdict, Examination};
use crate::image::Tag;
use crate::policy::Rejection;

/// The answer of `test`: a policy tried on the tags of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageTest {
    /// The image as given.
    pub image: String,
    /// The policy that was tried.
    pub policy: Option<PolicyItem>,
    /// The tag that is elected; null where none is.
    pub latest: Option<Tag>,
    /// Every tag: those that pass first, best first.
    pub tags: Vec<TestTag>,
}

impl ImageTest {
    /// The answer for an image.
    #[must_use]
    pub fn new(image: &str, examination: &Examination) -> Self {
        let latest = examination.decision.latest.as_ref();
        Self {
            image: image.to_owned(),
            policy: examination.decision.policy.as_ref().map(Into::into),
            latest: latest.and_then(|latest| latest.tag().cloned()),
            tags: examination.candidates.iter().map(Into::into).collect(),
        }
    }
}

/// One tag and what the policy says of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TestTag {
    /// The tag.
    pub tag: Tag,
    /// What the policy says.
    pub verdict: CandidateVerdict,
    /// Why not; only for what is rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Rejection>,
    /// Its place, from 1; only for what passes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rank: Option<usize>,
}

impl From<&Candidate> for TestTag {
    fn from(candidate: &Candidate) -> Self {
        Self {
            tag: candidate.tag.clone(),
            verdict: candidate.verdict,
            reason: candidate.rejection,
            rank: candidate.rank,
        }
    }
}
