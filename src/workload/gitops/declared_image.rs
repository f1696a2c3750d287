//! What files say about the image of a container in a cluster.

use serde::{Deserialize, Serialize};

/// The image of a container of the cluster according to the files of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeclaredImage {
    /// The image.
    pub image: String,
    /// Why the cluster may have another image although nobody has changed it: something that
    /// is not in these files also decides it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undecided: Option<String>,
}

impl DeclaredImage {
    /// Whether the cluster has another image; `None` if that cannot be told.
    #[must_use]
    pub fn is_drift(&self, live: &str) -> Option<bool> {
        self.undecided.is_none().then(|| self.image != live)
    }
}
