//! `status`.

use serde::{Deserialize, Serialize};

use super::api_version::API_VERSION;
use super::image_policies::ImagePolicyItem;
use super::markers::MarkerItem;
use super::parts::{
    ErrorItem, FactsItem, LockItem, OwnerItem, PolicyItem, SourceItem, SuggestionItem, SummaryItem,
    Time, WarningItem, WorkloadItem, WrittenAtItem,
};
use crate::evaluator::{Assessment, Outcome, Reason, Row, State};
use crate::image::ImageReference;
use crate::output::summary::LeadingController;
use crate::plan::MarkerDecision;
use crate::workload::ContainerType;

/// The output of `status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageStatusList {
    /// [`API_VERSION`].
    pub api_version: String,
    /// `ImageStatusList`.
    pub kind: String,
    /// The kubeconfig context; null if no cluster was used.
    pub context: Option<String>,
    /// The time used as the current time.
    pub observed_at: Time,
    /// The counts of all containers in scope, also of those that are not among the items.
    pub summary: SummaryItem,
    /// What could not be read.
    pub errors: Vec<ErrorItem>,
    /// The containers.
    pub items: Vec<ImageStatus>,
    /// True if the scan was stopped before everything was decided.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// Flux's ImagePolicy objects.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub image_policies: Vec<ImagePolicyItem>,
    /// The markers of Flux's image automation in files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub markers: Vec<MarkerItem>,
    /// The controllers that work on these workloads, as far as they may be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub controllers: Vec<ControllerItem>,
}

/// A controller, as its Lease shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ControllerItem {
    /// The namespace where it runs.
    pub namespace: String,
    /// The replica that leads.
    pub leader: String,
    /// When the leader last renewed its Lease, by its own clock.
    pub renewed: Time,
    /// Whether the Lease has expired, so that no replica leads.
    pub expired: bool,
}

impl From<&LeadingController> for ControllerItem {
    fn from(controller: &LeadingController) -> Self {
        Self {
            namespace: controller.namespace.clone(),
            leader: controller.name.clone(),
            renewed: controller.renewed.into(),
            expired: controller.has_expired,
        }
    }
}

impl ImageStatusList {
    /// The list with these rows of an assessment. The summary counts all rows.
    pub fn new<'a>(assessment: &Assessment, rows: impl IntoIterator<Item = &'a Row>) -> Self {
        Self {
            api_version: API_VERSION.to_owned(),
            kind: "ImageStatusList".to_owned(),
            context: assessment.context.clone(),
            observed_at: assessment.observed_at.into(),
            summary: assessment.summary().into(),
            errors: assessment.errors.iter().map(Into::into).collect(),
            items: rows.into_iter().map(Into::into).collect(),
            partial: assessment.partial,
            image_policies: assessment.image_policies.iter().map(Into::into).collect(),
            markers: Vec::new(),
            controllers: Vec::new(),
        }
    }

    /// The same list with the controllers that work on the workloads.
    #[must_use]
    pub fn with_controllers(self, controllers: &[LeadingController]) -> Self {
        Self {
            controllers: controllers.iter().map(Into::into).collect(),
            ..self
        }
    }

    /// The same list with the markers in files.
    #[must_use]
    pub fn with_markers(self, markers: &[MarkerDecision]) -> Self {
        let markers = markers.iter();
        Self {
            markers: markers
                .map(|marker| MarkerItem::new(marker, None, None))
                .collect(),
            ..self
        }
    }
}

/// One container and its decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageStatus {
    /// The workload.
    pub workload: WorkloadItem,
    /// What manages the workload, if a marker shows it.
    pub managed_by: Option<OwnerItem>,
    /// The container's name.
    pub container: String,
    /// `container` or `initContainer`.
    pub container_type: ContainerType,
    /// The image as written in the manifest.
    pub image: String,
    /// The state that the annotations set.
    pub state: State,
    /// The policy; null if there is none or it is ignored.
    pub policy: Option<PolicyItem>,
    /// What would happen now.
    pub outcome: Outcome,
    /// The image that the policy elects, regardless of the state.
    pub latest: Option<ImageReference>,
    /// The reason, from a closed list.
    pub reason: Reason,
    /// The reason as a sentence.
    pub message: String,
    /// The facts behind the decision; null if nothing was fetched.
    pub facts: Option<FactsItem>,
    /// Warnings.
    pub warnings: Vec<WarningItem>,
    /// When an update may start again, if a window or a freeze does not allow one now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    /// The lock, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<LockItem>,
    /// The result of `--assume`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<SuggestionItem>,
    /// The place in a file, if the workload was read from one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceItem>,
    /// With `-k` or `--git`: the folder of the kustomization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// With `-k` or `--git`: the scalars that decide the image.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub written_at: Vec<WrittenAtItem>,
    /// With `--git`: the image in the repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_git: Option<InGitItem>,
    /// The ImagePolicy that the policy comes from, as `namespace/name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_policy: Option<String>,
}

/// The image of a container in a Git repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InGitItem {
    /// The image.
    pub image: String,
    /// Whether the cluster has another image; null if that is not known.
    pub drift: Option<bool>,
    /// Why that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undecided: Option<String>,
}

impl From<&Row> for ImageStatus {
    fn from(row: &Row) -> Self {
        let decision = &row.decision;
        Self {
            workload: (&row.workload).into(),
            managed_by: row.managed_by.as_ref().map(Into::into),
            container: row.container.clone(),
            container_type: row.container_type,
            image: row.image.clone(),
            state: decision.state,
            policy: decision.policy.as_ref().map(Into::into),
            outcome: decision.outcome,
            latest: decision.latest.clone(),
            reason: decision.reason,
            message: decision.message.clone(),
            facts: decision.facts.as_ref().map(Into::into),
            warnings: decision.warnings.iter().map(Into::into).collect(),
            until: decision
                .closure
                .as_ref()
                .and_then(|closure| closure.until)
                .map(Into::into),
            lock: decision.lock.as_ref().map(Into::into),
            suggestion: decision.suggestion.as_ref().map(Into::into),
            source: row.source.as_ref().map(Into::into),
            root: row.root.clone(),
            written_at: row.written_at.iter().map(Into::into).collect(),
            in_git: row.declared.as_ref().map(|declared| InGitItem {
                image: declared.image.clone(),
                drift: declared.is_drift(&row.image),
                undecided: declared.undecided.clone(),
            }),
            image_policy: row.image_policy.clone(),
        }
    }
}
