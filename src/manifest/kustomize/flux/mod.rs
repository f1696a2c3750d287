//! What a Kustomization of Flux changes in the kustomization that it applies.

mod expand;
mod layer;
mod substitute;

pub(crate) use layer::FluxLayer;
pub use substitute::substitute_variables;
