//! The manifests and configs of one repository, each fetched once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use crate::image::{
    CanonicalName, Digest, FetchFailure, FetchFailureKind, ImageMetadata, Known, SourceKind, Tag,
    TagOrDigest,
};

use crate::registry::client::failure::RepositoryLabel;
use crate::registry::client::remote::{RawManifest, Remote};
use crate::registry::content::config::Config;
use crate::registry::content::manifest::{Blob, Manifest, ManifestError};
use crate::registry::repository::described_tags::DescribedTags;
use crate::registry::repository::facts::{ImageFacts, Wanted};
use crate::registry::repository::layout::Layout;
use crate::registry::repository::metadata_cache::{Memory, RememberedList, Scope};
use crate::registry::repository::once::Once;
use crate::registry::repository::tags;
use crate::registry::repository::tags::TagList;

/// Where a repository is read from.
#[derive(Debug)]
pub(crate) enum Source {
    /// A registry.
    Remote(Box<Remote>),
    /// A directory.
    Layout(Layout),
}

pub(crate) type Answered<T> = Result<T, FetchFailure>;

/// A manifest as it was served.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) digest: Digest,
    pub(crate) manifest: Manifest,
    /// What the registry said in `Last-Modified`.
    pub(crate) last_modified: Option<Timestamp>,
}

pub(crate) type Fetched = Arc<Served>;

/// What a tag serves, as far as this run knows.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) digest: Option<Digest>,
    pub(crate) look: Look,
    pub(crate) pushed: Option<Timestamp>,
    /// The earliest `Last-Modified` that came with it.
    pub(crate) last_modified: Option<Timestamp>,
}

/// How fresh that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// The registry said so in this run, or nobody is to be asked.
    Now,
    /// An earlier run saw it, and is believed.
    Earlier,
    /// An earlier run saw it, too long ago.
    TooEarly,
}

/// One repository.
#[derive(Debug)]
pub(crate) struct Images {
    pub(crate) source: Source,
    pub(crate) place: RepositoryLabel,
    pub(crate) memory: Option<Memory>,
    pub(crate) tags: Mutex<HashMap<Tag, Seen>>,
    pub(crate) facts: Mutex<HashMap<Digest, ImageFacts>>,
    pub(crate) manifests: Once<TagOrDigest, Fetched>,
    pub(crate) configs: Once<Digest, Arc<Config>>,
    pub(crate) told: DescribedTags,
}

impl Images {
    pub(crate) fn new(source: Source, place: RepositoryLabel, memory: Option<Memory>) -> Self {
        Self {
            source,
            place,
            memory,
            tags: Mutex::default(),
            facts: Mutex::default(),
            manifests: Once::default(),
            configs: Once::default(),
            told: DescribedTags::default(),
        }
    }

    pub(crate) fn source_kind(&self) -> SourceKind {
        let is_all_there_is = self.memory.as_ref().is_some_and(Memory::is_all_there_is);
        match self.source {
            Source::Remote(_) if is_all_there_is => SourceKind::Cache,
            Source::Remote(_) => SourceKind::Registry,
            Source::Layout(_) => SourceKind::OciLayout,
        }
    }

    /// The name under which it is read, if that is not its own.
    pub(crate) fn elsewhere(&self) -> Option<&CanonicalName> {
        self.place.elsewhere()
    }

    /// What was told of the tags without asking for each.
    pub(crate) fn told(&self) -> &DescribedTags {
        &self.told
    }

    /// The registry; `None` for a directory.
    pub(crate) fn remote(&self) -> Option<&Remote> {
        match &self.source {
            Source::Remote(remote) => Some(remote),
            Source::Layout(_) => None,
        }
    }

    /// The tag list, and the earlier time at which it was asked for, where it
    /// comes from the cache.
    pub(crate) async fn tags(&self, now: Timestamp) -> Answered<(TagList, Option<Timestamp>)> {
        let remote = match &self.source {
            Source::Remote(remote) => remote,
            Source::Layout(layout) => return Ok((layout.tags().await?, None)),
        };
        let Some(memory) = &self.memory else {
            return Ok((tags::fetch(remote, None, None).await?, None));
        };
        let old = memory.list(&self.scopes(remote, memory).await).await;
        if let Some((None, _)) = old {
            remote.mark_public();
        }
        let old = old.map(|(_, list)| list);
        if let Some(old) = old.as_ref().filter(|old| memory.trusts(old, now)) {
            return Ok((TagList::remembered(old), Some(old.at)));
        }
        let mut pages = Vec::new();
        let comparable = old.as_ref().filter(|_| memory.compares());
        let list = tags::fetch(remote, comparable, Some(&mut pages)).await?;
        let new = RememberedList { at: now, pages };
        if let Some((_, scope)) = self.writable().await
            && !new.pages.is_empty()
        {
            memory.keep_list(scope, &new);
        }
        Ok((list, None))
    }

