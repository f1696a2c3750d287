//! Why an image cannot be changed in place.

use serde_json::{Map, Value};

use super::container::{Container, KustomizeOverride, Obstacle};
use super::helm::image::{HelmImage, names_version};
use super::helm::mapping::{REPOSITORY, TAG};
use super::helm::path::{is_filled, parent, value_at};
use super::object::Workload;

/// Why a workload that [is sealed](Workload::is_sealed) cannot be changed.
pub const SEALED: &str = "encrypted by SOPS, and a change would invalidate its checksum; use sops \
                          edit, or encrypt it again with --mac-only-encrypted";

impl Workload {
    /// Why the image of one of its containers cannot be changed. Obstacles that
    /// depend on the text of a manifest are not known here.
    #[must_use]
    pub fn obstacle(&self, container: &Container) -> Option<Obstacle> {
        let sealed = self.is_sealed.then(|| Obstacle::new(SEALED));
        sealed
            .or_else(|| container.obstacle.clone())
            .or_else(|| container.replaced_by.as_ref().map(Obstacle::replaced))
    }
}

impl Obstacle {
    /// Another file has the last word on the image.
    fn replaced(by: &KustomizeOverride) -> Self {
        Self {
            message: format!(
                "{}:{} replaces this image ({}), so a change here would have no effect; change it \
                 there",
                by.file, by.line, by.sets
            ),
            yields_to_explicit: true,
        }
    }

    /// An obstacle even to an image that the user specifies explicitly.
    fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            yields_to_explicit: false,
        }
    }
}

fn has_value(values: &Map<String, Value>, path: &[String]) -> bool {
    value_at(values, path).is_some_and(is_filled)
}

impl HelmImage {
    /// Why the image cannot be changed in these values.
    #[must_use]
    pub fn obstacle(&self, values: &Map<String, Value>) -> Option<Obstacle> {
        if let Some(digest) = self.digest.as_ref().filter(|path| has_value(values, path)) {
            let digest = digest.join(".");
            return Some(Obstacle::new(format!(
                "{digest} in the values takes precedence over a tag; remove it first"
            )));
        }
        let tag = self.tag.as_ref();
        if names_version(&self.repository_text(values)?)
            || tag.is_some_and(|path| has_value(values, path))
        {
            return None;
        }
        if let Some(version) = &self.version {
            let version = version.join(".");
            return Some(Obstacle::new(format!(
                "{version} in the values seems to be the version, but only tag, imageTag and \
                 image_tag are supported; map it with the annotations {REPOSITORY}NAME and \
                 {TAG}NAME, or edit it by hand"
            )));
        }
        let tag = tag?;
        if self.is_mapped && self.splits_tag && parent(values, tag).is_none() {
            let tag = tag.join(".");
            return Some(Obstacle::new(format!(
                "an annotation maps the tag to {tag}, which is not in the values"
            )));
        }
        let has_place = self.splits_tag || self.is_mapped || value_at(values, tag).is_some();
        (!has_place).then(|| Obstacle {
            message: format!(
                "{} in the values has no tag, and it is not known where the chart gets it from; \
                 specify the image with --image, or map it with the annotation {REPOSITORY}NAME",
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
    fn image_with_its_version_in_an_unknown_key_is_not_written() {
        let elsewhere = |key: &str| format!("{key} in the values seems to be the version");
        let nowhere = "image in the values has no tag".to_owned();
        let digest = |key: &str| format!("{key} in the values takes precedence over a tag");
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
