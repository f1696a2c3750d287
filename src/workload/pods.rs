//! What the Pods of a workload really run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::image::Digest;

/// One `imageID` that Pods report for a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningImage {
    /// The digest in the id. `None`: the runtime reports an id that is no
    /// digest, and nothing can be said of it.
    pub digest: Option<Digest>,
    /// How many Pods report it.
    pub pods: usize,
}

/// The images that run, by container, for one workload.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PodImages {
    by_container: BTreeMap<String, Vec<RunningImage>>,
}

impl PodImages {
    /// Counts one Pod's `imageID` for a container. Ids have many spellings:
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

    /// What runs for a container, in the order in which it was seen.
    #[must_use]
    pub fn for_container(&self, container: &str) -> &[RunningImage] {
        self.by_container.get(container).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_an_image_id_is_read() {
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
    }
}
