//! The policy that fits a running tag. Menus suggest it, and `--assume auto` uses it.

use std::fmt;

use crate::image::{ImageReference, Tag};
use crate::named_enum::named_enum;
use crate::policy::container_policy::{ContainerPolicy, PolicyOrigin};
use crate::policy::rule::{Rule, RuleError};
use crate::policy::shape::fitted::{FittedPolicy, escaped};
use crate::policy::syntax::go_regex::GoRegex;
use crate::policy::syntax::template::Template;
use crate::policy::syntax::version::TagVersion;

/// The value of `--assume`.
#[derive(Debug, Clone, PartialEq)]
pub enum Assume {
    /// A policy fitted to each running tag.
    Auto,
    /// One policy for all containers, with its text.
    Rule(String, Rule),
}

impl std::str::FromStr for Assume {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        Rule::parse(text).map(|rule| Self::Rule(text.to_owned(), rule))
    }
}

/// The origin of an assumed policy.
const ASSUMED: PolicyOrigin = PolicyOrigin::Flag("--assume");

impl Assume {
    /// The policy for a container that has none.
    #[must_use]
    pub fn policy_for(&self, image: &ImageReference) -> Option<ContainerPolicy> {
        match self {
            Self::Auto => fitting(image),
            Self::Rule(text, rule) => Some(ContainerPolicy::new(text, rule.clone(), ASSUMED)),
        }
    }
}

/// The policy that fits the running image; `None` if the tag does not suggest one.
///
/// It only elects tags of the same shape: with the same text before and after the version
/// and as many numbers. For a version it is the same major version; for a version of one
/// number, any higher one; for a number, a greater one. Numbers that count builds (`r12`)
/// count up. For a commit or a build identifier, it is the newest image.
///
/// The policy that a menu writes for `1.2.3` or `1.2.3-alpine` is shorter, and therefore
/// also elects tags that differ in a leading `v`.
#[must_use]
pub fn fitting(image: &ImageReference) -> Option<ContainerPolicy> {
    let Some(tag) = version_tag(image) else {
        return PolicyText::new(WITHOUT_TAG).policy();
    };
    let fitted = FittedPolicy::of(tag)?;
    let text = PolicyText::from(fitted.clone());
    let mut policy = text.policy()?;
    policy.filter.pattern = Some(GoRegex::new(&fitted.pattern).ok()?);
    Some(policy)
}

/// Without a version tag, the highest version is the best guess.
const WITHOUT_TAG: &str = "semver:*";

/// The tag, unless it is `latest`.
fn version_tag(image: &ImageReference) -> Option<&str> {
    let tag = image.tag().filter(|tag| !tag.is_latest());
    tag.map(Tag::as_str)
}

/// A policy as written into annotations, which a menu suggests.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PolicyText {
    /// `semver:^1.25`.
    pub rule: String,
    /// The form that a tag must have, as far as the rule does not say it.
    pub form: Option<TagForm>,
}

/// The form that a tag must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagForm {
    /// The value of `imgpolicy.dev/filter-tags`.
    pub filter_tags: String,
    /// The value of `imgpolicy.dev/extract`; `None` if the rule reads the whole tag.
    pub extract: Option<String>,
    /// The tags as a glob, for display: `*-alpine`, or `*` if the rule says enough.
    pub glob: String,
    /// The suffix, if that is all that the tags have in common: `alpine` in
    /// `1.25.3-alpine`.
    pub variant: Option<String>,
}

impl PolicyText {
    fn new(rule: impl Into<String>) -> Self {
        Self {
            rule: rule.into(),
            form: None,
        }
    }

    /// The policy that fits the running image: see [`fitting`]. If the tag does not
    /// suggest one, the image that it refers to.
    #[must_use]
    pub fn fitting(image: &ImageReference) -> Self {
        match version_tag(image) {
            None => Self::new(WITHOUT_TAG),
            Some(tag) => match FittedPolicy::of(tag) {
                Some(fitted) => Self::from(fitted),
                None => Self::new(format!("digest:{tag}")),
            },
        }
    }

    /// The value of `imgpolicy.dev/filter-tags` for the form.
    #[must_use]
    pub fn filter_tags(&self) -> Option<String> {
        Some(self.form.as_ref()?.filter_tags.clone())
    }

    /// The value of `imgpolicy.dev/extract` for the form.
    #[must_use]
    pub fn extract(&self) -> Option<String> {
        self.form.as_ref()?.extract.clone()
    }

