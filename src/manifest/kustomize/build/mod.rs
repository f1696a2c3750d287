//! Builds the objects of a kustomization.

mod build;
mod built;
mod json_patch;
mod merge;
mod names;
mod patching;
mod paths;

pub(crate) use build::build_objects;
pub(crate) use built::{Built, BuiltObject};
