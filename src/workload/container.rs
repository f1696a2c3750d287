//! One container of a workload.

use serde::{Deserialize, Serialize};

/// A container with its image as the object spells it; the image may be no
/// legal reference, which spoils this row only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Container {
    /// Its name, unique among containers and init containers.
    pub name: String,
    /// Container or init container.
    pub container_type: ContainerType,
    /// The image as written.
    pub image: String,
    /// Flux's image automation marker beside the image, in a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marker: Option<ImageMarker>,
    /// Why its image is not written where it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub obstacle: Option<Obstacle>,
    /// The tag of a Helm release's image, where the values have a number or a
    /// boolean in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numeric_tag: Option<NumericTag>,
}

/// A tag in a Helm release's values that is not a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NumericTag {
    /// As a template prints it: what runs.
    pub printed: String,
    /// As the manifest has it; a live object has lost that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<String>,
}

impl NumericTag {
    /// The image as the manifest has it, from the image that runs.
    #[must_use]
    pub fn as_written(&self, image: &str) -> String {
        let name = image.strip_suffix(&self.printed);
        match (name, &self.written) {
            (Some(name), Some(written)) => format!("{name}{written}"),
            _ => image.to_owned(),
        }
    }
}

/// Why an image is not written where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Obstacle {
    /// The reason, and what to do, in a sentence.
    pub message: String,
    /// Whether an image that somebody names is written all the same.
    pub yields_to_explicit: bool,
}

/// `# {"$imagepolicy": "namespace:name"}` behind an image in a file: Flux's
/// image automation writes this line too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageMarker {
    /// The ImagePolicy's `namespace:name` as written.
    pub policy: String,
}

/// Where a container stands in the Pod's spec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ContainerType {
    /// Under `containers`, or an image of a Helm release's values.
    Container,
    /// Under `initContainers`, native sidecars too.
    InitContainer,
}
