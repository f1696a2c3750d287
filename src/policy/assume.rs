//! The policy that fits a running tag: what a menu would pre-fill, and what
//! `--assume auto` judges by.

use super::container_policy::{ContainerPolicy, Origin};
use super::decimal::Decimal;
use super::go_regex::GoRegex;
use super::rule::{Rule, RuleError};
use super::template::Template;
use super::version::TagVersion;
use crate::image::ImageReference;

/// What `--assume` was given.
#[derive(Debug, Clone, PartialEq)]
pub enum Assume {
    /// A policy fitted to each running tag.
    Auto,
    /// One policy for all, with its text.
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

/// The flag's name, as a policy's origin.
const ASSUMED: Origin = Origin::Flag("--assume");

impl Assume {
    /// The policy to judge a container by that has none.
    #[must_use]
    pub fn policy_for(&self, image: &ImageReference) -> Option<ContainerPolicy> {
        match self {
            Self::Auto => fitting(image),
            Self::Rule(text, rule) => Some(ContainerPolicy::new(text, rule.clone(), ASSUMED)),
        }
    }
}

/// The policy that fits what runs: the same major version for a version, with a
/// variant's suffix kept; the same prefix for a build tag; the greater number
/// for a number; the higher version for a version of one number. `None`: the tag gives no hint.
#[must_use]
pub fn fitting(image: &ImageReference) -> Option<ContainerPolicy> {
    let Some(tag) = image.tag().filter(|tag| !tag.is_latest()) else {
        // Whatever runs under a moving name, the highest version is a start.
        return rule("semver:*");
    };
    let text = tag.as_str();
    if let Ok(version) = text.parse::<TagVersion>() {
        return match version.parts() {
            1 if text.parse::<Decimal>().is_ok() => rule("numerical"),
            1 if version.is_prerelease() && version.variant().is_none() => rule("glob:*"),
            _ => fitting_version(text, &version),
        };
    }
    let prefix: String = text
        .chars()
        .take_while(|c| c.is_ascii_alphabetic())
        .collect();
    let separator = text[prefix.len()..].chars().next();
    match separator {
        Some(separator) if !prefix.is_empty() && !separator.is_ascii_alphanumeric() => {
            rule(&format!("glob:{prefix}{separator}*"))
        }
        _ => rule("glob:*"),
    }
}

fn fitting_version(text: &str, version: &TagVersion) -> Option<ContainerPolicy> {
    let range = match version.parts() {
        1 => "semver:*".to_owned(),
        _ => format!("semver:^{}.{}", version.major(), version.minor()),
    };
    let Some(variant) = version.variant() else {
        return match version.prerelease() {
            "" => rule(&range),
            _ => rule(&format!("semver:^{}", text.trim_start_matches('v'))),
        };
    };
    let mut policy = rule(&range)?;
    let suffix = regex::escape(variant);
    policy.filter.pattern = GoRegex::new(&format!("^(?P<version>.*)-{suffix}$")).ok();
    policy.filter.extract = Some(Template::new("$version"));
    policy.text = format!("{range} of *-{variant}");
    Some(policy)
}

fn rule(text: &str) -> Option<ContainerPolicy> {
    let rule = Rule::parse(text).ok()?;
    Some(ContainerPolicy::new(text, rule, ASSUMED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fitting_policy_follows_the_shape_of_the_running_tag() {
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
}
