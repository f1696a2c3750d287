//! The messages of decisions.

use std::borrow::Cow;

use jiff::Timestamp;

use super::election::age::{AgeClock, Ripeness};
use super::election::rank::Ranking;
use super::election::refused::Refused;
use crate::image::{FetchFailure, ImageReference, Tag};
use crate::policy::{ContainerPolicy, FailedRollout, MinAgeClock, Order, Rejection, Rule, quote};

/// Why a Helm release whose values have no tag keeps its image.
pub(crate) const CHART_TAG: &str = "the chart's own tag applies, and the plugin does not know it";

/// What the first tag of an order is called.
fn superlative(order: Order) -> &'static str {
    match order {
        Order::Semver => "highest",
        Order::Created => "newest",
        Order::Alphabetical | Order::Numerical => "greatest",
        Order::AlphabeticalDesc | Order::NumericalDesc => "smallest",
        Order::Digest => "named one",
    }
}

/// What a tag that ranks behind the running one is called.
fn behind(order: Order) -> &'static str {
    match order {
        Order::Semver | Order::Alphabetical | Order::Numerical => "lower than",
        Order::Created => "older than",
        Order::AlphabeticalDesc | Order::NumericalDesc => "greater than",
        Order::Digest => "other than",
    }
}

/// The policy as a message names it: short, and never empty.
fn named(policy: &ContainerPolicy) -> Cow<'_, str> {
    if policy.text.is_empty() {
        Cow::Borrowed("the empty glob")
    } else {
        Cow::Owned(quote(&policy.text))
    }
}

/// `1.0.1 is the highest of 2 tags that match semver:~1.0`.
pub(crate) fn elected(
    policy: &ContainerPolicy,
    tag: &Tag,
    accepted: usize,
    refused: &[Refused],
) -> String {
    let policy_name = named(policy);
    if accepted == 1 {
        return format!("{tag} is the only tag that matches {policy_name}");
    }
    let superlative = superlative(policy.rule.order());
    let skipped = match refused {
        [] => String::new(),
        [one] => format!(
            ", leaving aside {}, which {}",
            one.tag,
            one.rejection.phrase()
        ),
        [first, more @ ..] => format!(", leaving aside {} and {} more", first.tag, more.len()),
    };
    format!("{tag} is the {superlative} of {accepted} tags that match {policy_name}{skipped}")
}

/// The elected tag differs from the running one, and ranks the same.
pub(crate) fn equal(elected: &str, order: Order, running: &Tag) -> String {
    let how = match order {
        Order::Created => "no newer than",
        _ => "the same to this policy as",
    };
    format!("{elected}, and {how} the running {running}, which stays")
}

pub(crate) fn downgrade(elected: &str, order: Order, running: &Tag) -> String {
    format!("{elected}, and {} the running {running}", behind(order))
}

pub(crate) fn variant(elected: &str, running: &Tag, variant: &str) -> String {
    let suffix = regex::escape(variant);
    format!(
        "{elected}, but it is not the variant {variant}, unlike the running {running}; to stay on \
         that variant, set imgpolicy.dev/filter-tags to ^(?P<v>.*)-{suffix}$ and \
         imgpolicy.dev/extract to $v for this container"
    )
}

/// Why no tag passes, with a hint.
pub(crate) fn no_match(policy: &ContainerPolicy, ranking: &Ranking<'_>) -> String {
    let all = ranking.accepted.len() + ranking.rejected.len();
    let mut sentence = match all {
        0 => return "the repository has no tags".to_owned(),
        1 => format!("the only tag does not match {}", named(policy)),
        _ => format!("none of {all} tags matches {}", named(policy)),
    };
    if let Some(hint) = closest(policy, ranking) {
        sentence.push_str("; ");
        sentence.push_str(&hint);
    }
    sentence
}

/// A hint from the last test that dropped tags, except for tests that the policy's
/// own text explains.
fn closest(policy: &ContainerPolicy, ranking: &Ranking<'_>) -> Option<String> {
    if let Rule::Glob(glob) = &policy.rule
        && glob.as_str().eq_ignore_ascii_case("latest")
    {
        return Some("latest is never elected; digest:latest follows it by digest".to_owned());
    }
    let hints: [(Rejection, &str, &str); 12] = [
        (
            Rejection::NotAnImage,
            "1 does, but is not an image",
            "do, but are not images",
        ),
        (
            Rejection::CannotBePulled,
            "1 does, but cannot be pulled",
            "do, but cannot be pulled",
        ),
        (
            Rejection::TooLarge,
            "1 does, but its manifest or config is too large",
            "do, but their manifests or configs are too large",
        ),
        (
            Rejection::NoCreationTime,
            "1 does, but has no usable creation time",
            "do, but have no usable creation time",
        ),
        (
            Rejection::NoManifest,
            "1 does, but its manifest is missing",
            "do, but their manifests are missing",
        ),
        (
            Rejection::NoConfig,
            "1 does, but the config of its image is missing",
            "do, but the configs of their images are missing",
        ),
        (
            Rejection::PreRelease,
            "1 would, but is a pre-release, as is every tag with a suffix: to include them, add \
             -0 to the range, as in >=1.0.0-0",
            "would, but are pre-releases, as are all tags with a suffix: to include them, add -0 \
             to the range, as in >=1.0.0-0",
        ),
        (
            Rejection::PartialVersion,
            "1 is a version of fewer than three numbers, which counts only if the running tag has \
             as many",
            "are versions of fewer than three numbers, which count only if the running tag has as \
             many",
        ),
        (
            Rejection::NoIdentifier,
            "1 does not begin with the identifier",
            "do not begin with the identifier",
        ),
        (
            Rejection::Ignored,
            "1 is among the ignored tags",
            "are among the ignored tags",
        ),
        (
            Rejection::NotAllowed,
            "1 is not among the allowed tags",
            "are not among the allowed tags",
        ),
        (
            Rejection::Filtered,
            "1 does not match the tag filter",
            "do not match the tag filter",
        ),
    ];
    hints
        .into_iter()
        .find_map(|(rejection, one, many)| match ranking.count(rejection) {
            0 => None,
            1 => Some(one.to_owned()),
            count => Some(format!("{count} {many}")),
        })
        .or_else(|| not_versions(policy, ranking))
}

