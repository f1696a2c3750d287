//! Verifies an edited text.

use std::collections::BTreeMap;

use super::change::NodeChange;
use crate::manifest::document::Located;

/// The first object that differs from the expected one. Expected are exactly the objects of
/// the old text with the changes applied. `changes` are by the positions of the objects.
pub(crate) fn difference(
    old: &[Located],
    new: &[Located],
    changes: &BTreeMap<usize, NodeChange>,
) -> Option<usize> {
    let count = old.len().max(new.len());
    (0..count).find(|index| match (old.get(*index), new.get(*index)) {
        (Some(old), Some(new)) => !is_as_expected(old, new, changes.get(index)),
        _ => true,
    })
}

fn is_as_expected(old: &Located, new: &Located, change: Option<&NodeChange>) -> bool {
    match (&old.object, &new.object) {
        (Ok(old), Ok(new)) => {
            // Flux markers are comments. They must also be kept, except for removed values.
            let kept_markers = old.markers.iter().filter(|m| !is_removed(change, &m.path));
            let is_as_expected = match change {
                Some(change) => {
                    let mut expected = old.value.clone();
                    change.apply(&mut expected);
                    expected == new.value
                }
                None => old.value == new.value,
            };
            is_as_expected && kept_markers.eq(&new.markers)
        }
        (Err(old), Err(new)) => old.problem == new.problem,
        _ => false,
    }
}

/// Whether a change removes a value or a parent of it.
fn is_removed(change: Option<&NodeChange>, path: &[String]) -> bool {
    match (change, path.split_first()) {
        (Some(NodeChange::Remove), _) => true,
        (None, _) | (_, None) => false,
        (change, Some((key, rest))) => {
            is_removed(change.and_then(|change| change.child(key)), rest)
        }
    }
}
