//! Images that annotations of a release map: `repository.fluxcd.io/<container>`,
//! `tag.fluxcd.io/<container>` and `registry.fluxcd.io/<container>` have dotted paths
//! into its values.
//!
//! A path could lead to any scalar, which would then be shown, sent to a registry and
//! overwritten. So what is mapped must be an image, and a path whose words suggest a
//! secret is refused.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::image::{HelmImage, tag_key, version_key};
use super::path::parent;
use crate::image::ImageReference;
use crate::workload::id::WorkloadKind;
use crate::workload::object::Workload;

/// The prefixes of the annotations that map an image; the container's name follows.
pub(crate) const REPOSITORY: &str = "repository.fluxcd.io/";
pub(crate) const TAG: &str = "tag.fluxcd.io/";
const REGISTRY: &str = "registry.fluxcd.io/";

/// The parts of a key that suggest a secret.
const SECRETS: [&str; 6] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "credential",
];

/// The mapped images in the values of a release, by container name.
pub(crate) fn mapped(
    values: &Map<String, Value>,
    annotations: &BTreeMap<String, String>,
) -> BTreeMap<String, HelmImage> {
    annotations
        .keys()
        .filter_map(|key| key.strip_prefix(REPOSITORY))
        .filter_map(|container| {
            let image = mapped_image(values, annotations, container)?;
            Some((container.to_owned(), image))
        })
        .collect()
}

fn mapped_image(
    values: &Map<String, Value>,
    annotations: &BTreeMap<String, String>,
    container: &str,
) -> Option<HelmImage> {
    let path = |prefix| mapped_path(annotations, prefix, container);
    let repository = path(REPOSITORY)?;
    let (own_tag, registry) = (path(TAG), path(REGISTRY));
    let paths = [Some(&repository), own_tag.as_ref(), registry.as_ref()];
    if paths
        .into_iter()
        .flatten()
        .any(|path| suggests_secret(path))
    {
        return None;
    }
    let block = parent(values, &repository)?;
    let above = &repository[..repository.len() - 1];
    let tag = own_tag.or_else(|| {
        let key = tag_key(block)?;
        Some([above, &[key.to_owned()]].concat())
    });
    let image = HelmImage {
        version: version_key(block).map(|key| [above, &[key.to_owned()]].concat()),
        repository,
        tag,
        registry,
        splits_tag: true,
        digest: None,
        is_mapped: true,
    };
    image.text(values)?.parse::<ImageReference>().ok()?;
    Some(image)
}

/// The path in a mapping annotation.
fn mapped_path(
    annotations: &BTreeMap<String, String>,
    prefix: &str,
    container: &str,
) -> Option<Vec<String>> {
    let path = annotations.get(&format!("{prefix}{container}"))?;
    Some(path.split('.').map(str::to_owned).collect())
}

/// Whether a key of a path suggests a secret: `adminPassword`, `api-token`, `sshKey`.
fn suggests_secret(path: &[String]) -> bool {
    path.iter().any(|key| {
        let lower = key.to_ascii_lowercase();
        SECRETS.iter().any(|word| lower.contains(word))
            || lower.ends_with("key")
            || lower.ends_with("keys")
            || words(key).any(|word| matches!(word.as_str(), "key" | "keys" | "pass" | "pwd"))
    })
}

/// The words of `camelCase`, `snake_case` and `kebab-case`, in lower case.
fn words(key: &str) -> impl Iterator<Item = String> {
    let mut words = vec![String::new()];
    let mut follows_lower = false;
    for letter in key.chars() {
        if !letter.is_alphanumeric() || letter.is_uppercase() && follows_lower {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| letter.is_alphanumeric()) {
            word.extend(letter.to_lowercase());
        }
        follows_lower = letter.is_lowercase();
    }
    words.into_iter()
}

/// The mapping annotations of a release that do not lead to an image, each with a
/// message that says what is missing.
#[must_use]
pub fn half_mappings(workload: &Workload) -> Vec<String> {
    if workload.id.kind != WorkloadKind::HelmRelease {
        return Vec::new();
    }
    let annotations = workload.annotations.iter();
    annotations
        .filter_map(|(key, path)| half_mapping(workload, key, path))
        .collect()
}

fn half_mapping(workload: &Workload, key: &str, path: &str) -> Option<String> {
    let name = [REPOSITORY, TAG, REGISTRY]
        .iter()
        .find_map(|prefix| key.strip_prefix(prefix))?;
    let keys: Vec<String> = path.split('.').map(str::to_owned).collect();
    if suggests_secret(&keys) {
        return Some(format!(
            "{key} is {path:?}, which may be a secret; it is neither read nor written"
        ));
    }
    let repository = format!("{REPOSITORY}{name}");
    if key != repository {
        return (!workload.annotations.contains_key(&repository))
            .then(|| format!("{key} has no effect without {repository}"));
    }
    // A refused path of the tag or the registry has its own message.
    let others = [TAG, REGISTRY].map(|prefix| workload.annotations.get(&format!("{prefix}{name}")));
    let is_refused = others.into_iter().flatten().any(|path| {
        let keys: Vec<String> = path.split('.').map(str::to_owned).collect();
        suggests_secret(&keys)
    });
    if is_refused || workload.containers.iter().any(|c| c.name == name) {
        return None;
    }
    let tag = format!("{TAG}{name}");
    Some(match workload.annotations.get(&tag) {
        Some(tag_path) => format!(
            "{key} is {path:?} and {tag} is {tag_path:?}, but spec.values has no image with that \
             repository and tag"
        ),
        None => format!("{key} is {path:?}, but spec.values has no image there"),
    })
}
