//! Which scalars get which text, so that a container gets another image.

use std::sync::Arc;

use crate::image::ImageReference;
use crate::manifest::kustomize::argo::override_text;
use crate::manifest::kustomize::containers::{ImageScalars, PLACEHOLDER};
use crate::manifest::kustomize::spec::{ImageText, is_name_only};
use crate::manifest::kustomize::traced::{Decides, ScalarOrigin, ScalarPlace, TracedScalar};
use crate::workload::ImagePart;

/// A new text for a scalar in a file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ScalarEdit {
    pub(crate) place: Arc<ScalarPlace>,
    pub(crate) text: String,
}

/// The edits for one image, and the image that they should give.
#[derive(Debug)]
pub(crate) struct ImageEdits {
    pub(crate) edits: Vec<ScalarEdit>,
    pub(crate) result: String,
}

impl ImageEdits {
    /// The edits that turn the image `from` of these scalars into `to`.
    ///
    /// # Errors
    ///
    /// The image cannot be changed where it is written; the reason as a sentence, with the
    /// place.
    pub(crate) fn new(
        scalars: &ImageScalars,
        from: &str,
        to: &ImageReference,
    ) -> Result<Self, String> {
        let old = ImageText::split(from);
        let mut new = ImageText {
            name: old.name.clone(),
            tag: to.tag().map(ToString::to_string).unwrap_or_default(),
            digest: to.digest().map(ToString::to_string).unwrap_or_default(),
        };
        if old.tag.is_empty() && !old.digest.is_empty() && !new.digest.is_empty() {
            // Only a digest is written, and it determines the image.
            new.tag = String::new();
        }
        let edits = match scalars {
            ImageScalars::Whole(image) => edits_of_image(image, &new)?,
            ImageScalars::Parts {
                repository,
                tag,
                digest,
            } => edits_of_parts(repository.as_ref(), tag.as_ref(), digest.as_ref(), &new)?,
        };
        Ok(Self {
            edits: edits
                .into_iter()
                .filter(|edit| edit.place.text != edit.text)
                .collect(),
            result: new.join(),
        })
    }
}

/// The edits of the scalars that decide a whole image.
fn edits_of_image(image: &TracedScalar, new: &ImageText) -> Result<Vec<ScalarEdit>, String> {
    if let Some(suffix) = origin_of(image, &[Decides::Suffix]) {
        return edit(suffix, String::new()).map(|edit| vec![edit]);
    }
    let tag = origin_of(image, &[Decides::Tag, Decides::Override(ImagePart::Tag)]);
    let digest = origin_of(
        image,
        &[Decides::Digest, Decides::Override(ImagePart::Digest)],
    );
    let overriding = [tag, digest]
        .into_iter()
        .flatten()
        .find(|origin| is_override(origin));
    if let Some(origin) = overriding {
        return edits_of_override(origin, tag, digest, new);
    }
    let whole = origin_of(image, &[Decides::All]).filter(|whole| {
        // The name in a whole image may be all that is left of it.
        image.origins.len() == 1 || !is_name_only(&whole.place.text)
    });
    match (whole, tag, digest) {
        (Some(whole), None, None) => {
            let image = ImageText {
                name: ImageText::split(&whole.place.text).name,
                ..new.clone()
            };
            Ok(vec![edit(whole, image.join())?])
        }
        (_, None, None) => Err(match image.origins.first() {
            Some(origin) => format!(
                "{}:{}: no tag is written for this image; add {} there",
                origin.place.file,
                origin.place.line,
                if is_override(origin) {
                    "a tag"
                } else {
                    "newTag"
                }
            ),
            None => "the place where this image is written was not found".to_owned(),
        }),
        (_, tag, digest) => {
            let mut edits = Vec::new();
            for (origin, text, key) in [(tag, &new.tag, "newTag"), (digest, &new.digest, "digest")]
            {
                match (origin, text.is_empty()) {
                    (Some(origin), false) => edits.push(edit(origin, text.clone())?),
                    (None, true) => {}
                    (Some(origin), true) => {
                        let ScalarPlace { file, line, .. } = &*origin.place;
                        return Err(format!(
                            "{file}:{line} sets {key}, which the new image does not have; remove \
                             it first"
                        ));
                    }
                    (None, false) => {
                        return Err(format!(
                            "the new image has a {key}, but the kustomization sets none; add it \
                             first"
                        ));
                    }
                }
            }
            Ok(edits)
        }
    }
}

