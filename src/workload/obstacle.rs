//! Why an image is not written where it stands.

use serde_json::{Map, Value};

use super::container::{Container, Obstacle};
use super::helm::values::{HelmImage, REPOSITORY, TAG, is_filled, names_version, parent, value_at};
use super::workload::Workload;

/// Why a workload that [is sealed](Workload::is_sealed) stays as it is.
pub const SEALED: &str = "encrypted by SOPS; a change would break its checksum: change it with \
                          sops edit, or encrypt it again with --mac-only-encrypted";

impl Workload {
    /// Why the image of one of its containers is not written. What can be told
    /// only by the text of a manifest is not known here.
    #[must_use]
    pub fn obstacle(&self, container: &Container) -> Option<Obstacle> {
        let sealed = self.is_sealed.then(|| Obstacle {
            message: SEALED.to_owned(),
            yields_to_explicit: false,
        });
        sealed.or_else(|| container.obstacle.clone())
    }
}

impl HelmImage {
    /// Why the image is not written here.
    #[must_use]
    pub fn obstacle(&self, values: &Map<String, Value>) -> Option<Obstacle> {
        let holds = |path: &&Vec<String>| value_at(values, path).is_some_and(is_filled);
        let never = |message: String| {
            Some(Obstacle {
                message,
                yields_to_explicit: false,
            })
        };
        if let Some(digest) = self.digest.as_ref().filter(holds) {
            let digest = digest.join(".");
            return never(format!(
                "{digest} of the values counts more than a tag; remove it first"
            ));
        }
        let tag = self.tag.as_ref();
        if names_version(&self.repository_text(values)?) || tag.filter(holds).is_some() {
            return None;
        }
        if let Some(version) = &self.version {
            let version = version.join(".");
            return never(format!(
                "{version} of the values seems to hold the version, and only tag, imageTag and \
                 image_tag are understood; map it with the annotations {REPOSITORY}NAME and \
                 {TAG}NAME, or change it by hand"
            ));
        }
        let tag = tag?;
        if self.is_mapped && self.splits_tag && parent(values, tag).is_none() {
            let tag = tag.join(".");
            return never(format!(
                "{tag}, where an annotation says that the tag stands, is not in the values"
            ));
        }
        let has_place = self.splits_tag || self.is_mapped || value_at(values, tag).is_some();
        (!has_place).then(|| Obstacle {
            message: format!(
                "{} of the values names no tag, and where the chart takes it from is not known; \
                 name the image with --image, or map it with the annotation {REPOSITORY}NAME",
                self.repository.join(".")
            ),
            yields_to_explicit: true,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use crate::workload::helm::values::containers;

    #[test]
    fn an_image_whose_version_stands_elsewhere_is_not_written() {
        let elsewhere = |key: &str| format!("{key} of the values seems to hold the version");
        let nowhere = "image of the values names no tag".to_owned();
        let digest = |key: &str| format!("{key} of the values counts more than a tag");
        for (values, expected, yields) in [
            (json!({"image": "q/app:1", "version": "1"}), None, false),
            (
                json!({"image": "q/app", "tag": "1", "version": "2"}),
                None,
                false,
            ),
            (json!({"image": "q/app", "imageTag": ""}), None, false),
            (json!({"image": "q/app@sha256:00"}), None, false),
            (json!({"image": {"repository": "q/app"}}), None, false),
            (json!({"image": "q/app"}), Some(nowhere.clone()), true),
            (
                json!({"image": "q/app", "version": ""}),
                Some(nowhere),
                true,
            ),
            (
                json!({"image": "q/app", "version": "1"}),
                Some(elsewhere("version")),
                false,
            ),
            (
                json!({"image": "q/app", "appVersion": 1}),
                Some(elsewhere("appVersion")),
                false,
            ),
            (
                json!({"image": "q/app", "image-tag": "1"}),
                Some(elsewhere("image-tag")),
                false,
            ),
            (
                json!({"image": "q/app", "dockerTag": "1"}),
                Some(elsewhere("dockerTag")),
                false,
            ),
            (
                json!({"image": {"repository": "q/app", "version": "1"}}),
                Some(elsewhere("image.version")),
                false,
            ),
            (
                json!({"image": {"repository": "q/app", "tag": "1", "digest": "sha256:0"}}),
                Some(digest("image.digest")),
                false,
            ),
        ] {
            let values = values.as_object().expect("a mapping");
            let found = containers(values, &BTreeMap::new()).remove(0).obstacle;
            let message = found.as_ref().map(|obstacle| obstacle.message.as_str());
            let fits = match (&expected, message) {
                (Some(expected), Some(message)) => message.starts_with(expected),
                (expected, message) => expected.is_none() && message.is_none(),
            };
            assert!(fits, "{values:?}: {message:?}");
            assert_eq!(
                found.is_some_and(|o| o.yields_to_explicit),
                yields,
                "{values:?}"
            );
        }
    }
}
