//! `imagePolicies` of a Kustomization: policies for the images that it applies.
//!
//! ```yaml
//! imagePolicies:
//! - name: my-app-image
//!   policy:
//!     semver:
//!       range: ">=1.2.3 <2.0.0"
//!   identifier: "v"
//!   aws:
//!     image: my-registry.com/my-app
//!     policy:
//!       tags:
//!         regex: "^v[0-9]+\\.[0-9]+\\.[0-9]+$"
//! ```
//!
//! The block that names the image is called after its provider; which one makes
//! no difference to the decision. `identifier` is accepted beside `policy`, in
//! it and in `semver`; `allowTags` and `ignoreTags` in the entry and in the
//! block. The real Kustomization has no such field and the API server may drop it,
//! so the annotation `imgpolicy.dev/image-policies` may hold the same block as text.
//! A field that is not known makes the entry invalid, because a misspelt
//! restriction must not widen what is elected.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::refinements::MAX_PATTERNS;
use crate::image::ImageReference;
use crate::policy::container_policy::{ContainerPolicy, PolicyError, PolicyOrigin};
use crate::policy::order::Direction;
use crate::policy::rule::Rule;
use crate::policy::syntax::go_regex::GoRegex;
use crate::policy::tag_filter::{AllowMode, TagFilter};

/// The names that a provider's block may have.
const PROVIDERS: [&str; 6] = ["aws", "gcr", "oci", "dockerhub", "azure", "github"];

/// The annotation that holds the block where the API server knows no such field.
const ANNOTATION: &str = "imgpolicy.dev/image-policies";

/// The longest annotation that is read, in bytes. The API server stops at 256 KiB
/// for all annotations of an object.
const MAX_ANNOTATION_BYTES: usize = 256 * 1024;

/// The most values that the annotation may have.
const MAX_NODES: usize = 20_000;

/// The most entries of one Kustomization.
const MAX_ENTRIES: usize = 1000;

/// Where an object tells of its policies.
const RELEVANT: &[&[&str]] = &[
    &["apiVersion"],
    &["kind"],
    &["metadata", "name"],
    &["metadata", "namespace"],
    &["metadata", "annotations", "imgpolicy.dev/image-policies"],
    &["spec", "path"],
    &["spec", "imagePolicies"],
];

/// The `imagePolicies` of one Kustomization.
#[derive(Debug, Clone, PartialEq)]
pub struct ImagePolicies {
    /// The Kustomization's namespace.
    pub namespace: String,
    /// The Kustomization's name.
    pub name: String,
    /// `.spec.path`, the folder that it applies.
    pub path: Option<String>,
    /// The entries, in their order.
    pub entries: Vec<ImagePolicyEntry>,
}

/// One entry.
#[derive(Debug, Clone, PartialEq)]
pub struct ImagePolicyEntry {
    /// Its name, unique in the Kustomization.
    pub name: String,
    /// The image it is for; `None` where the entry names none, which `policy`
    /// reports.
    pub image: Option<ImageReference>,
    /// The policy, or what is wrong with the entry.
    pub policy: Result<ContainerPolicy, PolicyError>,
}

impl ImagePolicies {
    /// Reads a Kustomization. `None`: it has no `imagePolicies`, or it is
    /// another kind of object.
    #[must_use]
    pub fn read(object: &Value, default_namespace: &str) -> Option<Self> {
        let text = |path: &str| object.pointer(path).and_then(Value::as_str);
        let group = text("/apiVersion")?.split('/').next()?;
        if group != "kustomize.toolkit.fluxcd.io" || text("/kind") != Some("Kustomization") {
            return None;
        }
        let annotation = object
            .pointer("/metadata/annotations")
            .and_then(|a| a.get(ANNOTATION));
        let lists: Vec<Result<Value, String>> = [
            object.pointer("/spec/imagePolicies").cloned().map(Ok),
            annotation.and_then(Value::as_str).map(read_annotation),
        ]
        .into_iter()
        .flatten()
        // `imagePolicies:` with every entry commented out is null in YAML.
        .filter(|list| *list != Ok(Value::Null))
        .collect();
        if lists.is_empty() {
            return None;
        }
        let mut policies = Self {
            namespace: text("/metadata/namespace")
                .unwrap_or(default_namespace)
                .to_owned(),
            name: text("/metadata/name").unwrap_or("").to_owned(),
            path: text("/spec/path").map(str::to_owned),
            entries: Vec::new(),
        };
        let kustomization = policies.id();
        for list in lists {
            policies.read_list(&list, &kustomization);
        }
        policies.refuse_repeated_names();
        Some(policies)
    }

