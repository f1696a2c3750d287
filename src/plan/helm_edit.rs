//! How an image is written into a Helm release's values.
//!
//! | current form | what is written |
//! |---|---|
//! | a separate tag, also as a number, a boolean or a digest | the tag, as a string |
//! | repository and tag in one string | the whole string |
//! | no tag, in a block or with a mapped key for one | a tag under its key |
//! | no tag, in one string that is mapped, or whose image the user names | the whole string |
//! | a version under an unknown key, or a digest | nothing |
//!
//! The registry and the repository are not changed.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::change::ImageChange;
use super::edit::{ValueEdit, put_scalar};
use super::refusal::Refusal;
use crate::image::ImageReference;
use crate::workload::{HelmImage, Observed, helm_images, names_version, parent, value_at};

/// The scalars that set the images of a release, in their current forms.
///
/// # Errors
///
/// An image cannot be written, or shares its value with another one; with the
/// reason.
pub(crate) fn value_edits(
    object: &Observed,
    changes: &[&ImageChange],
) -> Result<Vec<ValueEdit>, Refusal> {
    let none = Map::new();
    let values = object.values.as_ref().and_then(Value::as_object);
    let values = values.unwrap_or(&none);
    let annotations = &object.annotations;
    let images = helm_images(values, annotations);
    let mut edited = values.clone();
    let mut edits = BTreeMap::new();
    for change in changes {
        let edit = images
            .get(&change.container)
            .ok_or_else(|| "its image is not in spec.values".to_owned())
            .and_then(|place| edit(place, values, change))
            .map_err(|reason| Refusal::NotWritable {
                container: change.container.clone(),
                reason,
            })?;
        put_scalar(&mut edited, &edit);
        edits.insert(edit.path.clone(), edit);
    }

    let mut expected = image_texts(values, annotations);
    for change in changes {
        expected.insert(change.container.clone(), change.to.to_string());
    }
    let now = image_texts(&edited, annotations);
    // Two mappings may name the same key, which cannot hold two images.
    if let Some((name, _)) = expected
        .iter()
        .find(|(name, image)| now.get(*name) != Some(*image))
    {
        let is_changed = changes.iter().any(|change| change.container == *name);
        let others = changes.iter().map(|change| change.container.as_str());
        return Err(Refusal::NotWritable {
            container: name.clone(),
            reason: if is_changed {
                format!(
                    "{} cannot be written in place of the current image",
                    expected[name]
                )
            } else {
                let others = others.collect::<Vec<_>>().join(", ");
                format!("its image shares its value with that of {others}, and would also change")
            },
        });
    }
    Ok(edits.into_values().collect())
}

/// The images of a release by container, as text.
fn image_texts(
    values: &Map<String, Value>,
    annotations: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    helm_images(values, annotations)
        .into_iter()
        .filter_map(|(name, image)| Some((name, image.text(values)?)))
        .collect()
}

/// The scalar that sets one image.
fn edit(
    place: &HelmImage,
    values: &Map<String, Value>,
    change: &ImageChange,
) -> Result<ValueEdit, String> {
    let image = &change.to;
    let repository = place.repository_text(values).unwrap_or_default();
    if let Some(obstacle) = place.obstacle(values).filter(|o| !o.yields_to_explicit) {
        return Err(obstacle.message);
    }
    if !names_version(&repository)
        && let Some(path) = &place.tag
    {
        let written = value_at(values, path);
        let has_room = parent(values, path).is_some();
        if written.is_some_and(|tag| tag.is_array() || tag.is_object()) {
            return Err(format!("{} of the values is not a string", path.join(".")));
        }
        if written.is_some() || place.splits_tag && has_room {
            let plain = change.plain_tag.clone();
            return Ok(ValueEdit {
                path: path.clone(),
                is_plain: plain.is_some(),
                text: plain.or_else(|| version(image)),
            });
        }
    }
    let whole = image.to_string();
    let text = match place.registry_text(values) {
        Some(registry) => whole
            .strip_prefix(&format!("{registry}/"))
            .ok_or_else(|| format!("{whole} is not on the registry {registry} of the values"))?
            .to_owned(),
        None => whole,
    };
    Ok(ValueEdit {
        path: place.repository.clone(),
        text: Some(text),
        is_plain: false,
    })
}

