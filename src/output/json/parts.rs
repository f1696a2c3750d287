//! Parts that several kinds share.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::evaluator::{
    AgeClock, DecisionFacts, Lock, PolicySummary, Reason, ScopeError, Suggestion, Summary,
};
use crate::image::{CanonicalName, CreatedFrom, Digest, ImageReference, SourceKind};
use crate::output::text::time::rfc3339;
use crate::policy::{Order, Warning, WarningCode};
use crate::workload::{ImagePart, ManifestSource, Owner, WorkloadId, WrittenAt};

/// A time: RFC 3339 in UTC with whole seconds, `2026-11-21T12:00:00Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub(crate) Timestamp);

impl From<Timestamp> for Time {
    fn from(time: Timestamp) -> Self {
        Self(time)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&rfc3339(self.0))
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Timestamp::deserialize(deserializer).map(Self)
    }
}

/// A workload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadItem {
    /// Its `apiVersion`.
    pub api_version: String,
    /// Its `kind`.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl From<&WorkloadId> for WorkloadItem {
    fn from(id: &WorkloadId) -> Self {
        Self {
            api_version: id.api_version.clone(),
            kind: id.kind.as_str().to_owned(),
            namespace: id.namespace.clone(),
            name: id.name.clone(),
        }
    }
}

/// The object that manages a workload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OwnerItem {
    /// Its kind.
    pub kind: String,
    /// Its namespace, if it is known.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

impl From<&Owner> for OwnerItem {
    fn from(owner: &Owner) -> Self {
        Self {
            kind: owner.kind.clone(),
            namespace: owner.namespace.clone(),
            name: owner.name.clone(),
        }
    }
}

/// A policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyItem {
    /// The filter as written.
    pub filter: String,
    /// How tags are ranked.
    pub order: Order,
    /// Where the policy is defined.
    pub origin: String,
}

impl From<&PolicySummary> for PolicyItem {
    fn from(policy: &PolicySummary) -> Self {
        Self {
            filter: policy.filter.clone(),
            order: policy.order,
            origin: policy.origin.clone(),
        }
    }
}

/// The facts on which a decision is based.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FactsItem {
    /// When the running image was built.
    pub current_created: Option<Time>,
    /// The source of that time; only if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_created_from: Option<CreatedFrom>,
    /// The digest that the running tag points to, or the digest in the manifest.
    pub current_digest: Option<Digest>,
    /// When the elected image was built.
    pub latest_created: Option<Time>,
    /// The source of that time; only if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest_created_from: Option<CreatedFrom>,
    /// The digest that the elected tag points to.
    pub latest_digest: Option<Digest>,
    /// The time from which the age of the elected image is counted; only if there is a
    /// minimum age.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_clock: Option<AgeClock>,
    /// When the tags were fetched.
    pub asked_at: Option<Time>,
    /// Where the tags came from.
    pub source: SourceKind,
    /// The name under which they were read, if it is not the image's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<CanonicalName>,
    /// Where a forge shows what has changed between the running and the elected image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compare: Option<String>,
}

impl From<&DecisionFacts> for FactsItem {
    fn from(facts: &DecisionFacts) -> Self {
        Self {
            current_created: facts.current_created.map(Time),
            current_created_from: facts.current_created_from,
            current_digest: facts.current_digest.clone(),
            latest_created: facts.latest_created.map(Time),
            latest_created_from: facts.latest_created_from,
            age_clock: facts.age_clock,
            latest_digest: facts.latest_digest.clone(),
            asked_at: facts.asked_at.map(Time),
            source: facts.source,
            place: facts.place.clone(),
            compare: facts.compare.clone(),
        }
    }
}

/// A warning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WarningItem {
    /// Its kind, from a closed list.
    pub code: WarningCode,
    /// The warning as a sentence.
    pub message: String,
}

impl From<&Warning> for WarningItem {
    fn from(warning: &Warning) -> Self {
        Self {
            code: warning.code,
            message: warning.message.clone(),
        }
    }
}

/// A lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LockItem {
    /// Who locked it.
    pub by: Option<String>,
    /// Why.
    pub message: Option<String>,
    /// When, as written.
    pub at: Option<String>,
}

impl From<&Lock> for LockItem {
    fn from(lock: &Lock) -> Self {
        Self {
            by: lock.by.clone(),
            message: lock.message.clone(),
            at: lock.at.clone(),
        }
    }
}

/// What an assumed policy would elect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SuggestionItem {
    /// The assumed policy.
    pub policy: PolicyItem,
    /// The image it would elect.
    pub latest: Option<ImageReference>,
    /// Why, from the list of reasons.
    pub reason: Reason,
    /// The reason as a sentence.
    pub message: String,
}

impl From<&Suggestion> for SuggestionItem {
    fn from(suggestion: &Suggestion) -> Self {
        Self {
            policy: (&suggestion.policy).into(),
            latest: suggestion.latest.clone(),
            reason: suggestion.reason,
            message: suggestion.message.clone(),
        }
    }
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceItem {
    /// The path, as given.
    pub file: String,
    /// The line on which the document begins.
    pub line: usize,
}

impl From<&ManifestSource> for SourceItem {
    fn from(source: &ManifestSource) -> Self {
        Self {
            file: source.file.clone(),
            line: source.line,
        }
    }
}

/// A scalar that decides an image, or a part of it: in a file, or in an object of the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WrittenAtItem {
    /// The path of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// Instead of a file, the object of the cluster: `Kustomization/flux-system/apps`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// The key, with the YAML anchor if the value has one; in an object, the path.
    pub key: String,
    /// The last part of the image that it decides: `name`, `tag` or `digest`.
    pub part: ImagePart,
}

impl From<&WrittenAt> for WrittenAtItem {
    fn from(place: &WrittenAt) -> Self {
        let in_cluster = place.is_in_cluster();
        Self {
            file: (!in_cluster).then(|| place.file.clone()),
            line: (!in_cluster).then_some(place.line),
            object: in_cluster.then(|| place.file.clone()),
            key: place.key.clone(),
            part: place.part,
        }
    }
}

/// A part of the scope that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorItem {
    /// The part: `namespace/x`.
    pub scope: String,
    /// One word: `Forbidden`.
    pub reason: String,
    /// What happened.
    pub message: String,
}

impl From<&ScopeError> for ErrorItem {
    fn from(error: &ScopeError) -> Self {
        Self {
            scope: error.scope.clone(),
            reason: error.reason.clone(),
            message: error.message.clone(),
        }
    }
}

/// The number of containers per state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SummaryItem {
    /// All containers.
    pub containers: usize,
    /// Automated containers.
    pub automated: usize,
    /// Automated containers that would be updated.
    pub updates: usize,
    /// Automated containers whose update waits until a window opens or a freeze ends.
    #[serde(default)]
    pub waiting: usize,
    /// Locked containers.
    pub locked: usize,
    /// Locked containers for which a newer image is elected.
    pub locked_behind: usize,
    /// Manual containers.
    pub manual: usize,
    /// Ignored containers.
    pub ignored: usize,
    /// Automated containers without a decision.
    pub undecided: usize,
}

impl From<Summary> for SummaryItem {
    fn from(summary: Summary) -> Self {
        Self {
            containers: summary.containers,
            automated: summary.automated,
            updates: summary.updates,
            waiting: summary.waiting,
            locked: summary.locked,
            locked_behind: summary.locked_behind,
            manual: summary.manual,
            ignored: summary.ignored,
            undecided: summary.undecided,
        }
    }
}
