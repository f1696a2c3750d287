//! The markers of one document that have an effect, with paths from its root.

use super::attach::{Attached, attach};
use super::comment::KEY;
use super::containers::Marker;
use super::scan::scan;

/// Finds the markers of one document.
pub(crate) fn find(text: &str) -> Vec<Marker> {
    // Few documents have markers, and only those are parsed a second time.
    if !text.contains(KEY) {
        return Vec::new();
    }
    let Some(document) = scan(text) else {
        return Vec::new();
    };
    let attached = attach(text, &document).into_iter();
    attached
        .filter_map(|attached| match attached {
            Attached::Live(index, target) => Some(Marker {
                path: document.scalars[index].path.clone(),
                policy: target.policy(),
            }),
            Attached::Dead(..) => None,
        })
        .collect()
}
