//! Reads what earlier runs learned about a repository, and records what this run
//! learns for later runs.

use jiff::Timestamp;

use crate::image::{Digest, Fact, ImageMetadata, TagOrDigest};
use crate::registry::repository::facts::{ImageFacts, WantedFacts};
use crate::registry::repository::metadata_cache::RememberedTag;

use super::{Freshness, ObservedTag, RepositoryImages};

impl RepositoryImages {
    /// Reads what earlier runs learned about these versions, in one lookup.
    pub(crate) async fn recall(
        &self,
        versions: impl Iterator<Item = &TagOrDigest>,
        now: Timestamp,
    ) {
        let (Some(remote), Some(cache)) = (self.remote(), &self.cache) else {
            return;
        };
        let (mut tags, mut digests) = (Vec::new(), Vec::new());
        {
            let seen = self.observed_tags();
            for version in versions {
                match version {
                    TagOrDigest::Tag(tag) if !seen.contains_key(tag) => tags.push(tag),
                    TagOrDigest::Tag(_) => {}
                    TagOrDigest::Digest(digest) => digests.push(digest.clone()),
                }
            }
        }
        let readable = self.readable(remote, cache, now).await;
        if !tags.is_empty() {
            for (tag, remembered) in cache.tags(&readable.scopes, &tags).await {
                digests.push(remembered.digest.clone());
                let freshness = if !cache.trusts_tag(&remembered, now) {
                    Freshness::Stale
                } else if cache.is_offline() {
                    Freshness::Current
                } else {
                    Freshness::Remembered
                };
                let seen = ObservedTag {
                    digest: Some(remembered.digest),
                    freshness,
                    pushed: remembered.pushed,
                    last_modified: remembered.last_modified,
                };
                self.observed_tags().entry(tag.clone()).or_insert(seen);
            }
        }
        digests.sort_unstable();
        digests.dedup();
        {
            let facts = self.known_facts();
            digests.retain(|digest| !facts.contains_key(digest));
        }
        if !digests.is_empty() {
            let digests: Vec<&Digest> = digests.iter().collect();
            for (digest, facts) in cache.images(readable.private_facts, &digests).await {
                self.known_facts().entry(digest.clone()).or_insert(facts);
            }
        }
    }

    /// Records the digests in the tag list of this run for tags that had a different
    /// digest in an earlier run.
    pub(crate) async fn note_moved_tags(
        &self,
        versions: impl Iterator<Item = &TagOrDigest>,
        now: Timestamp,
    ) {
        for version in versions {
            let (TagOrDigest::Tag(tag), Some(digest)) =
                (version, self.described_tags.current_digest(version))
            else {
                continue;
            };
            let has_moved = self.observed_tags().get(tag).is_some_and(|seen| {
                seen.freshness != Freshness::Current && seen.digest.as_ref() != Some(digest)
            });
            if has_moved {
                self.record_digest(version, digest, None, now).await;
            }
        }
    }

    /// Whether this fact is a creation time that is already known.
    pub(crate) fn can_date(&self, fact: &Fact) -> bool {
        let Fact::Created(version) = fact else {
            return false;
        };
        self.observed_digest(version)
            .is_some_and(|(digest, freshness)| {
                freshness != Freshness::Stale
                    && self.can_answer(&digest, WantedFacts::from_fact(fact))
            })
    }

    /// Records the digest of a tag.
    pub(crate) async fn record_digest(
        &self,
        version: &TagOrDigest,
        digest: &Digest,
        modified: Option<Timestamp>,
        now: Timestamp,
    ) {
        let TagOrDigest::Tag(tag) = version else {
            return;
        };
        let mut pushed = self.described_tags.pushed(tag, digest);
        let last_modified = {
            let mut seen = self.observed_tags();
            let before = seen.get(tag);
            let same = before.filter(|before| before.digest.as_ref() == Some(digest));
            pushed = pushed.or(same.and_then(|same| same.pushed));
            let known = same.and_then(|same| same.last_modified);
            let last_modified = known.into_iter().chain(modified).min();
            if same.is_some_and(|same| same.freshness == Freshness::Current)
                && last_modified == known
            {
                return;
            }
            let new = ObservedTag {
                digest: Some(digest.clone()),
                freshness: Freshness::Current,
                pushed,
                last_modified,
            };
            seen.insert(tag.clone(), new);
            last_modified
        };
        if let Some((cache, identity)) = self.writable(now).await {
            let remembered = RememberedTag {
                digest: digest.clone(),
                at: now,
                pushed,
                last_modified,
            };
            cache.keep_tag(identity.exact, tag, &remembered);
            if let Some(login) = identity.login {
                cache.keep_tag(Some(login), tag, &remembered);
            }
        }
    }

    /// Keeps the facts of an image that never change, for this run and for later
    /// ones, and records when the cache first saw the image.
    pub(crate) async fn keep(&self, digest: &Digest, now: Timestamp, image: &mut ImageMetadata) {
        image.first_seen = self.cache.is_some().then_some(now);
        let facts = {
            let mut known = self.known_facts();
            let facts = known.entry(digest.clone()).or_default();
            let is_new = facts.add(ImageFacts::from_metadata(image));
            image.first_seen = facts.first_seen();
            if !is_new {
                return;
            }
            facts.clone()
        };
        if let Some((cache, identity)) = self.writable(now).await {
            cache.keep_image(identity.exact.is_some(), digest, &facts);
        }
    }
}
