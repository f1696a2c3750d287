//! Parses the policy of one entry of `imagePolicies`.

use serde_json::{Map, Value};

use super::refinements::MAX_PATTERNS;
use crate::image::ImageReference;
use crate::policy::container_policy::{ContainerPolicy, PolicyOrigin};
use crate::policy::order::Direction;
use crate::policy::rule::Rule;
use crate::policy::syntax::go_regex::GoRegex;
use crate::policy::tag_filter::{AllowMode, TagFilter};

/// The possible names of a provider's block.
pub(crate) const PROVIDERS: [&str; 6] = ["aws", "gcr", "oci", "dockerhub", "azure", "github"];

/// Reads the policy of an entry. The error is the reason, without the origin.
pub(crate) fn read_policy(
    entry: &Value,
    kustomization: &str,
    name: &str,
) -> Result<ContainerPolicy, String> {
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
                "it has no image; one block of {} is required",
                PROVIDERS.join(", ")
            ));
        }
        several => {
            return Err(format!(
                "only one block may have the image, not {}",
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
        .ok_or_else(|| format!("{provider} has no image"))?
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
            // `alphabetical:` without a value is null in YAML and means the default order.
            if policy["alphabetical"].is_null() {
                return Ok(Rule::Alphabetical(Direction::Ascending));
            }
            let block = mapping(&policy["alphabetical"], "alphabetical")?;
            refuse_unknown(block, &["order"], "alphabetical")?;
            match text(block.get("order"), "order")? {
                None | Some("asc") => Ok(Rule::Alphabetical(Direction::Ascending)),
                Some("desc") => Ok(Rule::Alphabetical(Direction::Descending)),
                Some(other) => Err(format!("order must be asc or desc, not {other:?}")),
            }
        }
        [] => Err("policy must have one of semver, digest, alphabetical".to_owned()),
        several => Err(format!(
            "policy must have only one of {}",
            several.join(", ")
        )),
    }
}

fn read_digest(value: &Value) -> Result<Rule, String> {
    if let Value::Object(block) = value {
        refuse_unknown(block, &["tag"], "digest")?;
        let tag = text(block.get("tag"), "tag")?.ok_or("digest has no tag")?;
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
        (Some(_), Some(_)) => return Err(format!("{key} is in the entry and in its block")),
        (Some(list), None) | (None, Some(list)) => list,
        (None, None) => return Ok(Vec::new()),
    };
    let list = list
        .as_array()
        .ok_or_else(|| format!("{key} must be a list"))?;
    if list.len() > MAX_PATTERNS {
        return Err(format!(
            "{key} must not have more than {MAX_PATTERNS} patterns"
        ));
    }
    list.iter()
        .map(|pattern| {
            let pattern = pattern
                .as_str()
                .ok_or_else(|| format!("{key} must be a list of strings"))?;
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
                return Err(format!(
                    "there are two identifiers: {other:?} and {identifier:?}"
                ));
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
        Some(_) => Err(format!("{what} must be a string; quote it")),
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
