//! The checks between a plan and its write: the objects as they are now, who owns them, and
//! whether the images exist.

use crate::cluster::Cluster;
use crate::collect::{self, Confirmed, FreshLook, ObservedObjects, WantedImage};
use crate::plan::{Overrides, Plan};

/// Narrows a plan to what may be written to a cluster: drops what cannot be read, holds
/// back what its owner would revert, and notes what a new image triggers.
pub async fn hold_back_in_cluster(
    plan: &mut Plan,
    objects: &ObservedObjects,
    cluster: &Cluster,
    overrides: Overrides,
) {
    plan.changes
        .retain(|change| objects.by_id.contains_key(&change.workload));
    for change in &mut plan.changes {
        if let Some(object) = objects.by_id.get(&change.workload) {
            change.notes.extend(object.consequences.iter().cloned());
        }
    }
    let owners = collect::owners(cluster, &objects.by_id).await;
    plan.hold_back_owned(&owners, overrides);
}

/// Every image that a plan writes, each with the identity that will pull it.
#[must_use]
pub fn wanted_images(plan: &Plan, objects: &ObservedObjects) -> Vec<WantedImage> {
    let images = plan.images().map(|(change, image)| WantedImage {
        image: image.to.clone(),
        reader: objects
            .by_id
            .get(&change.workload)
            .and_then(|object| object.observed.workload.reader()),
    });
    images.collect()
}

/// Looks up every image that the plan writes, and holds back those that do not exist.
pub async fn confirm_images(
    plan: &mut Plan,
    wanted: &[WantedImage],
    look: &FreshLook<'_>,
) -> Confirmed {
    let confirmed = collect::confirm(wanted, look).await;
    plan.hold_back_missing(&confirmed.presences);
    confirmed
}
