//! Flux's ImagePolicy objects with the image that Flux has recorded in their status.
//!
//! `.status.latestRef` is written since v1beta2; before, `.status.latestImage` was. It
//! stays there whatever fails later: no matching tag, an invalid range, a suspended policy.
//! Flux's automation goes on applying it, and so does a run with `--elected recorded`.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde_json::Value;

use crate::image::ImageReference;
use crate::policy::order::Direction;
use crate::policy::syntax::decimal::Decimal;
use crate::policy::syntax::go_regex::GoRegex;
use crate::policy::syntax::template::Template;
use crate::policy::syntax::version::TagVersion;
use crate::policy::tag_filter::TagFilter;
use crate::workload::{ManifestSource, MarkerPart};

/// The API group of Flux's image objects.
const GROUP: &str = "image.toolkit.fluxcd.io";

/// An ImagePolicy object.
#[derive(Debug, Clone, PartialEq)]
pub struct FluxImagePolicy {
    /// Where it is defined.
    pub source: ManifestSource,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its labels, by which an ImageUpdateAutomation selects it.
    pub labels: BTreeMap<String, String>,
    /// The image that Flux has recorded, if there is one yet, or why it cannot be used.
    pub recorded: Result<Option<RecordedImage>, String>,
    /// Whether it is suspended, so that Flux does not renew the record.
    pub is_suspended: bool,
    /// Why it is not ready, if Flux says so.
    pub not_ready: Option<String>,
    /// How it compares tags that are not versions.
    order: TextOrder,
    /// The part of a tag that it compares.
    filter: TagFilter,
}

/// The image in the status of an ImagePolicy, in the spelling of its ImageRepository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedImage {
    /// The name, without tag and digest.
    pub name: String,
    /// The tag.
    pub tag: String,
    /// The digest, if the policy reflects it.
    pub digest: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TextOrder {
    None,
    Alphabetical(Direction),
    Numerical(Direction),
}

impl RecordedImage {
    /// The text that a marker of this part stands for. Without a digest, `:digest` is empty.
    #[must_use]
    pub fn part(&self, part: MarkerPart) -> String {
        let digest = self.digest.as_deref().unwrap_or_default();
        match part {
            MarkerPart::Name => self.name.clone(),
            MarkerPart::Tag => self.tag.clone(),
            MarkerPart::Digest => digest.to_owned(),
            MarkerPart::Image => {
                let mut image = self.name.clone();
                for (separator, part) in [(':', self.tag.as_str()), ('@', digest)] {
                    if !part.is_empty() {
                        image.push(separator);
                        image.push_str(part);
                    }
                }
                image
            }
        }
    }
}

/// The namespace and the name of an object of the group `image.toolkit.fluxcd.io`; `None` for
/// an object of another kind, and for one without a name.
pub(crate) fn identity(
    object: &Value,
    kind: &str,
    default_namespace: &str,
) -> Option<(String, String)> {
    let (group, _) = object["apiVersion"].as_str()?.split_once('/')?;
    if group != GROUP || object["kind"] != kind {
        return None;
    }
    let metadata = &object["metadata"];
    let namespace = metadata["namespace"].as_str().unwrap_or(default_namespace);
    Some((namespace.to_owned(), metadata["name"].as_str()?.to_owned()))
}

impl FluxImagePolicy {
    /// Reads an ImagePolicy; `None` for another kind of object. All versions of the API
    /// have the fields at the same places.
    #[must_use]
    pub fn read(object: &Value, source: &ManifestSource, default_namespace: &str) -> Option<Self> {
        let (namespace, name) = identity(object, "ImagePolicy", default_namespace)?;
        let spec = &object["spec"];
        let mut filter = TagFilter::default();
        let tags = &spec["filterTags"];
        filter.pattern = tags["pattern"]
            .as_str()
            .and_then(|text| GoRegex::new(text).ok());
        filter.extract = tags["extract"]
            .as_str()
            .filter(|text| !text.is_empty())
            .and_then(|text| Template::new(text).ok());
        Some(Self {
            source: source.clone(),
            namespace,
            name,
            labels: labels(&object["metadata"]["labels"]),
            recorded: recorded(&object["status"]),
            is_suspended: spec["suspend"] == true,
            not_ready: not_ready(&object["status"]["conditions"]),
            order: text_order(&spec["policy"]),
            filter,
        })
    }

