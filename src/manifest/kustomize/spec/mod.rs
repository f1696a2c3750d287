//! The fields of a `kustomization.yaml`.

mod fields;
mod identity;
mod images;
mod selector;
mod spec;

pub(crate) use identity::ResourceId;
pub(crate) use images::{ImageText, is_name_only};
pub(crate) use spec::{KustomizationSpec, PatchEntry, PatchSource, PathReference, is_remote};
