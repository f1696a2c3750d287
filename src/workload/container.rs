//! One container of a workload.

use serde::{Deserialize, Serialize};

use super::gitops::declared_image::DeclaredImage;
use super::written_at::WrittenAt;

/// A container with its image as written in the object. The image may be invalid,
/// which affects only this row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Container {
    /// Its name, unique among containers and init containers.
    pub name: String,
    /// Container or init container.
    pub container_type: ContainerType,
    /// The image as written.
    pub image: String,
    /// The marker of Flux's image automation next to the image, in a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marker: Option<ImageMarker>,
    /// Why its image cannot be changed in place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub obstacle: Option<Obstacle>,
    /// The tag of an image of a Helm release, if it is a number or a boolean in the
    /// values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numeric_tag: Option<NumericTag>,
    /// Whether the values of its Helm release contain no version of the image, so that the chart's
    /// own tag applies, which is not known.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_chart_tag: bool,
    /// The entry of a `kustomization.yaml` that replaces the image of the manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced_by: Option<KustomizeOverride>,
    /// In the result of a kustomization: the scalars that decide the image.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub written_at: Vec<WrittenAt>,
    /// In a cluster that is compared with a Git repository: the image in the repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared: Option<Box<DeclaredImage>>,
}

/// An entry of `images` in a `kustomization.yaml`, which replaces an image when the
/// manifests are built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KustomizeOverride {
    /// The path of the file.
    pub file: String,
    /// The line of the entry, from 1.
    pub line: usize,
    /// What it sets, as `newTag: 1.0.0`.
    pub sets: String,
}

/// A tag in the values of a Helm release that is not a string.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NumericTag {
    /// As a template prints it. This is what runs.
    pub printed: String,
    /// As the manifest has it; not known for an object in a cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<String>,
}

impl NumericTag {
    /// The image as written in the manifest, for the image that runs.
    #[must_use]
    pub fn as_written(&self, image: &str) -> String {
        let name = image.strip_suffix(&self.printed);
        match (name, &self.written) {
            (Some(name), Some(written)) => format!("{name}{written}"),
            _ => image.to_owned(),
        }
    }
}

/// Why an image cannot be changed in place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Obstacle {
    /// The reason and what to do, as a sentence.
    pub message: String,
    /// Whether an image that the user specifies explicitly is written anyway.
    pub yields_to_explicit: bool,
}

/// `# {"$imagepolicy": "namespace:name"}` after an image in a file. Flux's image
/// automation also writes this line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageMarker {
    /// The ImagePolicy's `namespace:name` as written.
    pub policy: String,
}

/// In which list of the Pod's spec a container is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ContainerType {
    /// In `containers`, or an image in the values of a Helm release.
    Container,
    /// In `initContainers`, including native sidecars.
    InitContainer,
}
