//! What admission policies of the cluster make of a change: they may rewrite the registry
//! of an image, append a digest, put another image back, or change annotations.

use std::collections::BTreeMap;

use super::change_cause;
use super::record::LastUpdate;
use crate::image::ImageReference;
use crate::plan::change::{Change, ImageChange};
use crate::plan::edit::Edit;
use crate::plan::other_repository::is_other_repository;
use crate::policy::AnnotationKey;
use crate::workload::Observed;

/// What the API server made of the images of one change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Admitted {
    /// The images that differ from those that the change writes, by container.
    images: BTreeMap<String, String>,
}

impl Admitted {
    /// Compares the images of a change with those of the object that the server answers.
    #[must_use]
    pub fn of(change: &Change, answer: &Observed) -> Self {
        let images = change.images.iter().filter_map(|image| {
            let mut containers = answer.workload.containers.iter();
            let found = containers.find(|container| {
                container.name == image.container
                    && container.container_type == image.container_type
            });
            let now = &found?.image;
            (*now != image.to.to_string()).then(|| (image.container.clone(), now.clone()))
        });
        Self {
            images: images.collect(),
        }
    }

    /// The containers and the images that the server made, where they differ.
    pub fn images(&self) -> impl Iterator<Item = (&str, &str)> {
        let images = self.images.iter();
        images.map(|(container, image)| (container.as_str(), image.as_str()))
    }

    /// The first image that is not written because a policy keeps the running one.
    pub(crate) fn taken_back<'c>(&self, change: &'c Change) -> Option<&'c ImageChange> {
        let mut images = change.images.iter();
        images.find(|image| {
            let now = self.images.get(&image.container);
            now.is_some_and(|now| *now == image.from || has_running_tag(now, image))
        })
    }

    /// The first image of a rollback that is of another repository than the running one,
    /// also after the server's policies. The record alone does not prove that a policy
    /// rewrites its registry, because anyone may have written it.
    pub(crate) fn restored_elsewhere<'c>(&self, change: &'c Change) -> Option<&'c ImageChange> {
        let mut images = change.images.iter().filter(|_| change.is_rollback);
        images.find(|image| {
            let now = self.images.get(&image.container);
            let now = now.and_then(|now| now.parse().ok());
            is_other_repository(&image.from, now.as_ref().unwrap_or(&image.to))
        })
    }

    /// Puts what the server made of the images into the record that an edit writes, beside
    /// what the change asks for.
    pub fn record_in(&self, edit: &mut Edit) {
        let key = AnnotationKey::LastUpdate.to_string();
        let Some(Some(text)) = edit.annotations.get_mut(&key) else {
            return;
        };
        let Ok(mut last) = serde_json::from_str::<LastUpdate>(text) else {
            return;
        };
        for change in &mut last.changes {
            change.admitted = self.images.get(&change.container).cloned();
        }
        if let Ok(amended) = serde_json::to_string(&last) {
            *text = amended;
        }
    }
}

/// Whether an image has the running repository and tag, with any digest, although a change
/// writes another tag.
fn has_running_tag(now: &str, image: &ImageChange) -> bool {
    let (Ok(now), Ok(running)) = (
        now.parse::<ImageReference>(),
        image.from.parse::<ImageReference>(),
    ) else {
        return false;
    };
    now.canonical() == running.canonical()
        && now.tag().is_some()
        && now.tag() == running.tag()
        && now.tag() != image.to.tag()
}

/// The annotations of an edit that are not in the object that the server answers, each with
/// what a policy does to it: `removes`, `changes` or `keeps`.
pub(crate) fn annotations_not_kept<'e>(
    edit: &'e Edit,
    answer: &'e Observed,
) -> impl Iterator<Item = (&'e str, &'static str)> {
    edit.annotations.iter().filter_map(|(key, text)| {
        let now = answer.annotations.get(key);
        let does = match (text, now) {
            (Some(_), None) => "removes",
            (Some(text), Some(now)) if text != now => "changes",
            (None, Some(_)) => "keeps",
            _ => return None,
        };
        Some((key.as_str(), does))
    })
}

/// Whether an annotation only describes an update to people, so that nothing rests on it.
pub(crate) fn is_description(key: &str) -> bool {
    key == change_cause::KEY
}

/// Whether an edit writes a record, and the object has exactly this record. It has a time
/// and an author, so this proves that the edit was made.
pub(crate) fn has_record_of(edit: &Edit, object: &Observed) -> bool {
    let key = AnnotationKey::LastUpdate.to_string();
    let written = edit.annotations.get(&key).and_then(Option::as_ref);
    written.is_some() && object.annotations.get(&key) == written
}
