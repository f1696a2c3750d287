//! Collecting: what a cluster or files contain, and what registries answer, joined
//! into one [`Snapshot`](crate::evaluator::Snapshot). This is the only place where
//! the three meet.
//!
//! First the objects are read: [`from_cluster`] or [`from_files`]. Then [`scan`] asks
//! the evaluator, per repository, which facts it needs, fetches them, and asks again
//! until the evaluator can decide. So only facts that a decision uses are fetched.
//! Where a registry refuses the user, the pull secrets of the workloads are tried.
//! [`compare_with_git`] finds where the images of a cluster are written in a Git repository.
//! Before an update is written, [`observe`] reads the objects again, [`owners`] finds
//! out who owns them, and [`confirm`] looks up the images again.

mod accounts;
mod applied_folders;
mod confirm;
mod connections;
mod fetch;
mod flux_markers;
mod git_tree;
mod image_objects;
mod listed;
mod objects;
mod refusal;
mod scan;
mod secret_source;
mod snapshot;

pub use accounts::{PullSecretUse, UsedPullSecrets};
pub use applied_folders::AppliedFolders;
pub use confirm::{Confirmed, FreshLook, WantedImage, confirm};
pub use fetch::fetch_until_decidable;
pub use flux_markers::{FluxMarkers, flux_markers};
pub use git_tree::{GitTree, compare_with_git};
pub use image_objects::add_image_objects;
pub use objects::{ObservedObject, ObservedObjects, observe, owners};
pub use scan::{ScanProgress, scan, scan_repositories};
pub use snapshot::{
    CollectError, from_cluster, from_files, from_workloads, imageless_releases, read_workloads,
    surroundings,
};
