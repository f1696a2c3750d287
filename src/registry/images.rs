//! The images of one repository: which requests answer which facts.
//!
//! Each manifest and each config is fetched once a run, however many tags point
//! at it and however many questions need it; and once for ever where a cache
//! keeps what it said.

mod describe;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use crate::image::{
    Digest, Fact, FetchFailure, ImageMetadata, Known, SourceKind, Tag, TagOrDigest,
};

use self::describe::fail;
use super::facts::{ImageFacts, Wanted};
use super::failure::Place;
use super::layout::Layout;
use super::manifest::{Blob, Config, Manifest};
use super::memory::{Memory, RememberedList, RememberedTag, Scope};
use super::once::Once;
use super::push_times::Told;
use super::remote::{RawManifest, Remote};
use super::tags::{self, TagList};

/// Where a repository is read from.
#[derive(Debug)]
pub(super) enum Source {
    /// A registry.
    Remote(Box<Remote>),
    /// A directory.
    Layout(Layout),
}

type Answered<T> = Result<T, FetchFailure>;

/// A manifest and its digest.
type Fetched = Arc<(Digest, Manifest)>;

/// What a tag serves, as far as this run knows.
#[derive(Debug, Clone)]
struct Seen {
    digest: Option<Digest>,
    look: Look,
    first_seen: Option<Timestamp>,
    pushed: Option<Timestamp>,
}

/// How fresh that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    /// The registry said so in this run, or nobody is to be asked.
    Now,
    /// An earlier run saw it, and is believed.
    Earlier,
    /// An earlier run saw it, too long ago.
    TooEarly,
}

/// One repository.
#[derive(Debug)]
pub(super) struct Images {
    source: Source,
    place: Place,
    memory: Option<Memory>,
    tags: Mutex<HashMap<Tag, Seen>>,
    facts: Mutex<HashMap<Digest, ImageFacts>>,
    manifests: Once<TagOrDigest, Fetched>,
    configs: Once<Digest, Arc<Config>>,
    told: Told,
}

impl Images {
    pub(super) fn new(source: Source, place: Place, memory: Option<Memory>) -> Self {
        Self {
            source,
            place,
            memory,
            tags: Mutex::default(),
            facts: Mutex::default(),
            manifests: Once::default(),
            configs: Once::default(),
            told: Told::default(),
        }
    }

    pub(super) fn source_kind(&self) -> SourceKind {
        let is_all_there_is = self.memory.as_ref().is_some_and(Memory::is_all_there_is);
        match self.source {
            Source::Remote(_) if is_all_there_is => SourceKind::Cache,
            Source::Remote(_) => SourceKind::Registry,
            Source::Layout(_) => SourceKind::OciLayout,
        }
    }

    /// What was told of the tags without asking for each.
    pub(super) fn told(&self) -> &Told {
        &self.told
    }

    /// The registry; `None` for a directory.
    pub(super) fn remote(&self) -> Option<&Remote> {
        match &self.source {
            Source::Remote(remote) => Some(remote),
            Source::Layout(_) => None,
        }
    }

    /// The tag list, and the earlier time at which it was asked for, where it
    /// comes from the cache.
    pub(super) async fn tags(&self, now: Timestamp) -> Answered<(TagList, Option<Timestamp>)> {
        let remote = match &self.source {
            Source::Remote(remote) => remote,
            Source::Layout(layout) => return Ok((layout.tags().await?, None)),
        };
        let Some(memory) = &self.memory else {
            return Ok((tags::fetch(remote, None, None).await?, None));
        };
        let old = memory.list(&self.scopes(remote, memory).await).await;
        if let Some((None, _)) = old {
            remote.was_open();
        }
        let old = old.map(|(_, list)| list);
        if let Some(old) = old.as_ref().filter(|old| memory.trusts(old, now)) {
            return Ok((TagList::remembered(old), Some(old.at)));
        }
        let mut pages = Vec::new();
        let comparable = old.as_ref().filter(|_| memory.compares());
        let list = tags::fetch(remote, comparable, Some(&mut pages)).await?;
        let new = RememberedList { at: now, pages };
        if let Some(scope) = remote.scope(memory.is_private()).await
            && !new.pages.is_empty()
        {
            if let Some(old) = &old {
                note_new_tags(memory, scope, old, &list, now);
            }
            memory.keep_list(scope, &new);
        }
        Ok((list, None))
    }

