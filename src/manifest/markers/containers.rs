//! The containers whose images are marked.
//!
//! In the values of a Helm release, the name and the tag may be on separate lines, marked
//! `ns:name:name` and `ns:name:tag`. A marker elsewhere, such as on an argument, belongs to
//! no container.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::workload::{ContainerType, HelmImage, ImageMarker, Workload, WorkloadKind, helm_images};

/// A marker and the value on the same line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    /// The keys and list indexes from the object to the value.
    pub path: Vec<String>,
    /// The ImagePolicy's `namespace:name`, without the variant.
    pub policy: String,
}

impl Marker {
    /// The same marker relative to an item of the list that contains it.
    pub(crate) fn below(&self, index: usize) -> Option<Self> {
        match self.path.as_slice() {
            [items, item, path @ ..] if items == "items" && *item == index.to_string() => {
                Some(Self {
                    path: path.to_vec(),
                    policy: self.policy.clone(),
                })
            }
            _ => None,
        }
    }
}

/// Adds the markers of an object to the containers of the workload that was decoded from
/// it.
pub fn mark(workload: &mut Workload, object: &Value, markers: &[Marker]) {
    if markers.is_empty() {
        return;
    }
    for marker in markers {
        let Some((name, list)) = container_at(workload, object, &marker.path) else {
            continue;
        };
        let container = workload
            .containers
            .iter_mut()
            .find(|c| c.name == name && c.container_type == list);
        if let Some(container) = container {
            container.marker = Some(ImageMarker {
                policy: marker.policy.clone(),
            });
        }
    }
}

/// The container of the workload that was decoded from an object whose image, or a part
/// of it, is at a path.
pub(crate) fn container_at(
    workload: &Workload,
    object: &Value,
    path: &[String],
) -> Option<(String, ContainerType)> {
    if workload.id.kind != WorkloadKind::HelmRelease {
        return pod_container(object, path).map(|(name, list)| (name.to_owned(), list));
    }
    let values = object.pointer("/spec/values")?.as_object()?;
    let images = helm_images(values, &workload.annotations);
    Some((release_image(&images, path)?, ContainerType::Container))
}

/// The container at `…/containers/N/image`.
fn pod_container<'a>(object: &'a Value, path: &[String]) -> Option<(&'a str, ContainerType)> {
    let [pod @ .., list, index, image] = path else {
        return None;
    };
    let container_type = match list.as_str() {
        "containers" => ContainerType::Container,
        "initContainers" => ContainerType::InitContainer,
        _ => return None,
    };
    if image != "image" {
        return None;
    }
    let mut at = object;
    for key in pod {
        at = at.get(key)?;
    }
    let container = at.get(list)?.get(index.parse::<usize>().ok()?)?;
    Some((container.get("name")?.as_str()?, container_type))
}

/// The row name of the image of a release that has the marked value.
fn release_image(images: &BTreeMap<String, HelmImage>, path: &[String]) -> Option<String> {
    let path = path.strip_prefix(&["spec".to_owned(), "values".to_owned()])?;
    let mut images = images.iter();
    let found = images.find(|(_, image)| {
        let parts = [&image.tag, &image.registry, &image.digest];
        image.repository == path || parts.into_iter().flatten().any(|part| part == path)
    });
    found.map(|(name, _)| name.clone())
}
