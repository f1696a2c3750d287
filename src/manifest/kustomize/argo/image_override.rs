//! One of `spec.source.kustomize.images`: `[OLD=]NEW[:TAG][@DIGEST]`, as `kustomize edit set
//! image` reads it
//! (<https://github.com/kubernetes-sigs/kustomize/blob/master/kustomize/commands/edit/set/setimage.go>).

use serde_json::Value;

use crate::manifest::kustomize::spec::ImageText;
use crate::manifest::kustomize::traced::{
    Decides, ScalarOrigin, TracedEntry, TracedScalar, TracedValue,
};
use crate::workload::ImagePart;

/// In the place of a part, this keeps what the kustomization file has.
const KEPT: &str = "*";

/// An entry of `images` in the form of a kustomization.
#[derive(Debug)]
pub(crate) struct ImageOverride {
    pub(crate) name: String,
    /// The name and the parts that the entry sets: `newName`, `newTag` and `digest`.
    entries: Vec<(&'static str, TracedScalar)>,
}

impl ImageOverride {
    /// Reads a text after the substitution of variables. `origins` are the places of the text.
    /// `None`: it is a name without anything new, which kustomize refuses.
    pub(crate) fn read(text: &str, origins: &[ScalarOrigin]) -> Option<Self> {
        let (old, new) = split_names(text);
        let image = ImageText::split(new);
        if image.name == text {
            return None;
        }
        let (name, new_name) = match old {
            "" => (image.name.as_str(), ""),
            old => (old, image.name.as_str()),
        };
        let entries = [
            ("name", name, ImagePart::Name),
            ("newName", new_name, ImagePart::Name),
            ("newTag", &image.tag, ImagePart::Tag),
            ("digest", &image.digest, ImagePart::Digest),
        ];
        let entries = entries.into_iter().filter(|(_, text, _)| !text.is_empty());
        Some(Self {
            name: name.to_owned(),
            entries: entries
                .map(|(key, text, part)| (key, scalar(text, part, origins)))
                .collect(),
        })
    }

    /// The entry for the kustomization. It replaces `own`, the file's entry of the same name, of
    /// which only what is marked by `*` is kept.
    pub(crate) fn entry(&self, own: Option<&TracedValue>) -> TracedValue {
        let entries = self.entries.iter().filter_map(|(key, scalar)| {
            let value = if scalar.value == KEPT {
                let mut own = own?.entries().iter();
                own.find(|entry| entry.key.eq_ignore_ascii_case(key))?
                    .value
                    .clone()
            } else {
                TracedValue::Scalar(scalar.clone())
            };
            Some(TracedEntry {
                key: (*key).to_owned(),
                line: 0,
                value,
            })
        });
        TracedValue::Mapping(entries.collect())
    }
}

/// A part of an override, with the places of the whole text.
fn scalar(text: &str, part: ImagePart, origins: &[ScalarOrigin]) -> TracedScalar {
    let origins = origins.iter().map(|origin| ScalarOrigin {
        decides: Decides::Override(part),
        ..origin.clone()
    });
    TracedScalar {
        value: Value::from(text),
        origins: origins.collect(),
    }
}

/// The text of an override with a new tag or digest; what is `None` stays as it is.
pub(crate) fn override_text(text: &str, tag: Option<&str>, digest: Option<&str>) -> String {
    let (_, new) = split_names(text);
    let old = &text[..text.len() - new.len()];
    let mut image = ImageText::split(new);
    if let Some(tag) = tag {
        tag.clone_into(&mut image.tag);
    }
    if let Some(digest) = digest {
        digest.clone_into(&mut image.digest);
    }
    format!("{old}{}", image.join())
}

/// The name that is replaced, which may be empty, and the new image.
fn split_names(text: &str) -> (&str, &str) {
    text.split_once('=').unwrap_or(("", text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(text: &str, own: &Value) -> Option<Value> {
        let found = ImageOverride::read(text, &[])?;
        Some(found.entry(Some(&TracedValue::unplaced(own))).to_value())
    }

    #[test]
    fn every_form_gives_the_entry_that_kustomize_writes() {
        for (text, expected) in [
            ("app:1", json!({"name": "app", "newTag": "1"})),
            (
                "app@sha256:00",
                json!({"name": "app", "digest": "sha256:00"}),
            ),
            (
                "app:1@sha256:00",
                json!({"name": "app", "newTag": "1", "digest": "sha256:00"}),
            ),
            (
                "app=reg:5000/new",
                json!({"name": "app", "newName": "reg:5000/new"}),
            ),
            (
                "app=reg:5000/new:2",
                json!({"name": "app", "newName": "reg:5000/new", "newTag": "2"}),
            ),
            (
                "reg:5000/app:2",
                json!({"name": "reg:5000/app", "newTag": "2"}),
            ),
            // A name with a tag only matches that tag.
            (
                "app:1=app:2",
                json!({"name": "app:1", "newName": "app", "newTag": "2"}),
            ),
        ] {
            let own = json!({"newName": "own", "newTag": "0", "digest": "sha256:11"});
            assert_eq!(entry(text, &own), Some(expected), "{text}");
        }
        for text in ["app", "reg:5000/app", ""] {
            assert_eq!(entry(text, &json!({})), None, "{text}");
        }
    }

    #[test]
    fn star_keeps_a_part_of_the_file_s_entry() {
        let own = json!({"name": "app", "NewName": "own", "newTag": "0"});
        for (text, expected) in [
            (
                "app=*:1",
                json!({"name": "app", "newName": "own", "newTag": "1"}),
            ),
            (
                "app=new:*",
                json!({"name": "app", "newName": "new", "newTag": "0"}),
            ),
            ("app=*@*", json!({"name": "app", "newName": "own"})),
        ] {
            assert_eq!(entry(text, &own), Some(expected), "{text}");
        }
    }

    #[test]
    fn only_the_version_of_an_override_is_replaced() {
        for (text, expected) in [
            ("app:1", "app:2"),
            ("app=*:1", "app=*:2"),
            ("app:1=reg:5000/app:1", "app:1=reg:5000/app:2"),
            ("app=new:1@sha256:00", "app=new:2@sha256:00"),
        ] {
            assert_eq!(override_text(text, Some("2"), None), expected, "{text}");
        }
        let both = override_text("app:1@sha256:00", Some("2"), Some("sha256:11"));
        assert_eq!(both, "app:2@sha256:11");
    }
}
