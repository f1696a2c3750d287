//! The resolved policy of one container.

use std::fmt;

use jiff::SignedDuration;

use super::min_age::{MinAge, MinAgeClock};
use super::quote::quote;
use super::rollouts::FailedRollout;
use super::rule::Rule;
use super::tag_filter::TagFilter;
use crate::image::Tag;

/// Everything that is configured for the updates of one container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerPolicy {
    /// The policy as written, for display; `glob:*` if it is implied.
    pub text: String,
    /// How tags are selected and ranked.
    pub rule: Rule,
    /// Which tags the rule is applied to.
    pub filter: TagFilter,
    /// Where it is written.
    pub origin: PolicyOrigin,
    /// Whether an image lower than the running one may be elected.
    pub allow_downgrade: bool,
    /// Whether an image of another variant than the running one may be elected.
    pub allow_variant_change: bool,
    /// Whether the image is elected together with its digest.
    pub reflects_digest: bool,
    /// How old an image must be to be elected.
    pub min_age: Option<SignedDuration>,
    /// The clock of the minimum age, if one is specified.
    pub min_age_clock: Option<MinAgeClock>,
    /// The images that are not elected, because their rollouts failed.
    pub failed: Vec<FailedRollout>,
}

impl ContainerPolicy {
    /// Creates a policy from a rule, without filters or restrictions.
    #[must_use]
    pub fn new(text: impl Into<String>, rule: Rule, origin: PolicyOrigin) -> Self {
        Self {
            text: text.into(),
            rule,
            filter: TagFilter::default(),
            origin,
            allow_downgrade: false,
            allow_variant_change: false,
            reflects_digest: false,
            min_age: None,
            min_age_clock: None,
            failed: Vec::new(),
        }
    }

    /// How old an image must be to be elected, and by which clock; `None` if there is no
    /// minimum age.
    #[must_use]
    pub fn required_age(&self) -> Option<MinAge> {
        let age = self.min_age.filter(|age| !age.is_zero())?;
        let clock = self.min_age_clock.unwrap_or_default();
        Some(MinAge { age, clock })
    }

    /// The build number in a tag: the text that the group named `build` matches in the
    /// rule's expression, or otherwise in the filter's. An empty match is ignored.
    #[must_use]
    pub fn build(&self, tag: &Tag) -> Option<String> {
        let rule = match &self.rule {
            Rule::Regex(regex) => Some(regex),
            _ => None,
        };
        let mut expressions = rule.into_iter().chain(&self.filter.pattern);
        expressions.find_map(|regex| {
            let captures = regex.captures(tag.as_str())?;
            let build = captures.name("build").filter(|build| !build.is_empty())?;
            Some(build.to_owned())
        })
    }
}

/// Where a policy is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyOrigin {
    /// The annotation of the workload with this key.
    Annotation(String),
    /// An annotation of a namespace.
    NamespaceAnnotation {
        /// Its key.
        key: String,
        /// The name of the namespace.
        namespace: String,
    },
    /// The container has no filter. The annotation with this key automates it, which
    /// implies `glob:*`.
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
    /// A Flux ImagePolicy.
    ImagePolicy {
        /// Its `namespace/name`.
        id: String,
        /// Whether only the image shows that it applies.
        is_inferred: bool,
    },
    /// A command-line flag, such as `--policy`.
    Flag(&'static str),
}

impl fmt::Display for PolicyOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Annotation(key) => write!(f, "annotation {key}"),
            Self::NamespaceAnnotation { key, namespace } => {
                write!(f, "annotation {key} of namespace {namespace}")
            }
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
            Self::ImagePolicy {
                id,
                is_inferred: false,
            } => write!(f, "ImagePolicy {id}"),
            Self::ImagePolicy { id, .. } => write!(f, "ImagePolicy {id}, inferred from the image"),
            Self::Flag(flag) => write!(f, "flag {flag}"),
        }
    }
}

/// A policy that is not valid. It selects no image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PolicyError {
    /// The policy as written, shortened if it is very long.
    pub text: String,
    /// Where it is written.
    pub origin: PolicyOrigin,
    /// What is wrong, including the origin and the invalid part.
    pub message: String,
}

impl PolicyError {
    /// Creates an error for a policy at its origin.
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
