//! The images in the values of a Helm release, found as Flux finds them.
//!
//! Images are found at the top level, where the container is called `chart-image`,
//! and in the blocks one level below, where it is called after the block's key. An
//! image has one of these forms:
//!
//! | form | keys |
//! |---|---|
//! | string | `image: repo[:tag]`, optionally with `tag` and `registry` next to it |
//! | block | `image: {repository[, tag][, registry]}` |
//!
//! Instead of `tag`, the key may be `imageTag` or `image_tag`, which may also be
//! next to the block. Any other key that seems to be the version, such as
//! `version`, is not supported, and such an image is not changed.
//!
//! Deeper images are found only through the mapping annotations
//! `repository.fluxcd.io/<container>`, `tag.fluxcd.io/<container>` and
//! `registry.fluxcd.io/<container>`, which have dotted paths into the values. A tag
//! without a repository is not an image. A mapped image is not listed a second
//! time under another name.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::scalar::printed;
use crate::workload::container::{Container, ContainerType, NumericTag};
use crate::workload::id::WorkloadKind;
use crate::workload::object::Workload;

/// The container name of the image at the top level of the values.
const CHART_IMAGE: &str = "chart-image";

/// The possible keys of a tag, the usual one first.
const TAG_KEYS: [&str; 3] = ["tag", "imageTag", "image_tag"];

/// The prefixes of the annotations that map an image; the container's name follows.
pub(crate) const REPOSITORY: &str = "repository.fluxcd.io/";
pub(crate) const TAG: &str = "tag.fluxcd.io/";
const REGISTRY: &str = "registry.fluxcd.io/";

/// The paths of the parts of one image in the values of a release, each as a list of
/// keys from the root.
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
    fn numeric_tag(&self, values: &Map<String, Value>) -> Option<NumericTag> {
        let value = self.tag_value(values).filter(|value| !value.is_string())?;
        Some(NumericTag {
            printed: printed(value)?,
            written: None,
        })
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

/// The images in the values of a release, by container name. Mapped images take
/// precedence over those that are found.
#[must_use]
pub fn helm_images(
    values: &Map<String, Value>,
    annotations: &BTreeMap<String, String>,
) -> BTreeMap<String, HelmImage> {
    let mut images = mapped(values, annotations);
    let top = image_of(values, &[]);
    let has_top = top.is_some();
    let blocks = values.iter().filter_map(|(key, value)| {
        let block = value.as_object()?;
        // `image: {repository}` at the top level is the chart's own image.
        if key == "image" && has_top {
            return None;
        }
        Some((key.clone(), image_of(block, &[key])?))
    });
    let top = top.map(|image| (CHART_IMAGE.to_owned(), image));
    for (name, image) in top.into_iter().chain(blocks) {
        let is_mapped = images
            .values()
            .any(|mapped| mapped.repository == image.repository);
        if !is_mapped {
            images.entry(name).or_insert(image);
        }
    }
    images
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
    if let Some(name) = key.strip_prefix(REPOSITORY) {
        let is_found = workload.containers.iter().any(|c| c.name == name);
        return (!is_found)
            .then(|| format!("{key} is {path:?}, but spec.values has no string there"));
    }
    let name = [TAG, REGISTRY]
        .iter()
        .find_map(|prefix| key.strip_prefix(prefix))?;
    let repository = format!("{REPOSITORY}{name}");
    (!workload.annotations.contains_key(&repository))
        .then(|| format!("{key} has no effect without {repository}"))
}

/// The images in the values of a release as containers, ordered by name.
pub(crate) fn containers(
    values: &Map<String, Value>,
    annotations: &BTreeMap<String, String>,
) -> Vec<Container> {
    helm_images(values, annotations)
        .into_iter()
        .filter_map(|(name, image)| {
            Some(Container {
                name,
                container_type: ContainerType::Container,
                image: image.text(values)?,
                marker: None,
                obstacle: image.obstacle(values),
                numeric_tag: image.numeric_tag(values),
            })
        })
        .collect()
}

fn mapped(
    values: &Map<String, Value>,
    annotations: &BTreeMap<String, String>,
) -> BTreeMap<String, HelmImage> {
    annotations
        .keys()
        .filter_map(|key| key.strip_prefix(REPOSITORY))
        .filter_map(|container| {
            let repository = mapped_path(annotations, REPOSITORY, container)?;
            let block = parent(values, &repository)?;
            let above = &repository[..repository.len() - 1];
            let own_tag = mapped_path(annotations, TAG, container);
            let tag = own_tag.or_else(|| {
                let key = tag_key(block)?;
                Some([above, &[key.to_owned()]].concat())
            });
            let image = HelmImage {
                version: version_key(block).map(|key| [above, &[key.to_owned()]].concat()),
                repository,
                tag,
                registry: mapped_path(annotations, REGISTRY, container),
                splits_tag: true,
                digest: None,
                is_mapped: true,
            };
            image.text(values)?;
            Some((container.to_owned(), image))
        })
        .collect()
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

/// The key of the tag in a mapping: the first with a value, otherwise the first that
/// exists.
fn tag_key(block: &Map<String, Value>) -> Option<&'static str> {
    let mut keys = TAG_KEYS.into_iter();
    let filled = keys.find(|key| block.get(*key).is_some_and(is_filled));
    filled.or_else(|| TAG_KEYS.into_iter().find(|key| block.contains_key(*key)))
}

/// A key of a mapping that seems to be the version of an image, and is not one of
/// [`TAG_KEYS`].
fn version_key(block: &Map<String, Value>) -> Option<&str> {
    let mut entries = block.iter().filter(|(_, value)| is_filled(value));
    let found = entries.find(|(key, _)| {
        let plain = key.to_ascii_lowercase().replace(['_', '-'], "");
        let names = ["version", "imageversion", "appversion", "digest", "sha"];
        let is_version = names.contains(&plain.as_str()) || plain.ends_with("tag");
        is_version && !TAG_KEYS.contains(&key.as_str())
    });
    found.map(|(key, _)| key.as_str())
}

/// Whether the string of a repository includes a tag or a digest.
pub(crate) fn names_version(repository: &str) -> bool {
    let last = repository.rsplit('/').next().unwrap_or(repository);
    last.contains([':', '@'])
}

pub(crate) fn is_filled(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.is_empty(),
        Value::Number(_) | Value::Bool(_) => true,
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}

/// The scalar at a path. A path cannot go through a list.
fn text_at(values: &Map<String, Value>, path: &[String]) -> Option<String> {
    scalar(value_at(values, path)?)
}

pub(crate) fn value_at<'v>(values: &'v Map<String, Value>, path: &[String]) -> Option<&'v Value> {
    parent(values, path)?.get(path.last()?)
}

