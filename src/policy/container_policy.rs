//! The policy of one container, ready to be judged by.

use std::fmt;

use jiff::SignedDuration;

use super::min_age::{MinAge, MinAgeClock};
use super::quote::quote;
use super::rule::Rule;
use super::syntax::go_regex::GoRegex;
use super::tag_filter::TagFilter;
use crate::image::Tag;

/// Everything a user said of one container's updates.
#[derive(Debug, Clone, PartialEq)]
pub struct ContainerPolicy {
    /// The policy as written, for people; `glob:*` where it is only implied.
    pub text: String,
    /// How tags are chosen and ranked.
    pub rule: Rule,
    /// Which tags the rule gets to see.
    pub filter: TagFilter,
    /// Where it was written.
    pub origin: PolicyOrigin,
    /// Whether an image lower than the running one may be elected.
    pub allow_downgrade: bool,
    /// Whether another variant than the running one may be elected.
    pub allow_variant_change: bool,
    /// How old an image must be to be elected.
    pub min_age: Option<SignedDuration>,
    /// By which clock that counts, where anybody named one.
    pub min_age_clock: Option<MinAgeClock>,
}

impl ContainerPolicy {
    /// A rule alone, with nothing beside it.
    #[must_use]
    pub fn new(text: impl Into<String>, rule: Rule, origin: PolicyOrigin) -> Self {
        Self {
            text: text.into(),
            rule,
            filter: TagFilter::default(),
            origin,
            allow_downgrade: false,
            allow_variant_change: false,
            min_age: None,
            min_age_clock: None,
        }
    }

    /// How old an image must be to be elected, and by which clock.
    #[must_use]
    pub fn required_age(&self) -> Option<MinAge> {
        let age = self.min_age.filter(|age| !age.is_zero())?;
        let clock = self.min_age_clock.unwrap_or_default();
        Some(MinAge { age, clock })
    }

    /// The build number in a tag: what the named group `build` matches, of the
    /// rule's expression, else of the filter's. An empty match is none.
    #[must_use]
    pub fn build(&self, tag: &Tag) -> Option<String> {
        let rule = match &self.rule {
            Rule::Regex(regex) => Some(regex),
            _ => None,
        };
        let group = |regex: &GoRegex| {
            let captures = regex.captures(tag.as_str())?;
            let build = captures.name("build").filter(|build| !build.is_empty())?;
            Some(build.to_owned())
        };
        rule.into_iter().chain(&self.filter.pattern).find_map(group)
    }
}

/// Where a policy was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyOrigin {
    /// An annotation of the workload, by its key.
    Annotation(String),
    /// No filter is written: automation alone implies `glob:*`.
    Implied(String),
    /// An entry of a Kustomization's `imagePolicies`.
    ImagePolicies {
        /// The Kustomization, as `namespace/name`.
        kustomization: String,
        /// The entry's name.
        entry: String,
    },
    /// The `imagePolicies` of a Kustomization as a whole, as `namespace/name`.
    Kustomization(String),
    /// A flag of the command line, such as `--policy`.
    Flag(&'static str),
}

impl fmt::Display for PolicyOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Annotation(key) => write!(f, "annotation {key}"),
            Self::Implied(key) => write!(f, "implied by annotation {key}"),
            Self::ImagePolicies {
                kustomization,
                entry,
            } => {
                write!(
                    f,
                    "imagePolicies entry {entry} of Kustomization {kustomization}"
                )
            }
            Self::Kustomization(id) => write!(f, "imagePolicies of Kustomization {id}"),
            Self::Flag(flag) => write!(f, "flag {flag}"),
        }
    }
}

/// A policy that cannot be used. It elects nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PolicyError {
    /// The policy as written, cut where it is very long.
    pub text: String,
    /// Where it was written.
    pub origin: PolicyOrigin,
    /// What is wrong with it, naming the place and the offending part.
    pub message: String,
}

impl PolicyError {
    /// An error at a place, about a text.
    #[must_use]
    pub fn new(text: &str, origin: PolicyOrigin, reason: impl fmt::Display) -> Self {
        let message = format!("{origin}: {reason}");
        Self {
            text: quote(text),
            origin,
            message,
        }
    }
}
