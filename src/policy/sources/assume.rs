//! The policy that fits a running tag. Menus suggest it, and `--assume auto` uses it.

use std::fmt;

use crate::image::ImageReference;
use crate::named_enum::named_enum;
use crate::policy::container_policy::{ContainerPolicy, PolicyOrigin};
use crate::policy::rule::{Rule, RuleError};
use crate::policy::syntax::decimal::Decimal;
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

/// The policy that fits the running image. For a version it is the same major version
/// with the same variant; for a version of one number, any higher version; for a
/// build tag, the same prefix; for a number, a greater number. `None` if the tag
/// does not suggest a policy.
#[must_use]
pub fn fitting(image: &ImageReference) -> Option<ContainerPolicy> {
    PolicyText::fitting(image).policy()
}

/// A policy as written into annotations, which a menu suggests.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PolicyText {
    /// `semver:^1.25`.
    pub rule: String,
    /// The suffix that a tag must have and that the rule does not read: `alpine` in
    /// `1.25.3-alpine`.
    pub variant: Option<String>,
}

impl PolicyText {
    fn new(rule: impl Into<String>) -> Self {
        Self {
            rule: rule.into(),
            variant: None,
        }
    }

    /// The policy that fits the running image: see [`fitting`].
    #[must_use]
    pub fn fitting(image: &ImageReference) -> Self {
        let Some(tag) = image.tag().filter(|tag| !tag.is_latest()) else {
            // Without a version tag, the highest version is the best guess.
            return Self::new("semver:*");
        };
        let text = tag.as_str();
        if let Ok(version) = text.parse::<TagVersion>() {
            return match version.parts() {
                1 if text.parse::<Decimal>().is_ok() => Self::new("numerical"),
                1 if version.is_prerelease() && version.variant().is_none() => Self::new("glob:*"),
                _ => Self::fitting_version(text, &version),
            };
        }
        Self::new(format!("glob:{}*", prefix(text)))
    }

    fn fitting_version(text: &str, version: &TagVersion) -> Self {
        let variant = version.variant().map(str::to_owned);
        let range = match version.parts() {
            1 => "semver:*".to_owned(),
            _ if variant.is_none() && version.is_prerelease() => {
                format!("semver:^{}", text.trim_start_matches('v'))
            }
            _ => format!("semver:^{}.{}", version.major(), version.minor()),
        };
        Self {
            rule: range,
            variant,
        }
    }

    /// The value of `imgpolicy.dev/filter-tags` for the variant.
    #[must_use]
    pub fn filter_tags(&self) -> Option<String> {
        let suffix = escaped(self.variant.as_deref()?);
        Some(format!("^(?P<version>.*)-{suffix}$"))
    }

    /// The value of `imgpolicy.dev/extract` for the variant.
    #[must_use]
    pub fn extract(&self) -> Option<String> {
        self.variant.as_ref().map(|_| "$version".to_owned())
    }

    /// The policy with these texts; `None` if they are not valid.
    fn policy(&self) -> Option<ContainerPolicy> {
        let rule = Rule::parse(&self.rule).ok()?;
        let mut policy = ContainerPolicy::new(&self.rule, rule, ASSUMED);
        if let Some(filter) = self.filter_tags() {
            policy.filter.pattern = GoRegex::new(&filter).ok();
            policy.filter.extract = self.extract().and_then(|text| Template::new(&text).ok());
            policy.text = self.to_string();
        }
        Some(policy)
    }
}

/// For display: `semver:^1.25 of *-alpine`.
impl fmt::Display for PolicyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.variant {
            Some(variant) => write!(f, "{} of *-{variant}", self.rule),
            None => f.write_str(&self.rule),
        }
    }
}

/// A regular expression that matches the text. A hyphen does not need an escape.
fn escaped(text: &str) -> String {
    regex::escape(text).replace(r"\-", "-")
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
        let tag = image.tag().filter(|tag| !tag.is_latest());
        let text = tag.map_or("", |tag| tag.as_str());
        let suffix = fitting
            .variant
            .as_ref()
            .map(|variant| format!("-{variant}"));
        let suffix = suffix.unwrap_or_default();
        let is_version = Self::from_rule(&fitting.rule) == Self::Semver && tag.is_some();
        let v = if text.starts_with('v') { "v" } else { "" };
        PolicyText::new(match self {
            Self::Semver => "semver:*".to_owned(),
            Self::Glob if is_version => match text.parse::<TagVersion>() {
                Ok(version) => format!("glob:{v}{}.*{suffix}", version.major()),
                Err(_) => "glob:*".to_owned(),
            },
            Self::Glob => format!("glob:{}*", prefix(text)),
            Self::Regex if is_version => {
                format!(r"regex:^{v}[0-9.]+{}$", escaped(&suffix))
            }
            Self::Regex => format!("regex:^{}.*$", escaped(prefix(text))),
            Self::Alphabetical => "alphabetical:asc".to_owned(),
            Self::Numerical => "numerical:asc".to_owned(),
            Self::Digest => format!(
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
            ("app:20240115-2", "glob:*"),
            ("app:stg-4s7bsgv", "glob:stg-*"),
            ("app:9e3bdaf", "glob:*"),
            ("app:latest", "semver:*"),
            ("app", "semver:*"),
        ] {
            let image = image.parse().expect(image);
            let policy = fitting(&image).map(|policy| policy.text);
            assert_eq!(policy.as_deref(), Some(expected), "{image}");
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
