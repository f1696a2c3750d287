//! Which object of Flux or Argo CD applies a folder.

use std::fmt;

use serde_json::Value;

use crate::workload::object::ManifestSource;

/// The fields of a Kustomization of Flux that change what is built from its folder.
const FLUX_FIELDS: [&str; 9] = [
    "commonMetadata",
    "components",
    "images",
    "namePrefix",
    "nameSuffix",
    "patches",
    "patchesJson6902",
    "patchesStrategicMerge",
    "targetNamespace",
];

/// The object that applies a folder, and may change what is built from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppliedBy {
    /// What applies it.
    pub applier: KustomizationApplier,
    /// Where that object is written.
    pub place: ApplierPlace,
    /// Whether it has fields that change what is built.
    pub has_changes: bool,
}

/// What applies a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KustomizationApplier {
    /// A Kustomization of Flux.
    Flux,
    /// An Application of Argo CD.
    ArgoCd {
        /// The position of the folder in `spec.sources`; `None`: it is that of `spec.source`.
        source: Option<usize>,
        /// The names for which Argo CD may look for a file `.argocd-source-NAME.yaml` in the
        /// folder. The first one that exists counts.
        names: Vec<String>,
    },
}

/// Where the object is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApplierPlace {
    /// In a file.
    File(ManifestSource),
    /// In a cluster.
    Cluster {
        /// `Kustomization/flux-system/apps`.
        id: String,
        /// The whole object.
        object: Value,
    },
    /// Not in the files that were read.
    Elsewhere,
}

impl AppliedBy {
    /// The paths that an object in a file applies, from the root of its repository, as far as
    /// kustomize builds them.
    #[must_use]
    pub fn in_file(object: &Value, at: &ManifestSource) -> Vec<(String, Self)> {
        let api_version = object["apiVersion"].as_str().unwrap_or_default();
        let (group, _) = api_version.split_once('/').unwrap_or_default();
        let place = ApplierPlace::File(at.clone());
        match (group, object["kind"].as_str()) {
            ("kustomize.toolkit.fluxcd.io", Some("Kustomization")) => {
                let path = object["spec"]["path"].as_str().unwrap_or_default();
                vec![(path.to_owned(), Self::flux(object, place))]
            }
            ("argoproj.io", Some("Application")) => Self::argo_cd(object, &place),
            _ => Vec::new(),
        }
    }

    /// A Kustomization of Flux in a cluster.
    #[must_use]
    pub fn kustomization(object: &Value) -> Self {
        Self::flux(object, in_cluster("Kustomization", object))
    }

    /// An Application of Argo CD in a cluster, once for each of its sources that kustomize
    /// builds.
    #[must_use]
    pub fn application(object: &Value) -> Vec<Self> {
        let folders = Self::argo_cd(object, &in_cluster("Application", object));
        folders.into_iter().map(|(_, owner)| owner).collect()
    }

    fn flux(object: &Value, place: ApplierPlace) -> Self {
        let spec = &object["spec"];
        let mut fields = FLUX_FIELDS.iter().map(|field| &spec[*field]);
        Self {
            applier: KustomizationApplier::Flux,
            place,
            has_changes: fields.any(is_filled) || is_filled(&spec["postBuild"]),
        }
    }

    fn argo_cd(object: &Value, place: &ApplierPlace) -> Vec<(String, Self)> {
        let names = application_names(object);
        let folders = application_sources(&object["spec"]).into_iter();
        let folders = folders.filter_map(|(position, source)| {
            let path = source["path"].as_str()?;
            is_for_kustomize(source).then(|| {
                let owner = Self {
                    applier: KustomizationApplier::ArgoCd {
                        source: position,
                        names: names.clone(),
                    },
                    place: place.clone(),
                    has_changes: is_filled(&source["kustomize"]),
                };
                (path.to_owned(), owner)
            })
        });
        folders.collect()
    }

    /// An Application of Argo CD that is not in the files, but is named by a file in the folder
    /// that it applies; `None`: by the file that counts for all of them.
    #[must_use]
    pub fn application_elsewhere(name: Option<&str>) -> Self {
        Self {
            applier: KustomizationApplier::ArgoCd {
                source: None,
                names: name.map(str::to_owned).into_iter().collect(),
            },
            place: ApplierPlace::Elsewhere,
            has_changes: true,
        }
    }

    /// The position of the folder among several sources of an Application.
    #[must_use]
    pub fn source(&self) -> Option<usize> {
        match self.applier {
            KustomizationApplier::ArgoCd { source, .. } => source,
            KustomizationApplier::Flux => None,
        }
    }

