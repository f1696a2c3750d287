//! Edits manifests in place and keeps every byte that need not change.
//!
//! [`edit`] finds the bytes of a value from the parser's spans and replaces only those. It
//! keeps comments, quotes, the order of keys, line breaks, document markers, directives and
//! a missing line break at the end. The rules:
//!
//! - **A value** keeps its style. A plain scalar gets double quotes if YAML 1.1 or 1.2
//!   would not read the new text as that string (`true`, `1.10`). The lines of a block
//!   scalar (`|`, `>`) are replaced by one double-quoted line.
//! - **A new key** is written below its last sibling and with the same indentation;
//!   `annotations` below the name, the namespace and the labels, `metadata` below `kind`.
//!   Missing parent mappings are also written, with the indentation of the document. In a
//!   flow mapping, the key is written in flow style, on a line of its own if its siblings
//!   have one, and with JSON quotes in JSON. An empty `annotations: {}`, `annotations:` or
//!   `annotations: null` is filled. Several new keys are written in byte order. Comments
//!   on lines of their own below the sibling stay below the new key.
//! - **A removed key** is removed with its lines and the comments on them. Comments on
//!   lines of their own are always kept. With the last annotation, `annotations:` is also
//!   removed, because an empty mapping means the same as none. Any other mapping that
//!   becomes empty is written as `{}`.
//! - **Refused**, with the line and what to do: aliases, values below an anchor that is
//!   used elsewhere, merged values, tagged values, keys in the `? key` form, and values
//!   that SOPS has encrypted or that its checksum covers.
//!
//! Before the new text is returned, it is read again. Its objects may differ from the old
//! ones only at the edited places; otherwise the edit is refused.

mod block;
mod change;
mod edit;
mod error;
mod flow;
mod json;
mod lines;
mod scalar;
mod sealed;
mod splice;
mod splicer;
mod tree;
mod verify;
mod yaml;

pub(crate) use change::Depth;
pub(crate) use edit::refusals;
pub use edit::{ObjectEdit, edit};
pub use error::{EditError, EditProblem};
pub(crate) use lines::TextLines;
pub(crate) use scalar::{double_quoted, format_scalar, has_plain_form};
pub(crate) use splice::Splices;
pub(crate) use splicer::read_tree;
pub(crate) use tree::{Mapping, NodeKind, Tree, TreeNode};
