//! Finds the images in the values of a release by their shape, at any depth.

use serde_json::{Map, Value};

use super::image::{HelmImage, tag_key, version_key};
use super::path::scalar;
use crate::image::ImageReference;

/// Keys next to a repository of code or charts, not of images.
const NOT_OF_AN_IMAGE: [&str; 5] = ["chart", "branch", "ref", "revision", "targetRevision"];

/// The extensions of pictures, which may also be under a key `image`.
const PICTURES: [&str; 7] = ["png", "svg", "jpg", "jpeg", "gif", "ico", "webp"];

/// An image in the values.
pub(crate) struct FoundImage {
    /// The path of the block that it belongs to; the last key is never its `image`.
    pub(crate) block: Vec<String>,
    /// Its parts.
    pub(crate) image: HelmImage,
}

/// The images in the values, in their order.
pub(crate) fn find(values: &Map<String, Value>) -> Vec<FoundImage> {
    let mut found = Vec::new();
    visit_block(values, &mut Vec::new(), &mut found);
    found
}

fn visit_block(block: &Map<String, Value>, path: &mut Vec<String>, found: &mut Vec<FoundImage>) {
    let is_image_block = path.last().is_some_and(|key| key == "image");
    let image = under_key_image(block, path).or_else(|| {
        // The block that has the key `image` already has this one.
        if is_image_block {
            None
        } else {
            beside_tag(block, path)
        }
    });
    found.extend(image.map(|image| FoundImage {
        block: path.clone(),
        image,
    }));
    for (key, value) in block {
        visit(value, key, path, found);
    }
}

fn visit(value: &Value, key: &str, path: &mut Vec<String>, found: &mut Vec<FoundImage>) {
    path.push(key.to_owned());
    match value {
        Value::Object(block) => visit_block(block, path, found),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                visit(item, &index.to_string(), path, found);
            }
        }
        _ => {}
    }
    path.pop();
}

/// The image of the key `image` in the block at a path.
fn under_key_image(block: &Map<String, Value>, path: &[String]) -> Option<HelmImage> {
    match block.get("image")? {
        Value::String(image) if is_image(image, path.len()) => Some(HelmImage {
            repository: at(path, &["image"]),
            tag: Some(at(path, &[tag_key(block).unwrap_or("tag")])),
            registry: Some(at(path, &["registry"])),
            splits_tag: false,
            digest: None,
            version: version_key(block).map(|key| at(path, &[key])),
            is_mapped: false,
        }),
        Value::Object(image) if is_of_image(image) => {
            // Next to the block, a plain `tag` need not be of this image.
            let outer_key = tag_key(block).filter(|key| *key != "tag");
            let tag = match (tag_key(image), outer_key) {
                (Some(key), _) => at(path, &["image", key]),
                (None, Some(key)) => at(path, &[key]),
                (None, None) => at(path, &["image", "tag"]),
            };
            Some(HelmImage {
                repository: at(path, &["image", "repository"]),
                tag: Some(tag),
                registry: Some(at(path, &["image", "registry"])),
                splits_tag: true,
                digest: Some(at(path, &["image", "digest"])),
                version: version_key(image).map(|key| at(path, &["image", key])),
                is_mapped: false,
            })
        }
        _ => None,
    }
}

/// The image of a block with a repository and a tag, whatever its key.
fn beside_tag(block: &Map<String, Value>, path: &[String]) -> Option<HelmImage> {
    let tag = tag_key(block).filter(|_| is_of_image(block))?;
    Some(HelmImage {
        repository: at(path, &["repository"]),
        tag: Some(at(path, &[tag])),
        registry: Some(at(path, &["registry"])),
        splits_tag: true,
        digest: Some(at(path, &["digest"])),
        version: version_key(block).map(|key| at(path, &[key])),
        is_mapped: false,
    })
}

fn at(path: &[String], keys: &[&str]) -> Vec<String> {
    let keys = keys.iter().map(|&key| key.to_owned());
    path.iter().cloned().chain(keys).collect()
}

/// Whether the repository of a block is one of images.
fn is_of_image(block: &Map<String, Value>) -> bool {
    let repository = block.get("repository").and_then(scalar);
    repository.is_some_and(|repository| !repository.contains("://"))
        && !NOT_OF_AN_IMAGE.iter().any(|key| block.contains_key(*key))
}

/// Whether the text under a key `image` is an image. Down to the first level of blocks,
/// where Flux finds images, every text is, so that a misspelled one is reported.
fn is_image(text: &str, depth: usize) -> bool {
    if text.is_empty() || text.contains("://") {
        return false;
    }
    let is_picture = text
        .rsplit_once('.')
        .is_some_and(|(_, extension)| PICTURES.contains(&extension.to_ascii_lowercase().as_str()));
    let has_placeholder = text.contains("${") || text.contains("{{");
    let is_valid = text.parse::<ImageReference>().is_ok();
    depth <= 1 || (!is_picture && (is_valid || has_placeholder))
}
