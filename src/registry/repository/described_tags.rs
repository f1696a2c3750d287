//! What a registry says of many tags at once: its tag list, or its own API.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use jiff::Timestamp;
use tokio::sync::OnceCell;

use crate::image::{Digest, Tag, TagOrDigest};
use crate::registry::client::remote::Remote;

use super::providers::{Apis, PushTimes, TagFacts};

/// What a tag list said of its tags.
#[derive(Debug)]
struct TagDescriptions {
    tags: BTreeMap<Tag, TagFacts>,
    /// Else it is that of an earlier run.
    of_this_run: bool,
}

/// What was told of a repository's tags without asking for each, once a run.
#[derive(Debug, Default)]
pub(crate) struct DescribedTags {
    described: OnceLock<TagDescriptions>,
    listed: OnceCell<Option<PushTimes>>,
}

impl DescribedTags {
    /// Keeps what the tag list said of its tags.
    pub(crate) fn keep(&self, described: BTreeMap<Tag, TagFacts>, of_this_run: bool) {
        // A second tag list of a run tells nothing new.
        let _ = self.described.set(TagDescriptions {
            tags: described,
            of_this_run,
        });
    }

    /// What a tag serves, if the registry's tag list has said so in this run.
    pub(crate) fn serves(&self, version: &TagOrDigest) -> Option<&Digest> {
        let described = self
            .described
            .get()
            .filter(|described| described.of_this_run)?;
        Some(&described.tags.get(tag_of(version)?)?.digest)
    }

    pub(crate) fn described(&self, version: &TagOrDigest) -> Option<&TagFacts> {
        self.description(tag_of(version)?)
    }

    fn description(&self, tag: &Tag) -> Option<&TagFacts> {
        self.described.get()?.tags.get(tag)
    }

    pub(crate) fn is_of_this_run(&self) -> bool {
        self.described
            .get()
            .is_some_and(|described| described.of_this_run)
    }

    /// When a tag was pushed, as far as that was told for what it serves.
    pub(crate) fn pushed(&self, tag: &Tag, digest: &Digest) -> Option<Timestamp> {
        let described = self.description(tag);
        match described.filter(|facts| facts.digest == *digest) {
            Some(facts) => facts.pushed,
            None => self.listed.get()?.as_ref()?.pushed(tag, Some(digest)),
        }
    }

    /// The push times of the registry's own API; `None` where it has none, or
    /// where it failed.
    pub(crate) async fn listed(&self, remote: &Remote, apis: &Apis) -> Option<&PushTimes> {
        let fetch = || async {
            let api = apis.for_repository(remote).await?;
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

pub(crate) fn tag_of(version: &TagOrDigest) -> Option<&Tag> {
    match version {
        TagOrDigest::Tag(tag) => Some(tag),
        TagOrDigest::Digest(_) => None,
    }
}