    /// Writes what is known of a digest into an answer; says whether that
    /// answers what is wanted.
    pub(crate) fn tell(
        &self,
        digest: &Digest,
        wanted: Wanted,
        remembered: bool,
        image: &mut ImageMetadata,
    ) -> bool {
        image.digest = Known::Value(digest.clone());
        image.remembered = remembered;
        let known = self.known();
        let Some(facts) = known.get(digest) else {
            return wanted.is_below_no_digest();
        };
        facts.write(image);
        facts.answer(wanted)
    }

    pub(crate) fn can_answer(&self, digest: &Digest, wanted: Wanted) -> bool {
        let known = self.known();
        known.get(digest).is_some_and(|facts| facts.answer(wanted))
    }

    /// When a tag was pushed, where that was told.
    pub(crate) fn pushed(&self, version: &TagOrDigest) -> Option<Timestamp> {
        match version {
            TagOrDigest::Digest(_) => None,
            TagOrDigest::Tag(tag) => self.seen().get(tag)?.pushed,
        }
    }

    /// What a version serves as far as is known, and how fresh that is.
    pub(crate) fn served(&self, version: &TagOrDigest) -> Option<(Digest, Look)> {
        match version {
            TagOrDigest::Digest(digest) => Some((digest.clone(), Look::Now)),
            TagOrDigest::Tag(tag) => {
                let seen = self.seen();
                let seen = seen.get(tag)?;
                Some((seen.digest.clone()?, seen.look))
            }
        }
    }

    /// Where to keep what is learnt, and for whom; `None` where nothing is kept,
    /// and as long as the registry has let nobody in.
    pub(crate) async fn writable(&self) -> Option<(&Memory, Scope)> {
        let (remote, memory) = (self.remote()?, self.memory.as_ref()?);
        Some((memory, remote.scope(memory.is_private()).await?))
    }

    pub(crate) async fn scopes(&self, remote: &Remote, memory: &Memory) -> Vec<Scope> {
        remote.scopes(memory.is_private()).await
    }

    pub(crate) async fn counts_pulls(&self) -> bool {
        match &self.source {
            Source::Remote(remote) => remote.counts_pulls().await,
            Source::Layout(_) => false,
        }
    }

    pub(crate) fn seen(&self) -> MutexGuard<'_, HashMap<Tag, Seen>> {
        self.tags.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn known(&self) -> MutexGuard<'_, HashMap<Digest, ImageFacts>> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) async fn digest(&self, version: &TagOrDigest) -> Answered<Digest> {
        match &self.source {
            Source::Remote(remote) => remote.digest(version).await,
            Source::Layout(layout) => Ok(layout.manifest(version, None).await?.digest),
        }
    }

    pub(crate) async fn manifest_of(&self, blob: &Blob) -> Answered<Fetched> {
        self.manifest(&TagOrDigest::Digest(blob.digest.clone()), blob.size)
            .await
    }

    pub(crate) async fn manifest(
        &self,
        version: &TagOrDigest,
        size: Option<u64>,
    ) -> Answered<Fetched> {
        let fetch = || async {
            let raw = match &self.source {
                Source::Remote(remote) => remote.manifest(version, size).await,
                Source::Layout(layout) => layout.manifest(version, size).await,
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
            Ok(Arc::new(Served {
                digest,
                manifest,
                last_modified,
            }))
        };
        let fetched = self.manifests.get_or_fetch(version, fetch).await?;
        if let TagOrDigest::Tag(_) = version {
            let digest = TagOrDigest::Digest(fetched.digest.clone());
            self.manifests.put(digest, Arc::clone(&fetched));
        }
        Ok(fetched)
    }

    pub(crate) async fn config(&self, blob: &Blob) -> Answered<Arc<Config>> {
        let fetch = || async {
            let bytes = match &self.source {
                Source::Remote(remote) => remote.config(blob).await,
                Source::Layout(layout) => layout.config(blob).await,
            }?;
            Config::parse(&bytes)
                .map(Arc::new)
                .map_err(|fault| self.place.useless(fault))
        };
        self.configs.get_or_fetch(&blob.digest, fetch).await
    }
}
