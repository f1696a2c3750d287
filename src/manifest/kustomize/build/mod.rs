//! Builds the objects of a kustomization.

mod build;
mod built;
mod json_patch;
mod merge;
mod names;
mod patching;
mod paths;
mod printed;

pub use build::build_objects;
pub use built::Built;
pub(crate) use built::{BuiltObject, DeadEntry};
pub(crate) use paths::PathFinder;
pub use printed::printed_objects;
