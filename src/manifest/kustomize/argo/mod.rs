//! What an Application of Argo CD changes in the kustomization that it applies.

mod image_override;
mod layer;
mod variables;

pub(crate) use image_override::override_text;
pub(crate) use layer::ArgoLayer;
