//! The images in the result of a kustomization.

use std::sync::Arc;

use crate::manifest::kustomize::build::{Built, BuiltObject};
use crate::manifest::kustomize::containers::ImageScalars;
use crate::manifest::kustomize::traced::{ScalarPlace, TracedValue};
use crate::plan::{Change, ImageChange};
use crate::policy::{PolicySources, Resolved, resolve};
use crate::workload::{ContainerType, ManifestSource, Workload, WorkloadKind, decode};

/// The lists whose items have an image.
const LISTS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

/// Every image of a workload, and those of other kinds.
#[derive(Debug)]
pub(crate) struct BuiltImages {
    pub(crate) all: Vec<BuiltImage>,
    /// The images of other kinds: a name for each, and its places.
    uncovered: Vec<(String, Vec<Arc<ScalarPlace>>)>,
    sources: PolicySources,
}

/// The image of one container.
#[derive(Debug)]
pub(crate) struct BuiltImage {
    /// The kustomization that builds it.
    pub(crate) root: String,
    /// Where the document of the workload is, as far as it is known.
    pub(crate) document: ManifestSource,
    pub(crate) workload: Arc<Workload>,
    pub(crate) container: String,
    pub(crate) container_type: ContainerType,
    pub(crate) image: String,
    pub(crate) scalars: Option<ImageScalars>,
}

impl BuiltImages {
    /// Reads the results of kustomizations, each with its root.
    pub(crate) fn read(builds: &[(&str, &Built)], default_namespace: &str) -> Self {
        let mut images = Self {
            all: Vec::new(),
            uncovered: Vec::new(),
            sources: PolicySources::default(),
        };
        for (root, built) in builds {
            for object in &built.objects {
                images.add(root, object, default_namespace);
            }
        }
        images
    }

    fn add(&mut self, root: &str, object: &BuiltObject, default_namespace: &str) {
        let value = object.value.to_value();
        self.sources.add(&value);
        let Ok(Some(workload)) = decode(&value, default_namespace) else {
            let id = object.id();
            let name = format!("{} {}", id.kind, id.name);
            self.add_uncovered(&object.value, &name);
            return;
        };
        if workload.id.kind != WorkloadKind::HelmRelease {
            let name = format!("an image volume of {}", workload.id);
            self.add_volumes(&object.value, &name);
        }
        let workload = Arc::new(workload);
        for container in &workload.containers {
            self.all.push(BuiltImage {
                root: root.to_owned(),
                document: ManifestSource {
                    file: object.file.clone(),
                    line: object.line,
                },
                workload: Arc::clone(&workload),
                container: container.name.clone(),
                container_type: container.container_type,
                image: container.image.clone(),
                scalars: ImageScalars::find(&object.value, &workload, container),
            });
        }
    }

    fn add_uncovered(&mut self, value: &TracedValue, name: &str) {
        for entry in value.entries() {
            for item in entry.value.items() {
                if LISTS.contains(&entry.key.as_str()) {
                    self.add_scalar(item.get("image"), name);
                }
                self.add_uncovered(item, name);
            }
            self.add_uncovered(&entry.value, name);
        }
        self.add_volumes(value, name);
    }

    fn add_volumes(&mut self, value: &TracedValue, name: &str) {
        for path in [&["spec"][..], &["spec", "template", "spec"]] {
            let volumes = value.at(path).and_then(|pod| pod.get("volumes"));
            for volume in volumes.map(TracedValue::items).unwrap_or_default() {
                self.add_scalar(volume.at(&["image", "reference"]), name);
            }
        }
    }

    fn add_scalar(&mut self, value: Option<&TracedValue>, name: &str) {
        if let Some(TracedValue::Scalar(scalar)) = value {
            let places = scalar.origins.iter();
            let places = places.map(|origin| Arc::clone(&origin.place));
            self.uncovered.push((name.to_owned(), places.collect()));
        }
    }

    /// The policies of the Kustomizations in the results.
    pub(crate) fn sources(&self) -> &PolicySources {
        &self.sources
    }

    /// The position of a container's image.
    pub(crate) fn position(&self, change: &Change, image: &ImageChange) -> Option<usize> {
        self.all.iter().position(|built| {
            built.is_of(change)
                && built.container == image.container
                && built.container_type == image.container_type
        })
    }

    /// The objects of other kinds whose image a place decides.
    pub(crate) fn uncovered_at(&self, place: &ScalarPlace) -> impl Iterator<Item = &str> {
        let uncovered = self.uncovered.iter();
        uncovered
            .filter(move |(_, places)| places.iter().any(|one| **one == *place))
            .map(|(name, _)| name.as_str())
    }
}

impl BuiltImage {
    /// Whether it belongs to the workload of a change.
    pub(crate) fn is_of(&self, change: &Change) -> bool {
        self.workload.id == change.workload && change.root.as_ref() == Some(&self.root)
    }

    /// Whether this is the same container in the result of another kustomization: that of the
    /// same document, or of a workload of the same name if the documents are not known.
    pub(crate) fn is_counterpart_of(&self, other: &Self) -> bool {
        let (own, theirs) = (&self.workload.id, &other.workload.id);
        self.root != other.root
            && self.container == other.container
            && self.container_type == other.container_type
            && own.kind == theirs.kind
            && (self.document == other.document || own.name == theirs.name)
    }

    /// The places that decide it.
    pub(crate) fn places(&self) -> impl Iterator<Item = Arc<ScalarPlace>> {
        let scalars = self.scalars.iter();
        let deciding = scalars.flat_map(ImageScalars::deciding);
        deciding.map(|(_, origin)| Arc::clone(&origin.place))
    }

    /// The state and the policy of the container.
    pub(crate) fn resolved(&self, sources: &PolicySources) -> Option<Resolved> {
        let containers = self.workload.containers.iter();
        containers
            .zip(resolve(&self.workload, sources))
            .find(|(container, _)| {
                container.name == self.container && container.container_type == self.container_type
            })
            .map(|(_, resolved)| resolved)
    }
}
