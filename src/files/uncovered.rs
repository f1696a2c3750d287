//! Images in files that have no row: those of kinds that are not supported, and image
//! volumes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::workload::{ContainerType, ManifestSource, WorkloadKind};

/// Where the spec of a Pod is, in any kind that has one.
const POD_SPECS: [&str; 4] = [
    "/spec/template/spec",
    "/spec/jobTemplate/spec/template/spec",
    "/template/spec",
    "/spec",
];

/// An image without a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UncoveredImage {
    /// Where the object is written.
    pub at: ManifestSource,
    /// The namespace of the object.
    pub namespace: String,
    /// Its API version.
    pub api_version: String,
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The container or the volume.
    pub container: String,
    /// Whether it is a volume.
    pub is_volume: bool,
    /// In which list the container is; a volume counts as a container.
    pub container_type: ContainerType,
    /// The image as written.
    pub image: String,
}

/// What the files contain besides rows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImagesWithoutRow {
    /// The images without a row, in the order of the files.
    pub images: Vec<UncoveredImage>,
}

impl ImagesWithoutRow {
    /// Adds the images of an object that have no row.
    pub(crate) fn add(&mut self, object: &Value, at: &ManifestSource, default_namespace: &str) {
        let text = |path: &str| object.pointer(path).and_then(Value::as_str);
        let (api_version, kind) = (text("/apiVersion"), text("/kind"));
        let (api_version, kind) = (api_version.unwrap_or_default(), kind.unwrap_or_default());
        let pod = POD_SPECS
            .iter()
            .filter_map(|path| object.pointer(path))
            .find(|pod| pod["containers"].is_array());
        let (Some(pod), false) = (pod, kind.is_empty()) else {
            return;
        };
        let namespace = text("/metadata/namespace").filter(|namespace| !namespace.is_empty());
        let mut images = Vec::new();
        if WorkloadKind::from_api(api_version, kind).is_none() {
            for (list, container_type) in [
                ("containers", ContainerType::Container),
                ("initContainers", ContainerType::InitContainer),
            ] {
                let found = named(&pod[list], "/image");
                images.extend(found.map(|found| (found, container_type, false)));
            }
        }
        let volumes = named(&pod["volumes"], "/image/reference");
        images.extend(volumes.map(|found| (found, ContainerType::Container, true)));
        let found = images
            .into_iter()
            .map(|(found, container_type, is_volume)| {
                let (container, image) = found;
                UncoveredImage {
                    at: at.clone(),
                    namespace: namespace.unwrap_or(default_namespace).to_owned(),
                    api_version: api_version.to_owned(),
                    kind: kind.to_owned(),
                    name: text("/metadata/name").unwrap_or_default().to_owned(),
                    container,
                    is_volume,
                    container_type,
                    image,
                }
            });
        self.images.extend(found);
    }

    /// Adds those of another listing.
    pub(crate) fn append(&mut self, other: Self) {
        self.images.extend(other.images);
    }

    /// `not covered: 1 Rollout, 2 image volumes`; `None` if everything has a row.
    #[must_use]
    pub fn line(&self) -> Option<String> {
        let (volumes, containers): (Vec<_>, Vec<_>) =
            self.images.iter().partition(|image| image.is_volume);
        let objects = containers.iter().map(|image| {
            let UncoveredImage {
                at,
                kind,
                namespace,
                name,
                ..
            } = image;
            (kind.as_str(), namespace, name, &at.file, at.line)
        });
        let mut by_kind: BTreeMap<&str, usize> = BTreeMap::new();
        for (kind, ..) in objects.collect::<BTreeSet<_>>() {
            *by_kind.entry(kind).or_default() += 1;
        }
        let objects = by_kind.into_iter();
        let volumes = (!volumes.is_empty()).then_some(("image volume", volumes.len()));
        let parts: Vec<String> = objects
            .chain(volumes)
            .map(|(noun, count)| format!("{count} {noun}{}", if count == 1 { "" } else { "s" }))
            .collect();
        (!parts.is_empty()).then(|| format!("not covered: {}", parts.join(", ")))
    }
}

/// The name of each item of a list and its text at a path.
fn named<'v>(list: &'v Value, path: &'v str) -> impl Iterator<Item = (String, String)> + 'v {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(move |item| {
            let image = item
                .pointer(path)?
                .as_str()
                .filter(|image| !image.is_empty())?;
            let name = item["name"].as_str().unwrap_or_default();
            Some((name.to_owned(), image.to_owned()))
        })
}
