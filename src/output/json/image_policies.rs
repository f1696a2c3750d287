//! Flux's ImagePolicy objects in the output of `status`.

use serde::{Deserialize, Serialize};

use super::parts::{PolicyItem, SourceItem, WarningItem};
use crate::evaluator::{PolicyElection, Reason};
use crate::policy::PolicyImage;

/// An ImagePolicy: what it elects now, and what Flux has recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImagePolicyItem {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The place in a file, if it was read from one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceItem>,
    /// Its ImageRepository as `namespace/name`; null if the policy is not valid.
    pub repository: Option<String>,
    /// The image without a tag; null if the ImageRepository cannot be used.
    pub image: Option<String>,
    /// The policy; null if it cannot be read, or if no image was to be elected.
    pub policy: Option<PolicyItem>,
    /// The image that it elects now; null if it elects none.
    pub now: Option<PolicyImageItem>,
    /// Why it elects none, from the list of reasons; null if it elects one.
    pub reason: Option<Reason>,
    /// The reason as a sentence; null if no image was to be elected.
    pub message: Option<String>,
    /// The image that Flux has recorded; null if there is none.
    pub recorded: Option<PolicyImageItem>,
    /// Whether that is the image that it elects now; null if no image was to be elected.
    pub same_as_recorded: Option<bool>,
    /// Warnings.
    pub warnings: Vec<WarningItem>,
}

/// The image of an ImagePolicy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyImageItem {
    /// The name without tag and digest, as the ImageRepository spells it.
    pub name: String,
    /// The tag.
    pub tag: String,
    /// The digest; null if the policy does not reflect it.
    pub digest: Option<String>,
}

impl From<&PolicyElection> for ImagePolicyItem {
    fn from(election: &PolicyElection) -> Self {
        let policy = &election.policy;
        let decision = election.decision.as_ref();
        let now = election.now();
        let recorded = policy.recorded.as_ref().ok().and_then(Option::as_ref);
        Self {
            namespace: policy.namespace.clone(),
            name: policy.name.clone(),
            source: policy.source.as_ref().map(Into::into),
            repository: election.repository.clone(),
            image: election.image.clone(),
            policy: decision
                .and_then(|decision| decision.policy.as_ref())
                .filter(|policy| !policy.filter.is_empty())
                .map(Into::into),
            reason: decision
                .filter(|_| now.is_none())
                .map(|decision| decision.reason),
            message: decision.map(|decision| decision.message.clone()),
            now: now.as_ref().map(Into::into),
            recorded: recorded.map(Into::into),
            same_as_recorded: election.is_recorded(),
            warnings: election.warnings.iter().map(Into::into).collect(),
        }
    }
}

impl From<&PolicyImage> for PolicyImageItem {
    fn from(image: &PolicyImage) -> Self {
        Self {
            name: image.name.clone(),
            tag: image.tag.clone(),
            digest: image.digest.clone(),
        }
    }
}
