//! What the kustomize program may read: checks every path before it is started.

mod fields;
mod input;
mod local_path;
mod plugins;
mod reference;

pub(crate) use fields::CheckedKustomization;
pub use fields::all_references;
pub use input::{ProgramInput, program_input};
pub use plugins::plugin_references;
pub use reference::{LocalReference, ReferenceTarget};
