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
//! Deeper ones are found only through the mapping annotations
//! `repository.fluxcd.io/<container>`, `tag.fluxcd.io/<container>` and
//! `registry.fluxcd.io/<container>`, whose values are dotted paths into the
//! values. A tag without a repository is no image.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::container::{Container, ContainerType};

/// What the image at the top level of the values is called.
const CHART_IMAGE: &str = "chart-image";

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
}

impl HelmImage {
    /// The image, put together; `None`: no repository stands there.
    #[must_use]
    pub fn text(&self, values: &Map<String, Value>) -> Option<String> {
        let tag = self.tag.as_ref().and_then(|path| text_at(values, path));
        let repository = text_at(values, &self.repository)?;
        Some(join(self.registry_text(values), &repository, tag))
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
        images.entry(name).or_insert(image);
    }
    images
}

/// The images of a release's values as containers, by name.
pub(super) fn containers(
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
                obstacle: None,
            })
        })
        .collect()
}

fn mapped(
    values: &Map<String, Value>,
    annotations: &BTreeMap<String, String>,
) -> BTreeMap<String, HelmImage> {
    let at = |prefix: &str, container: &str| {
        let path = annotations.get(&format!("{prefix}.fluxcd.io/{container}"))?;
        Some(path.split('.').map(str::to_owned).collect())
    };
    annotations
        .keys()
        .filter_map(|key| key.strip_prefix("repository.fluxcd.io/"))
        .filter_map(|container| {
            let image = HelmImage {
                repository: at("repository", container)?,
                tag: at("tag", container),
                registry: at("registry", container),
                splits_tag: true,
                digest: None,
            };
            image.text(values)?;
            Some((container.to_owned(), image))
        })
        .collect()
}

/// The scalar at a path; list indexes are not followed.
fn text_at(values: &Map<String, Value>, path: &[String]) -> Option<String> {
    let (first, rest) = path.split_first()?;
    let mut value = values.get(first)?;
    for key in rest {
        value = value.as_object()?.get(key)?;
    }
    scalar(value)
}

/// A tag such as `1.10` may stand unquoted in the values; its text is lost, and
/// the number's is taken.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
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
            tag: Some(at(&["tag"])),
            registry: Some(at(&["registry"])),
            splits_tag: false,
            digest: None,
        }),
        Value::Object(image) => image.get("repository").and_then(scalar).map(|_| HelmImage {
            repository: at(&["image", "repository"]),
            tag: Some(at(&["image", "tag"])),
            registry: Some(at(&["image", "registry"])),
            splits_tag: true,
            digest: Some(at(&["image", "digest"])),
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
