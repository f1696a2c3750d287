//! Creation times that push times answer for now: which tags are dated, and
//! which only bounded.
//!
//! To date a tag costs two requests and more. So where many dates are asked for
//! at once, the tags that the registry's own API lists are given their push times
//! instead, and the evaluator asks again for those that may still win. A tag that
//! has a push time is always dated when it is asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use tokio::sync::OnceCell;

use jiff::Timestamp;

use crate::image::{Digest, Fact, ImageMetadata, Known, RepositoryMetadata, Tag, TagOrDigest};

use super::images::Images;
use super::providers::{Apis, PushTimes, TagFacts};
use crate::registry::client::remote::Remote;

/// More dates than this asked for at once, and push times are asked for first:
/// a page of them is one request, so many dates are sixteen and more.
const MANY: usize = 8;

/// What a tag list said of its tags.
#[derive(Debug)]
struct Described {
    tags: BTreeMap<Tag, TagFacts>,
    /// Else it is that of an earlier run.
    of_this_run: bool,
}

/// What was told of a repository's tags without asking for each, once a run.
#[derive(Debug, Default)]
pub(crate) struct Told {
    described: OnceLock<Described>,
    listed: OnceCell<Option<PushTimes>>,
}

impl Told {
    /// Keeps what the tag list said of its tags.
    pub(crate) fn keep(&self, described: BTreeMap<Tag, TagFacts>, of_this_run: bool) {
        // A second tag list of a run tells nothing new.
        let _ = self.described.set(Described {
            tags: described,
            of_this_run,
        });
    }

    /// What a tag serves, if the registry's tag list has said so in this run.
    pub(crate) fn serves(&self, version: &TagOrDigest) -> Option<&Digest> {
        let described = self.described.get().filter(|told| told.of_this_run)?;
        Some(&described.tags.get(tag(version)?)?.digest)
    }

    fn described(&self, version: &TagOrDigest) -> Option<&TagFacts> {
        self.description(tag(version)?)
    }

    fn description(&self, tag: &Tag) -> Option<&TagFacts> {
        self.described.get()?.tags.get(tag)
    }

    fn is_of_this_run(&self) -> bool {
        self.described.get().is_some_and(|told| told.of_this_run)
    }

    /// When a tag was pushed, as far as that was told for what it serves.
    pub(crate) fn pushed(&self, tag: &Tag, digest: &Digest) -> Option<Timestamp> {
        let described = self.description(tag);
        match described.filter(|facts| facts.digest == *digest) {
            Some(facts) => facts.pushed,
            None => self.listed.get()?.as_ref()?.of(tag, Some(digest)),
        }
    }

    /// The push times of the registry's own API; `None` where it has none, or
    /// where it failed.
    async fn listed(&self, remote: &Remote, apis: &Apis) -> Option<&PushTimes> {
        let fetch = || async {
            let api = apis.of(remote).await?;
            let repository = remote.name();
            match api.push_times(remote).await {
                Ok(times) => {
                    tracing::debug!(%repository, tags = times.len(), "push times");
                    Some(times)
                }
                Err(error) => {
                    tracing::debug!(%repository, %error, "no push times: each tag is dated");
                    None
                }
            }
        };
        self.listed.get_or_init(fetch).await.as_ref()
    }
}

/// Answers what can be answered without asking for each tag, and gives back the
/// questions that are left.
pub(crate) async fn answer(
    images: &Images,
    apis: &Apis,
    mut facts: Vec<Fact>,
    metadata: &mut RepositoryMetadata,
) -> Vec<Fact> {
    let told = images.told();
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
        Fact::Created(version) => tag(version).is_some() && unknown.contains(version),
        _ => false,
    });
    let many = undated.count() > MANY;
    for version in &unknown {
        if let Some(facts) = told.described(version) {
            let image = metadata.images.entry(version.clone()).or_default();
            describe(image, facts, !told.is_of_this_run());
        }
    }
    // Those that the tag list does not describe, as far as push times help.
    let open: Vec<&TagOrDigest> = facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::Pushed(version) => Some(version),
            Fact::Created(version) if many => tag(version).map(|_| version),
            _ => None,
        })
        .filter(|version| is_unknown(metadata, version))
        .collect();
    let listed = match images.remote() {
        Some(remote) if !open.is_empty() => told.listed(remote, apis).await,
        Some(_) | None => None,
    };
    for version in open {
        let image = metadata.images.entry(version.clone()).or_default();
        let pushed = tag(version)
            .zip(listed)
            .and_then(|(tag, times)| times.of(tag, image.digest.value()));
        image.pushed = Known::Value(pushed);
    }
    facts.retain(|fact| match fact {
        Fact::Pushed(_) => false,
        Fact::Created(version) if unknown.contains(version) => {
            let image = metadata.image(version);
            // What bounds it cost nothing, or less than to date so many.
            let is_bounded = many || told.described(version).is_some();
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

fn tag(version: &TagOrDigest) -> Option<&Tag> {
    match version {
        TagOrDigest::Tag(tag) => Some(tag),
        TagOrDigest::Digest(_) => None,
    }
}
