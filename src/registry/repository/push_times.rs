//! Creation times that push times answer for now: which tags are dated, and
//! which only bounded.
//!
//! To date a tag costs two requests and more. So where many dates are asked for
//! at once, the tags that the registry's own API lists are given their push times
//! instead, and the evaluator asks again for those that may still win. A tag that
//! has a push time is always dated when it is asked for.

use std::collections::BTreeSet;

use crate::image::{Fact, ImageMetadata, Known, RepositoryMetadata, TagOrDigest};

use super::described_tags::tag_of;
use super::images::RepositoryImages;
use super::providers::{Apis, TagFacts};

/// More dates than this asked for at once, and push times are asked for first:
/// a page of them is one request, so many dates are sixteen and more.
const MANY: usize = 8;

/// Answers what can be answered without asking for each tag, and gives back the
/// questions that are left.
pub(crate) async fn answer(
    images: &RepositoryImages,
    apis: &Apis,
    mut facts: Vec<Fact>,
    metadata: &mut RepositoryMetadata,
) -> Vec<Fact> {
    let described_tags = images.described_tags();
    // The tags whose push times nobody asked for yet.
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
    let many = undated.count() > MANY;
    for version in &unknown {
        if let Some(facts) = described_tags.described(version) {
            let image = metadata.images.entry(version.clone()).or_default();
            describe(image, facts, !described_tags.is_of_this_run());
        }
    }
    // Those that the tag list does not describe, as far as push times help.
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
            // What bounds it cost nothing, or less than to date so many.
            let is_bounded = many || described_tags.described(version).is_some();
            !(is_bounded && image.is_some_and(has_pushed))
        }
        _ => true,
    });
    facts
}

/// Writes what the tag list said of a tag. Of one that another answer of this
/// run has found to serve something else, it says nothing any more.
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
