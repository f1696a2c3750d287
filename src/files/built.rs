//! Lists the objects that a kustomization builds.

use super::error::FileError;
use super::read::FileListing;
use crate::manifest::{Built, SourceTree, built_objects};

impl FileListing {
    /// Lists the workloads that were built from a tree.
    #[must_use]
    pub fn of_kustomization(tree: &SourceTree, built: &Built, default_namespace: &str) -> Self {
        let mut listing = Self::default();
        let result = built_objects(tree, built, default_namespace);
        listing.notes = result.notes;
        for object in result.objects {
            listing
                .uncovered
                .add(&object.value, &object.at, default_namespace);
            match object.workload {
                Ok(Some(workload)) => listing.workloads.push(workload),
                Ok(None) => listing.other(object.at, object.value),
                Err(error) => listing.errors.push(FileError::Workload {
                    at: object.at,
                    error,
                }),
            }
        }
        listing
    }
}
