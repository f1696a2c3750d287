//! Edits that several changes share.

use std::collections::{BTreeMap, BTreeSet};

use super::images::BuiltImage;
use super::scalar_edits::ScalarEdit;
use crate::manifest::kustomize::traced::ScalarPlace;
use crate::plan::HoldReason;

/// Why changes are held back, by their positions in the plan.
pub(crate) type RefusedChanges = BTreeMap<usize, (HoldReason, String)>;

/// The place of a scalar as it is shown: `base/kustomization.yaml:7 (newTag)`.
pub(crate) fn shown(edit: &ScalarEdit) -> String {
    shown_place(&edit.place)
}

/// See [`shown`].
pub(crate) fn shown_place(place: &ScalarPlace) -> String {
    format!("{}:{} ({})", place.file, place.line, place.key)
}

/// The changes that have an edit of a scalar that decides an image, with its place.
pub(crate) fn sharing(image: &BuiltImage, edits: &[Vec<ScalarEdit>]) -> BTreeSet<(usize, String)> {
    let places: Vec<_> = image.places().collect();
    let edits = edits.iter().enumerate();
    let edits = edits.flat_map(|(number, own)| own.iter().map(move |edit| (number, edit)));
    edits
        .filter(|(_, edit)| places.contains(&edit.place))
        .map(|(number, edit)| (number, shown(edit)))
        .collect()
}

/// The changes that would write different texts to one scalar.
pub(crate) fn contradictions(edits: &[Vec<ScalarEdit>]) -> RefusedChanges {
    let mut refused = RefusedChanges::new();
    let all = edits.iter().enumerate();
    let all: Vec<(usize, &ScalarEdit)> = all
        .flat_map(|(number, own)| own.iter().map(move |edit| (number, edit)))
        .collect();
    for (number, edit) in &all {
        let mut others = all.iter();
        if others.any(|(_, other)| other.place == edit.place && other.text != edit.text) {
            let message = format!(
                "{} decides several images, and they would get different versions; give them the \
                 same policy, or separate entries",
                shown(edit)
            );
            refused.insert(*number, (HoldReason::NotWritable, message));
        }
    }
    refused
}

/// Each edit once.
pub(crate) fn distinct(edits: &[Vec<ScalarEdit>]) -> Vec<ScalarEdit> {
    let mut all: Vec<ScalarEdit> = Vec::new();
    for edit in edits.iter().flatten() {
        if !all.contains(edit) {
            all.push(edit.clone());
        }
    }
    all
}
