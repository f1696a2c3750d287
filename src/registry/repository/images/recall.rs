//! What is known of a repository without asking: from earlier runs, and from
//! what this one has learnt so far; and keeping it for later ones.

use jiff::Timestamp;

use crate::image::{Digest, Fact, ImageMetadata, TagOrDigest};
use crate::registry::repository::facts::{ImageFacts, WantedFacts};
use crate::registry::repository::metadata_cache::RememberedTag;

use super::{Freshness, ObservedTag, RepositoryImages};

impl RepositoryImages {
    /// Reads what earlier runs learnt of these versions, all together.
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
        let scopes = self.scopes(remote, cache).await;
        if !tags.is_empty() {
            for (tag, remembered) in cache.tags(&scopes, &tags).await {
                digests.push(remembered.digest.clone());
                let freshness = match cache.trusts_tag(&remembered, now) {
                    true if cache.is_offline() => Freshness::Current,
                    true => Freshness::Remembered,
                    false => Freshness::Stale,
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
            for (digest, facts) in cache.images(&scopes, &digests).await {
                self.known_facts().entry(digest.clone()).or_insert(facts);
            }
        }
    }

    /// Takes note of what the tag list of this run says that these serve, where
    /// an earlier run has seen them serve something else.
    pub(crate) async fn note_moved_tags(
        &self,
        versions: impl Iterator<Item = &TagOrDigest>,
        now: Timestamp,
    ) {
        for version in versions {
            let (TagOrDigest::Tag(tag), Some(digest)) =
                (version, self.described_tags.serves(version))
            else {
                continue;
            };
            let is_overruled = self.observed_tags().get(tag).is_some_and(|seen| {
                seen.freshness != Freshness::Current && seen.digest.as_ref() != Some(digest)
            });
            if is_overruled {
                self.learn(version, digest, None, now).await;
            }
        }
    }

    /// Whether this asks for a creation time that is known already.
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

    /// Takes note of what a tag serves.
    pub(crate) async fn learn(
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
        if let Some((cache, scope)) = self.writable().await {
            let remembered = RememberedTag {
                digest: digest.clone(),
                at: now,
                pushed,
                last_modified,
            };
            cache.keep_tag(scope, tag, &remembered);
        }
    }

    /// Keeps what was told of an image and never changes: for this run, and for
    /// later ones. From now on the cache has seen it.
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
        if let Some((cache, scope)) = self.writable().await {
            cache.keep_image(scope, digest, &facts);
        }
    }
}
