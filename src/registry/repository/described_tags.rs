//! Facts about many tags from a single response: the tag list, or the registry's
//! own API.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use jiff::Timestamp;
use tokio::sync::OnceCell;

use crate::image::{Digest, Tag, TagOrDigest};
use crate::registry::client::remote::Remote;

use super::providers::{Apis, PushTimes, TagFacts};

/// The facts that a tag list contains about its tags.
#[derive(Debug)]
struct TagDescriptions {
    tags: BTreeMap<Tag, TagFacts>,
    /// Otherwise an earlier run read the list.
    of_this_run: bool,
}

/// Facts about the tags of a repository that need no request per tag; fetched once
/// per run.
#[derive(Debug, Default)]
pub(crate) struct DescribedTags {
    described: OnceLock<TagDescriptions>,
    listed: OnceCell<Option<PushTimes>>,
}

impl DescribedTags {
    /// Keeps the facts that the tag list contains.
    pub(crate) fn keep(&self, described: BTreeMap<Tag, TagFacts>, of_this_run: bool) {
        // A second tag list of the same run adds nothing.
        let _ = self.described.set(TagDescriptions {
            tags: described,
            of_this_run,
        });
    }

    /// Returns the digest of a tag, if the tag list of this run contains it.
    pub(crate) fn current_digest(&self, version: &TagOrDigest) -> Option<&Digest> {
        let described = self
            .described
            .get()
            .filter(|described| described.of_this_run)?;
        Some(&described.tags.get(tag_of(version)?)?.digest)
    }

    /// Returns the facts that the tag list contains about a tag.
    pub(crate) fn facts(&self, version: &TagOrDigest) -> Option<&TagFacts> {
        self.tag_facts(tag_of(version)?)
    }

    fn tag_facts(&self, tag: &Tag) -> Option<&TagFacts> {
        self.described.get()?.tags.get(tag)
    }

    /// Whether the tag list was read in this run.
    pub(crate) fn is_of_this_run(&self) -> bool {
        self.described
            .get()
            .is_some_and(|described| described.of_this_run)
    }

    /// Returns when this digest was pushed under a tag, if that is known.
    pub(crate) fn pushed(&self, tag: &Tag, digest: &Digest) -> Option<Timestamp> {
        let described = self.tag_facts(tag);
        match described.filter(|facts| facts.digest == *digest) {
            Some(facts) => facts.pushed,
            None => self.listed.get()?.as_ref()?.pushed(tag, Some(digest)),
        }
    }

    /// Returns the push times of the registry's own API; `None` if it has no API or
    /// the API failed.
    pub(crate) async fn listed(&self, remote: &Remote, apis: &Apis) -> Option<&PushTimes> {
        self.listed
            .get_or_init(|| fetch_push_times(remote, apis))
            .await
            .as_ref()
    }
}

async fn fetch_push_times(remote: &Remote, apis: &Apis) -> Option<PushTimes> {
    let api = apis.for_repository(remote).await?;
    let repository = remote.name();
    match api.push_times(remote).await {
        Ok(times) => {
            tracing::debug!(%repository, tags = times.len(), "push times");
            Some(times)
        }
        Err(error) => {
            tracing::debug!(%repository, %error, "no push times: reading the date of each tag");
            None
        }
    }
}

/// Returns the tag; `None` for a digest.
pub(crate) fn tag_of(version: &TagOrDigest) -> Option<&Tag> {
    match version {
        TagOrDigest::Tag(tag) => Some(tag),
        TagOrDigest::Digest(_) => None,
    }
}
