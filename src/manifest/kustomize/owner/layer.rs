//! The fields of an owner, whichever it is.

use crate::manifest::kustomize::argo::ArgoLayer;
use crate::manifest::kustomize::error::BuildError;
use crate::manifest::kustomize::flux::FluxLayer;
use crate::manifest::kustomize::source::SourceTree;
use crate::manifest::kustomize::traced::TracedValue;
use crate::workload::KustomizationApplier;

/// What an owner changes in the kustomization of the root, before it is built.
#[derive(Debug)]
pub(crate) enum OwnerLayer {
    Flux(FluxLayer),
    ArgoCd(ArgoLayer),
}

impl OwnerLayer {
    /// The owner that applies the root of a tree.
    ///
    /// # Errors
    ///
    /// It is no longer where it was found, or cannot be read.
    pub(crate) fn find(tree: &SourceTree) -> Result<Option<Self>, BuildError> {
        let Some(owner) = &tree.applied_by else {
            return Ok(None);
        };
        match &owner.applier {
            KustomizationApplier::Flux => Ok(FluxLayer::find(tree)?.map(Self::Flux)),
            KustomizationApplier::ArgoCd { source, .. } => {
                ArgoLayer::find(tree, owner, *source).map(|layer| Some(Self::ArgoCd(layer)))
            }
        }
    }

    /// Changes the kustomization of the root as the owner does.
    ///
    /// # Errors
    ///
    /// A field of the owner is not known here, or is not valid.
    pub(crate) fn merge_into(
        &self,
        root: &mut TracedValue,
        tree: &SourceTree,
    ) -> Result<(), BuildError> {
        match self {
            Self::Flux(layer) => layer.merge_into(root, tree),
            Self::ArgoCd(layer) => layer.merge_into(root, tree),
        }
    }
}
