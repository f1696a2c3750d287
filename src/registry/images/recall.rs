//! What is known of a repository without asking: from earlier runs, and from
//! what this one has learnt so far; and keeping it for later ones.

use std::collections::HashSet;

use jiff::Timestamp;

use crate::image::{Digest, Fact, ImageMetadata, Tag, TagOrDigest};
use crate::registry::facts::{ImageFacts, Wanted};
use crate::registry::memory::{Memory, RememberedList, RememberedTag, Scope};
use crate::registry::tags::TagList;

use super::{Images, Look, Seen};

impl Images {
    /// Reads what earlier runs learnt of these versions, all together.
    pub(in crate::registry) async fn recall(
        &self,
        versions: impl Iterator<Item = &TagOrDigest>,
        now: Timestamp,
    ) {
        let (Some(remote), Some(memory)) = (self.remote(), &self.memory) else {
            return;
        };
        let (mut tags, mut digests) = (Vec::new(), Vec::new());
        {
            let seen = self.seen();
            for version in versions {
                match version {
                    TagOrDigest::Tag(tag) if !seen.contains_key(tag) => tags.push(tag),
                    TagOrDigest::Tag(_) => {}
                    TagOrDigest::Digest(digest) => digests.push(digest.clone()),
                }
            }
        }
        let scopes = self.scopes(remote, memory).await;
        if !tags.is_empty() {
            for (tag, remembered) in memory.tags(&scopes, &tags).await {
                digests.extend(remembered.digest.clone());
                let look = match memory.trusts_tag(&remembered, now) {
                    true if memory.is_all_there_is() => Look::Now,
                    true => Look::Earlier,
                    false => Look::TooEarly,
                };
                let seen = Seen {
                    digest: remembered.digest,
                    look,
                    first_seen: remembered.first_seen,
                    pushed: remembered.pushed,
                };
                self.seen().entry(tag.clone()).or_insert(seen);
            }
        }
        digests.sort_unstable();
        digests.dedup();
        {
            let facts = self.known();
            digests.retain(|digest| !facts.contains_key(digest));
        }
        if !digests.is_empty() {
            let digests: Vec<&Digest> = digests.iter().collect();
            for (digest, facts) in memory.images(&scopes, &digests).await {
                self.known().entry(digest.clone()).or_insert(facts);
            }
        }
    }

    /// Takes note of what the tag list of this run says that these serve, where
    /// an earlier run has seen them serve something else.
    pub(in crate::registry) async fn heed_list(
        &self,
        versions: impl Iterator<Item = &TagOrDigest>,
        now: Timestamp,
    ) {
        for version in versions {
            let (TagOrDigest::Tag(tag), Some(digest)) = (version, self.told.serves(version)) else {
                continue;
            };
            let is_overruled = self
                .seen()
                .get(tag)
                .is_some_and(|seen| seen.look != Look::Now && seen.digest.as_ref() != Some(digest));
            if is_overruled {
                self.learn(version, digest, now).await;
            }
        }
    }

    /// When the cache saw a tag serve what it serves for the first time.
    pub(in crate::registry) fn first_seen(&self, tag: &Tag) -> Option<Timestamp> {
        self.seen().get(tag).and_then(|seen| seen.first_seen)
    }

    /// Whether this asks for a creation time that is known already.
    pub(in crate::registry) fn can_date(&self, fact: &Fact) -> bool {
        let Fact::Created(version) = fact else {
            return false;
        };
        self.served(version).is_some_and(|(digest, look)| {
            look != Look::TooEarly && self.can_answer(&digest, Wanted::of(fact))
        })
    }

    /// Takes note of what a tag serves.
    pub(super) async fn learn(&self, version: &TagOrDigest, digest: &Digest, now: Timestamp) {
        let TagOrDigest::Tag(tag) = version else {
            return;
        };
        let mut pushed = self.told.pushed(tag, digest);
        let first_seen = {
            let mut seen = self.seen();
            let before = seen.get(tag);
            if before.is_some_and(|b| b.look == Look::Now && b.digest.as_ref() == Some(digest)) {
                return;
            }
            let same = before.filter(|before| before.digest.as_ref() == Some(digest));
            pushed = pushed.or(same.and_then(|same| same.pushed));
            let first_seen = before.and_then(|before| match &before.digest {
                Some(other) if other != digest => Some(now),
                Some(_) | None => before.first_seen,
            });
            let new = Seen {
                digest: Some(digest.clone()),
                look: Look::Now,
                first_seen,
                pushed,
            };
            seen.insert(tag.clone(), new);
            first_seen
        };
        if let Some((memory, scope)) = self.writable().await {
            let remembered = RememberedTag {
                digest: Some(digest.clone()),
                at: now,
                first_seen,
                pushed,
            };
            memory.keep_tag(scope, tag, &remembered);
        }
    }

    /// Keeps what was told of an image and holds for ever: for this run, and for
    /// later ones.
    pub(super) async fn keep(&self, digest: &Digest, image: &ImageMetadata) {
        let facts = {
            let mut known = self.known();
            let facts = known.entry(digest.clone()).or_default();
            if !facts.add(ImageFacts::of(image)) {
                return;
            }
            facts.clone()
        };
        if let Some((memory, scope)) = self.writable().await {
            memory.keep_image(scope, digest, &facts);
        }
    }
}

/// Remembers when tags came that an earlier list did not have.
pub(super) fn note_new_tags(
    memory: &Memory,
    scope: Scope,
    old: &RememberedList,
    list: &TagList,
    now: Timestamp,
) {
    let names = old.pages.iter().flat_map(|page| &page.names);
    let old: HashSet<&str> = names.map(String::as_str).collect();
    let remembered = RememberedTag {
        digest: None,
        at: now,
        first_seen: Some(now),
        pushed: None,
    };
    for tag in list.tags.iter().filter(|tag| !old.contains(tag.as_str())) {
        memory.keep_tag(scope, tag, &remembered);
    }
}
