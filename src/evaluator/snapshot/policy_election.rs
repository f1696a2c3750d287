//! An ImagePolicy with what it elects now and what Flux has recorded.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::evaluator::decision::{Decision, Outcome};
use crate::policy::{FluxImagePolicy, PolicyImage, Warning};
use crate::workload::ManifestSource;

/// One of Flux's image objects, or a namespace, as far as elections need it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImageObject {
    /// Where it is defined; `None`: in the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<ManifestSource>,
    /// Its fields.
    pub object: Value,
}

/// An ImagePolicy, what it elects now, and what Flux has recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyElection {
    /// The object, with the recorded image.
    pub policy: FluxImagePolicy,
    /// Its ImageRepository, as `namespace/name`; `None` if the policy is not valid.
    pub repository: Option<String>,
    /// The image without a tag; `None` if the ImageRepository is not valid.
    pub image: Option<String>,
    /// What it elects, and why; `None`: only the record was wanted.
    pub decision: Option<Decision>,
    /// Why the record may be old, and what is strange about the tags.
    pub warnings: Vec<Warning>,
}

impl PolicyElection {
    /// `namespace/name` of the ImagePolicy.
    #[must_use]
    pub fn id(&self) -> String {
        self.policy.id()
    }

    /// The image that is elected now, if one is.
    #[must_use]
    pub fn now(&self) -> Option<PolicyImage> {
        let decision = self.decision.as_ref()?;
        let latest = decision.latest.as_ref()?;
        // A tag that could not be checked is named, but not elected.
        (decision.outcome == Outcome::Update).then(|| latest.into())
    }

    /// Whether Flux has recorded the image that is elected now; `None`: only the record was
    /// wanted.
    #[must_use]
    pub fn is_recorded(&self) -> Option<bool> {
        self.decision.as_ref()?;
        let now = self.now();
        Some(now.is_some() && self.policy.recorded.as_ref() == Ok(&now))
    }
}

impl ImageObject {
    /// The namespace and the name, if it is an ImagePolicy.
    pub(crate) fn policy(&self) -> Option<(&str, &str)> {
        let metadata = &self.object["metadata"];
        let is_policy = self.object["kind"] == "ImagePolicy";
        is_policy
            .then(|| Some((metadata["namespace"].as_str()?, metadata["name"].as_str()?)))
            .flatten()
    }
}
