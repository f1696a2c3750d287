//! What earlier runs learned about one repository, and how long it is trusted.
//!
//! | entry | key | trusted |
//! |---|---|---|
//! | tag list, with its ETags | registry and repository | for `max_age`, zero by default; a 304 renews it |
//! | tag → digest | registry, repository, tag | for 24 hours; tags that a decision depends on are checked again |
//! | facts of an image | its digest | permanently |
//!
//! Each entry belongs to the credential it was fetched with; a hash of the
//! credential is part of the key. Entries fetched anonymously are for everyone.

use std::collections::HashMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::image::{CanonicalName, Digest, Tag};

use super::facts::ImageFacts;
use crate::registry::cache::{Cache, CacheKey, EntryKind};
use crate::registry::keychain::credential_id::CredentialId;
use crate::registry::options::Trust;

/// How long the digest of a tag is trusted.
const TAG_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// Whose entries: those of a credential, or those for everyone.
pub(crate) type CredentialScope = Option<CredentialId>;

/// The entries of one repository in the cache.
#[derive(Debug)]
pub(crate) struct MetadataCache {
    cache: Cache,
    trust: Trust,
    name: CanonicalName,
}

/// A tag list, page by page.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RememberedList {
    pub(crate) at: Timestamp,
    pub(crate) pages: Vec<RememberedPage>,
}

/// One page of a tag list.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RememberedPage {
    /// The URL that was requested.
    pub(crate) url: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) etag: Option<String>,
    pub(crate) names: Vec<String>,
    /// The facts about single tags, as raw JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) manifest: Option<Box<RawValue>>,
    /// The link to the next page, unchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}

impl RememberedPage {
    /// The approximate size in bytes.
    pub(crate) fn size(&self) -> usize {
        let names: usize = self.names.iter().map(|name| name.len() + 32).sum();
        let texts = [self.etag.as_ref(), self.next.as_ref(), Some(&self.url)];
        let texts: usize = texts.into_iter().flatten().map(String::len).sum();
        names + texts + self.manifest.as_ref().map_or(0, |text| text.get().len())
    }
}

/// What is known about a tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RememberedTag {
    /// The digest it had.
    pub(crate) digest: Digest,
    /// When it had this digest.
    pub(crate) at: Timestamp,
    /// When it was pushed, if the registry reported it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pushed: Option<Timestamp>,
    /// The earliest `Last-Modified` that the registry sent with this digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_modified: Option<Timestamp>,
}

impl MetadataCache {
    /// Returns `None` if the cache is off.
    pub(crate) fn new(cache: &Cache, trust: Trust, name: &CanonicalName) -> Option<Self> {
        (!cache.is_off()).then(|| Self {
            cache: cache.clone(),
            trust,
            name: name.clone(),
        })
    }

    /// Whether only this user can access the cache. If so, entries stay valid when a
    /// credential helper returns a new password on another day.
    pub(crate) fn is_private(&self) -> bool {
        self.cache.is_private()
    }

    /// Whether only the cache is used, and no registry.
    pub(crate) fn is_offline(&self) -> bool {
        self.trust.offline
    }

    /// Returns the tag list, no matter how old, and whose entry it is.
    pub(crate) async fn list(
        &self,
        scopes: &[CredentialScope],
    ) -> Option<(CredentialScope, RememberedList)> {
        let keys = scopes.iter().map(|scope| self.list_key(*scope));
        let keys: Vec<CacheKey> = keys.collect();
        let found = self.cache.get(&keys).await;
        scopes
            .iter()
            .zip(found)
            .find_map(|(scope, bytes)| Some((*scope, read(&bytes?)?)))
    }

    /// Whether a tag list does not need to be fetched again.
    pub(crate) fn trusts(&self, list: &RememberedList, now: Timestamp) -> bool {
        self.trust.offline || is_younger(list.at, now, self.trust.max_age)
    }

    /// Whether pages that the registry reports as unchanged are taken from the cache.
    pub(crate) fn compares(&self) -> bool {
        !self.trust.refresh
    }

    pub(crate) fn keep_list(&self, scope: CredentialScope, list: &RememberedList) {
        self.keep(self.list_key(scope), list);
    }

