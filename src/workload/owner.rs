//! Who else writes a workload.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The object that made a workload and may undo an edit of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Owner {
    /// `Kustomization`, `HelmRelease`, `Application`, `Release` (Helm's own), or
    /// the kind of a controller.
    pub kind: String,
    /// Its namespace, where the marker tells it.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

/// What an object's `metadata.ownerReferences` say, as far as they matter here.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct OwnerReference {
    kind: String,
    name: String,
    controller: bool,
}

/// By what a workload tells its owner; what reverts an edit soonest comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OwnerMarker {
    /// The labels of a Flux Kustomization.
    Kustomization,
    /// The labels of a Flux Helm release.
    HelmRelease,
    /// The tracking annotation of Argo CD.
    Application,
    /// An owner reference that is the controller's.
    Controller,
    /// The annotations of Helm itself.
    Release,
}

impl Owner {
    /// Reads every marker that GitOps tools, operators and Helm leave, the one
    /// that reverts an edit soonest first.
    pub(crate) fn all_from_markers(
        labels: &BTreeMap<String, String>,
        annotations: &BTreeMap<String, String>,
        references: &[OwnerReference],
        namespace: &str,
    ) -> Vec<(OwnerMarker, Self)> {
        let flux = |prefix: &str, kind: &str| {
            let name = labels.get(&format!("{prefix}/name"))?;
            Some(Self {
                kind: kind.to_owned(),
                namespace: labels.get(&format!("{prefix}/namespace")).cloned(),
                name: name.clone(),
            })
        };
        let argo = || {
            // `app:group/kind:namespace/name`.
            let id = annotations.get("argocd.argoproj.io/tracking-id")?;
            let app = id.split(':').next().filter(|app| !app.is_empty())?;
            Some(Self::application(app))
        };
        let controller = || {
            let reference = references.iter().find(|reference| reference.controller)?;
            Some(Self {
                kind: reference.kind.clone(),
                namespace: Some(namespace.to_owned()),
                name: reference.name.clone(),
            })
        };
        let helm = || {
            let name = annotations.get("meta.helm.sh/release-name")?;
            Some(Self {
                kind: "Release".to_owned(),
                namespace: annotations.get("meta.helm.sh/release-namespace").cloned(),
                name: name.clone(),
            })
        };
        let kustomization = flux("kustomize.toolkit.fluxcd.io", "Kustomization");
        let release = flux("helm.toolkit.fluxcd.io", "HelmRelease");
        let markers = [
            (OwnerMarker::Kustomization, kustomization),
            (OwnerMarker::HelmRelease, release),
            (OwnerMarker::Application, argo()),
            (OwnerMarker::Controller, controller()),
            (OwnerMarker::Release, helm()),
        ];
        let there = markers.into_iter();
        there
            .filter_map(|(marker, owner)| Some((marker, owner?)))
            .collect()
    }

    /// The owner whose marker comes first.
    pub(crate) fn from_markers(
        labels: &BTreeMap<String, String>,
        annotations: &BTreeMap<String, String>,
        references: &[OwnerReference],
        namespace: &str,
    ) -> Option<Self> {
        let all = Self::all_from_markers(labels, annotations, references, namespace);
        all.into_iter().next().map(|(_, owner)| owner)
    }

    /// An Argo CD Application as its marker names it: the name, which may carry
    /// the namespace as `namespace_name`.
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
