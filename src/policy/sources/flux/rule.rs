//! How an ImagePolicy elects a tag: its `policy`, `filterTags` and `digestReflectionPolicy`.
//!
//! Only what the API server would refuse, and what makes Flux stall, is an error. What the
//! server fills in is not required, because objects in files do not have it.

use serde_json::Value;

use super::fields::ObjectFields;
use crate::policy::order::Direction;
use crate::policy::rule::Rule;
use crate::policy::syntax::go_regex::GoRegex;
use crate::policy::syntax::template::Template;
use crate::policy::tag_filter::{BarredTags, TagFilter};

/// The fields of an ImagePolicy's `spec`.
const SPEC: [&str; 6] = [
    "imageRepositoryRef",
    "policy",
    "filterTags",
    "digestReflectionPolicy",
    "interval",
    "suspend",
];

/// Whether an ImagePolicy also stands for the digest of the tag that it elects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DigestReflection {
    /// Only for the tag.
    #[default]
    Never,
    /// For the digest that the tag had when it was elected.
    IfNotPresent,
    /// For the digest that the tag has now.
    Always,
}

/// What an ImagePolicy's `spec` says about the election.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ElectionRule {
    /// How tags are ranked.
    pub(crate) rule: Rule,
    /// Which tags are considered, apart from the exclusions of the ImageRepository.
    pub(crate) filter: TagFilter,
    /// Whether the digest is elected, too.
    pub(crate) reflection: DigestReflection,
    /// The namespace of the ImageRepository, if it is not the policy's own.
    pub(crate) repository_namespace: Option<String>,
    /// The name of the ImageRepository.
    pub(crate) repository: String,
}

impl ElectionRule {
    /// Reads the `spec` of an ImagePolicy. The error is a sentence without the policy.
    pub(crate) fn read(spec: &Value) -> Result<Self, String> {
        let spec = ObjectFields::new("spec", spec)?;
        spec.refuse_unknown(&SPEC)?;
        let repository = spec.fields("imageRepositoryRef")?;
        repository.refuse_unknown(&["name", "namespace"])?;
        spec.flag("suspend")?;
        let reflection = reflection(&spec)?;
        Ok(Self {
            rule: rule(&spec.fields("policy")?)?,
            filter: filter(&spec.fields("filterTags")?, reflection)?,
            reflection,
            repository_namespace: repository.text("namespace")?.map(str::to_owned),
            repository: repository.required("name")?.to_owned(),
        })
    }
}

fn reflection(spec: &ObjectFields<'_>) -> Result<DigestReflection, String> {
    let words = ["Always", "IfNotPresent", "Never"];
    let reflection = match spec.word("digestReflectionPolicy", &words)? {
        Some("Always") => DigestReflection::Always,
        Some("IfNotPresent") => DigestReflection::IfNotPresent,
        _ => DigestReflection::Never,
    };
    let is_always = reflection == DigestReflection::Always;
    if is_always == spec.text("interval")?.is_some() {
        return Ok(reflection);
    }
    Err(if is_always {
        "spec.interval must be set if spec.digestReflectionPolicy is Always".to_owned()
    } else {
        "spec.interval must not be set unless spec.digestReflectionPolicy is Always".to_owned()
    })
}

/// Reads the choice. If there are several, Flux uses the first of these.
fn rule(policy: &ObjectFields<'_>) -> Result<Rule, String> {
    policy.refuse_unknown(&["semver", "alphabetical", "numerical"])?;
    if policy.get("semver").is_some() {
        let semver = policy.fields("semver")?;
        semver.refuse_unknown(&["range"])?;
        let range = semver.required("range")?;
        let path = semver.path_of("range");
        return range
            .parse()
            .map(Rule::Semver)
            .map_err(|error| format!("{path} {range:?}: {error}"));
    }
    if policy.get("alphabetical").is_some() {
        return Ok(Rule::Alphabetical(direction(policy, "alphabetical")?));
    }
    if policy.get("numerical").is_some() {
        return Ok(Rule::Numerical(direction(policy, "numerical")?));
    }
    Err("spec.policy must have one of semver, alphabetical and numerical".to_owned())
}

fn direction(policy: &ObjectFields<'_>, choice: &str) -> Result<Direction, String> {
    let choice = policy.fields(choice)?;
    choice.refuse_unknown(&["order"])?;
    Ok(match choice.word("order", &["asc", "desc"])? {
        Some("desc") => Direction::Descending,
        _ => Direction::Ascending,
    })
}

