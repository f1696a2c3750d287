//! What earlier runs learned about one repository, and how long it is trusted.
//!
//! | entry | key | trusted |
//! |---|---|---|
//! | tag list, with its ETags | registry and repository | for `max_age`, zero by default; a 304 renews it |
//! | tag → digest | registry, repository, tag | for 24 hours; tags that a decision depends on are checked again |
//! | facts of an image | registry, repository, digest | permanently |
//!
//! A tag list and the digest of a tag belong to the credential they were fetched with:
//! a keyed hash of it is part of the key. Entries fetched anonymously are for everyone. What
//! was read over a connection with settings of its own is only for the same settings.
//!
//! The facts of images that were fetched with a credential are for every credential
//! that has access to the repository. So they are read only if the registry has
//! accepted a request in this run, or if the registry may be left alone and this very
//! credential had access before: it has left a mark.

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

/// Which entries may be read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ReadableEntries {
    /// Whose tag lists and tags, in the order in which they are looked up.
    pub(crate) scopes: Vec<CredentialScope>,
    /// Whether the facts of images that were fetched with a credential are included.
    pub(crate) private_facts: bool,
}

/// The entries of one repository in the cache.
#[derive(Debug)]
pub(crate) struct MetadataCache {
    cache: Cache,
    trust: Trust,
    name: CanonicalName,
    /// The connection over which the repository is read, if it has one of its own.
    connection: Option<CredentialId>,
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

/// When the registry last accepted a request with a credential.
#[derive(Debug, Serialize, Deserialize)]
struct AccessMark {
    at: Timestamp,
}

impl MetadataCache {
    /// Returns `None` if the cache is off.
    pub(crate) fn new(
        cache: &Cache,
        trust: Trust,
        name: &CanonicalName,
        connection: Option<CredentialId>,
    ) -> Option<Self> {
        (!cache.is_off()).then(|| Self {
            connection,
            cache: cache.clone(),
            trust,
            name: name.clone(),
        })
    }

    /// Whether anything may be believed without a request in this run.
    pub(crate) fn trusts_without_request(&self) -> bool {
        self.trust.offline || !self.trust.max_age.is_zero()
    }

    /// Whether this credential had access to the repository, recently enough to be
    /// believed without a request.
    pub(crate) async fn had_access(&self, id: CredentialId, now: Timestamp) -> bool {
        let Some(key) = self.mark_key(id) else {
            return false;
        };
        let found = self.cache.get(&[key]).await.pop().flatten();
        let mark = found.and_then(|bytes| read::<AccessMark>(&bytes));
        mark.is_some_and(|mark| self.trust.offline || is_younger(mark.at, now, self.trust.max_age))
    }

    /// Records that the registry has accepted a request with this credential.
    pub(crate) fn keep_access(&self, id: CredentialId, at: Timestamp) {
        self.keep(self.mark_key(id), &AccessMark { at });
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
        let keys = scopes
            .iter()
            .filter_map(|scope| Some((*scope, self.list_key(*scope)?)));
        let (scopes, keys): (Vec<_>, Vec<_>) = keys.unzip();
        let found = self.cache.get(&keys).await;
        scopes
            .into_iter()
            .zip(found)
            .find_map(|(scope, bytes)| Some((scope, read(&bytes?)?)))
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
        self.find_all(tags, |tag| {
            let keys = scopes.iter().map(|scope| self.tag_key(tag, *scope));
            keys.collect()
        })
        .await
    }

    /// Whether the remembered digest of a tag is trusted.
    pub(crate) fn trusts_tag(&self, tag: &RememberedTag, now: Timestamp) -> bool {
        self.trust.offline || (!self.trust.refresh && is_younger(tag.at, now, TAG_AGE))
    }

    pub(crate) fn keep_tag(&self, scope: CredentialScope, tag: &Tag, remembered: &RememberedTag) {
        self.keep(self.tag_key(tag, scope), remembered);
    }

