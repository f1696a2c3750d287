//! Completes a verdict: the facts that it rests on, and the warnings that apply
//! whatever is decided.

use super::creation::Creation;
use super::decision::{DecisionFacts, Reason};
use super::election::age::{AgeClock, ripeness};
use super::election::rank::Ranking;
use super::election::refused::{self, Refused};
use super::evaluation::Evaluation;
use super::input::{EvaluationInput, ImpliedTag};
use super::sentence::CHART_TAG;
use super::warnings::moved_tag;
use crate::image::{
    CodeVersion, Created, Digest, Fact, ImageMetadata, ImageReference, RepositoryMetadata, Tag,
    TagOrDigest,
};
use crate::policy::{Order, Rejection, Warning, WarningCode};

/// Adds to a verdict what every verdict has.
pub(crate) fn complete(
    input: &EvaluationInput<'_>,
    evaluation: Evaluation,
    ranking: &Ranking<'_>,
) -> Evaluation {
    let refused = &ranking.refused[..];
    let mut verdict = match evaluation {
        Evaluation::Needs(facts) => return Evaluation::Needs(facts),
        Evaluation::Decided(verdict) => verdict,
    };
    let unconfirmed = unconfirmed(input, verdict.latest.as_ref(), refused);
    if !unconfirmed.is_empty() {
        return Evaluation::Needs(unconfirmed);
    }
    let implied = input.context.implied;
    verdict
        .warnings
        .extend(moving_version(input.image, implied));
    // If no tag was elected, the first refusal is already the message.
    if verdict.latest.is_some() {
        let mut warnings = refused::warnings(refused);
        // The message already says it.
        if verdict.reason == Reason::FailedBefore {
            warnings.retain(|warning| warning.code != WarningCode::FailedBefore);
        }
        verdict.warnings.extend(warnings);
        verdict.warnings.extend(undated(input, ranking));
    }
    match moved_tag::check(input) {
        Err(fact) => return Evaluation::Needs(vec![fact]),
        Ok(warning) => verdict.warnings.extend(warning),
    }
    verdict.facts = Some(facts(input, verdict.latest.as_ref()));
    Evaluation::Decided(verdict)
}

/// What a run reports about the elected tag, the running tag, and the tags that
/// were refused because of their images must be fresh: what the cache remembers
/// about them has to be confirmed. The other tags are assumed not to have moved.
/// A tag that is too young needs no confirmation, because an image that was pushed
/// since would be younger still.
fn unconfirmed(
    input: &EvaluationInput<'_>,
    latest: Option<&ImageReference>,
    refused: &[Refused],
) -> Vec<Fact> {
    let elected = latest.and_then(ImageReference::tag);
    let refused = refused
        .iter()
        .filter(|refused| refused.rejection != Rejection::TooYoung)
        .map(|refused| &refused.tag);
    let mut tags: Vec<&Tag> = elected
        .into_iter()
        .chain(&input.running)
        .chain(refused)
        .collect();
    tags.sort_unstable();
    tags.dedup();
    tags.into_iter()
        .map(|tag| TagOrDigest::Tag(tag.clone()))
        .filter(|version| input.metadata.image(version).is_some_and(|i| i.remembered))
        .map(Fact::Confirmed)
        .collect()
}

/// The warning about tags that cannot be dated, because the config of their image is
/// missing. Any of them may be newer than the elected one.
fn undated(input: &EvaluationInput<'_>, ranking: &Ranking<'_>) -> Option<Warning> {
    if input.order() != Order::Created {
        return None;
    }
    let undated = ranking.rejected.iter();
    let mut undated = undated.filter(|(_, rejection)| *rejection == Rejection::NoConfig);
    let (tag, _) = undated.next()?;
    let more = match undated.count() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Some(Warning::new(
        WarningCode::NoConfig,
        format!(
            "{tag}{more} cannot be dated, because the config of the image is missing: it may be \
             newer; push it again"
        ),
    ))
}

fn facts(input: &EvaluationInput<'_>, latest: Option<&ImageReference>) -> DecisionFacts {
    let metadata = input.metadata;
    let (current_created, current_digest, _) = facts_of(input, input.image);
    let (latest_created, latest_digest, age_clock) =
        latest.map_or((None, None, None), |latest| facts_of(input, latest));
    DecisionFacts {
        current_created: current_created.map(|created| created.at),
        current_created_from: current_created.map(|created| created.from),
        current_digest,
        latest_created: latest_created.map(|created| created.at),
        latest_created_from: latest_created.map(|created| created.from),
        latest_digest,
        age_clock,
        asked_at: metadata.asked_at,
        source: metadata.source,
        place: metadata.place.clone(),
        compare: latest.and_then(|latest| compare(metadata, input.image, latest)),
    }
}

/// The page that compares the source code of two images.
pub(crate) fn compare(
    metadata: &RepositoryMetadata,
    old: &ImageReference,
    new: &ImageReference,
) -> Option<String> {
    let [old, new] = [old, new].map(|image| code_of(metadata, image));
    CodeVersion::compare_url(old?, new?)
}

/// What an image was built from, if that is known.
fn code_of<'m>(
    metadata: &'m RepositoryMetadata,
    image: &ImageReference,
) -> Option<&'m CodeVersion> {
    let tag = image.tag().map(|tag| TagOrDigest::Tag(tag.clone()));
    let versions = [image.pulled()].into_iter().chain(tag);
    let mut known = versions.filter_map(|version| metadata.image(&version));
    // The tag may serve another image than the one that is pinned.
    let is_own =
        |known: &&ImageMetadata| image.digest().is_none() || known.digest.value() == image.digest();
    known
        .find(|known| is_own(known) && known.code.is_some())?
        .code
        .as_ref()
}

/// When an image was built, its digest, and what its age counts from.
fn facts_of(
    input: &EvaluationInput<'_>,
    image: &ImageReference,
) -> (Option<Created>, Option<Digest>, Option<AgeClock>) {
    let version = match (image.tag(), image.digest()) {
        (Some(tag), _) => TagOrDigest::Tag(tag.clone()),
        _ => image.pulled(),
    };
    let created = match input.creation(&version) {
        Creation::At(created) => Some(created),
        _ => None,
    };
    let known = input.metadata.image(&version);
    let served = known.and_then(|image| image.digest.value());
    let demanded = input.policy.required_age().zip(known);
    let ripe = demanded
        .and_then(|(min_age, known)| ripeness(known, min_age, input.metadata, input.context.now));
    let digest = image.digest().or(served).cloned();
    (created, digest, ripe.map(|ripe| ripe.clock))
}

/// The warning about an image whose name may refer to another image tomorrow, or
/// whose tag the chart of a Helm release chooses.
pub(crate) fn moving_version(image: &ImageReference, implied: ImpliedTag) -> Option<Warning> {
    if !image.is_mutable() || implied == ImpliedTag::Nothing {
        return None;
    }
    if implied == ImpliedTag::OfChart {
        let message = format!("the values contain no tag: {CHART_TAG}");
        return Some(Warning::new(WarningCode::ChartTag, message));
    }
    let message = match image.tag() {
        Some(tag) => format!("{tag} may refer to another image tomorrow"),
        None => "without a tag, the image is latest, which may refer to another image tomorrow"
            .to_owned(),
    };
    Some(Warning::new(WarningCode::MutableTag, message))
}
