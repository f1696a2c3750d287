//! A path that kustomize would read.

use super::local_path::refusal;
use crate::manifest::kustomize::error::BuildError;

/// A path in a kustomization, or in the configuration of one of its transformers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalReference {
    /// The path, relative to the folder of the kustomization.
    pub path: String,
    /// The field that contains it.
    pub field: String,
    /// The file with the field.
    pub file: String,
    /// The line of the path, from 1.
    pub line: usize,
    /// What kustomize expects there.
    pub target: ReferenceTarget,
}

/// What kustomize expects at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReferenceTarget {
    /// A file with objects, or a folder with a kustomization.
    Resource,
    /// A folder with a kustomization.
    Folder,
    /// A file.
    File,
    /// A file with the configuration of generators, transformers or validators.
    Plugins,
}

impl LocalReference {
    /// Whether it can only be a path in this file system, however kustomize reads it.
    #[must_use]
    pub fn is_local(&self) -> bool {
        refusal(&self.path).is_none()
    }

    /// # Errors
    ///
    /// Kustomize might read it elsewhere.
    pub(crate) fn check(&self) -> Result<(), BuildError> {
        match refusal(&self.path) {
            Some(reason) => Err(self.refused(reason)),
            None => Ok(()),
        }
    }

    pub(crate) fn refused(&self, message: impl Into<String>) -> BuildError {
        BuildError::NotLocal {
            field: self.field.clone(),
            path: self.path.clone(),
            file: self.file.clone(),
            line: self.line,
            message: message.into(),
        }
    }
}
