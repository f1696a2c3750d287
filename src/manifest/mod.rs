//! Manifests: the text of a file, YAML or JSON, read into objects.
//!
//! [`objects`] cuts a text into documents, reads each by itself, so that a
//! broken one does not hide the others, and opens lists. It reads what kubectl
//! reads, and where YAML leaves a choice it chooses as kubectl does:
//!
//! - A stream of JSON objects is taken as well as YAML, one a line or indented.
//! - `yes`, `no`, `on`, `off`, `y` and `n` without quotes are booleans (YAML 1.1),
//!   so that an annotation `fluxcd.io/automated: yes` is refused here as the API
//!   server refuses it, and not taken for the text `"yes"`.
//! - A Helm release's values are what Go's YAML makes of them, whose numbers differ
//!   from others' (`12e5678` is text), and their own texts are kept.
//! - A key that stands twice in one mapping is an error.
//! - `<<` merges; aliases are expanded within bounds.
//!
//! Flux's image automation [markers](Marker) are read from the comments, and
//! [`mark`] sets them at the containers whose images they stand beside.
//!
//! What SOPS has encrypted is read as it stands, and changed only where its checksum
//! allows that.
//!
//! [`edit`](edit()) changes single values of the objects in the text itself and
//! keeps every other byte.

mod document;
mod edit;
mod json;
mod markers;
mod object;
mod plain;
mod sops;
mod split;
mod yaml;

pub use document::{DocumentError, Object, Problem, objects};
pub use edit::{EditError, EditProblem, ObjectEdit, edit};
pub use markers::{Marker, mark};
pub use plain::PlainTexts;
