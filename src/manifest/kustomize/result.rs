//! The result of building a kustomization.

use serde_json::Value;

use super::build::{Built, BuiltObject};
use super::containers::ImageScalars;
use super::error::place;
use super::source::SourceTree;
use super::spec::KustomizationSpec;
use crate::workload::{DecodeError, ManifestSource, Obstacle, Workload, decode};

/// The objects of a kustomization, and what is strange about it.
#[derive(Debug)]
pub struct KustomizeResult {
    /// The objects as the cluster gets them.
    pub objects: Vec<BuiltManifest>,
    /// Entries of `images` without effect, one sentence each.
    pub notes: Vec<String>,
}

/// One object of the result.
#[derive(Debug)]
pub struct BuiltManifest {
    /// Where its document is written.
    pub at: ManifestSource,
    /// The object.
    pub value: Value,
    /// The object as a workload, with the places of its images; `Ok(None)`: it is none.
    pub workload: Result<Option<Workload>, DecodeError>,
}

/// The objects that were built from a tree, as workloads. `default_namespace` is that of an
/// object that names none.
#[must_use]
pub fn built_objects(tree: &SourceTree, built: &Built, default_namespace: &str) -> KustomizeResult {
    let objects = built.objects.iter();
    KustomizeResult {
        objects: objects
            .map(|object| manifest(tree, object, default_namespace))
            .collect(),
        notes: built
            .dead_entries
            .iter()
            .map(|dead| {
                format!(
                    "{}: the images entry {:?} matches no image, so it has no effect",
                    place(&dead.file, dead.line),
                    dead.name
                )
            })
            .collect(),
    }
}

/// The paths that a kustomization file refers to, relative to its folder; none if it cannot be
/// read. Remote ones are left out.
#[must_use]
pub fn references(text: &str) -> Vec<String> {
    match KustomizationSpec::read("", text) {
        Ok(spec) => spec.references().map(str::to_owned).collect(),
        Err(_) => Vec::new(),
    }
}

fn manifest(tree: &SourceTree, object: &BuiltObject, default_namespace: &str) -> BuiltManifest {
    let value = object.value.to_value();
    let at = ManifestSource {
        file: object.file.clone(),
        line: object.line,
    };
    let workload = decode(&value, default_namespace).map(|workload| {
        workload.map(|workload| {
            let mut workload = with_places(workload, object);
            workload.root = Some(tree.root.clone());
            workload.source = Some(at.clone());
            // A manifest that was exported from a cluster says nothing about the present.
            workload.is_being_deleted = false;
            workload
        })
    });
    BuiltManifest {
        at,
        value,
        workload,
    }
}

/// Adds where the images are written, and why they cannot be changed there.
fn with_places(mut workload: Workload, object: &BuiltObject) -> Workload {
    let found: Vec<Option<ImageScalars>> = workload
        .containers
        .iter()
        .map(|container| ImageScalars::find(&object.value, &workload, container))
        .collect();
    for (container, image) in workload.containers.iter_mut().zip(found) {
        let Some(image) = image else { continue };
        container.written_at = image.written_at();
        if let Some(numeric) = &mut container.numeric_tag {
            numeric.written = image.plain_tag().map(str::to_owned);
        }
        if container.obstacle.is_none() && !container.has_chart_tag {
            container.obstacle = image.obstacle().map(|message| Obstacle {
                message,
                yields_to_explicit: false,
            });
        }
    }
    workload
}
