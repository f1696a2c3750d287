//! Edits texts in place: what changes, what is kept, what is refused.

mod corpus;
mod insertion;

mod properties;
mod random;

mod refusals;
mod removal;
mod streams;
mod values;

use kubectl_imgpolicy::manifest::{EditError, ObjectEdit, edit};
use kubectl_imgpolicy::plan::FieldEdit;

/// The edit of a place.
pub(super) fn place(path: &[&str], value: Option<&str>) -> FieldEdit {
    FieldEdit {
        path: path.iter().map(|&key| key.to_owned()).collect(),
        text: value.map(str::to_owned),
        is_plain: false,
    }
}

/// An annotation of the object itself.
pub(super) fn annotation(key: &str, value: Option<&str>) -> FieldEdit {
    place(&["metadata", "annotations", key], value)
}

/// Edits one object of a text twice. The second edit must change nothing.
pub(super) fn edit_object(
    text: &str,
    index: usize,
    places: Vec<FieldEdit>,
) -> Result<String, EditError> {
    let edits = [ObjectEdit { index, places }];
    let edited = edit(text, &edits)?;
    assert_eq!(edit(&edited, &edits).as_ref(), Ok(&edited), "a second time");
    Ok(edited)
}

/// Sets one place of the first object.
pub(super) fn set(text: &str, path: &[&str], value: &str) -> String {
    edit_object(text, 0, vec![place(path, Some(value))]).expect("edited")
}

/// Sets annotations of the first object, or removes them.
pub(super) fn annotate(text: &str, annotations: &[(&str, Option<&str>)]) -> String {
    let places = annotations
        .iter()
        .map(|(key, value)| annotation(key, *value));
    edit_object(text, 0, places.collect()).expect("edited")
}

/// `LINE: ERROR` of an edit that must be refused.
pub(super) fn refused(text: &str, path: &[&str], value: Option<&str>) -> String {
    match edit_object(text, 0, vec![place(path, value)]) {
        Ok(edited) => panic!("was edited: {edited}"),
        Err(error) => format!("{}: {error}", error.line),
    }
}
