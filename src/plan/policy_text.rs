//! Policies as a user types them, combined per container.

use crate::policy::{AnnotationKey, GoRegex, KeyError, Rule, parse_age};

/// A container and the policy that it gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerPolicyText {
    /// The container's name.
    pub container: String,
    /// The policy as it is written: `semver:~1.2`.
    pub text: String,
    /// `imgpolicy.dev/filter-tags`: a Go regex that selects the tags for the policy.
    pub filter_tags: Option<String>,
    /// `imgpolicy.dev/extract`: the template that builds the compared text from the
    /// regex's groups.
    pub extract: Option<String>,
}

/// A malformed request; found before any object is read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyEditError {
    /// `CONTAINER=TYPE:EXPR` without its parts.
    #[error("{text:?} is not {form}")]
    NotAPair {
        /// As given.
        text: String,
        /// The expected form.
        form: &'static str,
    },
    /// A container is named twice in one flag.
    #[error("{flag} names container {container} twice")]
    Twice {
        /// The flag.
        flag: &'static str,
        /// The container.
        container: String,
    },
    /// A flag for a container requires another flag for it.
    #[error("{flag} {container}=… needs {needs}")]
    Needs {
        /// The flag.
        flag: &'static str,
        /// The container.
        container: String,
        /// The other flag with its form.
        needs: String,
    },
    /// The policy is malformed.
    #[error("container {container}: {reason}")]
    Policy {
        /// The container.
        container: String,
        /// What is wrong with the policy, naming the offending part.
        reason: String,
    },
    /// The policy of every container, or the minimum age, is malformed.
    #[error("{0}")]
    Invalid(String),
    /// The container's name does not fit into an annotation key.
    #[error("{0}")]
    Key(#[from] KeyError),
}

impl PolicyEditError {
    /// Whether the command line itself is malformed, not an expression in it.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::NotAPair { .. } | Self::Twice { .. } | Self::Needs { .. }
        )
    }
}

/// Policy types that need an expression; alone they would be read as globs.
const NEED_EXPRESSIONS: [&str; 5] = ["semver", "glob", "regex", "regexp", "digest"];

/// The form of `--tag`.
const TAG_FORM: &str = "CONTAINER=TYPE:EXPR, as in app=semver:~1.2";

impl std::str::FromStr for ContainerPolicyText {
    type Err = PolicyEditError;

    /// Reads `CONTAINER=TYPE:EXPR` and parses the policy.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (container, policy) = pair(text, TAG_FORM)?;
        AnnotationKey::Tag(container).check()?;
        check_policy(policy).map_err(|reason| container_error(container, reason))?;
        Ok(Self {
            container: container.to_owned(),
            text: policy.to_owned(),
            filter_tags: None,
            extract: None,
        })
    }
}

impl ContainerPolicyText {
    /// Combines the flags `--tag`, `--filter-tags` and `--extract` per container, and
    /// parses them.
    ///
    /// # Errors
    ///
    /// A text or an expression is malformed, a container is named twice, or a filter
    /// has no policy.
    pub fn join(
        tags: &[String],
        filter_tags: &[String],
        extract: &[String],
    ) -> Result<Vec<Self>, PolicyEditError> {
        let mut policies: Vec<Self> = Vec::new();
        for text in tags {
            let policy: Self = text.parse()?;
            if policies.iter().any(|p| p.container == policy.container) {
                return Err(PolicyEditError::Twice {
                    flag: "--tag",
                    container: policy.container,
                });
            }
            policies.push(policy);
        }
        for text in filter_tags {
            let (container, regex) = pair(text, "CONTAINER=RE, as in app='^(?P<v>.*)-alpine$'")?;
            let policy = policy_for(&mut policies, "--filter-tags", container)?;
            AnnotationKey::FilterTags(container).check()?;
            GoRegex::new(regex).map_err(|error| {
                container_error(container, format!("--filter-tags {regex:?}: {error}"))
            })?;
            put(&mut policy.filter_tags, "--filter-tags", container, regex)?;
        }
        for text in extract {
            let (container, template) = pair(text, "CONTAINER=TEMPLATE, as in app='$v'")?;
            let policy = policy_for(&mut policies, "--extract", container)?;
            if policy.filter_tags.is_none() {
                return Err(PolicyEditError::Needs {
                    flag: "--extract",
                    container: container.to_owned(),
                    needs: format!("--filter-tags {container}=RE, whose groups it names"),
                });
            }
            put(&mut policy.extract, "--extract", container, template)?;
        }
        Ok(policies)
    }
}

