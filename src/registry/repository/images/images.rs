//! The state of one repository in a run: its tags, manifests and configs, each
//! fetched once.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::OnceCell;

use crate::image::{
    CanonicalName, Digest, FetchFailure, FetchFailureKind, SourceKind, Tag, TagOrDigest,
};

use crate::registry::client::failure::RepositoryLabel;
use crate::registry::client::remote::{RawManifest, Remote};
use crate::registry::content::config::Config;
use crate::registry::content::manifest::{Blob, Manifest, ManifestError};
use crate::registry::keychain::credential_id::{AcceptedIdentity, CredentialId};
use crate::registry::repository::described_tags::DescribedTags;
use crate::registry::repository::facts::{ImageFacts, WantedFacts};
use crate::registry::repository::layout::LayoutReader;
use crate::registry::repository::metadata_cache::{MetadataCache, ReadableEntries, RememberedList};
use crate::registry::repository::once::FetchOnce;
use crate::registry::repository::tags;
use crate::registry::repository::tags::TagList;

/// Where a repository is read from.
#[derive(Debug)]
pub(crate) enum ImageSource {
    /// A registry.
    Remote(Box<Remote>),
    /// An OCI layout on disk.
    Layout(LayoutReader),
}

pub(crate) type FetchResult<T> = Result<T, FetchFailure>;

/// A manifest from the registry or the layout.
#[derive(Debug)]
pub(crate) struct ServedManifest {
    pub(crate) digest: Digest,
    pub(crate) manifest: Manifest,
    /// The `Last-Modified` header of the response.
    pub(crate) last_modified: Option<Timestamp>,
}

pub(crate) type Fetched = Arc<ServedManifest>;

/// What this run knows about a tag.
#[derive(Debug, Clone)]
pub(crate) struct ObservedTag {
    pub(crate) digest: Option<Digest>,
    pub(crate) freshness: Freshness,
    pub(crate) pushed: Option<Timestamp>,
    /// The earliest `Last-Modified` of this digest.
    pub(crate) last_modified: Option<Timestamp>,
}

/// How current the digest of a tag is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// The registry confirmed it in this run, or the run is offline.
    Current,
    /// An earlier run saw it, recently enough to be trusted.
    Remembered,
    /// An earlier run saw it, too long ago to be trusted.
    Stale,
}

/// The images of one repository, in one place.
#[derive(Debug)]
pub(crate) struct RepositoryImages {
    pub(crate) source: ImageSource,
    pub(crate) place: RepositoryLabel,
    pub(crate) cache: Option<MetadataCache>,
    pub(crate) tags: Mutex<HashMap<Tag, ObservedTag>>,
    pub(crate) facts: Mutex<HashMap<Digest, ImageFacts>>,
    pub(crate) manifests: FetchOnce<TagOrDigest, Fetched>,
    pub(crate) configs: FetchOnce<Digest, Arc<Config>>,
    pub(crate) described_tags: DescribedTags,
    /// The credentials whose access has been recorded.
    marked: Mutex<HashSet<CredentialId>>,
    /// What may be read before the registry has accepted a request.
    unproven: OnceCell<ReadableEntries>,
}

impl RepositoryImages {
    pub(crate) fn new(
        source: ImageSource,
        place: RepositoryLabel,
        cache: Option<MetadataCache>,
    ) -> Self {
        Self {
            source,
            place,
            cache,
            tags: Mutex::default(),
            facts: Mutex::default(),
            manifests: FetchOnce::default(),
            configs: FetchOnce::default(),
            described_tags: DescribedTags::default(),
            marked: Mutex::default(),
            unproven: OnceCell::new(),
        }
    }

    pub(crate) fn source_kind(&self) -> SourceKind {
        let is_offline = self.cache.as_ref().is_some_and(MetadataCache::is_offline);
        match self.source {
            ImageSource::Remote(_) if is_offline => SourceKind::Cache,
            ImageSource::Remote(_) => SourceKind::Registry,
            ImageSource::Layout(_) => SourceKind::OciLayout,
        }
    }

    /// The name under which the repository is read, if it differs from its own.
    pub(crate) fn elsewhere(&self) -> Option<&CanonicalName> {
        self.place.elsewhere()
    }

