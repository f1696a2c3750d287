//! The image that a policy stands for in this run: elected now, or recorded by Flux.

use super::decision::ImageOfParts;
use super::reason::MarkerReason;
use crate::evaluator::{Elected, Outcome, PolicyElection, Reason};
use crate::image::ImageReference;
use crate::policy::{DigestReflection, PolicyImage};
use crate::workload::{MarkedValue, MarkerPart, MarkerTarget};

/// A value that is kept, and why.
pub(super) type Kept = (MarkerReason, String);

/// What a policy does with an image, as a word of a sentence about it.
pub(super) fn verb(elected: Elected) -> &'static str {
    match elected {
        Elected::Now => "elects",
        Elected::Recorded => "has recorded",
    }
}

/// The image that a policy stands for.
///
/// # Errors
///
/// Why there is none.
pub(super) fn image_of(election: &PolicyElection, elected: Elected) -> Result<PolicyImage, Kept> {
    match elected {
        Elected::Now => elected_now(election),
        Elected::Recorded => recorded(election),
    }
}

fn recorded(election: &PolicyElection) -> Result<PolicyImage, Kept> {
    let policy = &election.policy;
    let id = policy.id();
    match &policy.recorded {
        Ok(Some(image)) => Ok(image.clone()),
        Ok(None) => {
            let message = format!("ImagePolicy {id} has no image in its status yet");
            Err((MarkerReason::NotRecorded, message))
        }
        Err(why) => {
            let message = format!("ImagePolicy {id} in {}: {why}", policy.place());
            Err((MarkerReason::InvalidRecord, message))
        }
    }
}

fn elected_now(election: &PolicyElection) -> Result<PolicyImage, Kept> {
    let id = election.id();
    let Some(decision) = &election.decision else {
        let message = format!("ImagePolicy {id} was not evaluated");
        return Err((MarkerReason::Undecided, message));
    };
    if let Some(mut image) = election.now() {
        if election.policy.reflection() == DigestReflection::IfNotPresent
            && let Ok(Some(recorded)) = &election.policy.recorded
            && (&recorded.name, &recorded.tag) == (&image.name, &image.tag)
            && recorded.digest.is_some()
        {
            image.digest.clone_from(&recorded.digest);
        }
        return Ok(image);
    }
    let message = &decision.message;
    Err(match (decision.reason, decision.outcome) {
        // The message already names the policy.
        (Reason::InvalidPolicy, _) => (MarkerReason::InvalidPolicy, message.clone()),
        (Reason::Excluded, _) => (MarkerReason::Excluded, message.clone()),
        (_, Outcome::Unknown) => {
            let message = format!("ImagePolicy {id}: {}: {message}", decision.reason);
            (MarkerReason::Undecided, message)
        }
        _ => {
            let message = format!("ImagePolicy {id} elects nothing: {message}");
            (MarkerReason::NotElected, message)
        }
    })
}

/// Whether the digest of an image that was elected now is not renewed while its tag stays,
/// and Flux has not recorded one, either.
pub(super) fn keeps_written_digest(election: &PolicyElection, image: &PolicyImage) -> bool {
    let recorded = election.policy.recorded.as_ref().ok();
    let is_recorded = recorded.and_then(Option::as_ref).is_some_and(|recorded| {
        (&recorded.name, &recorded.tag) == (&image.name, &image.tag) && recorded.digest.is_some()
    });
    election.policy.reflection() == DigestReflection::IfNotPresent && !is_recorded
}

/// The digest that is already written with a tag, in the value itself or next to it. With
/// `IfNotPresent`, it stays until another tag is elected.
pub(super) fn present_digest(
    values: &[MarkedValue],
    value: &MarkedValue,
    target: &MarkerTarget,
    image: &PolicyImage,
) -> Option<String> {
    if target.part == MarkerPart::Image {
        let written: ImageReference = value.value.parse().ok()?;
        let elected: ImageReference = image.name.parse().ok()?;
        let is_same = written.canonical() == elected.canonical()
            && written.tag().is_some_and(|tag| tag.as_str() == image.tag);
        return written
            .digest()
            .filter(|_| is_same)
            .map(ToString::to_string);
    }
    let parts = ImageOfParts::of(value)?;
    let tag = part_of(values, parts, MarkerPart::Tag)?;
    let digest = part_of(values, parts, MarkerPart::Digest).filter(|digest| !digest.is_empty())?;
    (tag == image.tag).then(|| digest.to_owned())
}

/// A part of an image whose parts are marked next to each other, as it is written.
fn part_of<'v>(
    values: &'v [MarkedValue],
    parts: ImageOfParts<'_>,
    part: MarkerPart,
) -> Option<&'v str> {
    let mut all = values.iter();
    let found = all.find(|value| {
        let marker = value.marker.as_ref();
        marker.is_ok_and(|marker| marker.part == part) && ImageOfParts::of(value) == Some(parts)
    })?;
    Some(&found.value)
}