    /// The policy with these texts; `None` if they are not valid.
    fn policy(&self) -> Option<ContainerPolicy> {
        let rule = Rule::parse(&self.rule).ok()?;
        let mut policy = ContainerPolicy::new(self.to_string(), rule, ASSUMED);
        if let Some(filter) = self.filter_tags() {
            policy.filter.pattern = Some(GoRegex::new(&filter).ok()?);
        }
        if let Some(extract) = self.extract() {
            policy.filter.extract = Some(Template::new(&extract).ok()?);
        }
        Some(policy)
    }
}

impl From<FittedPolicy> for PolicyText {
    fn from(fitted: FittedPolicy) -> Self {
        let filter_tags = match &fitted.variant {
            // The range excludes everything but releases of this variant.
            Some(variant) => format!("^(?P<version>.*)-{}$", escaped(variant)),
            None => fitted.pattern,
        };
        let form = TagForm {
            filter_tags,
            extract: fitted.extract,
            glob: fitted.glob,
            variant: fitted.variant,
        };
        Self {
            rule: fitted.rule,
            form: (!fitted.rule_suffices).then_some(form),
        }
    }
}

/// For display: `semver:^1.25 of *-alpine`.
impl fmt::Display for PolicyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.form {
            Some(form) if form.glob != "*" => write!(f, "{} of {}", self.rule, form.glob),
            _ => f.write_str(&self.rule),
        }
    }
}

/// The prefix of a build tag: `stg-` in `stg-4s7bsgv`.
fn prefix(tag: &str) -> &str {
    let letters = tag
        .find(|c: char| !c.is_ascii_alphabetic())
        .unwrap_or(tag.len());
    let separator = tag[letters..].chars().next();
    match separator {
        Some(separator) if letters > 0 && !separator.is_ascii_alphanumeric() => {
            &tag[..letters + separator.len_utf8()]
        }
        _ => "",
    }
}

named_enum! {
    /// The types of policies, in the order of the menu.
    pub enum PolicyType {
        /// The highest version in a range.
        Semver = "semver",
        /// The newest image whose tag matches a glob.
        Glob = "glob",
        /// The newest image whose tag matches a regular expression.
        Regex = "regex",
        /// The last tag in alphabetical order.
        Alphabetical = "alphabetical",
        /// The greatest number.
        Numerical = "numerical",
        /// The image that a tag refers to, by its digest.
        Digest = "digest",
    }
}

