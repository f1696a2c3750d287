//! The annotations that stand beside a policy: filters of a container's tags,
//! the minimum age, and what an update may do.

use std::collections::BTreeMap;
use std::fmt;

use jiff::{SignedDuration, Span, SpanRelativeTo};

use super::keys::AnnotationKey;
use crate::policy::container_policy::{ContainerPolicy, PolicyError, PolicyOrigin};
use crate::policy::min_age::MinAgeClock;
use crate::policy::quote::quote;
use crate::policy::syntax::go_regex::GoRegex;
use crate::policy::syntax::template::Template;

/// The most patterns that one list may have.
pub(crate) const MAX_PATTERNS: usize = 64;

/// Adds to a policy what the workload's annotations say beside it.
///
/// # Errors
///
/// The first annotation that cannot be read.
pub(crate) fn apply_refinements(
    policy: &mut ContainerPolicy,
    annotations: &BTreeMap<String, String>,
    container: &str,
) -> Result<(), PolicyError> {
    let get = |key: AnnotationKey<'_>| {
        let (key, text) = key.find(annotations)?;
        Some((PolicyOrigin::Annotation(key), text))
    };
    if let Some((origin, text)) = get(AnnotationKey::FilterTags(container)) {
        policy.filter.pattern = Some(regex(&origin, text)?);
    }
    if let Some((origin, text)) = get(AnnotationKey::Extract(container)) {
        if policy.filter.pattern.is_none() {
            let filter = AnnotationKey::FilterTags(container);
            let reason = format!("it needs {filter}, whose groups it names");
            return Err(PolicyError::new(text, origin, reason));
        }
        // An empty template means the whole tag, as in Flux.
        policy.filter.extract = (!text.is_empty()).then(|| Template::new(text));
    }
    if let Some((origin, text)) = get(AnnotationKey::AllowTags(container)) {
        policy.filter.allow = patterns(&origin, text)?;
    }
    apply_restrictions(policy, annotations, container)
}

/// The annotations that stand beside a policy that brings tag filters of its own:
/// what narrows it further is heeded, and what would replace its filters is
/// refused, because either reading of it would surprise somebody.
///
/// # Errors
///
/// The first annotation that cannot be read, or that does not apply.
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
                "it does not apply to {}, which has tag filters of its own; move it there, or \
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

/// Adds what only narrows a policy, whoever wrote it, and what holds for the
/// whole workload.
///
/// # Errors
///
/// The first annotation that cannot be read.
pub(crate) fn apply_restrictions(
    policy: &mut ContainerPolicy,
    annotations: &BTreeMap<String, String>,
    container: &str,
) -> Result<(), PolicyError> {
    let get = |key: AnnotationKey<'_>| {
        let (key, text) = key.find(annotations)?;
        Some((PolicyOrigin::Annotation(key), text))
    };
    if let Some((origin, text)) = get(AnnotationKey::IgnoreTags(container)) {
        policy.filter.ignore.extend(patterns(&origin, text)?);
    }
    if let Some((origin, text)) = get(AnnotationKey::MinAge) {
        let age = parse_age(text).map_err(|error| PolicyError::new(text, origin, error))?;
        // No age at all is no demand, and nothing has to be asked for it.
        policy.min_age = policy.min_age.max((!age.is_zero()).then_some(age));
        // Without an age of its own a workload does not choose the clock of the
        // age that somebody else demands.
        if let Some((origin, text)) = get(AnnotationKey::MinAgeClock) {
            let clock: MinAgeClock = text
                .parse()
                .map_err(|error| PolicyError::new(text, origin, error))?;
            policy.min_age_clock = policy.min_age_clock.max(Some(clock));
        }
    }
    let on = |key: AnnotationKey<'_>| get(key).is_some_and(|(_, value)| value == "true");
    policy.allow_downgrade |= on(AnnotationKey::AllowDowngrade);
    policy.allow_variant_change |= on(AnnotationKey::AllowVariantChange);
    Ok(())
}

fn regex(origin: &PolicyOrigin, text: &str) -> Result<GoRegex, PolicyError> {
    GoRegex::new(text).map_err(|error| PolicyError::new(text, origin.clone(), error))
}

/// A JSON list of regular expressions.
fn patterns(origin: &PolicyOrigin, text: &str) -> Result<Vec<GoRegex>, PolicyError> {
    let fail = |reason: &dyn fmt::Display| PolicyError::new(text, origin.clone(), reason);
    let list: Vec<String> = serde_json::from_str(text).map_err(|error| {
        fail(&format!(
            "a JSON list of regular expressions is expected: {error}"
        ))
    })?;
    if list.len() > MAX_PATTERNS {
        return Err(fail(&format!(
            "at most {MAX_PATTERNS} patterns may stand in a list"
        )));
    }
    list.iter().map(|pattern| regex(origin, pattern)).collect()
}

/// A text that is no age.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a duration reads like 72h, 3d or 1h30m, not {0:?}")]
pub struct AgeError(String);

/// Reads an age: a number and a unit (`s`, `m`, `h`, `d`, `w`), or several. A
/// day has 24 hours.
///
/// # Errors
///
/// The text is no such age, or is negative.
pub fn parse_age(text: &str) -> Result<SignedDuration, AgeError> {
    let fail = || AgeError(quote(text));
    let span: Span = text.parse().map_err(|_| fail())?;
    let age = span
        .to_duration(SpanRelativeTo::days_are_24_hours())
        .map_err(|_| fail())?;
    if age.is_negative() {
        Err(fail())
    } else {
        Ok(age)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_read_in_the_units_people_write() {
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