    /// The part of an object that [`Self::read`] reads. The rest may hold what
    /// nobody wants in a saved snapshot, such as a Kustomization's substitutions.
    #[must_use]
    pub fn relevant_part(object: &Value) -> Value {
        let mut part = Value::Object(Map::new());
        for path in RELEVANT {
            let Some(value) = path.iter().try_fold(object, |at, key| at.get(key)) else {
                continue;
            };
            let mut at = &mut part;
            for key in *path {
                at = &mut at[key];
            }
            *at = value.clone();
        }
        part
    }

    /// `namespace/name` of the Kustomization.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    fn read_list(&mut self, list: &Result<Value, String>, kustomization: &str) {
        let entries = match list {
            Ok(Value::Array(list)) if list.len() <= MAX_ENTRIES => {
                let at = self.entries.len()..;
                let entries = at
                    .zip(list)
                    .map(|(at, entry)| read_entry(entry, at, kustomization));
                entries.collect()
            }
            Ok(Value::Array(_)) => {
                let reason = format!("imagePolicies has more than {MAX_ENTRIES} entries");
                vec![unreadable(kustomization, &reason)]
            }
            Ok(_) => vec![unreadable(kustomization, "imagePolicies must be a list")],
            Err(reason) => vec![unreadable(kustomization, reason)],
        };
        for entry in entries {
            // The same entry in the spec and in the annotation is one entry.
            if !self.entries.contains(&entry) {
                self.entries.push(entry);
            }
        }
    }

    fn refuse_repeated_names(&mut self) {
        let kustomization = self.id();
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for entry in &self.entries {
            *seen.entry(entry.name.clone()).or_default() += 1;
        }
        for entry in &mut self.entries {
            if seen.get(&entry.name).is_some_and(|times| *times > 1) {
                let reason = "another entry has the same name";
                entry.policy = Err(entry_error(&kustomization, &entry.name, "", reason));
            }
        }
    }
}

impl ImagePolicyEntry {
    /// Where the entry stands.
    #[must_use]
    pub fn origin(&self) -> PolicyOrigin {
        match &self.policy {
            Ok(policy) => policy.origin.clone(),
            Err(error) => error.origin.clone(),
        }
    }

    /// The policy as written, as far as it can be told.
    #[must_use]
    pub fn text(&self) -> &str {
        match &self.policy {
            Ok(policy) => &policy.text,
            Err(error) => &error.text,
        }
    }
}

/// Reads the annotation: the list, or the block with its key.
fn read_annotation(text: &str) -> Result<Value, String> {
    let fail = |reason: &dyn std::fmt::Display| Err(format!("annotation {ANNOTATION}: {reason}"));
    if text.len() > MAX_ANNOTATION_BYTES {
        return fail(&format!(
            "it has {} bytes, at most {MAX_ANNOTATION_BYTES} are read",
            text.len()
        ));
    }
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: 16,
            max_nodes: MAX_NODES,
            max_documents: 1,
            max_aliases: 0,
        },
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::Error,
        with_snippet: false,
    };
    match serde_saphyr::from_str_with_options(text, options) {
        Ok(Value::Object(mut block)) if block.len() == 1 => Ok(block
            .remove("imagePolicies")
            .unwrap_or(Value::Object(block))),
        Ok(value) => Ok(value),
        // The parser's own words fill several lines.
        Err(error) => fail(&error.to_string().lines().next().unwrap_or("it is no YAML")),
    }
}

/// What cannot be read stands for an entry whose image nobody knows.
fn unreadable(kustomization: &str, reason: &str) -> ImagePolicyEntry {
    let origin = PolicyOrigin::Kustomization(kustomization.to_owned());
    ImagePolicyEntry {
        name: String::new(),
        image: None,
        policy: Err(PolicyError::new("", origin, reason)),
    }
}

fn entry_error(kustomization: &str, entry: &str, text: &str, reason: &str) -> PolicyError {
    let origin = PolicyOrigin::ImagePolicies {
        kustomization: kustomization.to_owned(),
        entry: entry.to_owned(),
    };
    PolicyError::new(text, origin, reason)
}

