//! Flux's image objects in a cluster, for the workloads of a snapshot.

use std::collections::BTreeSet;

use crate::cluster::{Cluster, ImageObjects, Scope};
use crate::evaluator::{ImageObject, Snapshot};
use crate::image::{CanonicalName, ImageReference};
use crate::policy::FluxObjects;

/// Reads Flux's image objects, and adds them to a snapshot: those that elect from the image of
/// a workload and, if `scope` is given, those in this scope. What may not be read is a note.
pub async fn add_image_objects(cluster: &Cluster, scope: Option<&Scope>, snapshot: &mut Snapshot) {
    let ImageObjects { objects, notes } = cluster.image_objects().await;
    let containers = snapshot.workloads.iter().flat_map(|w| &w.containers);
    let images: BTreeSet<CanonicalName> = containers
        .filter_map(|container| container.image.parse::<ImageReference>().ok())
        .map(|image| image.canonical().clone())
        .collect();
    let read = FluxObjects::read(objects.iter().map(|object| (None, object)), "default");
    let wanted = read.policies_for(&images);
    snapshot.notes.extend(notes);
    snapshot
        .image_objects
        .extend(objects.into_iter().map(|object| ImageObject {
            source: None,
            object,
        }));
    snapshot.keep_policies(|namespace, name| {
        let is_in_scope = scope.is_some_and(|scope| {
            let own = scope.namespace();
            own.is_none_or(|own| own == namespace)
        });
        is_in_scope || wanted.contains(&format!("{namespace}/{name}"))
    });
}
