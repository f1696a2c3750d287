//! Reads what the kustomize program prints.

use super::built::{Built, BuiltObject};
use super::paths::PathFinder;
use crate::manifest::document::{DocumentError, Object, objects};
use crate::manifest::kustomize::source::SourceTree;
use crate::manifest::kustomize::traced::TracedValue;

/// The objects that the program has built from a tree. Where their scalars are written is not
/// known yet.
///
/// # Errors
///
/// The text is not a list of objects.
pub fn printed_objects(tree: &SourceTree, text: &str) -> Result<Built, DocumentError> {
    let file = PathFinder(tree).kustomization(&tree.root);
    let file = file.map_or_else(|_| tree.root.clone(), |(file, _)| file);
    let objects: Result<Vec<Object>, _> = objects(text).into_iter().collect();
    let objects = objects?.into_iter().map(|object| BuiltObject {
        file: file.clone(),
        line: 1,
        value: TracedValue::unplaced(&object.value),
        earlier: Vec::new(),
    });
    Ok(Built {
        objects: objects.collect(),
        dead_entries: Vec::new(),
    })
}