impl PolicyType {
    /// A short description of the type.
    #[must_use]
    pub fn phrase(self) -> &'static str {
        match self {
            Self::Semver => "the highest version in a range",
            Self::Glob => "the newest tag that matches a glob",
            Self::Regex => "the newest tag that matches a regex",
            Self::Alphabetical => "the last tag in alphabetical order",
            Self::Numerical => "the greatest number",
            Self::Digest => "the image that a tag refers to, by digest",
        }
    }

    /// The type of a policy by its text. A text without a known type is a glob.
    #[must_use]
    pub fn from_rule(rule: &str) -> Self {
        let word = rule.split_once(':').map_or(rule, |(word, _)| word);
        if word == "regexp" {
            return Self::Regex;
        }
        let mut types = Self::ALL.iter().copied();
        types
            .find(|kind| kind.as_str() == word)
            .unwrap_or(Self::Glob)
    }

    /// A policy of this type to start from, for the running image. It is the fitting
    /// policy if that has this type.
    #[must_use]
    pub fn starting_policy(self, image: &ImageReference) -> PolicyText {
        let fitting = PolicyText::fitting(image);
        if Self::from_rule(&fitting.rule) == self {
            return fitting;
        }
        let text = version_tag(image).unwrap_or_default();
        let form = fitting.form.as_ref();
        let suffix = form.and_then(|form| form.variant.as_ref());
        let suffix = suffix.map_or_else(String::new, |variant| format!("-{variant}"));
        let other_form = form.filter(|form| form.variant.is_none() && form.glob != "*");
        let version = text.parse::<TagVersion>().ok();
        let version = version.filter(|_| Self::from_rule(&fitting.rule) == Self::Semver);
        let v = if text.starts_with('v') { "v" } else { "" };
        PolicyText::new(match (self, version) {
            (Self::Semver, _) => "semver:*".to_owned(),
            (Self::Glob, Some(version)) if other_form.is_none() => {
                format!("glob:{v}{}.*{suffix}", version.major())
            }
            (Self::Regex, Some(_)) if other_form.is_none() => {
                format!(r"regex:^{v}[0-9.]+{}$", escaped(&suffix))
            }
            (Self::Glob, _) => match other_form {
                Some(form) => format!("glob:{}", form.glob),
                None => format!("glob:{}*", prefix(text)),
            },
            (Self::Regex, _) => match other_form {
                Some(form) => format!("regex:{}", form.filter_tags),
                None => format!("regex:^{}.*$", escaped(prefix(text))),
            },
            (Self::Alphabetical, _) => "alphabetical:asc".to_owned(),
            (Self::Numerical, _) => "numerical:asc".to_owned(),
            (Self::Digest, _) => format!(
                "digest:{}",
                image.tag().map_or("latest", |tag| tag.as_str())
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fitting_policy_depends_on_the_form_of_the_running_tag() {
        for (image, expected) in [
            ("app:1.2.3", "semver:^1.2"),
            ("app:v1.2.3", "semver:^1.2"),
            ("app:1.25", "semver:^1.25"),
            ("app:1.25.3-alpine", "semver:^1.25 of *-alpine"),
            ("app:1.2.3-rc.1", "semver:^1.2.3-rc.1"),
            ("app:230", "numerical"),
            ("app:v12", "semver:*"),
            ("app:7-alpine", "semver:* of *-alpine"),
            ("app:stg-4s7bsgv", "glob:stg-*"),
            ("app:latest", "semver:*"),
            ("app", "semver:*"),
        ] {
            let image = image.parse().expect(image);
            let policy = fitting(&image).map(|policy| policy.text);
            assert_eq!(policy.as_deref(), Some(expected), "{image}");
        }
    }

    #[test]
    fn menu_writes_the_form_of_the_tags() {
        for (image, shown, filter, extract) in [
            ("app:1.2.3", "semver:^1.2", None, None),
            (
                "app:v1.2.3-alpine",
                "semver:^1.2 of *-alpine",
                Some("^(?P<version>.*)-alpine$"),
                Some("$version"),
            ),
            ("app:3", "numerical", Some("^[0-9]{1,2}$"), None),
            (
                "app:amd64-1.2.3",
                "semver:^1.2 of amd64-*",
                Some(r"^amd64-(?P<version>[0-9]+\.[0-9]+\.[0-9]+)$"),
                Some("$version"),
            ),
            (
                "app:1.2.3.4-ls135",
                "semver:^1.2.0-0 of *.*.*.*-ls*",
                Some(r"^(?P<version>[0-9]+\.[0-9]+\.[0-9]+)\.(?P<n1>[0-9]+)-ls(?P<n2>[0-9]+)$"),
                Some("${version}-${n1}.${n2}"),
            ),
            ("app:sha-9e3bdaf", "regex:^sha-[0-9a-f]{7}$", None, None),
            ("app:main", "digest:main", None, None),
        ] {
            let policy = PolicyText::fitting(&image.parse().expect(image));
            assert_eq!(policy.to_string(), shown);
            assert_eq!(policy.filter_tags().as_deref(), filter, "{image}");
            assert_eq!(policy.extract().as_deref(), extract, "{image}");
        }
    }

    #[test]
    fn every_type_has_a_starting_policy() {
        for (image, expected) in [
            (
                "app:1.25.3-alpine",
                [
                    "semver:^1.25",
                    "glob:1.*-alpine",
                    r"regex:^[0-9.]+-alpine$",
                    "alphabetical:asc",
                    "numerical:asc",
                    "digest:1.25.3-alpine",
                ],
            ),
            (
                "app:amd64-1.2.3",
                [
                    "semver:^1.2",
                    "glob:amd64-*",
                    r"regex:^amd64-(?P<version>[0-9]+\.[0-9]+\.[0-9]+)$",
                    "alphabetical:asc",
                    "numerical:asc",
                    "digest:amd64-1.2.3",
                ],
            ),
            (
                "app:stg-4s7bsgv",
                [
                    "semver:*",
                    "glob:stg-*",
                    r"regex:^stg-.*$",
                    "alphabetical:asc",
                    "numerical:asc",
                    "digest:stg-4s7bsgv",
                ],
            ),
            (
                "app",
                [
                    "semver:*",
                    "glob:*",
                    "regex:^.*$",
                    "alphabetical:asc",
                    "numerical:asc",
                    "digest:latest",
                ],
            ),
        ] {
            let image = image.parse().expect(image);
            for (kind, expected) in PolicyType::ALL.iter().zip(expected) {
                let start = kind.starting_policy(&image);
                assert_eq!(start.rule, expected, "{image}");
                assert!(start.policy().is_some(), "{image} {expected}");
            }
        }
    }
}
