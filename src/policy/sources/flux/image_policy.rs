//! Flux's ImagePolicy objects: the image that Flux has recorded, and how they elect one.
//!
//! The recorded image stays in the status whatever fails later: no matching tag, an invalid
//! range, a suspended policy. Flux's automation goes on applying it, and so does a run with
//! `--elected recorded`.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde_json::Value;

use super::fields::{identity, labels};
use super::policy_image::{PolicyImage, recorded};
use super::rule::{DigestReflection, ElectionRule};
use crate::policy::order::Direction;
use crate::policy::syntax::decimal::Decimal;
use crate::policy::syntax::go_regex::GoRegex;
use crate::policy::syntax::template::Template;
use crate::policy::syntax::version::TagVersion;
use crate::policy::tag_filter::TagFilter;
use crate::workload::ManifestSource;

/// An ImagePolicy object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FluxImagePolicy {
    /// Where it is defined; `None`: in the cluster.
    pub source: Option<ManifestSource>,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its labels, by which an ImageUpdateAutomation selects it.
    pub labels: BTreeMap<String, String>,
    /// The image that Flux has recorded, if there is one yet, or why it cannot be used.
    pub recorded: Result<Option<PolicyImage>, String>,
    /// Whether it is suspended, so that Flux does not renew the record.
    pub is_suspended: bool,
    /// Why it is not ready, if Flux says so.
    pub not_ready: Option<String>,
    /// Whether Flux has not yet acted on the last change of the object.
    pub is_stale: bool,
    /// How it elects a tag, or what is wrong with it.
    pub(crate) rule: Result<ElectionRule, String>,
    /// How it compares tags that are not versions.
    order: TextOrder,
    /// The part of a tag that it compares.
    filter: TagFilter,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TextOrder {
    None,
    Alphabetical(Direction),
    Numerical(Direction),
}

impl FluxImagePolicy {
    /// Reads an ImagePolicy; `None` for another kind of object. All versions of the API
    /// have the fields at the same places.
    #[must_use]
    pub fn read(
        object: &Value,
        source: Option<&ManifestSource>,
        default_namespace: &str,
    ) -> Option<Self> {
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
            source: source.cloned(),
            namespace,
            name,
            labels: labels(&object["metadata"]["labels"]),
            recorded: recorded(&object["status"]),
            is_suspended: spec["suspend"] == true,
            not_ready: not_ready(&object["status"]["conditions"]),
            is_stale: is_stale(object),
            rule: ElectionRule::read(spec),
            order: text_order(&spec["policy"]),
            filter,
        })
    }

    /// `namespace/name`.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// Where it is defined: `policies.yaml:12`, or `the cluster`.
    #[must_use]
    pub fn place(&self) -> String {
        let source = self.source.as_ref();
        source.map_or_else(|| "the cluster".to_owned(), ToString::to_string)
    }

    /// Whether it also stands for the digest of its tag. An invalid policy does not.
    #[must_use]
    pub fn reflection(&self) -> DigestReflection {
        let rule = self.rule.as_ref();
        rule.map_or(DigestReflection::Never, |rule| rule.reflection)
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
    // With several choices, Flux uses the first of these.
    let chosen = ["semver", "alphabetical", "numerical"]
        .into_iter()
        .find(|choice| !policy[choice].is_null());
    match chosen {
        Some("alphabetical") => TextOrder::Alphabetical(direction(&policy["alphabetical"])),
        Some("numerical") => TextOrder::Numerical(direction(&policy["numerical"])),
        _ => TextOrder::None,
    }
}

fn direction(choice: &Value) -> Direction {
    match choice["order"].as_str() {
        Some("desc") => Direction::Descending,
        _ => Direction::Ascending,
    }
}

/// Whether the status is of an older generation than the spec.
fn is_stale(object: &Value) -> bool {
    let generation = object["metadata"]["generation"].as_u64();
    let observed = object["status"]["observedGeneration"].as_u64();
    generation
        .zip(observed)
        .is_some_and(|(generation, observed)| observed < generation)
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
    use crate::workload::MarkerPart;

    fn read(spec: Value, status: Value) -> FluxImagePolicy {
        let source = ManifestSource {
            file: "policies.yaml".to_owned(),
            line: 1,
        };
        let object = json!({
            "apiVersion": "image.toolkit.fluxcd.io/v1beta2", "kind": "ImagePolicy",
            "metadata": {"name": "app"}, "spec": spec, "status": status,
        });
        FluxImagePolicy::read(&object, Some(&source), "flux-system").expect("an ImagePolicy")
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