    /// Reads what earlier runs learnt of these versions, all together.
    pub(super) async fn recall(
        &self,
        versions: impl Iterator<Item = &TagOrDigest>,
        now: Timestamp,
    ) {
        let (Source::Remote(remote), Some(memory)) = (&self.source, &self.memory) else {
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

    /// Takes note of what the tag list of this run says that these serve.
    pub(super) async fn heed_list(
        &self,
        versions: impl Iterator<Item = &TagOrDigest>,
        now: Timestamp,
    ) {
        for version in versions {
            if let Some(digest) = self.told.serves(version) {
                self.learn(version, digest, now).await;
            }
        }
    }

    /// When the cache saw a tag serve what it serves for the first time.
    pub(super) fn first_seen(&self, tag: &Tag) -> Option<Timestamp> {
        self.seen().get(tag).and_then(|seen| seen.first_seen)
    }

    /// Whether this asks for a creation time that is known already.
    pub(super) fn can_date(&self, fact: &Fact) -> bool {
        let Fact::Created(version) = fact else {
            return false;
        };
        let digest = match version {
            TagOrDigest::Digest(digest) => Some(digest.clone()),
            TagOrDigest::Tag(tag) => {
                let seen = self.seen();
                let seen = seen.get(tag).filter(|seen| seen.look != Look::TooEarly);
                seen.and_then(|seen| seen.digest.clone())
            }
        };
        let wanted = Wanted::of(fact);
        digest.is_some_and(|digest| self.can_answer(&digest, wanted))
    }

    /// Answers questions about one version; what was not asked and did not come
    /// by itself stays [`Known::NotAsked`].
    pub(super) async fn describe(
        &self,
        version: &TagOrDigest,
        wanted: Wanted,
        now: Timestamp,
    ) -> ImageMetadata {
        let mut image = ImageMetadata::default();
        let result = self.answer(version, wanted, now, &mut image).await;
        if let Err(failure) = &result {
            fail(&mut image, wanted, failure);
        }
        if let TagOrDigest::Tag(tag) = version {
            let mut seen = self.seen();
            if result.is_err() && wanted.digest {
                // What could not be confirmed is believed no longer.
                if let Some(seen) = seen.get_mut(tag) {
                    seen.look = Look::TooEarly;
                }
            }
            let seen = seen.get(tag);
            image.first_seen = seen.and_then(|seen| seen.first_seen);
            if let Some(pushed) = seen.and_then(|seen| seen.pushed) {
                image.pushed = Known::Value(Some(pushed));
            }
        }
        image
    }

    /// From what is known to what costs a request, until the questions are
    /// answered.
    async fn answer(
        &self,
        version: &TagOrDigest,
        wanted: Wanted,
        now: Timestamp,
        image: &mut ImageMetadata,
    ) -> Answered<()> {
        let seen = match version {
            TagOrDigest::Digest(digest) => Some((digest.clone(), Look::Now)),
            TagOrDigest::Tag(tag) => {
                let seen = self.seen();
                let seen = seen.get(tag);
                seen.and_then(|seen| Some((seen.digest.clone()?, seen.look)))
            }
        };
        let is_known = seen
            .as_ref()
            .is_some_and(|(digest, _)| self.can_answer(digest, wanted));
        // Whether an image is there has to be asked, unless nobody is.
        let asks = !self
            .memory
            .as_ref()
            .is_some_and(|m| m.is_all_there_is() && is_known);
        let is_plain_digest = matches!(version, TagOrDigest::Digest(_)) && wanted.digest && asks;
        let fetched = match seen {
            Some((digest, Look::Now)) if !is_plain_digest => {
                if self.tell(&digest, wanted, false, image) {
                    return Ok(());
                }
                TagOrDigest::Digest(digest)
            }
            Some((digest, Look::Earlier)) if is_known && !wanted.digest => {
                self.tell(&digest, wanted, true, image);
                return Ok(());
            }
            // A HEAD tells whether what is known still holds; where a GET is
            // counted and a HEAD is not, it is asked first in any case.
            _ if is_known || wanted.is_below_no_digest() || self.counts_pulls().await => {
                let digest = self.digest(version).await?;
                self.learn(version, &digest, now).await;
                self.recall(std::iter::once(&TagOrDigest::Digest(digest.clone())), now)
                    .await;
                if self.tell(&digest, wanted, false, image) {
                    return Ok(());
                }
                TagOrDigest::Digest(digest)
            }
            _ => version.clone(),
        };
        let manifest = self.manifest(&fetched, None).await?;
        let (digest, manifest) = &*manifest;
        self.learn(version, digest, now).await;
        image.digest = Known::Value(digest.clone());
        let for_ever = self.read(digest, manifest, wanted, image).await;
        self.keep(digest, image, for_ever).await;
        Ok(())
    }

    /// Writes what is known of a digest into an answer; says whether that
    /// answers what is wanted.
    fn tell(
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

    fn can_answer(&self, digest: &Digest, wanted: Wanted) -> bool {
        let known = self.known();
        known.get(digest).is_some_and(|facts| facts.answer(wanted))
    }

    /// Takes note of what a tag serves.
    async fn learn(&self, version: &TagOrDigest, digest: &Digest, now: Timestamp) {
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
        if let (Source::Remote(remote), Some(memory)) = (&self.source, &self.memory) {
            let remembered = RememberedTag {
                digest: Some(digest.clone()),
                at: now,
                first_seen,
                pushed,
            };
            if let Some(scope) = remote.scope(memory.is_private()).await {
                memory.keep_tag(scope, tag, &remembered);
            }
        }
    }

    /// Keeps what was told of an image, if it holds for ever: for this run, and
    /// for later ones.
    async fn keep(&self, digest: &Digest, image: &ImageMetadata, for_ever: bool) {
        if !for_ever {
            return;
        }
        let facts = {
            let mut known = self.known();
            let facts = known.entry(digest.clone()).or_default();
            if !facts.add(ImageFacts::of(image)) {
                return;
            }
            facts.clone()
        };
        if let (Source::Remote(remote), Some(memory)) = (&self.source, &self.memory)
            && let Some(scope) = remote.scope(memory.is_private()).await
        {
            memory.keep_image(scope, digest, &facts);
        }
    }

    async fn scopes(&self, remote: &Remote, memory: &Memory) -> Vec<Scope> {
        remote.scopes(memory.is_private()).await
    }

    async fn counts_pulls(&self) -> bool {
        match &self.source {
            Source::Remote(remote) => remote.counts_pulls().await,
            Source::Layout(_) => false,
        }
    }

    fn seen(&self) -> MutexGuard<'_, HashMap<Tag, Seen>> {
        self.tags.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Digest, ImageFacts>> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn digest(&self, version: &TagOrDigest) -> Answered<Digest> {
        match &self.source {
            Source::Remote(remote) => remote.digest(version).await,
            Source::Layout(layout) => Ok(layout.manifest(version, None).await?.digest),
        }
    }

    async fn manifest_of(&self, blob: &Blob) -> Answered<Fetched> {
        self.manifest(&TagOrDigest::Digest(blob.digest.clone()), blob.size)
            .await
    }

    async fn manifest(&self, version: &TagOrDigest, size: Option<u64>) -> Answered<Fetched> {
        let fetch = || async {
            let raw = match &self.source {
                Source::Remote(remote) => remote.manifest(version, size).await,
                Source::Layout(layout) => layout.manifest(version, size).await,
            }?;
            let RawManifest {
                digest,
                content_type,
                bytes,
            } = raw;
            let manifest = Manifest::parse(&bytes, content_type.as_deref())
                .map_err(|fault| self.place.useless(format_args!("{version}: {fault}")))?;
            Ok(Arc::new((digest, manifest)))
        };
        let fetched = self.manifests.get_or_fetch(version, fetch).await?;
        if let TagOrDigest::Tag(_) = version {
            let digest = TagOrDigest::Digest(fetched.0.clone());
            self.manifests.put(digest, Arc::clone(&fetched));
        }
        Ok(fetched)
    }

    async fn config(&self, blob: &Blob) -> Answered<Arc<Config>> {
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

/// Remembers when tags came that an earlier list did not have.
fn note_new_tags(
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
