//! The images in the result of a build, as texts.

use crate::manifest::kustomize::build::Built;
use crate::manifest::kustomize::containers::ImageScalars;
use crate::manifest::kustomize::spec::ImageText;
use crate::manifest::kustomize::traced::TracedScalar;
use crate::workload::{ContainerType, WorkloadId, decode};

/// The images of every workload that was built, in the order of the objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BuiltImageScalars {
    images: Vec<ContainerImage>,
}

/// The image of one container.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ContainerImage {
    /// The position of its object.
    object: usize,
    workload: WorkloadId,
    container: String,
    container_type: ContainerType,
    /// The whole image, or the repository, the tag and the digest in the values of a release.
    texts: Vec<String>,
}

impl BuiltImageScalars {
    pub(crate) fn of(built: &Built) -> Self {
        let mut images = Vec::new();
        for (at, object) in built.objects.iter().enumerate() {
            let Ok(Some(workload)) = decode(&object.value.to_value(), "") else {
                continue;
            };
            for container in &workload.containers {
                let scalars = ImageScalars::find(&object.value, &workload, container);
                images.push(ContainerImage {
                    object: at,
                    workload: workload.id.clone(),
                    container: container.name.clone(),
                    container_type: container.container_type,
                    texts: scalars.map(texts).unwrap_or_default(),
                });
            }
        }
        Self { images }
    }

    /// The same images with other texts.
    pub(crate) fn map_texts(mut self, change: impl Fn(&str) -> String) -> Self {
        for image in &mut self.images {
            for text in &mut image.texts {
                *text = change(text);
            }
        }
        self
    }

    /// Whether the images are those of the same containers.
    pub(crate) fn is_of_the_same(&self, other: &Self) -> bool {
        let mut pairs = self.images.iter().zip(&other.images);
        self.images.len() == other.images.len()
            && pairs.all(|(own, other)| {
                let texts = own.texts.clone();
                *own == ContainerImage {
                    texts,
                    ..other.clone()
                }
            })
    }

    /// The texts of the images, split.
    pub(crate) fn texts(&self) -> Vec<ImageText> {
        let images = self
            .images
            .iter()
            .map(|image| match image.texts.as_slice() {
                [whole] => ImageText::split(whole),
                [name, tag, digest] => ImageText {
                    name: name.clone(),
                    tag: tag.clone(),
                    digest: digest.clone(),
                },
                _ => ImageText::split(""),
            });
        images.filter(|image| !image.join().is_empty()).collect()
    }
}

fn texts(scalars: ImageScalars) -> Vec<String> {
    match scalars {
        ImageScalars::Whole(image) => vec![text(Some(image))],
        ImageScalars::Parts {
            repository,
            tag,
            digest,
        } => vec![text(repository), text(tag), text(digest)],
    }
}

fn text(scalar: Option<TracedScalar>) -> String {
    match scalar.map(|scalar| scalar.value) {
        Some(serde_json::Value::String(text)) => text,
        Some(serde_json::Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    }
}
