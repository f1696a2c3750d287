//! One image that an update replaced.

use serde::{Deserialize, Serialize};

use crate::image::ImageReference;

/// One image that was replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedChange {
    /// The container.
    pub container: String,
    /// The image before.
    pub from: String,
    /// The image after.
    pub to: String,
    /// What the API server made of `to`, if it differs: an admission policy may rewrite the
    /// registry, or append a digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admitted: Option<String>,
    /// What its tag served.
    pub digest: Option<String>,
    /// The policy that elected it.
    pub policy: Option<String>,
    /// Whether the tag of `from` was written in a Helm release's values exactly so,
    /// without quotes, and was not read as text.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unquoted: bool,
}

impl RecordedChange {
    /// Whether an image is the one that was written: as requested, as the API server
    /// admitted it, or the requested one by its recorded digest.
    #[must_use]
    pub fn is_written(&self, image: &str) -> bool {
        if image == self.to || Some(image) == self.admitted.as_deref() {
            return true;
        }
        let (Ok(image), Ok(to)) = (
            image.parse::<ImageReference>(),
            self.to.parse::<ImageReference>(),
        ) else {
            return false;
        };
        let digest = image.digest().map(ToString::to_string);
        digest.is_some()
            && digest == self.digest
            && image.canonical() == to.canonical()
            && (image.tag().is_none() || image.tag() == to.tag())
    }
}
