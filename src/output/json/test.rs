//! `test`.

use serde::{Deserialize, Serialize};

use super::parts::PolicyItem;
use crate::evaluator::{Candidate, CandidateVerdict, Examination};
use crate::image::Tag;
use crate::policy::Rejection;

/// The output of `test`: a policy applied to the tags of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageTest {
    /// The image as given.
    pub image: String,
    /// The policy.
    pub policy: Option<PolicyItem>,
    /// The elected tag; null if there is none.
    pub latest: Option<Tag>,
    /// All tags: first those that pass, best first.
    pub tags: Vec<TestTag>,
}

impl ImageTest {
    /// The output for an image.
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

/// One tag and the policy's verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TestTag {
    /// The tag.
    pub tag: Tag,
    /// The verdict.
    pub verdict: CandidateVerdict,
    /// Why the tag is rejected; only for rejected tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Rejection>,
    /// The rank, from 1; only for tags that pass.
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
