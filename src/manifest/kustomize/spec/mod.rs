//! The fields of a `kustomization.yaml`.

mod fields;
mod identity;
mod images;
mod selector;
mod spec;

pub(crate) use fields::{FieldReader, is_filled};
pub(crate) use identity::ResourceId;
pub(crate) use images::{ImageText, is_name_only};
pub use spec::KustomizationType;
pub(crate) use spec::{KustomizationSpec, PatchEntry, PatchSource, PathReference};
pub(crate) use spec::{is_remote, kustomization_object};
