//! Applies all edits of a text together and verifies the result.

use std::collections::BTreeMap;

use super::change::{Depth, NodeChange, RootEdits, format_path};
use super::error::{EditError, EditProblem};
use super::splice::Splices;
use super::splicer::{read_tree, splice};
use super::tree::Tree;
use crate::manifest::document::{Located, Object, located};
use crate::plan::FieldEdit;

/// The edits of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectEdit {
    /// The position of the object among [`objects`](crate::manifest::objects), from 0.
    pub index: usize,
    /// The places to change in it.
    pub places: Vec<FieldEdit>,
}

/// Edits a text. The module documentation describes the rules.
///
/// # Errors
///
/// A place cannot be edited, or the edit would change more than that place. Then nothing
/// is changed.
pub fn edit(text: &str, edits: &[ObjectEdit]) -> Result<String, EditError> {
    let objects = located(text);
    let mut in_objects: BTreeMap<usize, NodeChange> = BTreeMap::new();
    let mut in_roots: BTreeMap<usize, RootEdits<'_>> = BTreeMap::new();
    for edit in edits {
        let (found, object) = target(&objects, edit.index)?;
        super::sealed::check(found, object, &edit.places)
            .map_err(|problem| refusal(edit.index, found, problem))?;
        let in_object = in_objects
            .entry(edit.index)
            .or_insert_with(NodeChange::none);
        let in_root = in_roots
            .entry(found.root.range.start)
            .or_insert_with(|| RootEdits {
                root: &found.root,
                objects: Vec::new(),
                change: NodeChange::none(),
            });
        in_root.objects.push((&found.path, edit.index));
        for place in &edit.places {
            in_object
                .add(&[], place)
                .and_then(|()| in_root.change.add(&found.path, place))
                .map_err(|problem| refusal(edit.index, found, problem))?;
        }
    }
    let mut splices = Splices::default();
    for in_root in in_roots.values() {
        let tree = read_tree(text, in_root.root, Depth::Along(&in_root.change));
        splice(text, tree.as_ref(), in_root, &mut splices)?;
    }
    let edited = splices.apply(text);
    let differs = match &edited {
        Some(edited) => super::verify::difference(&objects, &located(edited), &in_objects),
        None => in_objects.keys().next().copied(),
    };
    match (edited, differs) {
        (Some(edited), None) => Ok(edited),
        (_, differs) => Err(unsafe_edit(&objects, edits, differs)),
    }
}

/// Why each edit, made alone, would be refused because of the form of the text; `None` for
/// those that are possible. Each document is parsed once, however many edits there are.
/// `objects` are those of the text.
pub(crate) fn refusals(
    text: &str,
    objects: &[Located],
    edits: &[ObjectEdit],
) -> Vec<Option<EditError>> {
    // The places of all edits in a document, as deep as they go.
    let mut changes: BTreeMap<usize, NodeChange> = BTreeMap::new();
    for edit in edits {
        let Ok((found, _)) = target(objects, edit.index) else {
            continue;
        };
        let start = found.root.range.start;
        let change = changes.entry(start).or_insert_with(NodeChange::none);
        for place in &edit.places {
            // A conflict of two edits does not matter here, because each is made alone.
            let _ = change.add(&found.path, place);
        }
    }
    let trees: BTreeMap<usize, Option<Tree>> = objects
        .iter()
        .filter_map(|found| {
            let start = found.root.range.start;
            let change = changes.remove(&start)?;
            Some((start, read_tree(text, &found.root, Depth::Along(&change))))
        })
        .collect();
    edits
        .iter()
        .map(|edit| refusal_alone(text, objects, &trees, edit).err())
        .collect()
}

fn refusal_alone(
    text: &str,
    objects: &[Located],
    trees: &BTreeMap<usize, Option<Tree>>,
    edit: &ObjectEdit,
) -> Result<(), EditError> {
    let (found, object) = target(objects, edit.index)?;
    super::sealed::check(found, object, &edit.places)
        .map_err(|problem| refusal(edit.index, found, problem))?;
    let mut alone = RootEdits {
        root: &found.root,
        objects: vec![(&found.path, edit.index)],
        change: NodeChange::none(),
    };
    for place in &edit.places {
        alone
            .change
            .add(&found.path, place)
            .map_err(|problem| refusal(edit.index, found, problem))?;
    }
    let tree = trees.get(&found.root.range.start).and_then(Option::as_ref);
    splice(text, tree, &alone, &mut Splices::default())
}

/// The error of an edit, reported at the line of its object.
fn refusal(index: usize, found: &Located, problem: EditProblem) -> EditError {
    EditError {
        index,
        line: found.line(),
        problem,
    }
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

/// The error if the edited text differs from the expected text: reported at the object
/// that differs, otherwise at the first edited object.
fn unsafe_edit(objects: &[Located], edits: &[ObjectEdit], differs: Option<usize>) -> EditError {
    let mut edits = edits.iter().filter(|edit| !edit.places.is_empty());
    let at = edits
        .clone()
        .find(|edit| Some(edit.index) == differs)
        .or(edits.next());
    let first = at.and_then(|edit| edit.places.first());
    EditError {
        index: at.map_or(0, |edit| edit.index),
        line: at.map_or(1, |edit| objects[edit.index].line()),
        problem: EditProblem::Unsafe {
            place: format_path(first.map_or(&[], |first| &first.path)),
        },
    }
}
