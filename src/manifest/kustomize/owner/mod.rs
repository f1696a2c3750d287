//! What the owner of a kustomization changes in it: a Kustomization of Flux, or an Application
//! of Argo CD.

mod layer;
mod object;
mod references;
mod root_fields;

pub(crate) use layer::OwnerLayer;
pub(crate) use object::OwnerObject;
pub use references::owner_references;
pub(crate) use root_fields::{
    add_texts_to, append_to_list, change_list, components_of, replace_field,
};
