//! The way in: what a cluster or files say, and what registries answer, joined
//! into one [`Snapshot`]. The only place where the three meet.
//!
//! First the objects: [`from_cluster`] or [`from_files`]. Then [`scan`]: for each
//! repository the evaluator is asked what it needs, that is fetched, and it is
//! asked again until it can decide. So nothing is fetched that no decision uses.
//! Where the user is refused, the pull secrets of the workloads are tried. Before
//! an image is written, [`confirm`] looks for it once more.

mod accounts;
mod confirm;
mod objects;
mod scan;
mod snapshot;

pub use accounts::{PullSecretUse, UsedPullSecrets};
pub use confirm::{Confirmed, FreshLook, WantedImage, confirm};
pub use objects::{ObservedObject, ObservedObjects, observe, owners};
pub use scan::{Progress, scan, settle};
pub use snapshot::{CollectError, from_cluster, from_files, surroundings, workloads_of};
