//! `digest:sha256:…`: always the same image.

use super::gate::{Gate, Stop};
use crate::evaluator::decision::{Reason, Verdict};
use crate::evaluator::evaluation::Evaluation;
use crate::evaluator::input::EvaluationInput;
use crate::image::{Digest, Fact, FetchFailureKind, Known, TagOrDigest};

/// Evaluates a pin. The pinned digest is written after the manifest's tag if that
/// tag serves it, and alone otherwise, so that a manifest never names a tag with the
/// digest of another image.
pub(crate) fn pin(input: &EvaluationInput<'_>, digest: &Digest) -> Evaluation {
    let image = input.image;
    if image.digest() == Some(digest) {
        return Verdict::new(Reason::UpToDate, "the pinned digest is written")
            .electing(image.clone())
            .into();
    }
    let by_digest = TagOrDigest::Digest(digest.clone());
    let by_tag = image.tag().map(|tag| TagOrDigest::Tag(tag.clone()));
    let needs: Vec<Fact> = std::iter::once(&by_digest)
        .chain(&by_tag)
        .filter(|version| known_digest(input, version).is_none_or(Known::is_not_asked))
        .map(|version| Fact::Digest(version.clone()))
        .collect();
    if !needs.is_empty() {
        return Evaluation::Needs(needs);
    }
    if let Some(Known::Failed(failure)) = known_digest(input, &by_digest) {
        return Evaluation::failed(failure);
    }
    let served = match by_tag.as_ref().and_then(|tag| known_digest(input, tag)) {
        Some(Known::Value(served)) => Some(served),
        // A tag that is gone serves nothing; after any other failure it is unknown
        // what the tag serves.
        Some(Known::Failed(failure)) if failure.kind != FetchFailureKind::NotFound => {
            return Evaluation::failed(failure);
        }
        _ => None,
    };
    let verdict = match Gate::for_input(input).pass(&by_digest) {
        Err(Stop::Needs(facts)) => return Evaluation::Needs(facts),
        Err(Stop::Failed(failure)) => return Evaluation::failed(&failure),
        Err(Stop::Refused {
            rejection, message, ..
        }) => Verdict::new(Reason::for_refused(rejection), message),
        Ok(()) => {
            let tag = image.tag().filter(|_| served == Some(digest));
            let message = format!("{} is pinned", digest.short());
            Verdict::new(Reason::NewerImage, message).electing(image.with(tag, Some(digest)))
        }
    };
    verdict.into()
}

fn known_digest<'a>(
    input: &EvaluationInput<'a>,
    version: &TagOrDigest,
) -> Option<&'a Known<Digest>> {
    Some(&input.metadata.image(version)?.digest)
}