fn read_entry(entry: &Value, at: usize, kustomization: &str) -> ImagePolicyEntry {
    let name = entry
        .get("name")
        .and_then(Value::as_str)
        .map_or_else(|| format!("#{}", at + 1), str::to_owned);
    let image = PROVIDERS
        .iter()
        .find_map(|provider| entry.get(provider)?.get("image")?.as_str()?.parse().ok());
    let policy = read_policy(entry, kustomization, &name)
        .map_err(|reason| entry_error(kustomization, &name, &text_of(entry), &reason));
    ImagePolicyEntry {
        name,
        image,
        policy,
    }
}

/// The policy of an entry that cannot be used, in the words of an annotation.
fn text_of(entry: &Value) -> String {
    let at = |path: &str| entry.pointer(path);
    let text = |path: &str| at(path).and_then(Value::as_str);
    if let Some(range) = text("/policy/semver/range") {
        format!("semver:{range}")
    } else if let Some(digest) = text("/policy/digest").or_else(|| text("/policy/digest/tag")) {
        format!("digest:{digest}")
    } else if at("/policy/alphabetical").is_some() {
        let order = text("/policy/alphabetical/order").unwrap_or("asc");
        format!("alphabetical:{order}")
    } else {
        String::new()
    }
}

/// Reads what an entry says; the error is the reason, without the place.
fn read_policy(entry: &Value, kustomization: &str, name: &str) -> Result<ContainerPolicy, String> {
    let entry = mapping(entry, "the entry")?;
    let mut known = vec!["name", "policy", "identifier", "allowTags", "ignoreTags"];
    known.extend(PROVIDERS);
    refuse_unknown(entry, &known, "the entry")?;
    text(entry.get("name"), "name")?.ok_or("it has no name")?;

    let named: Vec<&str> = PROVIDERS
        .iter()
        .copied()
        .filter(|provider| entry.contains_key(*provider))
        .collect();
    let provider = match named.as_slice() {
        [one] => *one,
        [] => {
            return Err(format!(
                "it names no image: one block of {}",
                PROVIDERS.join(", ")
            ));
        }
        several => {
            return Err(format!(
                "only one block may name the image, not {}",
                several.join(" and ")
            ));
        }
    };
    let block = mapping(&entry[provider], provider)?;
    refuse_unknown(
        block,
        &["image", "policy", "allowTags", "ignoreTags"],
        provider,
    )?;
    text(block.get("image"), "image")?
        .ok_or_else(|| format!("{provider} names no image"))?
        .parse::<ImageReference>()
        .map_err(|error| format!("the image of {provider}: {error}"))?;

    let policy = mapping(entry.get("policy").ok_or("it has no policy")?, "policy")?;
    let rule = read_rule(policy)?;
    let mut filter = TagFilter {
        pattern: read_regex(block)?,
        allow: read_patterns(entry, block, "allowTags")?,
        ignore: read_patterns(entry, block, "ignoreTags")?,
        identifier: read_identifier(entry, policy)?,
        ..TagFilter::default()
    };
    if filter.pattern.is_some() {
        filter.allow_mode = AllowMode::Adds;
    }
    let origin = PolicyOrigin::ImagePolicies {
        kustomization: kustomization.to_owned(),
        entry: name.to_owned(),
    };
    let mut policy = ContainerPolicy::new(rule.to_string(), rule, origin);
    policy.filter = filter;
    Ok(policy)
}

fn read_rule(policy: &Map<String, Value>) -> Result<Rule, String> {
    refuse_unknown(
        policy,
        &["semver", "digest", "alphabetical", "identifier"],
        "policy",
    )?;
    let kinds: Vec<&str> = ["semver", "digest", "alphabetical"]
        .into_iter()
        .filter(|kind| policy.contains_key(*kind))
        .collect();
    match kinds.as_slice() {
        ["semver"] => {
            let semver = mapping(&policy["semver"], "semver")?;
            refuse_unknown(semver, &["range", "identifier"], "semver")?;
            let range = text(semver.get("range"), "range")?.ok_or("semver has no range")?;
            range
                .parse()
                .map(Rule::Semver)
                .map_err(|error| format!("range {range:?}: {error}"))
        }
        ["digest"] => read_digest(&policy["digest"]),
        ["alphabetical"] => {
            // A bare `alphabetical:` is null in YAML and means the default order.
            if policy["alphabetical"].is_null() {
                return Ok(Rule::Alphabetical(Direction::Ascending));
            }
            let block = mapping(&policy["alphabetical"], "alphabetical")?;
            refuse_unknown(block, &["order"], "alphabetical")?;
            match text(block.get("order"), "order")? {
                None | Some("asc") => Ok(Rule::Alphabetical(Direction::Ascending)),
                Some("desc") => Ok(Rule::Alphabetical(Direction::Descending)),
                Some(other) => Err(format!("order is asc or desc, not {other:?}")),
            }
        }
        [] => Err("policy names none of semver, digest, alphabetical".to_owned()),
        several => Err(format!("policy must name one of {}", several.join(", "))),
    }
}