    /// Returns the facts of images; with `private`, also those that were fetched with a
    /// credential.
    pub(crate) async fn images<'d>(
        &self,
        private: bool,
        digests: &[&'d Digest],
    ) -> HashMap<&'d Digest, ImageFacts> {
        self.find_all(digests, |digest| {
            let private_key = private.then(|| self.image_key(digest, true));
            let keys = private_key
                .into_iter()
                .chain([self.image_key(digest, false)]);
            keys.collect()
        })
        .await
    }

    /// Stores the facts of an image; `private`: they were fetched with a credential.
    pub(crate) fn keep_image(&self, private: bool, digest: &Digest, facts: &ImageFacts) {
        self.keep(self.image_key(digest, private), facts);
    }

    fn list_key(&self, scope: CredentialScope) -> Option<CacheKey> {
        Some(self.key(EntryKind::TagList, &self.owner(scope)?, ""))
    }

    fn tag_key(&self, tag: &Tag, scope: CredentialScope) -> Option<CacheKey> {
        Some(self.key(EntryKind::Tag, &self.owner(scope)?, tag.as_str()))
    }

    /// No tag is empty.
    fn mark_key(&self, id: CredentialId) -> Option<CacheKey> {
        Some(self.key(EntryKind::Tag, &self.owner(Some(id))?, ""))
    }

    fn image_key(&self, digest: &Digest, private: bool) -> Option<CacheKey> {
        let owner = if private {
            // The same for all credentials.
            self.over_connection(self.cache.identity_key()?.owner(&[0; 32]).to_vec())?
        } else {
            self.owner(None)?
        };
        Some(self.key(EntryKind::Image, &owner, digest.as_str()))
    }

    /// The owner of an entry as a part of its key; `None`: such entries are not cached.
    fn owner(&self, scope: CredentialScope) -> Option<Vec<u8>> {
        let owner = match scope {
            None => b"anonymous".to_vec(),
            Some(id) => {
                let key = self.cache.identity_key()?;
                key.owner(id.as_bytes()).to_vec()
            }
        };
        self.over_connection(owner)
    }

    /// An owner whose entries were read over this connection. Without a proxy or a client
    /// certificate, a registry may show something else.
    fn over_connection(&self, mut owner: Vec<u8>) -> Option<Vec<u8>> {
        if let Some(id) = self.connection {
            let key = self.cache.identity_key()?;
            owner.extend(key.owner(id.as_bytes()));
        }
        Some(owner)
    }

    fn key(&self, kind: EntryKind, owner: &[u8], subject: &str) -> CacheKey {
        CacheKey::new(
            kind,
            &[
                owner,
                self.name.registry().as_bytes(),
                self.name.repository().as_bytes(),
                subject.as_bytes(),
            ],
        )
    }

    fn keep(&self, key: Option<CacheKey>, entry: &impl Serialize) {
        if let Some(key) = key
            && let Ok(bytes) = serde_json::to_vec(entry)
        {
            self.cache.put(key, bytes);
        }
    }

    /// Returns the entries of many subjects, in one lookup. Of the keys of a subject, the
    /// first one with an entry counts.
    async fn find_all<'k, K: std::hash::Hash + Eq + ?Sized, T: DeserializeOwned>(
        &self,
        subjects: &[&'k K],
        keys_of: impl Fn(&K) -> Vec<Option<CacheKey>>,
    ) -> HashMap<&'k K, T> {
        let (subjects, keys): (Vec<&K>, Vec<CacheKey>) = subjects
            .iter()
            .flat_map(|subject| {
                let keys = keys_of(subject).into_iter().flatten();
                keys.map(|key| (*subject, key)).collect::<Vec<_>>()
            })
            .unzip();
        let found = self.cache.get(&keys).await;
        let mut entries = HashMap::new();
        for (subject, bytes) in subjects.into_iter().zip(found) {
            if let Some(bytes) = bytes
                && !entries.contains_key(subject)
                && let Some(entry) = read(&bytes)
            {
                entries.insert(subject, entry);
            }
        }
        entries
    }
}

/// Parses an entry. `None` if it was written by another version or is damaged.
fn read<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    serde_json::from_slice(bytes).ok()
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
