//! Cases whose results were generated with kustomize's own code.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KustomizeCase {
    pub name: String,
    pub why: String,
    pub files: BTreeMap<String, String>,
    /// By folder.
    pub builds: BTreeMap<String, ExpectedBuild>,
    pub edit: Option<ExpectedEdit>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedBuild {
    #[serde(default)]
    pub images: Vec<ExpectedImage>,
    /// Why kustomize cannot build it.
    pub error: Option<String>,
}

#[derive(Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(deny_unknown_fields)]
pub struct ExpectedImage {
    pub object: String,
    /// Empty for the tag of a Helm release.
    pub container: String,
    pub image: String,
    pub places: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedEdit {
    pub root: String,
    pub image: String,
    /// The files that change.
    pub files: BTreeMap<String, String>,
    /// A part of the message, if the edit is refused on purpose.
    pub refused: Option<String>,
}

pub fn cases() -> Vec<KustomizeCase> {
    let cases: Vec<KustomizeCase> =
        serde_json::from_str(include_str!("../data/conformance/kustomize.json")).expect("cases");
    assert_eq!(cases.len(), 35);
    cases
}

/// Cases of a folder that a Kustomization of Flux applies.
pub fn flux_cases() -> Vec<KustomizeCase> {
    let cases: Vec<KustomizeCase> =
        serde_json::from_str(include_str!("../data/conformance/kustomize_flux.json"))
            .expect("cases");
    assert_eq!(cases.len(), 12);
    cases
}

/// Cases of a folder that an Application of Argo CD applies.
pub fn argo_cases() -> Vec<KustomizeCase> {
    let cases: Vec<KustomizeCase> =
        serde_json::from_str(include_str!("../data/conformance/kustomize_argocd.json"))
            .expect("cases");
    assert_eq!(cases.len(), 14);
    cases
}

/// An item of `status -o json` in the form of the cases. They show only the tag of a release.
pub fn image(item: &Value) -> ExpectedImage {
    let text = |pointer: &str| {
        let value = item.pointer(pointer).and_then(Value::as_str);
        value.unwrap_or_default().to_owned()
    };
    let is_release = text("/workload/kind") == "HelmRelease";
    let image = text("/image");
    let places = item["writtenAt"].as_array().into_iter().flatten();
    ExpectedImage {
        object: format!("{}/{}", text("/workload/kind"), text("/workload/name")),
        container: if is_release {
            String::new()
        } else {
            text("/container")
        },
        image: match image.rsplit_once(':') {
            Some((_, tag)) if is_release => tag.to_owned(),
            _ => image,
        },
        places: places
            .map(|place| {
                let [file, key, part] =
                    ["file", "key", "part"].map(|field| place[field].as_str().expect("text"));
                format!("{file}:{} {key} ({part})", place["line"])
            })
            .collect(),
    }
}
