//! The edits of one root value.

use super::change::NodeChange;
use crate::manifest::document::Root;

/// The edits of all objects in one root value.
pub(crate) struct RootEdits<'a> {
    pub(crate) root: &'a Root,
    /// The paths and positions of the edited objects.
    pub(crate) objects: Vec<(&'a [String], usize)>,
    /// Their edits, with paths from the root.
    pub(crate) change: NodeChange,
}
