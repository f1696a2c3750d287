//! From the marks in a build to the places of its scalars.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::found_place::FoundPlace;
use super::mark::Unmarked;
use crate::manifest::kustomize::spec::ImageText;
use crate::manifest::kustomize::traced::{
    Decides, ScalarOrigin, ScalarPlace, TracedScalar, TracedValue,
};

/// Why a text that is joined with others is not edited.
const ONLY_A_PART: &str = "its text is only a part of the image's tag, digest or name; change it \
                           by hand";

/// Adds places to the scalars of one object.
pub(crate) struct OriginAdder<'a> {
    /// The places whose marks are in the other build, by their numbers.
    pub(crate) places: &'a BTreeMap<usize, Arc<ScalarPlace>>,
    /// Whether only one place was marked.
    pub(crate) is_alone: bool,
    /// Where the value is: the position of each object, entry or item on the way.
    pub(crate) path: Vec<usize>,
    /// What was added.
    pub(crate) added: Vec<FoundPlace>,
}

impl OriginAdder<'_> {
    /// Adds the places whose marks are in `marked`, which is the same value of another build, to
    /// every scalar that is otherwise equal; if only one place was marked, also to others.
    pub(crate) fn add(&mut self, value: &mut TracedValue, marked: &TracedValue) {
        match (value, marked) {
            (TracedValue::Mapping(entries), TracedValue::Mapping(marked)) => {
                for (at, entry) in entries.iter_mut().enumerate() {
                    let same = marked.iter().find(|other| other.key == entry.key);
                    if let Some(same) = same {
                        self.add_at(at, &mut entry.value, &same.value);
                    }
                }
            }
            (TracedValue::List(items), TracedValue::List(marked))
                if items.len() == marked.len() =>
            {
                for (at, (item, marked)) in items.iter_mut().zip(marked).enumerate() {
                    self.add_at(at, item, marked);
                }
            }
            (TracedValue::Scalar(scalar), TracedValue::Scalar(marked)) => {
                self.add_to_scalar(scalar, marked);
            }
            _ => {}
        }
    }

    fn add_at(&mut self, at: usize, value: &mut TracedValue, marked: &TracedValue) {
        self.path.push(at);
        self.add(value, marked);
        self.path.pop();
    }

    fn add_to_scalar(&mut self, scalar: &mut TracedScalar, marked: &TracedScalar) {
        let Some(text) = marked.value.as_str() else {
            return;
        };
        let unmarked = Unmarked::new(text);
        if !self.is_alone && unmarked.text != text_of(scalar) {
            return;
        }
        for (at, number) in unmarked.marks {
            let Some(place) = self.places.get(&number) else {
                continue;
            };
            let known = scalar.origins.iter().any(|origin| origin.place == *place);
            if !known {
                let origin = origin_of_text(&unmarked.text, at, place);
                self.added.push(FoundPlace {
                    path: self.path.clone(),
                    number,
                    decides: origin.decides,
                    is_part: origin.refusal.is_some(),
                });
                scalar.origins.push(origin);
            }
        }
    }
}

/// The text of a scalar, also if it is a number.
pub(crate) fn text_of(scalar: &TracedScalar) -> String {
    match scalar.value.as_str() {
        Some(text) => text.to_owned(),
        None => scalar.value.to_string(),
    }
}

/// What a place decides whose text ends at a byte of the scalar.
pub(crate) fn origin_of_text(scalar: &str, end: usize, place: &Arc<ScalarPlace>) -> ScalarOrigin {
    let image = ImageText::split(scalar);
    let own = ImageText::split(&place.text);
    let name_end = image.name.len();
    let tag_end = scalar.len() - suffix_length(&image.digest);
    let (decides, is_whole_part) = if place.text == scalar {
        (Decides::All, true)
    } else if end > tag_end {
        part(Decides::Digest, &place.text, &own.digest, &image.digest)
    } else if end > name_end {
        part(Decides::Tag, &place.text, &own.tag, &image.tag)
    } else {
        (Decides::Name, place.text == image.name)
    };
    ScalarOrigin {
        decides,
        place: Arc::clone(place),
        refusal: refusal(!is_whole_part),
    }
}

/// Why a text is not edited if it is only a part.
pub(crate) fn refusal(is_part: bool) -> Option<Arc<str>> {
    is_part.then(|| Arc::from(ONLY_A_PART))
}

/// The length of `@` and a digest.
fn suffix_length(digest: &str) -> usize {
    if digest.is_empty() {
        0
    } else {
        digest.len() + 1
    }
}

/// What a text decides that ends in a part of an image: the part itself, or all of a whole image
/// with that part.
fn part(decides: Decides, text: &str, own: &str, wanted: &str) -> (Decides, bool) {
    if text == wanted {
        (decides, true)
    } else if own == wanted {
        (Decides::All, true)
    } else {
        (decides, false)
    }
}
