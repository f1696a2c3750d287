//! The scalars that hold the images of a workload.

use serde_json::Value;

use super::spec::{ImageText, is_name_only};
use super::traced::{Decides, ScalarOrigin, TracedScalar, TracedValue};
use crate::workload::{
    Container, ContainerType, HelmImage, ImagePart, Workload, WorkloadKind, WrittenAt, helm_images,
};

/// Why a scalar with a variable is not edited.
pub(crate) const PLACEHOLDER: &str = "it contains a placeholder, which must not be overwritten; \
                                      change the value of the variable";

/// The scalars of one image.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ImageScalars {
    /// A whole image.
    Whole(TracedScalar),
    /// Parts in the values of a Helm release; those that are not there are `None`.
    Parts {
        repository: Option<TracedScalar>,
        tag: Option<TracedScalar>,
        digest: Option<TracedScalar>,
    },
}

impl ImageScalars {
    /// Finds the scalars of a container's image; `None` if it has none.
    pub(crate) fn find(
        object: &TracedValue,
        workload: &Workload,
        container: &Container,
    ) -> Option<Self> {
        if workload.id.kind == WorkloadKind::HelmRelease {
            return Self::find_in_values(object, workload, container);
        }
        let pod: &[&str] = match workload.id.kind {
            WorkloadKind::CronJob => &["spec", "jobTemplate", "spec", "template", "spec"],
            _ => &["spec", "template", "spec"],
        };
        let list = match container.container_type {
            ContainerType::Container => "containers",
            ContainerType::InitContainer => "initContainers",
        };
        let mut items = object.at(pod)?.get(list)?.items().iter();
        let item = items.find(|item| item.text_at(&["name"]) == container.name)?;
        Some(Self::Whole(scalar(item.get("image"))?))
    }

    fn find_in_values(
        object: &TracedValue,
        workload: &Workload,
        container: &Container,
    ) -> Option<Self> {
        let traced = object.at(&["spec", "values"])?;
        let Value::Object(values) = traced.to_value() else {
            return None;
        };
        let mut images = helm_images(&values, &workload.annotations);
        let HelmImage {
            repository,
            tag,
            digest,
            ..
        } = images.remove(&container.name)?;
        let at = |path: Option<Vec<String>>| scalar(at_path(traced, &path?));
        Some(Self::Parts {
            repository: at(Some(repository)),
            tag: at(tag),
            digest: at(digest),
        })
    }

    /// The places that decide the image, each with the last part that it decides, in the order
    /// of the files.
    pub(crate) fn written_at(&self) -> Vec<WrittenAt> {
        let mut places: Vec<WrittenAt> = self.deciding().map(|(part, o)| place(part, o)).collect();
        // Of a place that decides several parts, the last one counts.
        places.sort_by(|a, b| b.cmp(a));
        places.dedup_by(|next, last| {
            (&next.file, next.line, &next.key) == (&last.file, last.line, &last.key)
        });
        places.reverse();
        places
    }

    /// Why the version of the image cannot be changed where it is written, with the place.
    pub(crate) fn obstacle(&self) -> Option<String> {
        let mut origins = self.deciding().peekable();
        if origins.peek().is_none() {
            return Some("the place where this image is written was not found".to_owned());
        }
        let origins = origins.filter(|(_, origin)| !is_name(origin));
        let all: Vec<(ImagePart, &ScalarOrigin)> = origins.collect();
        // A text with variables is not edited if a variable is known.
        let has_variable = all.iter().any(|(_, origin)| !is_template(origin));
        all.into_iter()
            .filter(|(_, origin)| !(has_variable && is_template(origin)))
            .find_map(|(_, origin)| {
                let place = &origin.place;
                let reason = match (&origin.refusal, &place.spot) {
                    (Some(reason), _) => reason.as_ref(),
                    (None, Err(reason)) => *reason,
                    (None, Ok(_)) if place.text.contains("${") => PLACEHOLDER,
                    (None, Ok(_)) => return None,
                };
                Some(format!("{}:{}: {reason}", place.file, place.line))
            })
    }

    /// The text of the tag as it is written without quotes, if it is not a string.
    pub(crate) fn plain_tag(&self) -> Option<&str> {
        match self {
            Self::Parts { tag: Some(tag), .. } if !tag.value.is_string() => {
                let place = &tag.origins.first()?.place;
                place.is_plain.then_some(place.text.as_str())
            }
            _ => None,
        }
    }

    /// The origins that decide the image, with the last part that each decides.
    pub(crate) fn deciding(&self) -> impl Iterator<Item = (ImagePart, &ScalarOrigin)> {
        let scalars: Vec<(Option<ImagePart>, &TracedScalar)> = match self {
            Self::Whole(image) => vec![(None, image)],
            Self::Parts {
                repository,
                tag,
                digest,
            } => {
                let versions = [(ImagePart::Tag, tag), (ImagePart::Digest, digest)];
                let mut found: Vec<_> = versions
                    .into_iter()
                    .filter_map(|(part, scalar)| Some((Some(part), scalar.as_ref()?)))
                    .filter(|(_, scalar)| !scalar.value.is_null() && scalar.value != "")
                    .collect();
                // The repository only counts if it is, or contains, the version.
                if found.is_empty() {
                    found.extend(repository.iter().map(|repository| (None, repository)));
                }
                found
            }
        };
        let all = scalars.into_iter().flat_map(|(part, scalar)| {
            let is_alone = scalar.origins.len() == 1;
            scalar.origins.iter().filter_map(move |origin| {
                let part = part.unwrap_or_else(|| last_part(origin));
                let is_whole = origin.decides == Decides::All;
                // The name in a whole image is not told apart from its version.
                let counts = !is_whole || is_alone || !is_name_only(&origin.place.text);
                counts.then_some((part, origin))
            })
        });
        all.collect::<Vec<_>>().into_iter()
    }
}

fn is_name(origin: &ScalarOrigin) -> bool {
    matches!(
        origin.decides,
        Decides::Name | Decides::Override(ImagePart::Name)
    )
}

fn is_template(origin: &ScalarOrigin) -> bool {
    matches!(origin.decides, Decides::Template(_))
}

/// The last part of the image that a place decides.
pub(crate) fn last_part(origin: &ScalarOrigin) -> ImagePart {
    origin.decides.part().unwrap_or_else(|| {
        let image = ImageText::split(&origin.place.text);
        match (image.tag.is_empty(), image.digest.is_empty()) {
            (_, false) => ImagePart::Digest,
            (false, true) => ImagePart::Tag,
            (true, true) => ImagePart::Name,
        }
    })
}

fn place(part: ImagePart, origin: &ScalarOrigin) -> WrittenAt {
    WrittenAt {
        file: origin.place.file.to_string(),
        line: origin.place.line,
        key: origin.place.key.clone(),
        part,
    }
}

fn scalar(value: Option<&TracedValue>) -> Option<TracedScalar> {
    match value? {
        TracedValue::Scalar(scalar) => Some(scalar.clone()),
        _ => None,
    }
}

/// The value at the end of a path of keys and indexes.
pub(crate) fn at_path<'t>(value: &'t TracedValue, path: &[String]) -> Option<&'t TracedValue> {
    path.iter().try_fold(value, |at, key| match at {
        TracedValue::List(items) => items.get(key.parse::<usize>().ok()?),
        at => at.get(key),
    })
}
