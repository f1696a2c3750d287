//! Manifests edited in place: every byte that need not change stays.
//!
//! [`edit`] finds the bytes of a value by the parser's spans and replaces those.
//! It keeps comments, quotes, the order of keys, line ends, document markers,
//! directives and a missing newline at the end. The rules:
//!
//! - **A value** keeps its style. A plain one gets double quotes where YAML 1.1 or
//!   1.2 would read the new text as anything but that text (`true`, `1.10`). The
//!   lines of a block scalar (`|`, `>`) are replaced by one double-quoted line.
//! - **A new key** is written at its siblings' indentation, below the last of
//!   them; `annotations` below the name, the namespace and the labels,
//!   `metadata` below `kind`. Missing mappings above it are written too, indented
//!   as the document's others. In braces it is written in braces, on a line of
//!   its own where its siblings have theirs, and in JSON quoted as JSON. An empty
//!   `annotations: {}`, `annotations:` or `annotations: null` is filled. Several new
//!   keys are written in the order of their bytes. Comments on lines of their own
//!   below the sibling stay below the new key.
//! - **A removed key** takes its lines and the comments on them along; comments on
//!   lines of their own stay, wherever they stand. With the last annotation
//!   `annotations:` goes too, since none and an empty mapping mean the same.
//!   Another mapping that becomes empty is left as `{}`.
//! - **Refused**, with the line and what to do: aliases, what lies under an
//!   anchor that is used elsewhere, what a merge key brings in, tagged values, keys
//!   in the `? key` form, and what SOPS has encrypted or keeps a checksum over.
//!
//! Before the new text is given back it is read, and its objects must differ from
//! the old ones at the edited places only; otherwise the edit is refused.

mod block;
mod change;
mod edit;
mod error;
mod flow;
mod json;
mod lines;
mod root_edits;
mod scalar;
mod sealed;
mod splice;
mod splicer;
mod tree;
mod verify;
mod yaml;

pub use edit::{ObjectEdit, edit};
pub use error::{EditError, EditProblem};