/// Parses a policy; the error names the offending part.
pub(crate) fn check_policy(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("a policy reads TYPE:EXPR, as in semver:~1.2".to_owned());
    }
    // An annotation may contain it, because Flux read anything as a glob. A user who
    // types it now probably does not mean a policy that matches nothing.
    if let Some(meant) = Rule::likely_typo(text) {
        return Err(format!(
            "{text:?} has no known type, and matches nothing as a glob; did you mean {meant:?}?"
        ));
    }
    if NEED_EXPRESSIONS.contains(&text) {
        return Err(format!("{text} needs an expression: {text}:EXPR"));
    }
    match Rule::parse(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("{text:?}: {error}")),
    }
}

/// Parses a minimum age.
pub(crate) fn check_age(text: &str) -> Result<(), PolicyEditError> {
    match parse_age(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(PolicyEditError::Invalid(format!("--min-age: {error}"))),
    }
}

fn pair<'t>(text: &'t str, form: &'static str) -> Result<(&'t str, &'t str), PolicyEditError> {
    match text.split_once('=') {
        Some((container, rest)) if !container.is_empty() => Ok((container, rest)),
        _ => Err(PolicyEditError::NotAPair {
            text: text.to_owned(),
            form,
        }),
    }
}

fn container_error(container: &str, reason: String) -> PolicyEditError {
    PolicyEditError::Policy {
        container: container.to_owned(),
        reason,
    }
}

/// The policy of a container that a filter belongs to.
fn policy_for<'p>(
    policies: &'p mut [ContainerPolicyText],
    flag: &'static str,
    container: &str,
) -> Result<&'p mut ContainerPolicyText, PolicyEditError> {
    let found = policies.iter_mut().find(|p| p.container == container);
    found.ok_or_else(|| PolicyEditError::Needs {
        flag,
        container: container.to_owned(),
        needs: format!("--tag {container}=TYPE:EXPR"),
    })
}

fn put(
    place: &mut Option<String>,
    flag: &'static str,
    container: &str,
    text: &str,
) -> Result<(), PolicyEditError> {
    if place.is_some() {
        return Err(PolicyEditError::Twice {
            flag,
            container: container.to_owned(),
        });
    }
    *place = Some(text.to_owned());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(
        tags: &[&str],
        filters: &[&str],
        extracts: &[&str],
    ) -> Result<Vec<ContainerPolicyText>, String> {
        let [tags, filters, extracts] = [tags, filters, extracts].map(|words| {
            words
                .iter()
                .map(|&word| word.to_owned())
                .collect::<Vec<_>>()
        });
        ContainerPolicyText::join(&tags, &filters, &extracts).map_err(|error| error.to_string())
    }

    #[test]
    fn flags_for_one_container_are_combined() {
        let policies = joined(
            &["app=semver:~1.25", "side=stg-*"],
            &["app=^(?P<v>.*)-alpine$"],
            &["app=$v"],
        );
        let policies = policies.expect("well-formed");
        assert_eq!(policies[0].text, "semver:~1.25");
        assert_eq!(
            policies[0].filter_tags.as_deref(),
            Some("^(?P<v>.*)-alpine$")
        );
        assert_eq!(policies[0].extract.as_deref(), Some("$v"));
        assert_eq!(
            (policies[1].text.as_str(), &policies[1].filter_tags),
            ("stg-*", &None)
        );
    }

    #[test]
    fn error_names_the_malformed_part() {
        for (tags, filters, extracts, part) in [
            (
                &["semver:~1"][..],
                &[][..],
                &[][..],
                "\"semver:~1\" is not CONTAINER=TYPE:EXPR",
            ),
            (&["=semver:~1"], &[], &[], "is not CONTAINER=TYPE:EXPR"),
            (
                &["app="],
                &[],
                &[],
                "container app: a policy reads TYPE:EXPR",
            ),
            (
                &["app=semver:>>1"],
                &[],
                &[],
                "container app: \"semver:>>1\": ",
            ),
            (&["app=regex:("], &[], &[], "container app: \"regex:(\": "),
            (
                &["app=a", "app=b"],
                &[],
                &[],
                "--tag names container app twice",
            ),
            (
                &["app=a"],
                &["app=("],
                &[],
                "container app: --filter-tags \"(\": ",
            ),
            (
                &["app=a"],
                &["side=b"],
                &[],
                "--filter-tags side=… needs --tag side=TYPE:EXPR",
            ),
            (
                &["app=a"],
                &[],
                &["app=$v"],
                "--extract app=… needs --filter-tags app=RE",
            ),
            (
                &["app=a"],
                &["app=b", "app=c"],
                &[],
                "--filter-tags names container app twice",
            ),
        ] {
            let error = joined(tags, filters, extracts).expect_err(part);
            assert!(error.contains(part), "{error}");
        }
        let long = format!("{}=semver:~1", "a".repeat(60));
        let error = joined(&[&long], &[], &[]).expect_err("too long");
        assert!(error.contains("at most 59 characters"), "{error}");
    }
}
