//! The edits of one root value.

use super::change::NodeChange;
use crate::manifest::document::Root;

/// The edits of all objects that are read from one value.
pub(crate) struct RootEdits<'a> {
    pub(crate) root: &'a Root,
    /// The objects that are edited: their paths and positions.
    pub(crate) objects: Vec<(&'a [String], usize)>,
    /// Their edits, from the root.
    pub(crate) change: NodeChange,
}
