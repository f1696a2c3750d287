//! The annotations that refine a policy: tag filters, the minimum age, and what an
//! update may do.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Span, SpanRelativeTo};

use super::annotation_keys::AnnotationKey;
use crate::policy::container_policy::{ContainerPolicy, PolicyError, PolicyOrigin};
use crate::policy::min_age::MinAgeClock;
use crate::policy::quote::quote;
use crate::policy::syntax::go_regex::GoRegex;
use crate::policy::syntax::template::Template;

/// The maximum number of patterns in a list.
pub(crate) const MAX_PATTERNS: usize = 64;

/// Applies the workload's annotations to a policy of an annotation.
///
/// # Errors
///
/// The first annotation that is not valid.
pub(crate) fn apply_refinements(
    policy: &mut ContainerPolicy,
    annotations: &BTreeMap<String, String>,
    container: &str,
) -> Result<(), PolicyError> {
    if let Some((origin, text)) = find(AnnotationKey::FilterTags(container), annotations) {
        policy.filter.pattern = Some(regex(&origin, text)?);
    }
    if let Some((origin, text)) = find(AnnotationKey::Extract(container), annotations) {
        if policy.filter.pattern.is_none() {
            let filter = AnnotationKey::FilterTags(container);
            let reason = format!("it requires {filter}, because it refers to its groups");
            return Err(PolicyError::new(text, origin, reason));
        }
        // An empty template means the whole tag, as in Flux.
        policy.filter.extract = match text {
            "" => None,
            _ => Some(Template::new(text).map_err(|error| PolicyError::new(text, origin, error))?),
        };
    }
    if let Some((origin, text)) = find(AnnotationKey::AllowTags(container), annotations) {
        policy.filter.allow = patterns(&origin, text)?;
    }
    apply_restrictions(policy, annotations, container)
}

/// Applies the workload's annotations to a policy that has its own tag filters.
/// Further restrictions are applied. An annotation that would replace the filters is
/// an error, because it would not be clear which of them is meant.
///
/// # Errors
///
/// The first annotation that is not valid, or that cannot be applied.
pub(crate) fn apply_restrictions_to_entry(
    policy: &mut ContainerPolicy,
    annotations: &BTreeMap<String, String>,
    container: &str,
) -> Result<(), PolicyError> {
    for key in [
        AnnotationKey::FilterTags(container),
        AnnotationKey::Extract(container),
        AnnotationKey::AllowTags(container),
    ] {
        if let Some((key, text)) = key.find(annotations) {
            let reason = format!(
                "it does not apply to {}, which has its own tag filters; move it there, or \
                 write the policy as {}",
                policy.origin,
                AnnotationKey::Tag(container)
            );
            return Err(PolicyError::new(
                text,
                PolicyOrigin::Annotation(key),
                reason,
            ));
        }
    }
    apply_restrictions(policy, annotations, container)
}

/// Applies the annotations that only restrict a policy, wherever it is written, and
/// those of the whole workload.
///
/// # Errors
///
/// The first annotation that is not valid.
pub(crate) fn apply_restrictions(
    policy: &mut ContainerPolicy,
    annotations: &BTreeMap<String, String>,
    container: &str,
) -> Result<(), PolicyError> {
    if let Some((origin, text)) = find(AnnotationKey::IgnoreTags(container), annotations) {
        policy.filter.ignore.extend(patterns(&origin, text)?);
    }
    if let Some((origin, text)) = find(AnnotationKey::MinAge, annotations) {
        let age = parse_age(text).map_err(|error| PolicyError::new(text, origin, error))?;
        // An age of zero is no restriction, so that no dates have to be fetched.
        policy.min_age = policy.min_age.max((!age.is_zero()).then_some(age));
        // A workload without its own minimum age cannot set the clock for one that is
        // required elsewhere.
        if let Some((origin, text)) = find(AnnotationKey::MinAgeClock, annotations) {
            let clock: MinAgeClock = text
                .parse()
                .map_err(|error| PolicyError::new(text, origin, error))?;
            policy.min_age_clock = policy.min_age_clock.max(Some(clock));
        }
    }
    policy.allow_downgrade |= is_true(AnnotationKey::AllowDowngrade, annotations);
    policy.allow_variant_change |= is_true(AnnotationKey::AllowVariantChange, annotations);
    Ok(())
}

fn find<'a>(
    key: AnnotationKey<'_>,
    annotations: &'a BTreeMap<String, String>,
) -> Option<(PolicyOrigin, &'a str)> {
    let (key, text) = key.find(annotations)?;
    Some((PolicyOrigin::Annotation(key), text))
}

fn is_true(key: AnnotationKey<'_>, annotations: &BTreeMap<String, String>) -> bool {
    key.find(annotations)
        .is_some_and(|(_, value)| value == "true")
}

fn regex(origin: &PolicyOrigin, text: &str) -> Result<GoRegex, PolicyError> {
    GoRegex::new(text).map_err(|error| PolicyError::new(text, origin.clone(), error))
}

/// Parses a JSON list of regular expressions.
fn patterns(origin: &PolicyOrigin, text: &str) -> Result<Vec<GoRegex>, PolicyError> {
    let list: Vec<String> = serde_json::from_str(text).map_err(|error| {
        let reason = format!("it must be a JSON list of regular expressions: {error}");
        PolicyError::new(text, origin.clone(), reason)
    })?;
    if list.len() > MAX_PATTERNS {
        let reason = format!("a list must not have more than {MAX_PATTERNS} patterns");
        return Err(PolicyError::new(text, origin.clone(), reason));
    }
    list.iter().map(|pattern| regex(origin, pattern)).collect()
}

/// The text is not a valid age.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a valid duration; use a form such as 72h, 3d or 1h30m")]
pub struct AgeError(String);

/// Parses an age: one or more numbers with a unit (`s`, `m`, `h`, `d`, `w`). A day
/// is 24 hours.
///
/// # Errors
///
/// The text is not an age, or the age is negative.
pub fn parse_age(text: &str) -> Result<SignedDuration, AgeError> {
    let span = text.parse::<Span>();
    span.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()))
        .ok()
        .filter(|age| !age.is_negative())
        .ok_or_else(|| AgeError(quote(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_parsed_in_common_units() {
        for (text, hours) in [("72h", 72), ("3d", 72), ("1w", 168), ("90m", 1), ("0s", 0)] {
            assert_eq!(
                parse_age(text).map(|age| age.as_hours()),
                Ok(hours),
                "{text}"
            );
        }
        for text in ["", "72", "-1h", "soon", "1 month"] {
            assert!(parse_age(text).is_err(), "{text:?}");
        }
    }
}