/// A hint if no tag is a version.
fn not_versions(policy: &ContainerPolicy, ranking: &Ranking<'_>) -> Option<String> {
    let rejected = ranking.rejected.iter();
    let no_versions = rejected.filter(|(_, rejection)| *rejection == Rejection::NoVersion);
    let (tag, _) = no_versions.max_by_key(|(tag, _)| *tag)?;
    if ranking.count(Rejection::OutOfRange) > 0 {
        return None;
    }
    let why = policy.filter.why_not_a_version(tag)?;
    Some(format!(
        "{tag} is not a semantic version, because {why}: numerical orders numbers, and \
         filter-tags with extract can select the part of each tag that is a version"
    ))
}

/// Why nothing is elected although tags match.
pub(crate) fn nobody(best: &Refused, accepted: usize) -> String {
    if accepted > 1 {
        format!("{}, and no other matching tag can be elected", best.message)
    } else {
        best.message.clone()
    }
}

pub(crate) fn no_creation_time(running: &Tag) -> String {
    format!(
        "the running {running} has no usable creation time, so newer and older tags cannot be \
         distinguished; use semver: or numerical"
    )
}

pub(crate) fn no_date_of_running(running: &Tag, failure: Option<&FetchFailure>) -> String {
    let why = failure.map_or_else(String::new, |failure| format!(" ({failure})"));
    format!(
        "the date of the running {running} cannot be read{why}, so newer and older tags cannot be \
         distinguished; use semver: or numerical, or update --image"
    )
}

pub(crate) fn too_young(image: &str, ripe: Option<Ripeness>, clock: MinAgeClock) -> String {
    let way_out = match (clock, ripe.map(|ripe| ripe.clock)) {
        (MinAgeClock::Registry, None | Some(AgeClock::FirstSeen)) => {
            "; --min-age-clock=image counts from the image's own date"
        }
        _ => "",
    };
    match ripe {
        Some(Ripeness { clock, at }) => {
            let since = match clock {
                AgeClock::FirstSeen => ", counted from when it was first seen here",
                AgeClock::Push | AgeClock::LastModified | AgeClock::Image => "",
            };
            let at = second(at);
            format!("{image} does not reach the minimum age until {at}{since}{way_out}")
        }
        None if clock == MinAgeClock::Image => {
            format!("the age of {image} is not known: it has no usable creation time")
        }
        None => format!(
            "the age of {image} is not known: the registry reports no time for it, and no cache \
             recorded when it was first seen{way_out}"
        ),
    }
}

/// The rollout of an image failed before. `tag`: the tag that it had then, if it has another
/// one now.
pub(crate) fn failed_before(image: &str, failed: &FailedRollout, tag: Option<&Tag>) -> String {
    let then = tag.map_or_else(String::new, |tag| format!(" as {tag}"));
    let cause = match failed.cause.as_str() {
        "" => String::new(),
        cause => format!(": {cause}"),
    };
    format!(
        "{image} failed before{then}, at {}{cause}",
        second(failed.at)
    )
}

/// The running image is kept, because the rollout of a better one failed before.
pub(crate) fn kept(running: Option<&Tag>, ranking: &Ranking<'_>) -> String {
    let mut refused = ranking.refused.iter();
    let failed = refused.find(|refused| refused.rejection == Rejection::FailedBefore);
    let failed = failed.map_or("", |failed| &failed.message);
    match running {
        Some(running) => format!("{failed}; the running {running} is kept"),
        None => format!("{failed}; the running image is kept"),
    }
}

pub(crate) fn wrong_platform(image: &str, missing: &str) -> String {
    format!("{image} does not offer {missing}, on which the workload runs")
}

/// The platforms of the workload are not known, and the image does not offer all
/// platforms of the running one.
pub(crate) fn other_platform(image: &str, missing: &str, running: &ImageReference) -> String {
    let running = match (running.tag(), running.digest()) {
        (Some(tag), _) => format!("the running {tag}"),
        (None, Some(digest)) => format!("the running {}", digest.short()),
        (None, None) => "the running image".to_owned(),
    };
    format!(
        "{image} does not offer {missing}, which {running} does; use --platform to say where the \
         workload runs"
    )
}

/// The limit of refused tags was reached, so the others were not checked.
pub(crate) fn exhausted(refused: &[Refused]) -> String {
    let best = refused.first().map_or("", |refused| &refused.message);
    let count = refused.len();
    format!(
        "{best}; none of the best {count} tags can be elected, and the others were not checked: \
         raise --max-candidates to check more"
    )
}

/// A tag would be elected, but could not be checked.
pub(crate) fn unchecked(tag: &Tag, failure: &FetchFailure) -> String {
    format!("{tag} would be elected, but could not be checked: {failure}")
}

/// A time without fractions of a second.
pub(crate) fn second(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
