//! The owners of a workload: who else writes it.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The prefixes of the labels that Flux sets on what it applies.
const KUSTOMIZE_PREFIX: &str = "kustomize.toolkit.fluxcd.io";
const HELM_PREFIX: &str = "helm.toolkit.fluxcd.io";

/// The annotations that name an owner: of Argo CD and of Helm.
const TRACKING_ID: &str = "argocd.argoproj.io/tracking-id";
const RELEASE_NAME: &str = "meta.helm.sh/release-name";
const RELEASE_NAMESPACE: &str = "meta.helm.sh/release-namespace";

/// The annotations that can name an owner.
pub(crate) const OWNER_ANNOTATIONS: [&str; 3] = [TRACKING_ID, RELEASE_NAME, RELEASE_NAMESPACE];

/// The labels that can name an owner.
pub(crate) fn owner_labels() -> [String; 4] {
    [
        name_label(KUSTOMIZE_PREFIX),
        namespace_label(KUSTOMIZE_PREFIX),
        name_label(HELM_PREFIX),
        namespace_label(HELM_PREFIX),
    ]
}

fn name_label(prefix: &str) -> String {
    format!("{prefix}/name")
}

fn namespace_label(prefix: &str) -> String {
    format!("{prefix}/namespace")
}

/// The object that created a workload and may revert an edit of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Owner {
    /// `Kustomization`, `HelmRelease`, `Application`, `Release` (Helm's own), or
    /// the kind of a controller.
    pub kind: String,
    /// Its namespace, if the marker includes it.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

/// The fields of `metadata.ownerReferences` that are used here.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct OwnerReference {
    kind: String,
    name: String,
    controller: bool,
}

/// The kind of marker that identifies an owner. Ordered by how soon the owner
/// reverts an edit, the soonest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OwnerMarker {
    /// The labels of a Flux Kustomization.
    Kustomization,
    /// The labels of a Flux Helm release.
    HelmRelease,
    /// The tracking annotation of Argo CD.
    Application,
    /// An owner reference to the controller.
    Controller,
    /// The annotations of Helm itself.
    Release,
}

impl Owner {
    /// Reads all markers of GitOps tools, operators and Helm, the owner that reverts
    /// an edit soonest first.
    pub(crate) fn all_from_markers(
        labels: &BTreeMap<String, String>,
        annotations: &BTreeMap<String, String>,
        references: &[OwnerReference],
        namespace: &str,
    ) -> Vec<(OwnerMarker, Self)> {
        let markers = [
            (
                OwnerMarker::Kustomization,
                Self::from_flux_labels(labels, KUSTOMIZE_PREFIX, "Kustomization"),
            ),
            (
                OwnerMarker::HelmRelease,
                Self::from_flux_labels(labels, HELM_PREFIX, "HelmRelease"),
            ),
            (
                OwnerMarker::Application,
                Self::from_argo_annotation(annotations),
            ),
            (
                OwnerMarker::Controller,
                Self::from_references(references, namespace),
            ),
            (
                OwnerMarker::Release,
                Self::from_helm_annotations(annotations),
            ),
        ];
        markers
            .into_iter()
            .filter_map(|(marker, owner)| Some((marker, owner?)))
            .collect()
    }

    fn from_flux_labels(
        labels: &BTreeMap<String, String>,
        prefix: &str,
        kind: &str,
    ) -> Option<Self> {
        let name = labels.get(&name_label(prefix))?;
        Some(Self {
            kind: kind.to_owned(),
            namespace: labels.get(&namespace_label(prefix)).cloned(),
            name: name.clone(),
        })
    }

    /// Reads the tracking ID, `app:group/kind:namespace/name`.
    fn from_argo_annotation(annotations: &BTreeMap<String, String>) -> Option<Self> {
        let id = annotations.get(TRACKING_ID)?;
        let app = id.split(':').next().filter(|app| !app.is_empty())?;
        Some(Self::application(app))
    }

    fn from_references(references: &[OwnerReference], namespace: &str) -> Option<Self> {
        let reference = references.iter().find(|reference| reference.controller)?;
        Some(Self {
            kind: reference.kind.clone(),
            namespace: Some(namespace.to_owned()),
            name: reference.name.clone(),
        })
    }

    fn from_helm_annotations(annotations: &BTreeMap<String, String>) -> Option<Self> {
        let name = annotations.get(RELEASE_NAME)?;
        Some(Self {
            kind: "Release".to_owned(),
            namespace: annotations.get(RELEASE_NAMESPACE).cloned(),
            name: name.clone(),
        })
    }

    /// The owner that reverts an edit soonest.
    pub(crate) fn from_markers(
        labels: &BTreeMap<String, String>,
        annotations: &BTreeMap<String, String>,
        references: &[OwnerReference],
        namespace: &str,
    ) -> Option<Self> {
        let all = Self::all_from_markers(labels, annotations, references, namespace);
        all.into_iter().next().map(|(_, owner)| owner)
    }

    /// An Argo CD Application from the text of its marker: `name`, or
    /// `namespace_name`.
    #[must_use]
    pub fn application(text: &str) -> Self {
        let (namespace, name) = match text.split_once('_') {
            Some((namespace, name)) => (Some(namespace.to_owned()), name),
            None => (None, text),
        };
        Self {
            kind: "Application".to_owned(),
            namespace,
            name: name.to_owned(),
        }
    }
}

/// `Kustomization flux-system/apps`.
impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}
