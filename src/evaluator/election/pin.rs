//! `digest:sha256:…`: always the same image.

use super::gate::{Gate, Stop};
use crate::evaluator::case::Outline;
use crate::evaluator::decision::Reason;
use crate::evaluator::facts::ContainerFacts;
use crate::evaluator::verdict::reason_of;
use crate::image::{Digest, Fact, FetchFailureKind, Known, RepositoryMetadata, TagOrDigest};
use crate::policy::ContainerPolicy;

/// The pinned digest is written behind the manifest's tag if that tag serves it,
/// and alone if not, so that a manifest never names a tag and another image.
pub(crate) fn pin(
    container: &ContainerFacts<'_>,
    policy: &ContainerPolicy,
    digest: &Digest,
    metadata: &RepositoryMetadata,
) -> Outline {
    let image = container.image;
    if image.digest() == Some(digest) {
        return Outline::new(Reason::UpToDate, "the pinned digest is written")
            .electing(image.clone());
    }
    let asked = |version: &TagOrDigest| metadata.image(version).map(|image| &image.digest);
    let by_digest = TagOrDigest::Digest(digest.clone());
    let by_tag = image.tag().map(|tag| TagOrDigest::Tag(tag.clone()));
    let needs: Vec<Fact> = std::iter::once(&by_digest)
        .chain(&by_tag)
        .filter(|version| asked(version).is_none_or(Known::is_not_asked))
        .map(|version| Fact::Digest(version.clone()))
        .collect();
    if !needs.is_empty() {
        return Outline::needs(needs);
    }
    if let Some(Known::Failed(failure)) = asked(&by_digest) {
        return Outline::failed(failure);
    }
    let served = match by_tag.as_ref().and_then(asked) {
        Some(Known::Value(served)) => Some(served),
        // A tag that is gone serves nothing; any other failure hides what it serves.
        Some(Known::Failed(failure)) if failure.kind != FetchFailureKind::NotFound => {
            return Outline::failed(failure);
        }
        _ => None,
    };
    let gate = Gate {
        container,
        min_age: policy.required_age(),
        metadata,
    };
    match gate.pass(&by_digest) {
        Ok(()) => {}
        Err(Stop::Needs(facts)) => return Outline::needs(facts),
        Err(Stop::Failed(failure)) => return Outline::failed(&failure),
        Err(Stop::Refused(refusal)) => {
            return Outline::new(reason_of(refusal.rejection), refusal.message);
        }
    }
    let tag = image.tag().filter(|_| served == Some(digest));
    let message = format!("{} is pinned", digest.short());
    Outline::new(Reason::NewerImage, message).electing(image.with(tag, Some(digest)))
}
