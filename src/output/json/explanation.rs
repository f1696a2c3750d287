//! `explain`, and `images` with an argument.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::api_version::API_VERSION;
use super::image_policies::ImagePolicyItem;
use super::parts::{PolicyItem, Time};
use super::status::ImageStatus;
use crate::evaluator::{Candidate, CandidateVerdict, Examination, FunnelStep, PolicyElection};
use crate::image::{CreatedFrom, Digest, Tag};
use crate::output::sentence::Explained;
use crate::policy::Rejection;

/// Where and when the data was observed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainContext {
    /// The kubeconfig context; `None` if no cluster was used.
    pub context: Option<String>,
    /// The time used as the current time.
    pub observed_at: Timestamp,
}

/// The output of `explain`: one container with everything that led to its decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageExplanation {
    /// [`API_VERSION`].
    pub api_version: String,
    /// `ImageExplanation`.
    pub kind: String,
    /// The kubeconfig context; null if no cluster was used.
    pub context: Option<String>,
    /// The time used as the current time.
    pub observed_at: Time,
    /// The container, as in `status`.
    pub item: ImageStatus,
    /// Why `update` does not write the elected image; null if nothing prevents it, or if no
    /// update is elected.
    pub prevented_by: Option<String>,
    /// The number of tags in the repository.
    pub tags: usize,
    /// The tests that rejected tags, in the order in which they are applied.
    pub funnel: Vec<FunnelItem>,
    /// All tags: first those that pass, best first.
    pub candidates: Vec<CandidateItem>,
    /// The ImagePolicy that the container is tied to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub image_policies: Vec<ImagePolicyItem>,
}

impl ImageExplanation {
    /// The same output with the ImagePolicy objects that the container is tied to.
    #[must_use]
    pub fn with_policies<'a>(
        self,
        elections: impl IntoIterator<Item = &'a PolicyElection>,
    ) -> Self {
        Self {
            image_policies: elections.into_iter().map(Into::into).collect(),
            ..self
        }
    }

    /// The output for a row.
    #[must_use]
    pub fn new(explained: &Explained<'_>, context: &ExplainContext) -> Self {
        let Explained {
            row, examination, ..
        } = *explained;
        Self {
            api_version: API_VERSION.to_owned(),
            kind: "ImageExplanation".to_owned(),
            context: context.context.clone(),
            observed_at: context.observed_at.into(),
            item: row.into(),
            prevented_by: explained.prevented_by.map(str::to_owned),
            tags: examination.tags,
            funnel: examination.funnel.iter().map(Into::into).collect(),
            candidates: examination.candidates.iter().map(Into::into).collect(),
            image_policies: Vec::new(),
        }
    }
}

/// One test and the number of tags that passed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FunnelItem {
    /// The reason for which the test rejects a tag.
    pub test: Rejection,
    /// The number of tags left after it.
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

/// One tag with everything known about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CandidateItem {
    /// The tag.
    pub tag: Tag,
    /// The policy's verdict.
    pub verdict: CandidateVerdict,
    /// Why the tag is rejected; only for rejected tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Rejection>,
    /// The rank, from 1; only for tags that pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rank: Option<usize>,
    /// When the image was built, if that was fetched.
    pub created: Option<Time>,
    /// The source of that time; only if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_from: Option<CreatedFrom>,
    /// When the tag was pushed; only if the registry reports it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pushed: Option<Time>,
    /// The digest that the tag points to, if that was fetched.
    pub digest: Option<Digest>,
    /// When the tag will be old enough; only for tags that are too young.
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

/// The output of `images IMAGE`: the tags of one image in the order of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageTags {
    /// [`API_VERSION`].
    pub api_version: String,
    /// `ImageTags`.
    pub kind: String,
    /// The kubeconfig context; null if no cluster was used.
    pub context: Option<String>,
    /// The time used as the current time.
    pub observed_at: Time,
    /// The image as given, or as the manifest spells it.
    pub image: String,
    /// The policy that orders the tags.
    pub policy: Option<PolicyItem>,
    /// The elected tag; null if there is none.
    pub latest: Option<Tag>,
    /// All tags: first those that pass, best first.
    pub items: Vec<CandidateItem>,
}

impl ImageTags {
    /// The output for an image.
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
