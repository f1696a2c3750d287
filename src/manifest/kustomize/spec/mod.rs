//! The fields of a `kustomization.yaml`.

mod fields;
mod identity;
mod images;
mod selector;
mod spec;

pub(crate) use fields::{FieldReader, is_filled};
pub(crate) use identity::ResourceId;
pub(crate) use images::{ImageEntry, ImageText, is_name_only};
pub use spec::KustomizationType;
pub(crate) use spec::{IMAGE_FIELDS, image_entries, is_remote, kustomization_object};
pub(crate) use spec::{KustomizationSpec, PatchEntry, PatchSource, PathReference};
