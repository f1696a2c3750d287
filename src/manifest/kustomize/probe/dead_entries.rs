//! Entries of `images` that match no image in what the program has built.
//!
//! The program does not say what an entry has replaced. An entry is only called dead if neither
//! the result nor any file has a text that it could match, so a text that only looks like an
//! image keeps an entry alive.

use std::collections::BTreeSet;

use crate::manifest::kustomize::build::{Built, DeadEntry, PathFinder};
use crate::manifest::kustomize::source::{SourcePath, SourceTree};
use crate::manifest::kustomize::spec::{
    FieldReader, IMAGE_FIELDS, ImageEntry, ImageText, image_entries,
};
use crate::manifest::kustomize::traced::{TracedValue, objects_in_scalar, traced_objects};

/// Keys below which no text is an image.
const WITHOUT_IMAGES: [&str; 9] = [
    "apiVersion",
    "kind",
    "name",
    "namespace",
    "labels",
    "matchLabels",
    "selector",
    "annotations",
    "commonLabels",
];

/// The entries of every kustomization of a tree that match no image, neither in a file nor in
/// the result. None if one cannot be read.
pub(crate) fn dead_entries(tree: &SourceTree, built: &Built) -> Vec<DeadEntry> {
    let Some(entries) = entries(tree) else {
        return Vec::new();
    };
    if entries.is_empty() {
        return Vec::new();
    }
    let mut written = BTreeSet::new();
    for (file, path) in &tree.paths {
        if let SourcePath::File { text, .. } = path {
            for object in traced_objects(file, text).into_iter().flatten() {
                add_texts(&object.value, text, &mut written);
            }
        }
    }
    let mut results = BTreeSet::new();
    for object in &built.objects {
        add_texts(&object.value, "", &mut results);
    }
    let dead = entries.iter().enumerate().filter(|(at, entry)| {
        let others = entries.iter().enumerate().filter(|(other, _)| other != at);
        let mut renamed = others.filter_map(|(_, other)| other.new_name());
        !written
            .iter()
            .chain(&results)
            .any(|text| entry.matches(text))
            && !results
                .iter()
                .any(|text| Some(&*ImageText::split(text).name) == entry.new_name())
            && !renamed.any(|name| entry.matches(name))
    });
    dead.map(|(_, entry)| DeadEntry::of(entry)).collect()
}

/// The entries of every kustomization.
fn entries(tree: &SourceTree) -> Option<Vec<ImageEntry>> {
    let mut all = Vec::new();
    for (folder, path) in &tree.paths {
        let SourcePath::Folder { kustomizations, .. } = path else {
            continue;
        };
        if !kustomizations.is_empty() {
            let (file, object) = PathFinder(tree).kustomization_object(folder).ok()?;
            let mut fields = FieldReader::new(&file, &object.value).ok()?;
            all.extend(image_entries(&mut fields).ok()?);
        }
    }
    Some(all)
}

/// Adds every text that may be an image. The entries themselves are none.
fn add_texts(value: &TracedValue, file_text: &str, texts: &mut BTreeSet<String>) {
    match value {
        TracedValue::Mapping(entries) => {
            for entry in entries {
                let key = entry.key.as_str();
                let is_entry = IMAGE_FIELDS
                    .iter()
                    .any(|field| key.eq_ignore_ascii_case(field));
                if !is_entry && !WITHOUT_IMAGES.contains(&key) {
                    add_texts(&entry.value, file_text, texts);
                }
            }
        }
        TracedValue::List(items) => {
            for item in items {
                add_texts(item, file_text, texts);
            }
        }
        TracedValue::Scalar(scalar) => {
            let Some(text) = scalar.as_text() else { return };
            if text.contains('\n') {
                // A patch, for example.
                for object in objects_in_scalar(scalar, file_text).into_iter().flatten() {
                    add_texts(&object.value, file_text, texts);
                }
            } else {
                texts.insert(text.to_owned());
            }
        }
    }
}
