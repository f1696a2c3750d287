//! The scalars in files that may decide an image.

use std::sync::Arc;

use super::image_scalars::BuiltImageScalars;
use super::mark::MAX_MARKS;
use crate::manifest::kustomize::source::{SourcePath, SourceTree};
use crate::manifest::kustomize::spec::ImageText;
use crate::manifest::kustomize::traced::{
    ScalarPlace, TracedScalar, TracedValue, objects_in_scalar, text_lines, traced_objects,
};

/// Keys whose values identify something. With another value, nothing would match them.
const IDENTITIES: [&str; 4] = ["apiVersion", "kind", "name", "namespace"];

/// The shortest text that is taken for a part of a tag, in bytes.
const SHORTEST_PART: usize = 3;

/// The scalars in the files of a tree whose texts occur in an image, each once. The second list
/// contains images without a version: marking them changes their names, so that entries of
/// `images` may no longer match.
pub(crate) fn candidates(
    tree: &SourceTree,
    images: &BuiltImageScalars,
) -> [Vec<Arc<ScalarPlace>>; 2] {
    let mut finder = CandidateFinder {
        images: images.texts(),
        found: [Vec::new(), Vec::new()],
    };
    for (file, path) in &tree.paths {
        if let SourcePath::File { text, .. } = path {
            for object in traced_objects(file, text).into_iter().flatten() {
                finder.add(&object.value, "", text);
            }
            for scalar in text_lines(file, text) {
                finder.add_scalar(&scalar, "", text);
            }
        }
    }
    for list in &mut finder.found {
        list.truncate(MAX_MARKS / 2);
    }
    finder.found
}

struct CandidateFinder {
    images: Vec<ImageText>,
    found: [Vec<Arc<ScalarPlace>>; 2],
}

impl CandidateFinder {
    fn add(&mut self, value: &TracedValue, key: &str, file_text: &str) {
        match value {
            TracedValue::Mapping(entries) => {
                for entry in entries {
                    self.add(&entry.value, &entry.key, file_text);
                }
            }
            TracedValue::List(items) => {
                for item in items {
                    self.add(item, key, file_text);
                }
            }
            TracedValue::Scalar(scalar) => self.add_scalar(scalar, key, file_text),
        }
    }

    fn add_scalar(&mut self, scalar: &TracedScalar, key: &str, file_text: &str) {
        let Some(place) = scalar.origins.first().map(|origin| &origin.place) else {
            return;
        };
        if place.text.contains('\n') {
            // A patch, for example. Its lines are places of their own.
            for object in objects_in_scalar(scalar, file_text).into_iter().flatten() {
                self.add(&object.value, "", file_text);
            }
            return;
        }
        if place.spot.is_err() || IDENTITIES.contains(&key) {
            return;
        }
        let Some(list) = self.list(&place.text, key) else {
            return;
        };
        let mut all = self.found.iter().flatten();
        if !all.any(|known| known.file == place.file && known.spot == place.spot) {
            self.found[list].push(Arc::clone(place));
        }
    }

    /// The list that a text belongs to; `None` if it can decide no image.
    fn list(&self, text: &str, key: &str) -> Option<usize> {
        let lists = self
            .images
            .iter()
            .filter_map(|image| list(text, key, image));
        lists.min()
    }
}

/// Whether a text is the tag or the digest of an image, if it has one.
fn is_version(part: &str, of: &str) -> bool {
    !of.is_empty() && part == of
}

/// The list that a text belongs to because of one image; `None` if it cannot decide it.
fn list(text: &str, key: &str, image: &ImageText) -> Option<usize> {
    let own = ImageText::split(text);
    let has_version = !own.tag.is_empty() || !own.digest.is_empty();
    let in_first = is_version(&own.tag, &image.tag)
        || is_version(&own.digest, &image.digest)
        || is_version(text, &image.tag)
        || is_version(text, &image.digest)
        || (text == image.name && key != "image")
        || (!image.tag.is_empty() && text.ends_with(&image.tag))
        || (text.len() >= SHORTEST_PART && image.tag.contains(text));
    match (in_first, *image == own && !has_version) {
        (true, _) => Some(0),
        (false, true) => Some(1),
        (false, false) => None,
    }
}

/// Whether a scalar holds something of a text that was found to decide it.
pub(crate) fn holds_some_of(scalar: &str, text: &str) -> bool {
    scalar.contains(text) || list(text, "", &ImageText::split(scalar)).is_some()
}