    /// Returns what is known about tags, no matter how old.
    pub(crate) async fn tags<'t>(
        &self,
        scopes: &[CredentialScope],
        tags: &[&'t Tag],
    ) -> HashMap<&'t Tag, RememberedTag> {
        self.find_all(scopes, tags, |tag, scope| self.tag_key(tag, scope))
            .await
    }

    /// Whether the remembered digest of a tag is trusted.
    pub(crate) fn trusts_tag(&self, tag: &RememberedTag, now: Timestamp) -> bool {
        self.trust.offline || (!self.trust.refresh && is_younger(tag.at, now, TAG_AGE))
    }

    pub(crate) fn keep_tag(&self, scope: CredentialScope, tag: &Tag, remembered: &RememberedTag) {
        self.keep(self.tag_key(tag, scope), remembered);
    }

    /// Returns the facts of images.
    pub(crate) async fn images<'d>(
        &self,
        scopes: &[CredentialScope],
        digests: &[&'d Digest],
    ) -> HashMap<&'d Digest, ImageFacts> {
        self.find_all(scopes, digests, image_key).await
    }

    pub(crate) fn keep_image(&self, scope: CredentialScope, digest: &Digest, facts: &ImageFacts) {
        self.keep(image_key(digest, scope), facts);
    }

    fn list_key(&self, scope: CredentialScope) -> CacheKey {
        self.key(EntryKind::TagList, scope, "")
    }

    fn tag_key(&self, tag: &Tag, scope: CredentialScope) -> CacheKey {
        self.key(EntryKind::Tag, scope, tag.as_str())
    }

    fn key(&self, kind: EntryKind, scope: CredentialScope, subject: &str) -> CacheKey {
        CacheKey::new(
            kind,
            &[
                scope_bytes(&scope),
                self.name.registry().as_bytes(),
                self.name.repository().as_bytes(),
                subject.as_bytes(),
            ],
        )
    }

    fn keep(&self, key: CacheKey, entry: &impl Serialize) {
        if let Ok(bytes) = serde_json::to_vec(entry) {
            self.cache.put(key, bytes);
        }
    }

    /// Returns the entries of many subjects, in one lookup.
    async fn find_all<'k, K: std::hash::Hash + Eq + ?Sized, T: DeserializeOwned>(
        &self,
        scopes: &[CredentialScope],
        subjects: &[&'k K],
        key: impl Fn(&K, CredentialScope) -> CacheKey,
    ) -> HashMap<&'k K, T> {
        let keys: Vec<CacheKey> = subjects
            .iter()
            .flat_map(|subject| scopes.iter().map(|scope| key(subject, *scope)))
            .collect();
        let found = self.cache.get(&keys).await;
        subjects
            .iter()
            .zip(found.chunks(scopes.len().max(1)))
            .filter_map(|(subject, found)| {
                let entry = found.iter().flatten().find_map(|bytes| read(bytes))?;
                Some((*subject, entry))
            })
            .collect()
    }
}

/// Parses an entry. `None` if it was written by another version or is damaged.
fn read<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    serde_json::from_slice(bytes).ok()
}

/// The same content is the same everywhere, so the key contains neither the registry
/// nor the repository.
fn image_key(digest: &Digest, scope: CredentialScope) -> CacheKey {
    let digest = digest.as_str().as_bytes();
    CacheKey::new(EntryKind::Image, &[scope_bytes(&scope), digest])
}

fn scope_bytes(scope: &CredentialScope) -> &[u8] {
    scope.as_ref().map_or(b"anonymous", |id| id.as_bytes())
}

/// Whether `at` is not older than `age`. A time in the future is not trusted because
/// the clock was wrong, then or now.
fn is_younger(at: Timestamp, now: Timestamp, age: Duration) -> bool {
    let old = now.duration_since(at);
    let age = SignedDuration::try_from(age).unwrap_or(SignedDuration::MAX);
    !age.is_zero() && !old.is_negative() && old <= age
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entry_is_trusted_for_its_age_but_not_if_it_is_from_the_future() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().expect("a time");
        let hour = Duration::from_secs(3600);
        for (at, age, expected) in [
            ("2026-11-21T11:00:00Z", hour, true),
            ("2026-11-21T10:59:59Z", hour, false),
            ("2026-11-21T12:00:01Z", hour, false),
            ("2026-11-21T12:00:00Z", Duration::ZERO, false),
            ("2026-11-21T12:00:00Z", Duration::MAX, true),
        ] {
            let at = at.parse().expect("a time");
            assert_eq!(is_younger(at, now, age), expected, "{at} {age:?}");
        }
    }
}
