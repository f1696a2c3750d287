//! Where the image of a built object is written.

use serde::{Deserialize, Serialize};

/// A scalar in a file that decides the image of a container, or a part of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WrittenAt {
    /// The path of the file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The key, with the YAML anchor if the value has one: `newTag: &version`.
    pub key: String,
    /// The last part of the image that it decides.
    pub part: ImagePart,
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
