//! What a Kustomization of Flux changes in the kustomization that it applies.

mod after_build;
mod expand;
mod layer;
mod substitute;

pub use after_build::change_built;
pub(crate) use layer::FluxLayer;
