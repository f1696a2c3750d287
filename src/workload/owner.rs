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
pub(super) struct OwnerReference {
    kind: String,
    name: String,
    controller: bool,
}

impl Owner {
    /// Reads the markers that GitOps tools and Helm leave, the one that
    /// reverts an edit soonest first.
    pub(super) fn of(
        labels: &BTreeMap<String, String>,
        annotations: &BTreeMap<String, String>,
        references: &[OwnerReference],
        namespace: &str,
    ) -> Option<Self> {
        let flux = |prefix: &str, kind: &str| {
            let name = labels.get(&format!("{prefix}/name"))?;
            Some(Self {
                kind: kind.to_owned(),
                namespace: labels.get(&format!("{prefix}/namespace")).cloned(),
                name: name.clone(),
            })
        };
        let argo = || {
            // `app:group/kind:namespace/name`; the app may carry its namespace as `ns_app`.
            let id = annotations.get("argocd.argoproj.io/tracking-id")?;
            let app = id.split(':').next().filter(|app| !app.is_empty())?;
            let (namespace, name) = match app.split_once('_') {
                Some((namespace, name)) => (Some(namespace.to_owned()), name),
                None => (None, app),
            };
            Some(Self {
                kind: "Application".to_owned(),
                namespace,
                name: name.to_owned(),
            })
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
        flux("kustomize.toolkit.fluxcd.io", "Kustomization")
            .or_else(|| flux("helm.toolkit.fluxcd.io", "HelmRelease"))
            .or_else(argo)
            .or_else(controller)
            .or_else(helm)
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
