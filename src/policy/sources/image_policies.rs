//! `imagePolicies` of a Kustomization: policies for the images that it applies.
//!
//! ```yaml
//! imagePolicies:
//! - name: my-app-image
//!   policy:
//!     semver:
//!       range: ">=1.2.3 <2.0.0"
//!   identifier: "v"
//!   aws:
//!     image: my-registry.com/my-app
//!     policy:
//!       tags:
//!         regex: "^v[0-9]+\\.[0-9]+\\.[0-9]+$"
//! ```
//!
//! The block with the image is named after its provider, but the provider does not
//! affect the decision. `identifier` is accepted next to `policy`, inside it, and in
//! `semver`; `allowTags` and `ignoreTags` are accepted in the entry and in the block.
//! Flux's Kustomization has no such field, and the API server may drop it. Therefore
//! the annotation `imgpolicy.dev/image-policies` may have the same block as text.
//! An unknown field makes the entry invalid, because a misspelled restriction must
//! not be ignored.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::entry_policy::{PROVIDERS, read_policy};
use crate::image::ImageReference;
use crate::policy::container_policy::{ContainerPolicy, PolicyError, PolicyOrigin};

/// The annotation with the block, for API servers that drop the unknown field.
const ANNOTATION: &str = "imgpolicy.dev/image-policies";

/// The longest annotation that is read, in bytes. The API server allows 256 KiB for
/// all annotations of an object.
const MAX_ANNOTATION_BYTES: usize = 256 * 1024;

/// The maximum number of YAML nodes in the annotation.
const MAX_NODES: usize = 20_000;

/// The maximum number of entries of one Kustomization.
const MAX_ENTRIES: usize = 1000;

/// The fields of an object that are read.
const RELEVANT: &[&[&str]] = &[
    &["apiVersion"],
    &["kind"],
    &["metadata", "name"],
    &["metadata", "namespace"],
    &["metadata", "annotations", "imgpolicy.dev/image-policies"],
    &["spec", "path"],
    &["spec", "imagePolicies"],
];

/// The `imagePolicies` of one Kustomization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImagePolicies {
    /// The Kustomization's namespace.
    pub namespace: String,
    /// The Kustomization's name.
    pub name: String,
    /// `.spec.path`, the folder that it applies.
    pub path: Option<String>,
    /// The entries, in the order in which they are written.
    pub entries: Vec<ImagePolicyEntry>,
}

/// One entry of `imagePolicies`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImagePolicyEntry {
    /// Its name, unique in the Kustomization.
    pub name: String,
    /// The image it is for; `None` if the entry has no valid image, which `policy`
    /// reports.
    pub image: Option<ImageReference>,
    /// The policy, or what is wrong with the entry.
    pub policy: Result<ContainerPolicy, PolicyError>,
}

impl ImagePolicies {
    /// Reads a Kustomization. `None` if it has no `imagePolicies`, or is another kind
    /// of object.
    #[must_use]
    pub fn read(object: &Value, default_namespace: &str) -> Option<Self> {
        let group = text_at(object, "/apiVersion")?.split('/').next()?;
        let kind = text_at(object, "/kind")?;
        if group != "kustomize.toolkit.fluxcd.io" || kind != "Kustomization" {
            return None;
        }
        let annotation = object
            .pointer("/metadata/annotations")
            .and_then(|a| a.get(ANNOTATION));
        let lists: Vec<Result<Value, String>> = [
            object.pointer("/spec/imagePolicies").cloned().map(Ok),
            annotation.and_then(Value::as_str).map(read_annotation),
        ]
        .into_iter()
        .flatten()
        // `imagePolicies:` without entries is null in YAML.
        .filter(|list| *list != Ok(Value::Null))
        .collect();
        if lists.is_empty() {
            return None;
        }
        let mut policies = Self {
            namespace: text_at(object, "/metadata/namespace")
                .unwrap_or(default_namespace)
                .to_owned(),
            name: text_at(object, "/metadata/name")
                .unwrap_or_default()
                .to_owned(),
            path: text_at(object, "/spec/path").map(str::to_owned),
            entries: Vec::new(),
        };
        let kustomization = policies.id();
        for list in lists {
            policies.read_list(&list, &kustomization);
        }
        policies.refuse_repeated_names();
        Some(policies)
    }

    /// The part of an object that [`Self::read`] reads. The rest may contain data that
    /// does not belong in a saved snapshot, such as a Kustomization's substitutions.
    #[must_use]
    pub fn relevant_part(object: &Value) -> Value {
        let mut part = Value::Object(Map::new());
        for path in RELEVANT {
            let Some(value) = path.iter().try_fold(object, |at, key| at.get(key)) else {
                continue;
            };
            let mut at = &mut part;
            for key in *path {
                at = &mut at[key];
            }
            *at = value.clone();
        }
        part
    }

