//! Where one image is in the values of a release.

use serde_json::{Map, Value};

use super::path::{is_filled, text_at, value_at};
use super::scalar::printed;
use crate::workload::container::NumericTag;

/// The possible keys of a tag, the usual one first.
const TAG_KEYS: [&str; 3] = ["tag", "imageTag", "image_tag"];

/// The paths of the parts of one image in the values of a release, each as a list of
/// keys and indexes from the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelmImage {
    /// The repository, or the whole image in one string.
    pub repository: Vec<String>,
    /// The path of the tag, which may not exist yet.
    pub tag: Option<Vec<String>>,
    /// The path of the registry, which may not exist.
    pub registry: Option<Vec<String>>,
    /// Whether a new tag is written at its own path, and not appended to the
    /// repository.
    pub splits_tag: bool,
    /// The path of a digest, which takes precedence over the tag; it may not exist.
    pub digest: Option<Vec<String>>,
    /// The path of a key that seems to be the version and is not supported.
    pub version: Option<Vec<String>>,
    /// Whether the paths are from mapping annotations.
    pub is_mapped: bool,
}

impl HelmImage {
    /// The whole image reference; `None` if there is no repository at its path.
    #[must_use]
    pub fn text(&self, values: &Map<String, Value>) -> Option<String> {
        let tag = self.tag_value(values).and_then(printed);
        let repository = text_at(values, &self.repository)?;
        Some(join(self.registry_text(values), &repository, tag))
    }

    /// The value at the tag's path, if it is not empty.
    fn tag_value<'v>(&self, values: &'v Map<String, Value>) -> Option<&'v Value> {
        let value = value_at(values, self.tag.as_ref()?)?;
        is_filled(value).then_some(value)
    }

    /// The tag, if it is a number or a boolean.
    pub(crate) fn numeric_tag(&self, values: &Map<String, Value>) -> Option<NumericTag> {
        let value = self.tag_value(values).filter(|value| !value.is_string())?;
        Some(NumericTag {
            printed: printed(value)?,
            written: None,
        })
    }

    /// Whether the values have a repository and no version, so that the chart's own
    /// tag counts. A mapped string is the whole image.
    pub(crate) fn has_chart_tag(&self, values: &Map<String, Value>) -> bool {
        let is_whole = self.is_mapped && self.tag.is_none();
        let repository = self.repository_text(values).unwrap_or_default();
        let mut versions = [&self.tag, &self.digest, &self.version].into_iter();
        let has_version = versions.any(|path| {
            let value = path.as_ref().and_then(|path| value_at(values, path));
            value.is_some_and(is_filled)
        });
        !is_whole && !has_version && !names_version(&repository)
    }

    /// The string with the repository, which may also include a tag or a digest.
    #[must_use]
    pub fn repository_text(&self, values: &Map<String, Value>) -> Option<String> {
        text_at(values, &self.repository)
    }

    /// The registry, if it is separate from the repository.
    #[must_use]
    pub fn registry_text(&self, values: &Map<String, Value>) -> Option<String> {
        text_at(values, self.registry.as_ref()?)
    }
}

fn join(registry: Option<String>, repository: &str, tag: Option<String>) -> String {
    let mut image = String::new();
    if let Some(registry) = registry {
        image.push_str(&registry);
        image.push('/');
    }
    image.push_str(repository);
    if let Some(tag) = tag {
        // The value of a tag key may also be a digest.
        image.push(if tag.starts_with("sha256:") { '@' } else { ':' });
        image.push_str(&tag);
    }
    image
}

/// Whether the string of a repository includes a tag or a digest.
pub(crate) fn names_version(repository: &str) -> bool {
    let last = repository.rsplit('/').next().unwrap_or(repository);
    last.contains([':', '@'])
}

/// The key of the tag in a mapping: the first with a value, otherwise the first that
/// exists.
pub(crate) fn tag_key(block: &Map<String, Value>) -> Option<&'static str> {
    let mut keys = TAG_KEYS.into_iter();
    let filled = keys.find(|key| block.get(*key).is_some_and(is_filled));
    filled.or_else(|| TAG_KEYS.into_iter().find(|key| block.contains_key(*key)))
}

/// A key of a mapping that seems to be the version of an image, and is not one of
/// [`TAG_KEYS`].
pub(crate) fn version_key(block: &Map<String, Value>) -> Option<&str> {
    let mut entries = block.iter().filter(|(_, value)| is_filled(value));
    let found = entries.find(|(key, _)| {
        let plain = key.to_ascii_lowercase().replace(['_', '-'], "");
        let names = ["version", "imageversion", "appversion", "digest", "sha"];
        let is_version = names.contains(&plain.as_str()) || plain.ends_with("tag");
        is_version && !TAG_KEYS.contains(&key.as_str())
    });
    found.map(|(key, _)| key.as_str())
}
