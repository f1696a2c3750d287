//! What earlier runs learnt of one repository, and how far it is trusted.
//!
//! | entry | kept under | trusted |
//! |---|---|---|
//! | tag list, with its ETags | registry and repository | `max_age`, none by default; a 304 makes it new |
//! | tag → digest | registry, repository, tag | 24 hours; what a decision rests on is asked again |
//! | facts of an image | its digest | for ever |
//!
//! Each entry belongs to the credential that it was got with: its hash is a part
//! of the key. What was got anonymously is for everybody.

use std::collections::HashMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::image::{CanonicalName, Digest, Tag};

use super::facts::ImageFacts;
use crate::registry::cache::{Cache, CacheKey, EntryKind};
use crate::registry::keychain::account::CredentialId;
use crate::registry::options::Trust;

/// How long a tag is believed to serve what it did.
const TAG_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// Whose answers: those to a credential, or those to anybody.
pub(crate) type CredentialScope = Option<CredentialId>;

/// A repository's entries in the cache.
#[derive(Debug)]
pub(crate) struct MetadataCache {
    cache: Cache,
    trust: Trust,
    name: CanonicalName,
}

/// A tag list as it was read, page by page.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RememberedList {
    pub(crate) at: Timestamp,
    pub(crate) pages: Vec<RememberedPage>,
}

/// One page of a tag list.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RememberedPage {
    /// Where it was read.
    pub(crate) url: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) etag: Option<String>,
    pub(crate) names: Vec<String>,
    /// What it says of single tags, as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) manifest: Option<Box<RawValue>>,
    /// The link to the next page, as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}

impl RememberedPage {
    /// How much it is, in bytes, about.
    pub(crate) fn size(&self) -> usize {
        let names: usize = self.names.iter().map(|name| name.len() + 32).sum();
        names + self.manifest.as_ref().map_or(0, |text| text.get().len())
    }
}

/// What is known of a tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RememberedTag {
    /// What it served.
    pub(crate) digest: Digest,
    /// When.
    pub(crate) at: Timestamp,
    /// When it was pushed, where the registry told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pushed: Option<Timestamp>,
    /// The earliest `Last-Modified` that the registry sent with what it serves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_modified: Option<Timestamp>,
}

impl MetadataCache {
    /// `None` where nothing is kept.
    pub(crate) fn new(cache: &Cache, trust: Trust, name: &CanonicalName) -> Option<Self> {
        (!cache.is_off()).then(|| Self {
            cache: cache.clone(),
            trust,
            name: name.clone(),
        })
    }

    /// Whether the cache is this user's alone, so that a helper's answers of
    /// tomorrow may have those of today, though the password is another.
    pub(crate) fn is_private(&self) -> bool {
        self.cache.is_private()
    }

    /// Whether nobody else is asked.
    pub(crate) fn is_offline(&self) -> bool {
        self.trust.offline
    }

    /// The tag list, however old, and to whom it was told.
    pub(crate) async fn list(
        &self,
        scopes: &[CredentialScope],
    ) -> Option<(CredentialScope, RememberedList)> {
        let key = |scope: &CredentialScope| self.key(EntryKind::TagList, *scope, "");
        let keys: Vec<CacheKey> = scopes.iter().map(key).collect();
        let found = self.cache.get(&keys).await;
        scopes
            .iter()
            .zip(found)
            .find_map(|(scope, bytes)| Some((*scope, read(&bytes?)?)))
    }

    /// Whether a tag list need not be asked for again.
    pub(crate) fn trusts(&self, list: &RememberedList, now: Timestamp) -> bool {
        self.trust.offline || is_younger(list.at, now, self.trust.max_age)
    }

    /// Whether what the registry says to be unchanged is taken from here.
    pub(crate) fn compares(&self) -> bool {
        !self.trust.refresh
    }

    pub(crate) fn keep_list(&self, scope: CredentialScope, list: &RememberedList) {
        self.keep(self.key(EntryKind::TagList, scope, ""), list);
    }

    /// What is known of tags, however old.
    pub(crate) async fn tags<'t>(
        &self,
        scopes: &[CredentialScope],
        tags: &[&'t Tag],
    ) -> HashMap<&'t Tag, RememberedTag> {
        let key = |tag: &Tag, scope| self.key(EntryKind::Tag, scope, tag.as_str());
        self.find_all(scopes, tags, key).await
    }

    /// Whether a tag is believed to serve what it did.
    pub(crate) fn trusts_tag(&self, tag: &RememberedTag, now: Timestamp) -> bool {
        self.trust.offline || (!self.trust.refresh && is_younger(tag.at, now, TAG_AGE))
    }

    pub(crate) fn keep_tag(&self, scope: CredentialScope, tag: &Tag, remembered: &RememberedTag) {
        self.keep(self.key(EntryKind::Tag, scope, tag.as_str()), remembered);
    }

    /// The facts of images.
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

    fn key(&self, kind: EntryKind, scope: CredentialScope, of: &str) -> CacheKey {
        CacheKey::new(
            kind,
            &[
                scope_bytes(&scope),
                self.name.registry().as_bytes(),
                self.name.repository().as_bytes(),
                of.as_bytes(),
            ],
        )
    }

    fn keep(&self, key: CacheKey, entry: &impl Serialize) {
        if let Ok(bytes) = serde_json::to_vec(entry) {
            self.cache.put(key, bytes);
        }
    }

    /// The entries of many things, asked for together.
    async fn find_all<'k, K: std::hash::Hash + Eq + ?Sized, T: DeserializeOwned>(
        &self,
        scopes: &[CredentialScope],
        of: &[&'k K],
        key: impl Fn(&K, CredentialScope) -> CacheKey,
    ) -> HashMap<&'k K, T> {
        let keys: Vec<CacheKey> = of
            .iter()
            .flat_map(|of| scopes.iter().map(|scope| key(of, *scope)))
            .collect();
        let found = self.cache.get(&keys).await;
        of.iter()
            .zip(found.chunks(scopes.len().max(1)))
            .filter_map(|(of, found)| {
                let entry = found.iter().flatten().find_map(|bytes| read(bytes))?;
                Some((*of, entry))
            })
            .collect()
    }
}

/// An entry that cannot be read is none: another version wrote it, or it is
/// damaged.
fn read<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    serde_json::from_slice(bytes).ok()
}

/// Equal content is equal wherever it lies, so neither registry nor repository
/// is a part of the key.
fn image_key(digest: &Digest, scope: CredentialScope) -> CacheKey {
    let digest = digest.as_str().as_bytes();
    CacheKey::new(EntryKind::Image, &[scope_bytes(&scope), digest])
}

fn scope_bytes(scope: &CredentialScope) -> &[u8] {
    scope.as_ref().map_or(b"anonymous", |id| id.as_bytes())
}

/// Whether a look is not older than `age`. One from the future is not believed:
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
    fn a_look_is_young_for_its_age_and_never_before_it_was_made() {
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
