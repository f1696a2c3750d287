//! Entries of `images`: what they match, and what they change.

use std::sync::Arc;

use super::fields::FieldReader;
use crate::manifest::kustomize::error::BuildError;
use crate::manifest::kustomize::traced::{Decides, ScalarOrigin, TracedScalar, TracedValue};
use crate::policy::GoRegex;
use crate::workload::ImagePart;

/// The lists of a Pod's spec whose items have an image, at any depth of an object.
const CONTAINER_LISTS: [&str; 2] = ["containers", "initContainers"];

/// Where kustomize looks for images a second time, after it has searched all lists.
const POD_SPECS: [&[&str]; 2] = [&["spec"], &["spec", "template", "spec"]];

/// The kind whose objects contain schemas, not images.
const DEFINITION: &str = "CustomResourceDefinition";

/// One entry of `images`.
#[derive(Debug)]
pub(crate) struct ImageEntry {
    pub(crate) name: String,
    pub(crate) file: String,
    pub(crate) line: usize,
    matches: GoRegex,
    new_name: Option<TracedScalar>,
    new_tag: Option<TracedScalar>,
    suffix: Option<TracedScalar>,
    digest: Option<TracedScalar>,
}

/// An image as kustomize splits it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ImageText {
    pub(crate) name: String,
    /// Empty: there is none.
    pub(crate) tag: String,
    /// Empty: there is none.
    pub(crate) digest: String,
}

impl ImageText {
    /// Splits a text. The port of a registry is not a tag.
    pub(crate) fn split(text: &str) -> Self {
        let path = text.find('/').filter(|slash| *slash > 0).unwrap_or(0);
        let at = text[path..].find('@').map(|at| path + at);
        let colon = text[path..].find(':').map(|colon| path + colon);
        let colon = colon.filter(|colon| at.is_none_or(|at| *colon < at));
        let name_end = colon.or(at).unwrap_or(text.len());
        let tag_end = at.unwrap_or(text.len());
        Self {
            name: text[..name_end].to_owned(),
            tag: colon
                .map_or("", |colon| &text[colon + 1..tag_end])
                .to_owned(),
            digest: at.map_or("", |at| &text[at + 1..]).to_owned(),
        }
    }

    pub(crate) fn join(&self) -> String {
        let mut text = self.name.clone();
        if !self.tag.is_empty() {
            text.push(':');
            text.push_str(&self.tag);
        }
        if !self.digest.is_empty() {
            text.push('@');
            text.push_str(&self.digest);
        }
        text
    }
}

impl ImageEntry {
    /// # Errors
    ///
    /// Kustomize would refuse the entry, or crash on it.
    pub(crate) fn read(fields: &mut FieldReader<'_>, line: usize) -> Result<Self, BuildError> {
        let name = fields.scalar("name")?;
        // An entry of Flux is written in another file than those of the kustomization.
        let place = name.and_then(|name| name.origins.first());
        let file = place
            .map_or(fields.file, |origin| &origin.place.file)
            .to_owned();
        let name = name.map(text_of).unwrap_or_default();
        // The name is not put in a group, so `a|b` matches whatever begins with `a`.
        let pattern = format!("^{name}(:[a-zA-Z0-9_.{{}}-]*)?(@sha256:[a-zA-Z0-9_.{{}}-]*)?$");
        let matches = GoRegex::new(&pattern).map_err(|_| {
            let message = format!(
                "kustomize reads the name {name:?} as a regular expression, and it is not one; \
                 kustomize crashes on it"
            );
            BuildError::invalid(fields.file, line, message)
        })?;
        Ok(Self {
            matches,
            file,
            line,
            new_name: fields.scalar("newName")?.cloned(),
            new_tag: fields.scalar("newTag")?.cloned(),
            suffix: fields.scalar("tagSuffix")?.cloned(),
            digest: fields.scalar("digest")?.cloned(),
            name,
        })
    }

    /// Whether it replaces an image.
    pub(crate) fn matches(&self, image: &str) -> bool {
        self.matches.is_match(image)
    }

    /// The name that it gives to images, if it gives one.
    pub(crate) fn new_name(&self) -> Option<&str> {
        self.new_name.as_ref()?.as_text()
    }

    /// Why the scalars of this entry must not be edited.
    fn refusal(&self, file: &str) -> Option<Arc<str>> {
        let is_expression = self.name.contains(|c: char| "\\+*?()|[]{}^$".contains(c));
        is_expression.then(|| {
            Arc::from(format!(
                "the name {:?} in {file}:{} is a regular expression, so other images may match it, \
                 too; change it by hand",
                self.name, self.line
            ))
        })
    }

    /// Replaces the matching images of an object. Returns whether there was one.
    ///
    /// Kustomize runs two filters one after another: one finds every list of containers, and
    /// one knows where the spec of a Pod usually is. Running an entry twice only matters if it
    /// has a suffix, which is then added twice.
    pub(crate) fn apply(&self, object: &mut TracedValue, file: &str) -> bool {
        if object.text_at(&["kind"]) == DEFINITION {
            return false;
        }
        let mut found = self.apply_to_lists(object, file);
        for path in POD_SPECS {
            let mut pod = Some(&mut *object);
            for key in path {
                pod = pod.and_then(|pod| pod.get_mut(key));
            }
            let Some(pod) = pod else { continue };
            for list in CONTAINER_LISTS {
                found |= self.apply_to_items(pod.get_mut(list), &["image"], file);
            }
            found |= self.apply_to_items(pod.get_mut("volumes"), &["image", "reference"], file);
        }
        found
    }