    /// `namespace/name`.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// Whether one tag is lower than another: as a version if both have three numeric
    /// parts, otherwise in the policy's order by number or by text. Tags that cannot be
    /// compared are not lower.
    #[must_use]
    pub fn is_lower(&self, tag: &str, other: &str) -> bool {
        let key = self.filter.key_of_running(tag);
        let other_key = self.filter.key_of_running(other);
        if let (Some(version), Some(other)) = (full_version(&key), full_version(&other_key)) {
            return version.precedence(&other) == Ordering::Less;
        }
        match self.order {
            TextOrder::None => false,
            TextOrder::Numerical(direction) => {
                match (key.parse::<Decimal>(), other_key.parse::<Decimal>()) {
                    (Ok(number), Ok(other)) => number.cmp(&other) == worse(direction),
                    _ => false,
                }
            }
            TextOrder::Alphabetical(direction) => {
                // A whole tag is not comparable with texts extracted from other tags.
                self.filter.can_extract(other) && key.cmp(&other_key) == worse(direction)
            }
        }
    }
}

/// How a tag compares to a better one.
fn worse(direction: Direction) -> Ordering {
    match direction {
        Direction::Ascending => Ordering::Less,
        Direction::Descending => Ordering::Greater,
    }
}

fn full_version(text: &str) -> Option<TagVersion> {
    text.parse::<TagVersion>()
        .ok()
        .filter(|version| version.parts() == 3)
}

fn text_order(policy: &Value) -> TextOrder {
    let direction = |order: &Value| match order["order"].as_str() {
        Some("desc") => Direction::Descending,
        _ => Direction::Ascending,
    };
    // With several choices, Flux uses the first of these.
    if policy.get("semver").is_some() {
        TextOrder::None
    } else if let Some(order) = policy.get("alphabetical") {
        TextOrder::Alphabetical(direction(order))
    } else if let Some(order) = policy.get("numerical") {
        TextOrder::Numerical(direction(order))
    } else {
        TextOrder::None
    }
}

