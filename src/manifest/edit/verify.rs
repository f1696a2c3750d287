//! The edited text read again.

use std::collections::BTreeMap;

use super::change::NodeChange;
use super::yaml::child;
use crate::manifest::document::Located;

/// The first object at which an edited text does not say what it should: the
/// objects of the old text with the changes in them, and nothing else. `changes`
/// belong to objects by their positions.
pub(crate) fn difference(
    old: &[Located],
    new: &[Located],
    changes: &BTreeMap<usize, NodeChange>,
) -> Option<usize> {
    let count = old.len().max(new.len());
    (0..count).find(|index| match (old.get(*index), new.get(*index)) {
        (Some(old), Some(new)) => !is_as_wished(old, new, changes.get(index)),
        _ => true,
    })
}

fn is_as_wished(old: &Located, new: &Located, change: Option<&NodeChange>) -> bool {
    match (&old.object, &new.object) {
        (Ok(old), Ok(new)) => {
            // Flux's markers are comments: they stay too, but for what goes.
            let stays = old.markers.iter().filter(|m| !is_removed(change, &m.path));
            let is_as_wished = match change {
                Some(change) => {
                    let mut wished = old.value.clone();
                    change.apply(&mut wished);
                    wished == new.value
                }
                None => old.value == new.value,
            };
            is_as_wished && stays.eq(&new.markers)
        }
        (Err(old), Err(new)) => old.problem == new.problem,
        _ => false,
    }
}

/// Whether a change removes a place or what it lies in.
fn is_removed(change: Option<&NodeChange>, path: &[String]) -> bool {
    match (change, path.split_first()) {
        (Some(NodeChange::Remove), _) => true,
        (None, _) | (_, None) => false,
        (change, Some((key, rest))) => is_removed(child(change, key), rest),
    }
}