    fn apply_to_lists(&self, value: &mut TracedValue, file: &str) -> bool {
        let mut found = false;
        match value {
            TracedValue::Mapping(entries) => {
                for entry in entries {
                    if CONTAINER_LISTS.contains(&entry.key.as_str()) {
                        found |= self.apply_to_items(Some(&mut entry.value), &["image"], file);
                    }
                    found |= self.apply_to_lists(&mut entry.value, file);
                }
            }
            TracedValue::List(items) => {
                for item in items {
                    found |= self.apply_to_lists(item, file);
                }
            }
            TracedValue::Scalar(_) => {}
        }
        found
    }

    fn apply_to_items(&self, list: Option<&mut TracedValue>, path: &[&str], file: &str) -> bool {
        let Some(TracedValue::List(items)) = list else {
            return false;
        };
        let mut found = false;
        for item in items {
            let mut at = Some(item);
            for key in path {
                at = at.and_then(|at| at.get_mut(key));
            }
            if let Some(TracedValue::Scalar(image)) = at {
                found |= self.apply_to_image(image, file);
            }
        }
        found
    }

    /// Replaces an image if it matches.
    fn apply_to_image(&self, image: &mut TracedScalar, file: &str) -> bool {
        let Some(text) = image.value.as_str().filter(|text| self.matches(text)) else {
            return false;
        };
        let old = ImageText::split(text);
        let mut new = old.clone();
        let mut origins = std::mem::take(&mut image.origins);
        let refusal = self.refusal(file);
        if let Some(name) = &self.new_name {
            new.name = text_of(name);
            // The name of a whole image is no longer that of the result; its version may be.
            origins.retain(|origin| {
                origin.decides != Decides::All || !is_name_only(&origin.place.text)
            });
            add(&mut origins, name, Decides::Name, refusal.as_ref());
        }
        match (&self.new_tag, &self.digest, &self.suffix) {
            (None, None, None) => {}
            (None, None, Some(suffix)) => {
                new.tag.push_str(&text_of(suffix));
                new.digest = String::new();
                origins.retain(|origin| {
                    let has_digest = !ImageText::split(&origin.place.text).digest.is_empty();
                    !(origin.decides == Decides::All && has_digest)
                        && origin.decides.part() != Some(ImagePart::Digest)
                });
                let doubled = Arc::from(
                    "kustomize adds tagSuffix to it, once or twice, depending on the kind of the \
                     workload; replace tagSuffix by newTag first",
                );
                add(&mut origins, suffix, Decides::Suffix, Some(&doubled));
                for origin in &mut origins {
                    origin.refusal = Some(Arc::clone(&doubled));
                }
            }
            (tag, digest, _) => {
                new.tag = tag.as_ref().map(text_of).unwrap_or_default();
                new.digest = digest.as_ref().map(text_of).unwrap_or_default();
                origins.retain(|origin| origin.decides.part() == Some(ImagePart::Name));
                if let Some(tag) = tag {
                    add(&mut origins, tag, Decides::Tag, refusal.as_ref());
                }
                if let Some(digest) = digest {
                    add(&mut origins, digest, Decides::Digest, refusal.as_ref());
                }
            }
        }
        *image = TracedScalar {
            value: new.join().into(),
            origins,
        };
        true
    }
}

fn text_of(scalar: &TracedScalar) -> String {
    scalar.value.as_str().unwrap_or_default().to_owned()
}

/// Whether an image is written without a tag and a digest.
pub(crate) fn is_name_only(text: &str) -> bool {
    let image = ImageText::split(text);
    image.tag.is_empty() && image.digest.is_empty()
}

/// Adds the place of a scalar, unless it is there already.
fn add(
    origins: &mut Vec<ScalarOrigin>,
    scalar: &TracedScalar,
    decides: Decides,
    refusal: Option<&Arc<str>>,
) {
    let Some(origin) = scalar.origins.first() else {
        return;
    };
    // A text of Argo CD contains several parts.
    let decides = match origin.decides {
        part @ Decides::Override(_) => part,
        _ => decides,
    };
    let place = &origin.place;
    origins.retain(|origin| origin.decides != decides || origin.place != *place);
    origins.push(ScalarOrigin {
        decides,
        place: Arc::clone(place),
        refusal: refusal.or(origin.refusal.as_ref()).cloned(),
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_split_as_kustomize_splits_them() {
        for (text, name, tag, digest) in [
            ("nginx", "nginx", "", ""),
            ("nginx:1.2", "nginx", "1.2", ""),
            ("registry:5000/app", "registry:5000/app", "", ""),
            (
                "registry:5000/app:1@sha256:a",
                "registry:5000/app",
                "1",
                "sha256:a",
            ),
            ("app@sha256:a", "app", "", "sha256:a"),
            // Without a slash, a port cannot be told from a tag.
            ("registry:5000", "registry", "5000", ""),
        ] {
            let split = ImageText::split(text);
            assert_eq!(
                (&*split.name, &*split.tag, &*split.digest),
                (name, tag, digest),
                "{text}"
            );
            assert_eq!(split.join(), text);
        }
    }
}