fn filter(tags: &ObjectFields<'_>, reflection: DigestReflection) -> Result<TagFilter, String> {
    tags.refuse_unknown(&["pattern", "extract"])?;
    let pattern = tags.text("pattern")?;
    let extract = tags.text("extract")?;
    // Without a pattern, the template is applied to the match of the empty expression.
    let pattern = pattern.or(extract.map(|_| ""));
    Ok(TagFilter {
        pattern: pattern
            .map(|text| {
                let path = tags.path_of("pattern");
                GoRegex::new(text).map_err(|error| format!("{path} {text:?}: {error}"))
            })
            .transpose()?,
        extract: extract
            .map(|text| {
                Template::new(text).map_err(|error| format!("{}: {error}", tags.path_of("extract")))
            })
            .transpose()?,
        barred: match reflection {
            DigestReflection::Never => BarredTags::Latest,
            DigestReflection::IfNotPresent | DigestReflection::Always => BarredTags::Nothing,
        },
        ..TagFilter::default()
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(mut spec: Value) -> Result<ElectionRule, String> {
        spec["imageRepositoryRef"] = json!({"name": "app"});
        ElectionRule::read(&spec)
    }

    #[test]
    fn every_choice_is_read_and_the_first_of_several_is_used() {
        for (policy, expected) in [
            (json!({"semver": {"range": "1.x"}}), "semver:1.x"),
            (json!({"alphabetical": {}}), "alphabetical:asc"),
            (
                json!({"alphabetical": {"order": "desc"}}),
                "alphabetical:desc",
            ),
            (json!({"numerical": {"order": ""}}), "numerical:asc"),
            (
                json!({"numerical": {}, "semver": {"range": "1.x"}, "alphabetical": {}}),
                "semver:1.x",
            ),
            (
                json!({"numerical": {}, "alphabetical": {}}),
                "alphabetical:asc",
            ),
        ] {
            let rule = read(json!({"policy": policy})).expect("a rule").rule;
            assert_eq!(rule.to_string(), expected, "{policy}");
        }
    }

    #[test]
    fn what_the_api_or_the_controller_refuses_is_an_error_that_names_the_field() {
        let policy = json!({"semver": {"range": "*"}});
        for (spec, expected) in [
            (
                json!({"policy": policy, "digestReflectionPolicy": "Always"}),
                "spec.interval must be set",
            ),
            (
                json!({"policy": policy, "interval": "5m"}),
                "spec.interval must not be set",
            ),
            (
                json!({"policy": policy, "digestReflectionPolicy": "Sometimes"}),
                "spec.digestReflectionPolicy must be one of Always, IfNotPresent, Never",
            ),
            (
                json!({"policy": {"numerical": {"order": "ASC"}}}),
                "spec.policy.numerical.order must be one of asc, desc, not \"ASC\"",
            ),
            (
                json!({"policy": {}}),
                "spec.policy must have one of semver, alphabetical and numerical",
            ),
            (json!({}), "spec.policy must have one of"),
            (
                json!({"policy": {"alphabetical": null}}),
                "spec.policy must have one of",
            ),
            (
                json!({"policy": {"semver": {}}}),
                "spec.policy.semver.range is missing",
            ),
            (
                json!({"policy": {"semver": {"range": 1}}}),
                "spec.policy.semver.range must be a string",
            ),
            (
                json!({"policy": {"semver": {"range": "a"}}}),
                "spec.policy.semver.range \"a\": ",
            ),
            (
                json!({"policy": policy, "filterTags": {"pattern": "("}}),
                "spec.filterTags.pattern \"(\": ",
            ),
            (
                json!({"policy": policy, "filterTag": {"pattern": "a"}}),
                "spec has an unknown field \"filterTag\"",
            ),
        ] {
            let error = read(spec.clone()).expect_err(expected);
            assert!(error.starts_with(expected), "{spec}: {error}");
        }
        for (spec, expected) in [
            (
                json!({ "policy": policy }),
                "spec.imageRepositoryRef.name is missing",
            ),
            (json!([]), "spec must be a mapping"),
        ] {
            assert_eq!(ElectionRule::read(&spec).expect_err(expected), expected);
        }
    }

    #[test]
    fn template_without_a_pattern_reads_the_match_of_the_empty_expression() {
        let filter = |tags: Value| {
            let spec = json!({"policy": {"alphabetical": {}}, "filterTags": tags});
            read(spec).expect("a rule").filter
        };
        let tag = "v1".parse().expect("a tag");
        for (tags, key) in [
            (json!({}), "v1"),
            (json!({"pattern": "^v", "extract": ""}), "v1"),
            (json!({"pattern": "", "extract": "$0"}), ""),
            (json!({"extract": "$0"}), ""),
            (json!({"pattern": "^v(.*)$", "extract": "$1"}), "1"),
            (json!({"pattern": "^v(.*)$", "extract": "$nobody"}), ""),
        ] {
            let passed = filter(tags.clone());
            let passed = passed.pass(&tag).expect("it passes");
            assert_eq!(passed.key, key, "{tags}");
        }
    }

    #[test]
    fn moving_tag_is_elected_only_with_its_digest() {
        let latest = "latest".parse().expect("a tag");
        for (reflection, interval, passes) in [
            ("Never", None, false),
            ("IfNotPresent", None, true),
            ("Always", Some("5m"), true),
        ] {
            let spec = json!({"policy": {"alphabetical": {}}, "interval": interval,
                "digestReflectionPolicy": reflection});
            let filter = read(spec).expect("a rule").filter;
            assert_eq!(filter.pass(&latest).is_ok(), passes, "{reflection}");
        }
    }
}
