//! The paths that an owner adds to a kustomization.

use crate::manifest::kustomize::build::PathFinder;
use crate::manifest::kustomize::guard::{CheckedKustomization, LocalReference};
use crate::manifest::kustomize::source::SourceTree;

/// Every path that the kustomization of the root refers to with the changes of its owner, as
/// far as it can be read.
#[must_use]
pub fn owner_references(tree: &SourceTree) -> Vec<LocalReference> {
    let Ok((file, object)) = PathFinder(tree).kustomization_object(&tree.root) else {
        return Vec::new();
    };
    let text = tree.text(&file).unwrap_or_default();
    match CheckedKustomization::read(&file, text, &object) {
        Ok(checked) => checked.references,
        Err(_) => Vec::new(),
    }
}
