//! All edits of a text, made together and checked before they are given back.

use super::error::{EditError, EditProblem};
use std::collections::BTreeMap;

use super::change::{Change, place};
use super::splice::Splices;
use crate::manifest::document::{Located, Object, Root, located};
use crate::plan::FieldEdit;

/// The edits of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectEdit {
    /// Its position among [`objects`](crate::manifest::objects), from 0.
    pub index: usize,
    /// What is to be changed in it.
    pub places: Vec<FieldEdit>,
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
        super::sealed::check(found, object, &edit.places).map_err(refused)?;
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
        super::walk::splice(text, in_root, &mut splices)?;
    }
    let edited = splices.apply(text);
    let differs = match &edited {
        Some(edited) => super::verify::difference(&objects, &located(edited), &in_objects),
        None => in_objects.keys().next().copied(),
    };
    match (edited, differs) {
        (Some(edited), None) => Ok(edited),
        (_, differs) => Err(is_unsafe(&objects, edits, differs)),
    }
}

/// The edits of all objects that are read from one value.
pub(crate) struct InRoot<'a> {
    pub(crate) root: &'a Root,
    /// The objects that are edited: their paths and positions.
    pub(crate) objects: Vec<(&'a [String], usize)>,
    /// Their edits, from the root.
    pub(crate) change: Change,
}

/// The object of an edit.
pub(crate) fn target(objects: &[Located], index: usize) -> Result<(&Located, &Object), EditError> {
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
pub(crate) fn is_unsafe(
    objects: &[Located],
    edits: &[ObjectEdit],
    differs: Option<usize>,
) -> EditError {
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
