//! `explain`, and `images` with an argument.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::api_version::API_VERSION;
use super::parts::{PolicyItem, Time};
use super::status::ImageStatus;
use crate::evaluator::{Candidate, CandidateVerdict, Examination, FunnelStep, Row};
use crate::image::{CreatedFrom, Digest, Tag};
use crate::policy::Rejection;

/// Where and when something was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainContext {
    /// The kubeconfig context; `None` where no cluster was asked.
    pub context: Option<String>,
    /// The time that counts as now.
    pub observed_at: Timestamp,
}

/// The answer of `explain`: one container with everything that led to its
/// decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageExplanation {
    /// [`API_VERSION`].
    pub api_version: String,
    /// `ImageExplanation`.
    pub kind: String,
    /// The kubeconfig context; null where no cluster was asked.
    pub context: Option<String>,
    /// The time that counted as now.
    pub observed_at: Time,
    /// The container, as in `status`.
    pub item: ImageStatus,
    /// How many tags the repository has.
    pub tags: usize,
    /// The tests that dropped any tag, in the order in which they apply.
    pub funnel: Vec<FunnelItem>,
    /// Every tag: those that pass first, best first.
    pub candidates: Vec<CandidateItem>,
}

impl ImageExplanation {
    /// The answer for a row.
    #[must_use]
    pub fn new(row: &Row, examination: &Examination, context: &ExplainContext) -> Self {
        Self {
            api_version: API_VERSION.to_owned(),
            kind: "ImageExplanation".to_owned(),
            context: context.context.clone(),
            observed_at: context.observed_at.into(),
            item: row.into(),
            tags: examination.tags,
            funnel: examination.funnel.iter().map(Into::into).collect(),
            candidates: examination.candidates.iter().map(Into::into).collect(),
        }
    }
}

/// One test and how many tags passed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FunnelItem {
    /// The reason for which the test drops a tag.
    pub test: Rejection,
    /// How many tags are left behind it.
    pub left: usize,
}

impl From<&FunnelStep> for FunnelItem {
    fn from(step: &FunnelStep) -> Self {
        Self {
            test: step.test,
            left: step.left,
        }
    }
}

/// One tag with all that is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CandidateItem {
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
    /// When the image was built, where that was asked for.
    pub created: Option<Time>,
    /// Which place says so; only where one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_from: Option<CreatedFrom>,
    /// When the tag was pushed; only where the registry told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pushed: Option<Time>,
    /// What the tag serves, where that was asked for.
    pub digest: Option<Digest>,
    /// When it will be old enough; only for what is too young.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ripe_at: Option<Time>,
    /// Whether the container runs this tag.
    pub running: bool,
}

impl From<&Candidate> for CandidateItem {
    fn from(candidate: &Candidate) -> Self {
        Self {
            tag: candidate.tag.clone(),
            verdict: candidate.verdict,
            reason: candidate.rejection,
            rank: candidate.rank,
            created: candidate.created.map(Into::into),
            created_from: candidate.created_from,
            pushed: candidate.pushed.map(Into::into),
            digest: candidate.digest.clone(),
            ripe_at: candidate.ripe_at.map(Into::into),
            running: candidate.running,
        }
    }
}

/// The answer of `images IMAGE`: the tags of one image in the order of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageTags {
    /// [`API_VERSION`].
    pub api_version: String,
    /// `ImageTags`.
    pub kind: String,
    /// The kubeconfig context; null where no cluster was asked.
    pub context: Option<String>,
    /// The time that counted as now.
    pub observed_at: Time,
    /// The image as given, or as the manifest spells it.
    pub image: String,
    /// The policy that orders the tags.
    pub policy: Option<PolicyItem>,
    /// The tag that is elected; null where none is.
    pub latest: Option<Tag>,
    /// Every tag: those that pass first, best first.
    pub items: Vec<CandidateItem>,
}

impl ImageTags {
    /// The answer for an image.
    #[must_use]
    pub fn new(image: &str, examination: &Examination, context: &ExplainContext) -> Self {
        let latest = examination.decision.latest.as_ref();
        Self {
            api_version: API_VERSION.to_owned(),
            kind: "ImageTags".to_owned(),
            context: context.context.clone(),
            observed_at: context.observed_at.into(),
            image: image.to_owned(),
            policy: examination.decision.policy.as_ref().map(Into::into),
            latest: latest.and_then(|latest| latest.tag().cloned()),
            items: examination.candidates.iter().map(Into::into).collect(),
        }
    }
}
