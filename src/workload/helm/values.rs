//! The images in a Helm release's values, where Flux looks for them.
//!
//! Looked at are the top level, whose image is called `chart-image`, and the
//! blocks one level down, whose images bear the block's key. An image is
//! written in one of these forms:
//!
//! | form | keys |
//! |---|---|
//! | text | `image: repo[:tag]`, maybe with `tag` and `registry` beside it |
//! | block | `image: {repository[, tag][, registry]}` |
//!
//! In the place of `tag` there may be `imageTag` or `image_tag`, which also may
//! stand beside the block. Any other key beside it that seems to hold the version,
//! such as `version`, is not understood, and nothing is written there.
//!
//! Deeper ones are found only through the mapping annotations
//! `repository.fluxcd.io/<container>`, `tag.fluxcd.io/<container>` and
//! `registry.fluxcd.io/<container>`, whose values are dotted paths into the
//! values. A tag without a repository is no image. What is mapped is not found a
//! second time under another name.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::scalar::printed;
use crate::workload::container::{Container, ContainerType, NumericTag};
use crate::workload::id::WorkloadKind;
use crate::workload::workload::Workload;

/// What the image at the top level of the values is called.
const CHART_IMAGE: &str = "chart-image";

/// The keys of a tag, the usual one first.
const TAG_KEYS: [&str; 3] = ["tag", "imageTag", "image_tag"];

/// The annotations that map an image, before the container's name.
pub(crate) const REPOSITORY: &str = "repository.fluxcd.io/";
pub(crate) const TAG: &str = "tag.fluxcd.io/";
const REGISTRY: &str = "registry.fluxcd.io/";

/// Where the parts of one image stand in a release's values, as keys from their
/// root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelmImage {
    /// The repository, or the whole image in one text.
    pub repository: Vec<String>,
    /// Where a tag stands, or would.
    pub tag: Option<Vec<String>>,
    /// Where a registry stands, or would.
    pub registry: Option<Vec<String>>,
    /// Whether a tag is expected in its place, and not behind the repository,
    /// where there is none yet.
    pub splits_tag: bool,
    /// Where a digest would stand that counts more than the tag.
    pub digest: Option<Vec<String>>,
    /// A key that seems to hold the version and is not understood.
    pub version: Option<Vec<String>>,
    /// Whether annotations say where it stands.
    pub is_mapped: bool,
}

impl HelmImage {
    /// The image, put together; `None`: no repository stands there.
    #[must_use]
    pub fn text(&self, values: &Map<String, Value>) -> Option<String> {
        let tag = self.tag_value(values).and_then(printed);
        let repository = text_at(values, &self.repository)?;
        Some(join(self.registry_text(values), &repository, tag))
    }

    /// What stands in the tag's place, if that is filled.
    fn tag_value<'v>(&self, values: &'v Map<String, Value>) -> Option<&'v Value> {
        let value = value_at(values, self.tag.as_ref()?)?;
        is_filled(value).then_some(value)
    }

    /// The tag, where a number or a boolean stands in its place.
    fn numeric_tag(&self, values: &Map<String, Value>) -> Option<NumericTag> {
        let value = self.tag_value(values).filter(|value| !value.is_string())?;
        Some(NumericTag {
            printed: printed(value)?,
            written: None,
        })
    }

    /// The text that holds the repository, and maybe more.
    #[must_use]
    pub fn repository_text(&self, values: &Map<String, Value>) -> Option<String> {
        text_at(values, &self.repository)
    }

    /// The registry, where it stands beside the repository.
    #[must_use]
    pub fn registry_text(&self, values: &Map<String, Value>) -> Option<String> {
        text_at(values, self.registry.as_ref()?)
    }
}

