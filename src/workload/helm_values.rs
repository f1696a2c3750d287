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

/// The images of a release's values, mapped ones first, then by name.
pub(super) fn containers(
    values: &Map<String, Value>,
    annotations: &BTreeMap<String, String>,
) -> Vec<Container> {
    let mut images = mapped(values, annotations);
    let top = image_of(values);
    let has_top = top.is_some();
    let blocks = values.iter().filter_map(|(key, value)| {
        let block = value.as_object()?;
        // `image: {repository}` at the top is the chart's own image, found above.
        if key == "image" && has_top {
            return None;
        }
        Some((key.clone(), image_of(block)?))
    });
    let top = top.map(|image| (CHART_IMAGE.to_owned(), image));
    for (name, image) in top.into_iter().chain(blocks) {
        images.entry(name).or_insert(image);
    }
    images
        .into_iter()
        .map(|(name, image)| Container {
            name,
            container_type: ContainerType::Container,
            image,
            marker: None,
        })
        .collect()
}

fn mapped(
    values: &Map<String, Value>,
    annotations: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let at = |prefix: &str, container: &str| {
        let path = annotations.get(&format!("{prefix}.fluxcd.io/{container}"))?;
        text_at(values, path)
    };
    annotations
        .keys()
        .filter_map(|key| key.strip_prefix("repository.fluxcd.io/"))
        .filter_map(|container| {
            let repository = at("repository", container)?;
            let image = join(at("registry", container), &repository, at("tag", container));
            Some((container.to_owned(), image))
        })
        .collect()
}

/// The scalar at a dotted path; list indexes are not followed.
fn text_at(values: &Map<String, Value>, path: &str) -> Option<String> {
    let mut keys = path.split('.');
    let mut value = values.get(keys.next()?)?;
    for key in keys {
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

fn image_of(block: &Map<String, Value>) -> Option<String> {
    let beside = |from: &Map<String, Value>, key: &str| from.get(key).and_then(scalar);
    match block.get("image")? {
        Value::String(image) if !image.is_empty() => {
            Some(join(beside(block, "registry"), image, beside(block, "tag")))
        }
        Value::Object(image) => {
            let repository = beside(image, "repository")?;
            Some(join(
                beside(image, "registry"),
                &repository,
                beside(image, "tag"),
            ))
        }
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
