//! Decides for which tags a push time replaces the creation time for now.
//!
//! Reading the creation time of a tag costs two or more requests. So if many
//! creation times are requested at once, the tags that the registry's own API lists
//! get their push times instead, and the evaluator then requests the creation times
//! of the tags that may still be elected. If a tag already has a push time, its
//! creation time is always read when requested.

use std::collections::BTreeSet;

use crate::image::{Fact, ImageMetadata, Known, RepositoryMetadata, TagOrDigest};

use super::described_tags::tag_of;
use super::images::RepositoryImages;
use super::providers::{Apis, TagFacts};

/// If more creation times than this are requested at once, push times are fetched
/// first: a page of them is one request, while this many creation times take
/// sixteen or more.
const MAX_DATED_DIRECTLY: usize = 8;

/// Answers the facts that need no request per tag, and returns the facts that are
/// left.
pub(crate) async fn answer(
    images: &RepositoryImages,
    apis: &Apis,
    mut facts: Vec<Fact>,
    metadata: &mut RepositoryMetadata,
) -> Vec<Fact> {
    let described_tags = images.described_tags();
    // The tags whose push times have not been requested yet.
    let unknown: BTreeSet<TagOrDigest> = facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::Created(version) | Fact::Pushed(version) => Some(version),
            _ => None,
        })
        .filter(|version| is_unknown(metadata, version))
        .cloned()
        .collect();
    let undated = facts.iter().filter(|fact| match fact {
        Fact::Created(version) => tag_of(version).is_some() && unknown.contains(version),
        _ => false,
    });
    let many = undated.count() > MAX_DATED_DIRECTLY;
    for version in &unknown {
        if let Some(facts) = described_tags.facts(version) {
            let image = metadata.images.entry(version.clone()).or_default();
            describe(image, facts, !described_tags.is_of_this_run());
        }
    }
    // The tags that the tag list does not describe and for which push times help.
    let open: Vec<&TagOrDigest> = facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::Pushed(version) => Some(version),
            Fact::Created(version) if many => tag_of(version).map(|_| version),
            _ => None,
        })
        .filter(|version| is_unknown(metadata, version))
        .collect();
    let listed = match images.remote() {
        Some(remote) if !open.is_empty() => described_tags.listed(remote, apis).await,
        Some(_) | None => None,
    };
    for version in open {
        let image = metadata.images.entry(version.clone()).or_default();
        let pushed = tag_of(version)
            .zip(listed)
            .and_then(|(tag, times)| times.pushed(tag, image.digest.value()));
        image.pushed = Known::Value(pushed);
    }
    facts.retain(|fact| match fact {
        Fact::Pushed(_) => false,
        Fact::Created(version) if unknown.contains(version) => {
            let image = metadata.image(version);
            // The push time cost nothing, or less than reading this many dates.
            let is_bounded = many || described_tags.facts(version).is_some();
            !(is_bounded && image.is_some_and(has_pushed))
        }
        _ => true,
    });
    facts
}

/// Writes the facts that the tag list contains about a tag, unless another response
/// of this run has shown that the tag now has a different digest.
fn describe(image: &mut ImageMetadata, facts: &TagFacts, remembered: bool) {
    match image.digest.value() {
        Some(digest) if *digest == facts.digest => {}
        Some(_) if !image.remembered => return,
        Some(_) | None => *image = ImageMetadata::default(),
    }
    image.digest = Known::Value(facts.digest.clone());
    image.remembered = remembered;
    image.pushed = Known::Value(facts.pushed);
}

fn is_unknown(metadata: &RepositoryMetadata, version: &TagOrDigest) -> bool {
    let image = metadata.image(version);
    image.is_none_or(|image| image.pushed.is_not_asked())
}

fn has_pushed(image: &ImageMetadata) -> bool {
    image.pushed.value().is_some_and(Option::is_some)
}
