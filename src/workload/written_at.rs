//! Where the image of a built object is written.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A scalar in a file, or in an object of the cluster, that decides the image of a container, or a
/// part of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WrittenAt {
    /// The path of the file, or the object: `Kustomization/flux-system/apps`.
    pub file: String,
    /// The line, from 1; 0 in an object of the cluster.
    pub line: usize,
    /// The key, with the YAML anchor if the value has one: `newTag: &version`. In an object of the
    /// cluster, the path: `spec.images[0].newTag`.
    pub key: String,
    /// The last part of the image that it decides.
    pub part: ImagePart,
}

impl WrittenAt {
    /// Whether it is in an object of the cluster.
    #[must_use]
    pub fn is_in_cluster(&self) -> bool {
        self.line == 0
    }
}

/// `apps/kustomization.yaml:12`, or `Kustomization/flux-system/apps spec.images[0].newTag`.
impl fmt::Display for WrittenAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file, line, key, ..
        } = self;
        if self.is_in_cluster() {
            write!(f, "{file} {key}")
        } else {
            write!(f, "{file}:{line}")
        }
    }
}

/// A part of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ImagePart {
    /// The registry and the repository.
    Name,
    /// The tag.
    Tag,
    /// The digest.
    Digest,
}
