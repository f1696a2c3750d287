//! Builds kustomizations: by the model, and by the kustomize program where the model cannot.
//!
//! The program gets a private copy of the files that were checked, so that nothing changes
//! between the check and the build, and so that it can read nothing else. Its environment
//! contains no credentials, no proxy that works, and no other program.

mod build;
mod find;
mod place_cache;
mod private_copy;
mod program;
mod settle;

pub use build::{BuiltKustomization, KustomizeBuilder, KustomizeOptions};
pub use settle::settle;