pub(crate) fn labels(labels: &Value) -> BTreeMap<String, String> {
    let labels = labels.as_object().into_iter().flatten();
    labels
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

fn recorded(status: &Value) -> Result<Option<RecordedImage>, String> {
    let reference = &status["latestRef"];
    let image = if reference.is_object() {
        let text = |field: &str| match &reference[field] {
            Value::Null => Ok(String::new()),
            Value::String(text) => Ok(text.clone()),
            _ => Err(format!(
                "status.latestRef.{field} must be a string; quote it"
            )),
        };
        RecordedImage {
            name: text("name")?,
            tag: text("tag")?,
            digest: Some(text("digest")?).filter(|digest| !digest.is_empty()),
        }
    } else {
        match status["latestImage"]
            .as_str()
            .filter(|image| !image.is_empty())
        {
            Some(text) => split(text)?,
            None => return Ok(None),
        }
    };
    let whole = image.part(MarkerPart::Image);
    match whole.parse::<ImageReference>() {
        Ok(_) if image.tag.is_empty() && image.digest.is_none() => {
            Err(format!("the recorded image {whole:?} has no tag"))
        }
        Ok(parsed) if parsed.name().to_string() != image.name => {
            Err(format!("the recorded name {:?} is not valid", image.name))
        }
        Ok(_) => Ok(Some(image)),
        Err(error) => Err(format!(
            "the recorded image {whole:?} is not valid: {error}"
        )),
    }
}

/// Splits a `latestImage`.
fn split(text: &str) -> Result<RecordedImage, String> {
    let image: ImageReference = text
        .parse()
        .map_err(|error| format!("the recorded image {text:?} is not valid: {error}"))?;
    Ok(RecordedImage {
        name: image.name().to_string(),
        tag: image.tag().map(ToString::to_string).unwrap_or_default(),
        digest: image.digest().map(ToString::to_string),
    })
}

fn not_ready(conditions: &Value) -> Option<String> {
    let mut conditions = conditions.as_array()?.iter();
    let ready = conditions.find(|condition| condition["type"] == "Ready")?;
    if ready["status"] == "True" {
        return None;
    }
    let message = ready["message"]
        .as_str()
        .filter(|message| !message.is_empty());
    Some(message.unwrap_or("no message").to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(spec: Value, status: Value) -> FluxImagePolicy {
        let source = ManifestSource {
            file: "policies.yaml".to_owned(),
            line: 1,
        };
        let object = json!({
            "apiVersion": "image.toolkit.fluxcd.io/v1beta2", "kind": "ImagePolicy",
            "metadata": {"name": "app"}, "spec": spec, "status": status,
        });
        FluxImagePolicy::read(&object, &source, "flux-system").expect("an ImagePolicy")
    }

    #[test]
    fn recorded_image_is_read_from_every_version_of_the_api() {
        for (why, status, expected) in [
            (
                "v1",
                json!({"latestRef": {"name": "org/app", "tag": "1"}}),
                "org/app:1",
            ),
            (
                "v1 with a digest",
                json!({"latestRef": {"name": "app", "tag": "1", "digest": format!("sha256:{:064}", 1)}}),
                "app:1@sha256:0000000000000000000000000000000000000000000000000000000000000001",
            ),
            (
                "v1beta2 has both",
                json!({"latestImage": "org/app:1", "latestRef": {"name": "org/app", "tag": "2"}}),
                "org/app:2",
            ),
            (
                "v1beta1",
                json!({"latestImage": "localhost:5000/app:1"}),
                "localhost:5000/app:1",
            ),
        ] {
            let recorded = read(json!({}), status).recorded.expect(why).expect(why);
            assert_eq!(recorded.part(MarkerPart::Image), expected, "{why}");
        }
        for (status, expected) in [
            (
                json!({"latestRef": {"name": "org/app", "tag": "a b"}}),
                "is not valid",
            ),
            (
                json!({"latestRef": {"name": "org/app:1", "tag": ""}}),
                "has no tag",
            ),
            (
                json!({"latestRef": {"name": "org/app", "tag": 1}}),
                "quote it",
            ),
            (json!({"latestRef": {"name": "org/app"}}), "has no tag"),
            (json!({"latestImage": "a b"}), "is not valid"),
        ] {
            let error = read(json!({}), status).recorded.expect_err(expected);
            assert!(error.contains(expected), "{error}");
        }
        assert_eq!(read(json!({}), json!({})).recorded, Ok(None));
    }

    #[test]
    fn only_tags_that_can_be_compared_are_lower() {
        let extract = json!({"pattern": "^.*-(?P<at>[0-9]+)$", "extract": "$at"});
        for (why, spec, tag, other, expected) in [
            ("versions", json!({}), "1.10.0", "2.0.0", true),
            ("versions, higher", json!({}), "1.10.0", "1.9.0", false),
            ("a v", json!({}), "v1.9.0", "1.10.0", true),
            ("not three parts", json!({}), "1.10.0", "7", false),
            ("words", json!({}), "a", "b", false),
            (
                "by text",
                json!({"policy": {"alphabetical": {}}}),
                "a",
                "b",
                true,
            ),
            (
                "by text, descending",
                json!({"policy": {"alphabetical": {"order": "desc"}}}),
                "a",
                "b",
                false,
            ),
            (
                "by number",
                json!({"policy": {"numerical": {}}}),
                "9",
                "10",
                true,
            ),
            (
                "no number",
                json!({"policy": {"numerical": {}}}),
                "9",
                "b",
                false,
            ),
            (
                "by the extracted number",
                json!({"policy": {"numerical": {}}, "filterTags": extract}),
                "main-9",
                "dev-10",
                true,
            ),
            (
                "by the extracted text, of a tag that does not match",
                json!({"policy": {"alphabetical": {}}, "filterTags": extract}),
                "main-9",
                "zzz",
                false,
            ),
        ] {
            assert_eq!(
                read(spec, json!({})).is_lower(tag, other),
                expected,
                "{why}"
            );
        }
    }
}
