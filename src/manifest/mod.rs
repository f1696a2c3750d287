//! Manifests: reads the text of a YAML or JSON file into objects.
//!
//! [`objects`] splits a text into documents and replaces lists by their items. It reads
//! each document separately, so that a broken one does not hide the others. It reads what
//! kubectl reads, and where YAML is ambiguous it does as kubectl does:
//!
//! - A stream of JSON objects is accepted as well as YAML, one per line or indented.
//! - Unquoted `yes`, `no`, `on`, `off`, `y` and `n` are booleans (YAML 1.1). So an
//!   annotation `fluxcd.io/automated: yes` is rejected here as by the API server, and is
//!   not read as the string `"yes"`.
//! - The values of a Helm release are read as Go's YAML parser reads them, whose numbers
//!   differ from other parsers (`12e5678` is a string). Their source texts are kept.
//! - The lines of a quoted scalar may be indented less than YAML 1.2 demands.
//! - A duplicate key in a mapping is an error.
//! - `<<` merges mappings; aliases are expanded up to a limit.
//!
//! The [markers](Marker) of Flux image automation are read from comments, and [`mark`]
//! adds them to the containers whose images they annotate. [`marked_values`] finds them in
//! any document, and [`edit_markers`] writes the values.
//!
//! Values that SOPS has encrypted are read unchanged, and are edited only if the SOPS
//! checksum allows it.
//!
//! [`edit`](edit()) changes single values of the objects within the text and keeps every
//! other byte. [`mark_unwritable`] tries it, and marks the containers whose image it would
//! refuse to change.

mod document;
mod edit;
mod json;
mod kustomization;
mod kustomize;
mod lenient;
mod markers;
mod object;
mod plain;
mod sops;
mod split;
mod writable;
mod yaml;

pub use document::{DocumentError, Object, Problem, objects};
pub use edit::{EditError, EditProblem, ObjectEdit, edit};
pub use kustomization::{KUSTOMIZATION_FILES, KustomizeFile, KustomizeImage};
pub use kustomize::{
    BuildError, Built, BuiltManifest, KustomizationType, KustomizeResult, SourcePath, SourceTree,
};
pub use kustomize::{
    LocalReference, ProgramInput, ReferenceTarget, all_references, plugin_references, program_input,
};
pub use kustomize::{Probing, SettleDraft, SettleOptions, SettleRoot, Settler};
pub use kustomize::{build_objects, built_objects, join_path, printed_objects, references};
pub use kustomize::{change_built, owner_references};
pub use markers::{Marker, MarkerEdit, edit_markers, mark, marked_values};
pub use plain::PlainTexts;
pub use writable::mark_unwritable;
