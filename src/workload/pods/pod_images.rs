//! The images that the Pods of a workload actually run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::image::Digest;

/// An `imageID` that Pods report for a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningImage {
    /// The digest in the ID. `None` if the runtime reports an ID without a digest,
    /// which cannot be compared.
    pub digest: Option<Digest>,
    /// How many Pods report it.
    pub pods: usize,
}

/// The running images of one workload, by container.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PodImages {
    by_container: BTreeMap<String, Vec<RunningImage>>,
}

impl PodImages {
    /// Counts the `imageID` of a container in one Pod. IDs have several forms:
    /// `repo@sha256:…`, `docker-pullable://repo@sha256:…`, `sha256:…` (a config).
    pub fn add(&mut self, container: &str, image_id: &str) {
        if image_id.is_empty() {
            // The container has not started yet.
            return;
        }
        let text = image_id
            .rsplit_once('@')
            .map_or(image_id, |(_, digest)| digest);
        let text = text.rsplit_once("://").map_or(text, |(_, digest)| digest);
        let digest = text.parse().ok();
        let images = self.by_container.entry(container.to_owned()).or_default();
        match images.iter_mut().find(|image| image.digest == digest) {
            Some(image) => image.pods += 1,
            None => images.push(RunningImage { digest, pods: 1 }),
        }
    }

    /// The running images of a container, in the order in which they were added.
    #[must_use]
    pub fn for_container(&self, container: &str) -> &[RunningImage] {
        self.by_container.get(container).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_an_image_id_is_parsed() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        let mut pods = PodImages::default();
        for id in [
            format!("docker.io/org/app@{digest}"),
            format!("docker-pullable://org/app@{digest}"),
            digest.clone(),
            format!("docker://{digest}"),
        ] {
            pods.add("app", &id);
        }
        pods.add("app", "app:latest");
        pods.add("app", "");
        let expected = [
            RunningImage {
                digest: digest.parse().ok(),
                pods: 4,
            },
            RunningImage {
                digest: None,
                pods: 1,
            },
        ];
        assert_eq!(pods.for_container("app"), expected);
        assert_eq!(pods.for_container("other"), []);
        let longer = format!("sha512:{}", "cd".repeat(64));
        pods.add("hashed", &format!("docker.io/org/app@{longer}"));
        let found = &pods.for_container("hashed")[0];
        assert_eq!(found.digest.as_ref().map(ToString::to_string), Some(longer));
    }
}