    /// The names of the files in the folder that change the object, in the order in which they
    /// are merged.
    #[must_use]
    pub fn override_files(&self) -> Vec<String> {
        match &self.applier {
            KustomizationApplier::Flux => Vec::new(),
            KustomizationApplier::ArgoCd { names, .. } => {
                let shared = std::iter::once(override_file(None));
                let named = names.iter().map(|name| override_file(Some(name)));
                shared.chain(named).collect()
            }
        }
    }

    /// The kind in words, for several.
    #[must_use]
    pub fn kinds(&self) -> &'static str {
        match self.applier {
            KustomizationApplier::Flux => "Kustomizations of Flux",
            KustomizationApplier::ArgoCd { .. } => "Applications of Argo CD",
        }
    }
}

/// The place: `clusters/apps.yaml:1`.
impl fmt::Display for AppliedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            ApplierPlace::File(at) => at.fmt(f),
            ApplierPlace::Cluster { id, .. } => f.write_str(id),
            ApplierPlace::Elsewhere => {
                let files = self.override_files();
                f.write_str(files.last().map_or("", String::as_str))
            }
        }
    }
}

/// The file of an Application in a folder, or that of all of them.
fn override_file(name: Option<&str>) -> String {
    match name {
        Some(name) => format!(".argocd-source-{name}.yaml"),
        None => ".argocd-source.yaml".to_owned(),
    }
}

fn in_cluster(kind: &str, object: &Value) -> ApplierPlace {
    let metadata = &object["metadata"];
    let names = ["namespace", "name"].map(|field| metadata[field].as_str());
    let words = std::iter::once(kind).chain(names.into_iter().flatten());
    ApplierPlace::Cluster {
        id: words.collect::<Vec<_>>().join("/"),
        object: object.clone(),
    }
}

/// The sources of an Application, with their positions in `spec.sources`.
pub(crate) fn application_sources(spec: &Value) -> Vec<(Option<usize>, &Value)> {
    let many = spec["sources"].as_array().filter(|list| !list.is_empty());
    match many {
        Some(list) => (0..).map(Some).zip(list).collect(),
        None => vec![(None, &spec["source"])],
    }
}

/// Whether a source may be built by kustomize: no other tool is named.
fn is_for_kustomize(source: &Value) -> bool {
    let others = ["chart", "helm", "plugin"];
    others.iter().all(|field| source[*field].is_null())
}

/// The names that Argo CD may use for the file of an Application: outside Argo CD's own
/// namespace, the name begins with the namespace.
fn application_names(object: &Value) -> Vec<String> {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let namespace = object["metadata"]["namespace"].as_str();
    let qualified = namespace.map(|namespace| format!("{namespace}_{name}"));
    std::iter::once(name.to_owned()).chain(qualified).collect()
}

fn is_filled(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn owners(object: &Value) -> Vec<(String, Option<usize>, bool)> {
        let at = ManifestSource {
            file: "app.yaml".to_owned(),
            line: 1,
        };
        let owners = AppliedBy::in_file(object, &at).into_iter();
        owners
            .map(|(path, owner)| match owner.applier {
                KustomizationApplier::Flux => (path, None, owner.has_changes),
                KustomizationApplier::ArgoCd { source, .. } => (path, source, owner.has_changes),
            })
            .collect()
    }

    #[test]
    fn folders_that_kustomize_builds_are_found_with_their_position() {
        let application = |spec: Value| {
            json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
                "metadata": {"name": "shop"}, "spec": spec})
        };
        let one = application(json!({"source": {"path": "a", "kustomize": {"images": ["x:1"]}}}));
        assert_eq!(owners(&one), [("a".to_owned(), None, true)]);
        let many = application(json!({"source": {"path": "x"}, "sources": [
            {"chart": "redis"}, {"path": "b", "helm": {"values": "x"}}, {"path": "c"},
        ]}));
        assert_eq!(owners(&many), [("c".to_owned(), Some(2), false)]);
        let flux = |spec: Value| {
            json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
                "spec": spec})
        };
        let plain = flux(json!({"path": "./a", "images": [], "targetNamespace": ""}));
        assert_eq!(owners(&plain), [("./a".to_owned(), None, false)]);
        let changing = flux(json!({"path": "./a", "postBuild": {"substitute": {"A": "1"}}}));
        assert_eq!(owners(&changing), [("./a".to_owned(), None, true)]);
        let workflow = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow"});
        assert_eq!(owners(&workflow), []);
    }
}