fn read_digest(value: &Value) -> Result<Rule, String> {
    if let Value::Object(block) = value {
        refuse_unknown(block, &["tag"], "digest")?;
        let tag = text(block.get("tag"), "tag")?.ok_or("digest names no tag")?;
        return tag
            .parse()
            .map(Rule::Follow)
            .map_err(|error| format!("the tag {tag:?}: {error}"));
    }
    let digest = text(Some(value), "digest")?.unwrap_or_default();
    digest
        .parse()
        .map(Rule::Pin)
        .map_err(|error| format!("digest: {error}"))
}

fn read_regex(block: &Map<String, Value>) -> Result<Option<GoRegex>, String> {
    let Some(policy) = block.get("policy") else {
        return Ok(None);
    };
    let policy = mapping(policy, "the block's policy")?;
    refuse_unknown(policy, &["tags"], "the block's policy")?;
    let Some(tags) = policy.get("tags") else {
        return Ok(None);
    };
    let tags = mapping(tags, "tags")?;
    refuse_unknown(tags, &["regex"], "tags")?;
    match text(tags.get("regex"), "regex")? {
        Some(regex) => GoRegex::new(regex)
            .map(Some)
            .map_err(|e| format!("regex {regex:?}: {e}")),
        None => Ok(None),
    }
}

fn read_patterns(
    entry: &Map<String, Value>,
    block: &Map<String, Value>,
    key: &str,
) -> Result<Vec<GoRegex>, String> {
    let list = match (entry.get(key), block.get(key)) {
        (Some(_), Some(_)) => return Err(format!("{key} stands in the entry and in its block")),
        (Some(list), None) | (None, Some(list)) => list,
        (None, None) => return Ok(Vec::new()),
    };
    let list = list
        .as_array()
        .ok_or_else(|| format!("{key} must be a list"))?;
    if list.len() > MAX_PATTERNS {
        return Err(format!("{key} may list at most {MAX_PATTERNS} patterns"));
    }
    list.iter()
        .map(|pattern| {
            let pattern = pattern
                .as_str()
                .ok_or_else(|| format!("{key} must list texts"))?;
            GoRegex::new(pattern).map_err(|error| format!("{key} {pattern:?}: {error}"))
        })
        .collect()
}

fn read_identifier(
    entry: &Map<String, Value>,
    policy: &Map<String, Value>,
) -> Result<Option<String>, String> {
    let semver = policy
        .get("semver")
        .and_then(|semver| semver.get("identifier"));
    let places = [entry.get("identifier"), policy.get("identifier"), semver];
    let mut found: Option<&str> = None;
    for place in places {
        let Some(identifier) = text(place, "identifier")? else {
            continue;
        };
        match found {
            Some(other) if other != identifier => {
                return Err(format!("two identifiers: {other:?} and {identifier:?}"));
            }
            _ => found = Some(identifier),
        }
    }
    Ok(found
        .filter(|identifier| !identifier.is_empty())
        .map(str::to_owned))
}

fn mapping<'a>(value: &'a Value, what: &str) -> Result<&'a Map<String, Value>, String> {
    value
        .as_object()
        .ok_or_else(|| format!("{what} must be a mapping"))
}

fn text<'a>(value: Option<&'a Value>, what: &str) -> Result<Option<&'a str>, String> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("{what} must be text; quote it")),
    }
}

fn refuse_unknown(map: &Map<String, Value>, known: &[&str], what: &str) -> Result<(), String> {
    match map.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(format!(
            "{what} has an unknown field {key:?} (known: {})",
            known.join(", ")
        )),
        None => Ok(()),
    }
}