/// The mapping that has, or would have, the last key of a path.
pub(crate) fn parent<'v>(
    values: &'v Map<String, Value>,
    path: &[String],
) -> Option<&'v Map<String, Value>> {
    let (_, above) = path.split_last()?;
    above
        .iter()
        .try_fold(values, |mapping, key| mapping.get(key)?.as_object())
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(_) => printed(value),
        _ => None,
    }
}

/// The image of the block at a path.
fn image_of(block: &Map<String, Value>, path: &[&str]) -> Option<HelmImage> {
    let at = |keys: &[&str]| {
        let keys = path.iter().chain(keys);
        keys.map(|&key| key.to_owned()).collect::<Vec<_>>()
    };
    match block.get("image")? {
        Value::String(image) if !image.is_empty() => Some(HelmImage {
            repository: at(&["image"]),
            tag: Some(at(&[tag_key(block).unwrap_or("tag")])),
            registry: Some(at(&["registry"])),
            splits_tag: false,
            digest: None,
            version: version_key(block).map(|key| at(&[key])),
            is_mapped: false,
        }),
        Value::Object(image) => image.get("repository").and_then(scalar).map(|_| {
            // Next to the block, a plain `tag` need not be of this image.
            let outer_key = tag_key(block).filter(|key| *key != "tag");
            let tag = match (tag_key(image), outer_key) {
                (Some(key), _) => at(&["image", key]),
                (None, Some(key)) => at(&[key]),
                (None, None) => at(&["image", "tag"]),
            };
            HelmImage {
                repository: at(&["image", "repository"]),
                tag: Some(tag),
                registry: Some(at(&["image", "registry"])),
                splits_tag: true,
                digest: Some(at(&["image", "digest"])),
                version: version_key(image).map(|key| at(&["image", key])),
                is_mapped: false,
            }
        }),
        _ => None,
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn images(values: Value, annotations: &[(&str, &str)]) -> Vec<(String, String)> {
        let annotations = annotations
            .iter()
            .map(|&(k, v)| (k.to_owned(), v.to_owned()))
            .collect();
        containers(values.as_object().expect("a mapping"), &annotations)
            .into_iter()
            .map(|container| (container.name, container.image))
            .collect()
    }

    fn pair(name: &str, image: &str) -> (String, String) {
        (name.to_owned(), image.to_owned())
    }

    #[test]
    fn every_form_of_an_image_is_found() {
        for (values, image) in [
            (json!({"image": "q/app:1"}), "q/app:1"),
            (json!({"image": "q/app", "tag": "1"}), "q/app:1"),
            (
                json!({"image": "app", "registry": "q.io", "tag": 2}),
                "q.io/app:2",
            ),
            (json!({"image": "q/app", "tag": 1.2}), "q/app:1.2"),
            (json!({"image": "q/app", "tag": 1e3}), "q/app:1000"),
            (
                json!({"image": "q/app", "tag": 20190523}),
                "q/app:2.0190523e+07",
            ),
            (json!({"image": "q/app", "tag": false}), "q/app:false"),
            (
                json!({"image": {"repository": "q/app", "tag": "1"}}),
                "q/app:1",
            ),
            (
                json!({"image": {"repository": "app", "registry": "q.io"}}),
                "q.io/app",
            ),
        ] {
            assert_eq!(
                images(values.clone(), &[]),
                [pair("chart-image", image)],
                "{values}"
            );
            let nested = json!({"sidecar": values});
            assert_eq!(images(nested, &[]), [pair("sidecar", image)], "{values}");
        }
    }

    #[test]
    fn tag_is_read_from_the_key_that_has_a_value() {
        for (values, image) in [
            (json!({"image": "q/app", "imageTag": "1"}), "q/app:1"),
            (json!({"image": "q/app", "image_tag": "1"}), "q/app:1"),
            (
                json!({"image": "q/app", "tag": "1", "imageTag": "2"}),
                "q/app:1",
            ),
            (
                json!({"image": "q/app", "tag": "", "imageTag": "2"}),
                "q/app:2",
            ),
            (
                json!({"image": {"repository": "q/app"}, "imageTag": "1"}),
                "q/app:1",
            ),
            (
                json!({"image": {"repository": "q/app", "image_tag": "1"}}),
                "q/app:1",
            ),
            (
                json!({"image": {"repository": "q/app", "tag": "1"}, "imageTag": "2"}),
                "q/app:1",
            ),
            // A `tag` next to a block need not be of its image.
            (
                json!({"image": {"repository": "q/app"}, "tag": "1"}),
                "q/app",
            ),
            (json!({"image": "q/app", "version": "1"}), "q/app"),
        ] {
            let found = images(values.clone(), &[]);
            assert_eq!(found, [pair("chart-image", image)], "{values}");
        }
    }

    #[test]
    fn mapped_image_is_listed_once_and_can_be_changed() {
        let repository = ("repository.fluxcd.io/app", "image");
        for (values, mapping, image, is_writable) in [
            (json!({"image": "q/app"}), &[repository][..], "q/app", true),
            (
                json!({"image": "q/app", "imageTag": "1"}),
                &[repository],
                "q/app:1",
                true,
            ),
            (
                json!({"image": "q/app", "version": "1"}),
                &[repository],
                "q/app",
                false,
            ),
            (
                json!({"image": "q/app", "version": "1"}),
                &[repository, ("tag.fluxcd.io/app", "version")],
                "q/app:1",
                true,
            ),
            (
                json!({"image": "q/app"}),
                &[repository, ("tag.fluxcd.io/app", "a.b")],
                "q/app",
                false,
            ),
        ] {
            assert_eq!(
                images(values.clone(), mapping),
                [pair("app", image)],
                "{values}"
            );
            let mapping = mapping.iter().map(|&(k, v)| (k.to_owned(), v.to_owned()));
            let found = containers(values.as_object().expect("a mapping"), &mapping.collect());
            assert_eq!(found[0].obstacle.is_none(), is_writable, "{values}");
        }
    }

    #[test]
    fn deeper_images_require_a_repository_mapping() {
        let values = json!({"a": {"b": {"repo": "q/app", "tag": "1"}}, "c": {"tag": "1"}});
        assert_eq!(images(values.clone(), &[]), []);
        assert_eq!(
            images(values.clone(), &[("tag.fluxcd.io/app", "c.tag")]),
            []
        );
        let mapping = [
            ("repository.fluxcd.io/app", "a.b.repo"),
            ("tag.fluxcd.io/app", "a.b.tag"),
        ];
        assert_eq!(images(values, &mapping), [pair("app", "q/app:1")]);
    }
}
