//! What a Kustomization of Flux changes in what was built.

use super::layer::FluxLayer;
use super::substitute::substitute_variables;
use crate::manifest::kustomize::build::Built;
use crate::manifest::kustomize::error::BuildError;
use crate::manifest::kustomize::owner::add_texts_to;
use crate::manifest::kustomize::source::SourceTree;

/// Changes the objects that were built from a tree as its owner does after the build: Flux
/// replaces variables, and then adds `spec.commonMetadata`.
///
/// # Errors
///
/// Flux could not apply the result.
pub fn change_built(tree: &SourceTree, built: Built) -> Result<Built, BuildError> {
    let Some(layer) = FluxLayer::find(tree)? else {
        return Ok(built);
    };
    let mut built = substitute_variables(&layer, built)?;
    let Some(common) = layer.spec.get("commonMetadata") else {
        return Ok(built);
    };
    for object in &mut built.objects {
        if let Some(metadata) = object.value.mapping_at("metadata") {
            for field in ["labels", "annotations"] {
                add_texts_to(metadata, field, common.get(field));
            }
        }
    }
    Ok(built)
}