    /// The `namespace/name` of the Kustomization.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    fn read_list(&mut self, list: &Result<Value, String>, kustomization: &str) {
        let entries = match list {
            Ok(Value::Array(list)) if list.len() <= MAX_ENTRIES => {
                let indexes = self.entries.len()..;
                indexes
                    .zip(list)
                    .map(|(index, entry)| read_entry(entry, index, kustomization))
                    .collect()
            }
            Ok(Value::Array(_)) => {
                let reason = format!("imagePolicies has more than {MAX_ENTRIES} entries");
                vec![unreadable(kustomization, &reason)]
            }
            Ok(_) => vec![unreadable(kustomization, "imagePolicies must be a list")],
            Err(reason) => vec![unreadable(kustomization, reason)],
        };
        for entry in entries {
            // The spec and the annotation may have the same entry.
            if !self.entries.contains(&entry) {
                self.entries.push(entry);
            }
        }
    }

    fn refuse_repeated_names(&mut self) {
        let kustomization = self.id();
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for entry in &self.entries {
            *seen.entry(entry.name.clone()).or_default() += 1;
        }
        for entry in &mut self.entries {
            if seen.get(&entry.name).is_some_and(|times| *times > 1) {
                let reason = "another entry has the same name";
                entry.policy = Err(entry_error(&kustomization, &entry.name, "", reason));
            }
        }
    }
}

impl ImagePolicyEntry {
    /// Where the entry is written.
    #[must_use]
    pub fn origin(&self) -> PolicyOrigin {
        match &self.policy {
            Ok(policy) => policy.origin.clone(),
            Err(error) => error.origin.clone(),
        }
    }

    /// The policy as written, as far as it is known.
    #[must_use]
    pub fn text(&self) -> &str {
        match &self.policy {
            Ok(policy) => &policy.text,
            Err(error) => &error.text,
        }
    }
}

/// Parses the annotation: the list, or a mapping with the list in `imagePolicies`.
fn read_annotation(text: &str) -> Result<Value, String> {
    if text.len() > MAX_ANNOTATION_BYTES {
        return Err(format!(
            "annotation {ANNOTATION}: it has {} bytes; at most {MAX_ANNOTATION_BYTES} are allowed",
            text.len()
        ));
    }
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: 16,
            max_nodes: MAX_NODES,
            max_documents: 1,
            max_aliases: 0,
        },
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::Error,
        with_snippet: false,
    };
    match serde_saphyr::from_str_with_options(text, options) {
        Ok(Value::Object(mut block)) if block.len() == 1 => Ok(block
            .remove("imagePolicies")
            .unwrap_or(Value::Object(block))),
        Ok(value) => Ok(value),
        // The parser's message has several lines.
        Err(error) => {
            let message = error.to_string();
            let reason = message.lines().next().unwrap_or("it is not valid YAML");
            Err(format!("annotation {ANNOTATION}: {reason}"))
        }
    }
}

/// An entry for a list that cannot be read. Its image is not known.
fn unreadable(kustomization: &str, reason: &str) -> ImagePolicyEntry {
    let origin = PolicyOrigin::Kustomization(kustomization.to_owned());
    ImagePolicyEntry {
        name: String::new(),
        image: None,
        policy: Err(PolicyError::new("", origin, reason)),
    }
}

fn entry_error(kustomization: &str, entry: &str, text: &str, reason: &str) -> PolicyError {
    let origin = PolicyOrigin::ImagePolicies {
        kustomization: kustomization.to_owned(),
        entry: entry.to_owned(),
    };
    PolicyError::new(text, origin, reason)
}

fn read_entry(entry: &Value, index: usize, kustomization: &str) -> ImagePolicyEntry {
    let name = entry
        .get("name")
        .and_then(Value::as_str)
        .map_or_else(|| format!("#{}", index + 1), str::to_owned);
    let image = PROVIDERS
        .iter()
        .find_map(|provider| entry.get(provider)?.get("image")?.as_str()?.parse().ok());
    let policy = read_policy(entry, kustomization, &name)
        .map_err(|reason| entry_error(kustomization, &name, &text_of(entry), &reason));
    ImagePolicyEntry {
        name,
        image,
        policy,
    }
}

/// The policy of an invalid entry, in the form of an annotation.
fn text_of(entry: &Value) -> String {
    if let Some(range) = text_at(entry, "/policy/semver/range") {
        format!("semver:{range}")
    } else if let Some(digest) =
        text_at(entry, "/policy/digest").or_else(|| text_at(entry, "/policy/digest/tag"))
    {
        format!("digest:{digest}")
    } else if entry.pointer("/policy/alphabetical").is_some() {
        let order = text_at(entry, "/policy/alphabetical/order").unwrap_or("asc");
        format!("alphabetical:{order}")
    } else {
        String::new()
    }
}

fn text_at<'v>(object: &'v Value, path: &str) -> Option<&'v str> {
    object.pointer(path)?.as_str()
}
