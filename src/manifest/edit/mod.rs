//! Manifests edited in place: every byte that need not change stays.
//!
//! [`edit`] finds the bytes of a value by the parser's spans and replaces those.
//! It keeps comments, quotes, the order of keys, line ends, document markers,
//! directives and a missing newline at the end. The rules:
//!
//! - **A value** keeps its style. A plain one gets double quotes where YAML 1.1 or
//!   1.2 would read the new text as anything but that text (`true`, `1.10`). The
//!   lines of a block scalar (`|`, `>`) are replaced by one double-quoted line.
//! - **A new key** is written at its siblings' indentation, below the last of
//!   them; `annotations` below the name, the namespace and the labels,
//!   `metadata` below `kind`. Missing mappings above it are written too, indented
//!   as the document's others. In braces it is written in braces, on a line of
//!   its own where its siblings have theirs, and in JSON quoted as JSON. An empty
//!   `annotations: {}`, `annotations:` or `annotations: null` is filled. Several new
//!   keys are written in the order of their bytes. Comments on lines of their own
//!   below the sibling stay below the new key.
//! - **A removed key** takes its lines and the comments on them along; comments on
//!   lines of their own stay, wherever they stand. With the last annotation
//!   `annotations:` goes too, since none and an empty mapping mean the same.
//!   Another mapping that becomes empty is left as `{}`.
//! - **Refused**, with the line and what to do: aliases, what lies under an
//!   anchor that is used elsewhere, what a merge key brings in, tagged values, keys
//!   in the `? key` form, and what SOPS has encrypted or keeps a checksum over.
//!
//! Before the new text is given back it is read, and its objects must differ from
//! the old ones at the edited places only; otherwise the edit is refused.

mod block;
mod change;
mod error;
mod flow;
mod json;
mod lines;
mod scalar;
mod sealed;
mod splice;
mod tree;
mod verify;
mod walk;
mod yaml;

pub use error::{EditError, EditProblem};

use std::collections::BTreeMap;

use self::change::{Change, place};
use self::splice::Splices;
use super::document::{Located, Object, Root, located};
use crate::plan::Place;

/// The edits of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectEdit {
    /// Its position among [`objects`](super::objects), from 0.
    pub index: usize,
    /// What is to be changed in it.
    pub places: Vec<Place>,
}

/// Edits a text; see the module for the rules.
///
/// # Errors
///
/// A place that cannot be edited, or not without changing more than that place:
/// then nothing is changed at all.
pub fn edit(text: &str, edits: &[ObjectEdit]) -> Result<String, EditError> {
    let objects = located(text);
    let mut in_objects: BTreeMap<usize, Change> = BTreeMap::new();
    let mut in_roots: BTreeMap<usize, InRoot<'_>> = BTreeMap::new();
    for edit in edits {
        let (found, object) = target(&objects, edit.index)?;
        let refused = |problem| EditError {
            index: edit.index,
            line: found.line(),
            problem,
        };
        sealed::check(found, object, &edit.places).map_err(refused)?;
        let in_object = in_objects.entry(edit.index).or_insert_with(Change::none);
        let in_root = in_roots
            .entry(found.root.range.start)
            .or_insert_with(|| InRoot {
                root: &found.root,
                objects: Vec::new(),
                change: Change::none(),
            });
        in_root.objects.push((&found.path, edit.index));
        for place in &edit.places {
            in_object
                .add(&[], place)
                .and_then(|()| in_root.change.add(&found.path, place))
                .map_err(refused)?;
        }
    }
    let mut splices = Splices::default();
    for in_root in in_roots.values() {
        walk::splice(text, in_root, &mut splices)?;
    }
    let edited = splices.apply(text);
    let differs = match &edited {
        Some(edited) => verify::difference(&objects, &located(edited), &in_objects),
        None => in_objects.keys().next().copied(),
    };
    match (edited, differs) {
        (Some(edited), None) => Ok(edited),
        (_, differs) => Err(is_unsafe(&objects, edits, differs)),
    }
}

/// The edits of all objects that are read from one value.
struct InRoot<'a> {
    root: &'a Root,
    /// The objects that are edited: their paths and positions.
    objects: Vec<(&'a [String], usize)>,
    /// Their edits, from the root.
    change: Change,
}

/// The object of an edit.
fn target(objects: &[Located], index: usize) -> Result<(&Located, &Object), EditError> {
    let Some(found) = objects.get(index) else {
        return Err(EditError {
            index,
            line: 1,
            problem: EditProblem::NoSuchObject(index),
        });
    };
    match &found.object {
        Ok(object) => Ok((found, object)),
        Err(error) => Err(EditError {
            index,
            line: error.line,
            problem: EditProblem::Unreadable(error.problem.clone()),
        }),
    }
}

/// The error of an edit that went wrong, told at the object that shows it, else
/// at the first one.
fn is_unsafe(objects: &[Located], edits: &[ObjectEdit], differs: Option<usize>) -> EditError {
    let has_places = |edit: &&ObjectEdit| !edit.places.is_empty();
    let at = edits
        .iter()
        .find(|edit| Some(edit.index) == differs && !edit.places.is_empty())
        .or(edits.iter().find(has_places));
    let first = at.and_then(|edit| edit.places.first());
    EditError {
        index: at.map_or(0, |edit| edit.index),
        line: at.map_or(1, |edit| objects[edit.index].line()),
        problem: EditProblem::Unsafe {
            place: place(first.map_or(&[], |first| &first.path)),
        },
    }
}
