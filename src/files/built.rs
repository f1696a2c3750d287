//! Lists the objects that a kustomization builds.

use super::error::FileError;
use super::read::{FileListing, is_policy_source};
use crate::manifest::{Built, SourceTree, built_objects};

impl FileListing {
    /// Lists the workloads that were built from a tree.
    #[must_use]
    pub fn of_kustomization(tree: &SourceTree, built: &Built, default_namespace: &str) -> Self {
        let mut listing = Self::default();
        let result = built_objects(tree, built, default_namespace);
        listing.notes = result.notes;
        for object in result.objects {
            listing.uncovered.add(&object.value, default_namespace);
            match object.workload {
                Ok(Some(workload)) => listing.workloads.push(workload),
                Ok(None) if is_policy_source(&object.value) => {
                    listing.objects.push((object.at, object.value));
                }
                Ok(None) => {}
                Err(error) => listing.errors.push(FileError::Workload {
                    at: object.at,
                    error,
                }),
            }
        }
        listing
    }
}