/// The value of a tag: `1.0.1`, `1.0.1@sha256:…`, `sha256:…`. `None`, and no key,
/// for an image without a tag and a digest, so that the chart's own tag applies.
fn version(image: &ImageReference) -> Option<String> {
    match (image.tag(), image.digest()) {
        (Some(tag), Some(digest)) => Some(format!("{tag}@{digest}")),
        (Some(tag), None) => Some(tag.to_string()),
        (None, Some(digest)) => Some(digest.to_string()),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::ContainerType;
    use proptest::prelude::*;
    use proptest::sample::select;
    use serde_json::json;

    fn release(values: &Value, mapping: &[(&str, &str)]) -> Observed {
        let annotations: BTreeMap<_, _> = mapping.iter().copied().collect();
        let object = json!({"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
            "metadata": {"name": "web", "annotations": annotations},
            "spec": {"values": values}});
        Observed::read(&object, "default")
            .expect("decodes")
            .expect("a release")
    }

    fn change(object: &Observed, container: &str, version: &str) -> ImageChange {
        let containers = &object.workload.containers;
        let found = containers.iter().find(|c| c.name == container);
        let from = &found.expect("a container").image;
        let name: ImageReference = from.parse().expect("an image");
        ImageChange::new(
            container,
            ContainerType::Container,
            from.clone(),
            format!("{}{version}", name.name())
                .parse()
                .expect("an image"),
        )
    }

    /// `path=text` of the edits, or the refusal.
    fn written(
        values: &Value,
        mapping: &[(&str, &str)],
        container: &str,
        version: &str,
    ) -> Result<String, String> {
        let object = release(values, mapping);
        let change = change(&object, container, version);
        let edits = value_edits(&object, &[&change]).map_err(|refusal| refusal.to_string())?;
        let texts = edits.iter().map(|edit| {
            let text = edit.text.as_deref().unwrap_or("<removed>");
            format!("{}={text}", edit.path.join("."))
        });
        Ok(texts.collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn each_form_keeps_its_form() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        let by_digest = format!(":2@{digest}");
        for (values, version, expected) in [
            (
                json!({"image": "q/app:1"}),
                ":2",
                "image=q/app:2".to_owned(),
            ),
            (json!({"image": "q/app"}), ":2", "image=q/app:2".to_owned()),
            (
                json!({"image": "q/app", "tag": "1"}),
                ":2",
                "tag=2".to_owned(),
            ),
            (
                json!({"image": "q/app", "tag": ""}),
                ":2",
                "tag=2".to_owned(),
            ),
            (
                json!({"image": "q/app", "imageTag": "v1"}),
                ":v2",
                "imageTag=v2".to_owned(),
            ),
            (
                json!({"image": {"repository": "q/app"}, "image_tag": "v1"}),
                ":v2",
                "image_tag=v2".to_owned(),
            ),
            (
                json!({"image": "app:1", "registry": "q.io"}),
                ":2",
                "image=app:2".to_owned(),
            ),
            (
                json!({"image": {"repository": "q/app", "tag": 1.1}}),
                ":1.10",
                "image.tag=1.10".to_owned(),
            ),
            (
                json!({"image": {"repository": "app", "registry": "q.io"}}),
                ":2",
                "image.tag=2".to_owned(),
            ),
            (
                json!({"image": {"repository": "q/app:1"}}),
                ":2",
                "image.repository=q/app:2".to_owned(),
            ),
            (
                json!({"image": {"repository": "q/app", "tag": digest.clone()}}),
                by_digest.as_str(),
                format!("image.tag=2@{digest}"),
            ),
            (
                json!({"image": {"repository": "q/app", "tag": "1"}}),
                "",
                "image.tag=<removed>".to_owned(),
            ),
        ] {
            let got = written(&values, &[], "chart-image", version);
            assert_eq!(got, Ok(expected), "{values}");
        }
    }

    #[test]
    fn mapped_image_is_written_at_the_mapped_path() {
        let values = json!({"a": {"b": {"repo": "q/app", "version": "1"}}});
        let mapping = [
            ("repository.fluxcd.io/app", "a.b.repo"),
            ("tag.fluxcd.io/app", "a.b.version"),
        ];
        let got = written(&values, &mapping, "app", ":2");
        assert_eq!(got, Ok("a.b.version=2".to_owned()));
        let refusal = written(&values, &mapping[..1], "app", ":2").expect_err("refused");
        assert!(refusal.contains("a.b.version in the values"), "{refusal}");
        let bare = json!({"a": {"b": {"repo": "q/app"}}});
        let got = written(&bare, &mapping, "app", ":2");
        assert_eq!(got, Ok("a.b.version=2".to_owned()));
    }

    #[test]
    fn image_at_any_depth_is_written_in_its_place() {
        let values = json!({"a": {"b": {"image": {"repository": "q/app", "tag": "1"}},
            "c": [{"image": "q/app:1"}, {"x": {"repository": "q/app", "tag": "1"}}]}});
        for (container, expected) in [
            ("a.b", "a.b.image.tag=2"),
            ("a.c.0", "a.c.0.image=q/app:2"),
            ("a.c.1.x", "a.c.1.x.tag=2"),
        ] {
            let got = written(&values, &[], container, ":2");
            assert_eq!(got, Ok(expected.to_owned()));
        }
    }

    #[test]
    fn value_shared_with_another_image_is_refused() {
        let values = json!({"app": {"image": {"repository": "q/app", "tag": "1"}},
            "side": {"image": "q/side"}});
        let mapping = [
            ("repository.fluxcd.io/side", "side.image"),
            ("tag.fluxcd.io/side", "app.image.tag"),
        ];
        let refusal = written(&values, &mapping, "app", ":2").expect_err("refused");
        assert_eq!(
            refusal,
            "container side: its image shares its value with that of app, and would also change"
        );
    }

    #[test]
    fn separate_digest_is_refused() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        let values = json!({"image": {"repository": "q/app", "tag": "1", "digest": digest}});
        let refusal = written(&values, &[], "chart-image", ":2").expect_err("refused");
        assert_eq!(
            refusal,
            "container chart-image: image.digest in the values takes precedence over a tag; \
             remove it first"
        );
    }

    fn any_block() -> impl Strategy<Value = Value> {
        let versions = select(vec!["", ":1", ":1.0@sha256:"]);
        let tags = select(vec![
            json!(null),
            json!(""),
            json!("1"),
            json!(1.1),
            json!("sha256:"),
        ]);
        let hex = "ab".repeat(32);
        (versions, tags, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
            move |(version, tag, has_registry, is_block, has_tag)| {
                let whole = |text: &str| {
                    if text.ends_with("sha256:") {
                        format!("{text}{hex}")
                    } else {
                        text.to_owned()
                    }
                };
                let has_tag = has_tag && version.is_empty();
                let repository = format!("q/app{}", whole(version));
                let mut block = if is_block {
                    json!({ "repository": repository })
                } else {
                    json!({ "image": repository })
                };
                if has_tag {
                    block["tag"] = tag.as_str().map_or(tag.clone(), |tag| json!(whole(tag)));
                }
                if has_registry {
                    block["registry"] = json!("reg.example");
                }
                if is_block {
                    json!({ "image": block })
                } else {
                    block
                }
            },
        )
    }

    proptest! {
        #[test]
        fn written_values_read_back_as_the_new_image(
            top in any_block(),
            side in any_block(),
            version in select(vec![":2", ":1.10", ":2@sha256:", "@sha256:"]),
        ) {
            let version = if version.ends_with("sha256:") {
                format!("{version}{}", "cd".repeat(32))
            } else {
                version.to_owned()
            };
            let mut values = top;
            values["side"] = side;
            let object = release(&values, &[]);
            let change = change(&object, "side", &version);
            let edits = value_edits(&object, &[&change]).expect("a place");
            let mut edited = values.as_object().expect("a mapping").clone();
            for edit in &edits {
                put_scalar(&mut edited, edit);
            }
            let after = release(&Value::Object(edited), &[]).workload.containers;
            let mut expected = object.workload.containers;
            let side = expected.iter_mut().find(|c| c.name == "side").expect("side");
            side.image = change.to.to_string();
            side.obstacle = None;
            side.numeric_tag = None;
            side.has_chart_tag = false;
            prop_assert_eq!(after, expected);
        }
    }
}