/// The origin that decides one of these.
fn origin_of<'i>(image: &'i TracedScalar, decides: &[Decides]) -> Option<&'i ScalarOrigin> {
    let mut origins = image.origins.iter();
    origins.find(|origin| decides.contains(&origin.decides))
}

fn is_override(origin: &ScalarOrigin) -> bool {
    matches!(origin.decides, Decides::Override(_))
}

/// The edits of an image whose version is, at least in part, in a text of Argo CD. That text can
/// get any version, unless another place has a part of it.
fn edits_of_override(
    origin: &ScalarOrigin,
    tag: Option<&ScalarOrigin>,
    digest: Option<&ScalarOrigin>,
    new: &ImageText,
) -> Result<Vec<ScalarEdit>, String> {
    let mut parts = [None, None];
    let mut edits = Vec::new();
    for (at, (own, text)) in [(tag, &new.tag), (digest, &new.digest)]
        .into_iter()
        .enumerate()
    {
        match own {
            Some(other) if other.place != origin.place => {
                if text.is_empty() {
                    let place = &other.place;
                    return Err(format!(
                        "{}:{} sets {}, which the new image does not have; remove it first",
                        place.file, place.line, place.key
                    ));
                }
                edits.push(edit(other, text.clone())?);
            }
            _ => parts[at] = Some(text.as_str()),
        }
    }
    let [tag, digest] = parts;
    edits.push(edit(
        origin,
        override_text(&origin.place.text, tag, digest),
    )?);
    Ok(edits)
}

/// The edits of an image in the values of a Helm release.
fn edits_of_parts(
    repository: Option<&TracedScalar>,
    tag: Option<&TracedScalar>,
    digest: Option<&TracedScalar>,
    new: &ImageText,
) -> Result<Vec<ScalarEdit>, String> {
    if digest.is_some_and(|digest| digest.value.as_str().is_some_and(|text| !text.is_empty())) {
        return Err(
            "a digest in the values takes precedence over a tag; remove it first".to_owned(),
        );
    }
    if !new.digest.is_empty() {
        return Err("a digest cannot be written into the values of a release".to_owned());
    }
    let written = |scalar: Option<&TracedScalar>| {
        let scalar = scalar.filter(|scalar| !scalar.value.is_null() && scalar.value != "")?;
        scalar.origins.first().cloned()
    };
    if let Some(tag) = written(tag) {
        return edit(&tag, new.tag.clone()).map(|edit| vec![edit]);
    }
    match written(repository).filter(|whole| !is_name_only(&whole.place.text)) {
        Some(whole) => {
            let image = ImageText {
                name: ImageText::split(&whole.place.text).name,
                ..new.clone()
            };
            edit(&whole, image.join()).map(|edit| vec![edit])
        }
        None => Err("the values contain no tag for this image; add one first".to_owned()),
    }
}

/// The edit of one scalar.
///
/// # Errors
///
/// It must not be edited, or its form does not allow it.
fn edit(origin: &ScalarOrigin, text: String) -> Result<ScalarEdit, String> {
    let place = &origin.place;
    let reason = match (&origin.refusal, &place.spot) {
        (Some(reason), _) => reason.as_ref(),
        (None, Err(reason)) => *reason,
        (None, Ok(_)) if place.text.contains("${") => PLACEHOLDER,
        (None, Ok(_)) => {
            return Ok(ScalarEdit {
                place: Arc::clone(place),
                text,
            });
        }
    };
    Err(format!("{}:{}: {reason}", place.file, place.line))
}
