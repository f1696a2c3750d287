//! Writes new texts of scalars into the texts of files.

use std::collections::BTreeMap;

use super::scalar_edits::ScalarEdit;
use crate::manifest::edit::{Splices, double_quoted, format_scalar};
use crate::manifest::kustomize::source::SourceTree;
use crate::manifest::kustomize::traced::{ScalarSpot, TracedObject, TracedValue, traced_objects};

/// The files that change, with their new texts.
///
/// # Errors
///
/// An edit would change more than its scalar; the reason as a sentence.
pub(crate) fn splice_files(
    trees: &[&SourceTree],
    edits: &[ScalarEdit],
) -> Result<BTreeMap<String, String>, String> {
    let mut by_file: BTreeMap<&str, Vec<&ScalarEdit>> = BTreeMap::new();
    for edit in edits {
        by_file.entry(&edit.place.file).or_default().push(edit);
    }
    let mut texts = BTreeMap::new();
    for (file, edits) in by_file {
        let old = trees.iter().find_map(|tree| tree.text(file));
        let old = old.unwrap_or_default();
        let new = splice(old, &edits).filter(|new| changes_only(file, old, new, &edits));
        let Some(new) = new else {
            return Err(format!(
                "editing {file}:{} would change more than that value, so nothing was changed; \
                 change it by hand",
                edits.first().map_or(1, |edit| edit.place.line)
            ));
        };
        texts.insert(file.to_owned(), new);
    }
    Ok(texts)
}

fn splice(text: &str, edits: &[&ScalarEdit]) -> Option<String> {
    let mut splices = Splices::default();
    for edit in edits {
        let ScalarSpot {
            range,
            style,
            in_flow,
            is_json,
        } = edit.place.spot.as_ref().ok()?;
        let new = if edit.place.is_in_text {
            edit.text.clone()
        } else if *is_json {
            double_quoted(&edit.text)
        } else {
            format_scalar(&edit.text, *style, *in_flow)
        };
        splices.replace(range.clone(), new);
    }
    splices.apply(text)
}

/// Whether the objects of two texts differ only in the edited scalars.
fn changes_only(file: &str, old: &str, new: &str, edits: &[&ScalarEdit]) -> bool {
    if edits.iter().all(|edit| edit.place.is_in_text) {
        // Only bytes between an equals sign and the end of a line are replaced.
        return edits.iter().all(|edit| !edit.text.contains(['\n', '\r']));
    }
    let (old, new) = (traced_objects(file, old), traced_objects(file, new));
    old.len() == new.len()
        && old.iter().zip(&new).all(|pair| match pair {
            (Ok(TracedObject { value: old, .. }), Ok(TracedObject { value: new, .. })) => {
                is_as_expected(old, new, edits)
            }
            (old, new) => old == new,
        })
}

fn is_as_expected(old: &TracedValue, new: &TracedValue, edits: &[&ScalarEdit]) -> bool {
    match (old, new) {
        (TracedValue::Mapping(old), TracedValue::Mapping(new)) => {
            old.len() == new.len()
                && old.iter().zip(new).all(|(old, new)| {
                    old.key == new.key && is_as_expected(&old.value, &new.value, edits)
                })
        }
        (TracedValue::List(old), TracedValue::List(new)) => {
            old.len() == new.len()
                && old
                    .iter()
                    .zip(new)
                    .all(|(old, new)| is_as_expected(old, new, edits))
        }
        (TracedValue::Scalar(old), TracedValue::Scalar(new)) => {
            let Some(place) = old.origins.first().map(|origin| &origin.place) else {
                return old.value == new.value;
            };
            let edited = edits.iter().find(|edit| edit.place == *place);
            match edited {
                Some(edit) => new.value == edit.text.as_str(),
                None => old.value == new.value || contains_edit(&place.text, place.line, edits),
            }
        }
        _ => false,
    }
}

/// Whether a block of lines, such as an inline patch, contains an edited line.
fn contains_edit(text: &str, line: usize, edits: &[&ScalarEdit]) -> bool {
    let lines = text.lines().count();
    lines > 1
        && edits
            .iter()
            .any(|edit| (line..=line + lines).contains(&edit.place.line))
}