/// The images of a release's values by the names of their containers: mapped
/// ones, then those that are found.
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
        // `image: {repository}` at the top is the chart's own image, found above.
        if key == "image" && has_top {
            return None;
        }
        Some((key.clone(), image_of(block, &[key])?))
    });
    let top = top.map(|image| (CHART_IMAGE.to_owned(), image));
    for (name, image) in top.into_iter().chain(blocks) {
        let is_there = |mapped: &HelmImage| mapped.repository == image.repository;
        if !images.values().any(is_there) {
            images.entry(name).or_insert(image);
        }
    }
    images
}

/// The annotations of a release that map something and lead nowhere, each with
/// what is missing, in a sentence.
#[must_use]
pub fn half_mappings(workload: &Workload) -> Vec<String> {
    if workload.id.kind != WorkloadKind::HelmRelease {
        return Vec::new();
    }
    let is_found = |name: &str| workload.containers.iter().any(|c| c.name == name);
    let annotations = &workload.annotations;
    let half = annotations.iter().filter_map(|(key, path)| {
        if let Some(name) = key.strip_prefix(REPOSITORY) {
            let missing = format!("{key} is {path:?}, and spec.values has no text there");
            return (!is_found(name)).then_some(missing);
        }
        let name = [TAG, REGISTRY]
            .iter()
            .find_map(|prefix| key.strip_prefix(prefix))?;
        let repository = format!("{REPOSITORY}{name}");
        let missing = format!("{key} maps nothing without {repository}");
        (!annotations.contains_key(&repository)).then_some(missing)
    });
    half.collect()
}

/// The images of a release's values as containers, by name.
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
    let at = |prefix: &str, container: &str| {
        let path = annotations.get(&format!("{prefix}{container}"))?;
        Some(path.split('.').map(str::to_owned).collect::<Vec<_>>())
    };
    annotations
        .keys()
        .filter_map(|key| key.strip_prefix(REPOSITORY))
        .filter_map(|container| {
            let repository = at(REPOSITORY, container)?;
            let beside = parent(values, &repository)?;
            let above = &repository[..repository.len() - 1];
            let own_tag = at(TAG, container);
            let tag = own_tag.or_else(|| {
                let key = tag_key(beside)?;
                Some([above, &[key.to_owned()]].concat())
            });
            let image = HelmImage {
                version: version_key(beside).map(|key| [above, &[key.to_owned()]].concat()),
                repository,
                tag,
                registry: at(REGISTRY, container),
                splits_tag: true,
                digest: None,
                is_mapped: true,
            };
            image.text(values)?;
            Some((container.to_owned(), image))
        })
        .collect()
}

/// The key of the tag in a mapping: the first that holds one, else the first that
/// is there.
fn tag_key(block: &Map<String, Value>) -> Option<&'static str> {
    let mut keys = TAG_KEYS.into_iter();
    let filled = keys.find(|key| block.get(*key).is_some_and(is_filled));
    filled.or_else(|| TAG_KEYS.into_iter().find(|key| block.contains_key(*key)))
}

/// A key of a mapping that seems to hold an image's version, and is not one of a
/// tag.
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

/// Whether a repository's text names its own version.
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

/// The scalar at a path; list indexes are not followed.
fn text_at(values: &Map<String, Value>, path: &[String]) -> Option<String> {
    scalar(value_at(values, path)?)
}

pub(crate) fn value_at<'v>(values: &'v Map<String, Value>, path: &[String]) -> Option<&'v Value> {
    parent(values, path)?.get(path.last()?)
}

/// The mapping in which the last key of a path stands, or would.
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

/// The image of a block that stands at a path.
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
            // Beside the block only what names the image is its tag.
            let beside = tag_key(block).filter(|key| *key != "tag");
            let tag = match (tag_key(image), beside) {
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
        // A digest in the tag's place is written behind an at sign.
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
    fn the_tag_is_read_from_the_key_that_holds_it() {
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
            // What is beside a block need not be of its image.
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
    fn what_is_mapped_is_found_once_and_written() {
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
    fn deeper_images_need_a_mapping_with_a_repository() {
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
