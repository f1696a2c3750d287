//! Records of updates. They have the form of policies and must be distinguished from
//! them.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::annotation_keys::AnnotationKey;
use crate::image::{Digest, ImageReference, Tag};
use crate::workload::Workload;

/// The records among a workload's annotations.
#[derive(Debug, Clone)]
pub struct Records<'w> {
    workload: &'w Workload,
    named: BTreeMap<String, String>,
}

/// The part of `imgpolicy.dev/last-update` that lists the records.
#[derive(Default, Deserialize)]
#[serde(default)]
struct RecordedTags {
    records: BTreeMap<String, String>,
}

impl<'w> Records<'w> {
    /// Reads the records that the last update listed.
    #[must_use]
    pub fn for_workload(workload: &'w Workload) -> Self {
        let named = AnnotationKey::LastUpdate
            .find(&workload.annotations)
            .and_then(|(_, text)| serde_json::from_str::<RecordedTags>(text).ok())
            .unwrap_or_default()
            .records;
        Self { workload, named }
    }

    /// The records that the last update listed and that are unchanged: keys with their
    /// values.
    pub fn existing(&self) -> impl Iterator<Item = (&str, &str)> {
        let named = self.named.iter();
        named
            .filter(|(key, text)| self.workload.annotations.get(*key) == Some(*text))
            .map(|(key, text)| (key.as_str(), text.as_str()))
    }

    /// Whether a key with this value is a record: the last update listed them, or they
    /// have the form of a record.
    #[must_use]
    pub fn contain(&self, key: &str, text: &str) -> bool {
        self.named.get(key).is_some_and(|named| named == text) || self.has_record_form(key, text)
    }

    /// Whether a key that does not name a container has the form of a record: it has
    /// the last path element of an image of this workload, and the value is a valid
    /// tag or digest.
    fn has_record_form(&self, key: &str, text: &str) -> bool {
        let Some(AnnotationKey::Tag(name)) = AnnotationKey::from_spelling(key) else {
            return false;
        };
        let containers = &self.workload.containers;
        if AnnotationKey::Tag(name).to_string() != key || containers.iter().any(|c| c.name == name)
        {
            return false;
        }
        let names_image = containers.iter().any(|container| {
            container
                .image
                .parse::<ImageReference>()
                .is_ok_and(|image| image.name().last_element() == name)
        });
        // These two are valid tags, but as values they are policies. With a misspelled
        // container, they were meant as a restriction.
        let is_policy = matches!(text, "alphabetical" | "numerical");
        names_image && !is_policy && (text.parse::<Tag>().is_ok() || text.parse::<Digest>().is_ok())
    }
}