    /// The facts about its tags that need no request per tag.
    pub(crate) fn described_tags(&self) -> &DescribedTags {
        &self.described_tags
    }

    /// The registry; `None` for an OCI layout.
    pub(crate) fn remote(&self) -> Option<&Remote> {
        match &self.source {
            ImageSource::Remote(remote) => Some(remote),
            ImageSource::Layout(_) => None,
        }
    }

    /// Returns the tag list, and, if it comes from the cache, when it was fetched.
    pub(crate) async fn tags(&self, now: Timestamp) -> FetchResult<(TagList, Option<Timestamp>)> {
        let remote = match &self.source {
            ImageSource::Remote(remote) => remote,
            ImageSource::Layout(layout) => return Ok((layout.tags().await?, None)),
        };
        let Some(cache) = &self.cache else {
            return Ok((tags::fetch(remote, None, None).await?, None));
        };
        let readable = self.readable(remote, cache, now).await;
        let old = cache.list(&readable.scopes).await;
        if let Some((None, _)) = old {
            remote.mark_public();
        }
        let old = old.map(|(_, list)| list);
        if let Some(old) = old.as_ref().filter(|old| cache.trusts(old, now)) {
            return Ok((TagList::remembered(old), Some(old.at)));
        }
        let mut pages = Vec::new();
        let comparable = old.as_ref().filter(|_| cache.compares());
        let list = tags::fetch(remote, comparable, Some(&mut pages)).await?;
        let new = RememberedList { at: now, pages };
        if let Some((_, identity)) = self.writable(now).await
            && !new.pages.is_empty()
        {
            cache.keep_list(identity.exact, &new);
        }
        Ok((list, None))
    }

    pub(crate) fn can_answer(&self, digest: &Digest, wanted: WantedFacts) -> bool {
        let known = self.known_facts();
        known.get(digest).is_some_and(|facts| facts.has_all(wanted))
    }

    /// Returns when a tag was pushed, if that is known.
    pub(crate) fn pushed(&self, version: &TagOrDigest) -> Option<Timestamp> {
        match version {
            TagOrDigest::Digest(_) => None,
            TagOrDigest::Tag(tag) => self.observed_tags().get(tag)?.pushed,
        }
    }

    /// Returns the known digest of a version, and how current it is.
    pub(crate) fn observed_digest(&self, version: &TagOrDigest) -> Option<(Digest, Freshness)> {
        match version {
            TagOrDigest::Digest(digest) => Some((digest.clone(), Freshness::Current)),
            TagOrDigest::Tag(tag) => {
                let seen = self.observed_tags();
                let seen = seen.get(tag)?;
                Some((seen.digest.clone()?, seen.freshness))
            }
        }
    }

    /// Returns the cache to write to, and whose entries to write. `None` if there is
    /// no cache, or the registry has not granted access yet.
    pub(crate) async fn writable(
        &self,
        now: Timestamp,
    ) -> Option<(&MetadataCache, AcceptedIdentity)> {
        let (remote, cache) = (self.remote()?, self.cache.as_ref()?);
        let identity = remote.identity().await?;
        if let Some(id) = identity.exact
            && self
                .marked
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(id)
        {
            cache.keep_access(id, now);
        }
        Some((cache, identity))
    }

    /// Returns which entries of the cache may be read now.
    pub(crate) async fn readable(
        &self,
        remote: &Remote,
        cache: &MetadataCache,
        now: Timestamp,
    ) -> ReadableEntries {
        if let Some(AcceptedIdentity { exact, login }) = remote.identity().await {
            let login = login.map(Some);
            return ReadableEntries {
                scopes: std::iter::once(exact).chain(login).collect(),
                private_facts: exact.is_some(),
            };
        }
        // Nobody has accepted anything yet.
        let unproven = self.unproven.get_or_init(|| async {
            let public = ReadableEntries {
                scopes: vec![None],
                private_facts: false,
            };
            let may_trust = cache.trusts_without_request();
            // A helper may be slow, so it is run only if its identity is needed.
            if may_trust && cache.list(&public.scopes).await.is_some() {
                return public;
            }
            let ids = remote.possible_ids(may_trust).await;
            let mut private_facts = false;
            for id in &ids {
                private_facts |= may_trust && cache.had_access(*id, now).await;
            }
            ReadableEntries {
                scopes: std::iter::once(None)
                    .chain(ids.into_iter().map(Some))
                    .collect(),
                private_facts,
            }
        });
        unproven.await.clone()
    }

    pub(crate) async fn counts_pulls(&self) -> bool {
        match &self.source {
            ImageSource::Remote(remote) => remote.counts_pulls().await,
            ImageSource::Layout(_) => false,
        }
    }

    pub(crate) fn observed_tags(&self) -> MutexGuard<'_, HashMap<Tag, ObservedTag>> {
        self.tags.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn known_facts(&self) -> MutexGuard<'_, HashMap<Digest, ImageFacts>> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) async fn digest(&self, version: &TagOrDigest) -> FetchResult<Digest> {
        match &self.source {
            ImageSource::Remote(remote) => remote.digest(version).await,
            ImageSource::Layout(layout) => Ok(layout.manifest(version, None).await?.digest),
        }
    }

    pub(crate) async fn manifest_of(&self, blob: &Blob) -> FetchResult<Fetched> {
        self.manifest(&TagOrDigest::Digest(blob.digest.clone()), blob.size)
            .await
    }

    pub(crate) async fn manifest(
        &self,
        version: &TagOrDigest,
        size: Option<u64>,
    ) -> FetchResult<Fetched> {
        let fetched = self
            .manifests
            .get_or_fetch(version, || self.fetch_manifest(version, size))
            .await?;
        if let TagOrDigest::Tag(_) = version {
            let digest = TagOrDigest::Digest(fetched.digest.clone());
            self.manifests.put(digest, Arc::clone(&fetched));
        }
        Ok(fetched)
    }

    /// Drops a large index after its facts were read: thousands of tags may point to
    /// such indexes. If another fact is needed, it is fetched again.
    pub(crate) fn forget_if_large(&self, version: &TagOrDigest, served: &ServedManifest) {
        if let Manifest::Index(index) = &served.manifest
            && index.is_large()
        {
            self.manifests.forget(version);
            self.manifests
                .forget(&TagOrDigest::Digest(served.digest.clone()));
        }
    }

    async fn fetch_manifest(
        &self,
        version: &TagOrDigest,
        size: Option<u64>,
    ) -> FetchResult<Fetched> {
        let raw = match &self.source {
            ImageSource::Remote(remote) => remote.manifest(version, size).await,
            ImageSource::Layout(layout) => layout.manifest(version, size).await,
        }?;
        let RawManifest {
            digest,
            content_type,
            last_modified,
            bytes,
        } = raw;
        let manifest = Manifest::parse(&bytes, content_type.as_deref()).map_err(|error| {
            let kind = match error {
                ManifestError::Malformed(_) => FetchFailureKind::Registry,
                ManifestError::Schema1 => FetchFailureKind::CannotBePulled,
                ManifestError::TooManyEntries(_) => FetchFailureKind::TooLarge,
            };
            self.place.failure(kind, format_args!("{version}: {error}"))
        })?;
        Ok(Arc::new(ServedManifest {
            digest,
            manifest,
            last_modified,
        }))
    }

    pub(crate) async fn config(&self, blob: &Blob) -> FetchResult<Arc<Config>> {
        self.configs
            .get_or_fetch(&blob.digest, || self.fetch_config(blob))
            .await
    }

    async fn fetch_config(&self, blob: &Blob) -> FetchResult<Arc<Config>> {
        let bytes = match &self.source {
            ImageSource::Remote(remote) => remote.config(blob).await,
            ImageSource::Layout(layout) => layout.config(blob).await,
        };
        let bytes = bytes.map_err(|mut failure| {
            if failure.kind == FetchFailureKind::NotFound {
                failure.kind = FetchFailureKind::NoConfig;
            }
            failure
        })?;
        Config::parse(&bytes)
            .map(Arc::new)
            .map_err(|fault| self.place.useless(fault))
    }
}
