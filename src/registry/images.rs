//! The images of one repository: which requests answer which facts.
//!
//! Each manifest and each config is fetched once a run, however many tags point
//! at it and however many questions need it.

use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream;

use crate::image::{
    Digest, Fact, FetchFailure, FetchFailureKind, ImageMetadata, Known, Member, Platform,
    SourceKind, TagOrDigest,
};

use super::failure::Place;
use super::layout::Layout;
use super::manifest::{Blob, Config, Entry, Manifest};
use super::once::Once;
use super::remote::{RawManifest, Remote};
use super::tags::{self, TagList};

/// How many members of one index are looked at side by side.
const MEMBERS_AT_ONCE: usize = 8;

/// Where a repository is read from.
#[derive(Debug)]
pub(super) enum Source {
    /// A registry.
    Remote(Box<Remote>),
    /// A directory.
    Layout(Layout),
}

/// What is asked about one version.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wanted {
    digest: bool,
    members: bool,
    platforms: bool,
    created: bool,
    configs: bool,
}

impl Wanted {
    /// Adds a question; facts about the whole repository add nothing.
    pub(super) fn add(&mut self, fact: &Fact) {
        match fact {
            Fact::Tags | Fact::Pushed(_) => {}
            Fact::Digest(_) | Fact::Confirmed(_) => self.digest = true,
            Fact::Members(_) => self.members = true,
            Fact::Platforms(_) => self.platforms = true,
            Fact::Created(_) => self.created = true,
            Fact::Configs(_) => self.configs = true,
        }
    }

    fn only_digest(self) -> bool {
        self.digest && !(self.members || self.platforms || self.created || self.configs)
    }
}

type Answered<T> = Result<T, FetchFailure>;

/// A manifest and its digest.
type Fetched = Arc<(Digest, Manifest)>;

/// One repository.
#[derive(Debug)]
pub(super) struct Images {
    source: Source,
    place: Place,
    manifests: Once<TagOrDigest, Fetched>,
    configs: Once<Digest, Arc<Config>>,
}

impl Images {
    pub(super) fn new(source: Source, place: Place) -> Self {
        Self {
            source,
            place,
            manifests: Once::default(),
            configs: Once::default(),
        }
    }

    pub(super) fn source_kind(&self) -> SourceKind {
        match self.source {
            Source::Remote(_) => SourceKind::Registry,
            Source::Layout(_) => SourceKind::OciLayout,
        }
    }

    pub(super) async fn tags(&self) -> Answered<TagList> {
        match &self.source {
            Source::Remote(remote) => tags::fetch(remote).await,
            Source::Layout(layout) => layout.tags().await,
        }
    }

    /// Answers questions about one version; what was not asked and did not come
    /// by itself stays [`Known::NotAsked`].
    pub(super) async fn describe(&self, version: &TagOrDigest, wanted: Wanted) -> ImageMetadata {
        let mut image = ImageMetadata::default();
        if wanted.only_digest() && !self.manifests.has(version) {
            image.digest = known(self.digest(version).await);
            return image;
        }
        match self.manifest(version, None).await {
            Ok(fetched) => {
                let (digest, manifest) = &*fetched;
                image.digest = Known::Value(digest.clone());
                match manifest {
                    Manifest::Index(entries) => {
                        self.describe_index(entries, wanted, &mut image).await
                    }
                    Manifest::Image(config) => {
                        self.describe_image(digest, config, wanted, &mut image)
                            .await;
                    }
                    Manifest::Artifact(config) => {
                        image.members = Known::Value(vec![member(digest, config.clone())]);
                        image.platforms = Known::Value(Vec::new());
                        image.created = Known::Value(None);
                    }
                }
            }
            Err(failure) => fail(&mut image, wanted, &failure),
        }
        image
    }

    async fn describe_image(
        &self,
        digest: &Digest,
        config: &Blob,
        wanted: Wanted,
        image: &mut ImageMetadata,
    ) {
        image.members = Known::Value(vec![member(digest, Some(config.digest.clone()))]);
        if !(wanted.created || wanted.platforms) {
            return;
        }
        match self.config(config).await {
            Ok(config) => {
                image.created = Known::Value(config.created);
                image.platforms = Known::Value(config.platform.iter().cloned().collect());
            }
            Err(failure) => {
                let wanted = Wanted {
                    created: wanted.created,
                    platforms: wanted.platforms,
                    ..Wanted::default()
                };
                fail(image, wanted, &failure);
            }
        }
    }

    async fn describe_index(&self, entries: &[Entry], wanted: Wanted, image: &mut ImageMetadata) {
        let members = entries
            .iter()
            .map(|entry| member(&entry.manifest.digest, None));
        image.members = Known::Value(members.collect());
        let all_named = entries.iter().all(|entry| entry.platform.is_some());
        if all_named || wanted.platforms || wanted.created {
            match self.platforms(entries).await {
                Ok(found) => {
                    if wanted.created {
                        image.created = known(self.created(&found).await);
                    }
                    let mut platforms: Vec<Platform> =
                        found.into_iter().map(|(platform, _)| platform).collect();
                    platforms.dedup();
                    image.platforms = Known::Value(platforms);
                }
                Err(failure) => {
                    let wanted = Wanted {
                        created: wanted.created,
                        platforms: wanted.platforms,
                        ..Wanted::default()
                    };
                    fail(image, wanted, &failure);
                }
            }
        }
        if wanted.configs {
            image.members = known(self.members(entries).await);
        }
    }

    /// The images of an index with their platforms, in byte order. What the
    /// index does not name stands in the image's config.
    async fn platforms<'a>(&self, entries: &'a [Entry]) -> Answered<Vec<(Platform, &'a Blob)>> {
        let mut found = Vec::new();
        for entry in entries {
            let platform = match &entry.platform {
                Some(platform) => Some(platform.clone()),
                None => match &self.manifest_of(&entry.manifest).await?.1 {
                    Manifest::Image(config) => self.config(config).await?.platform.clone(),
                    // Indexes within indexes are not descended into.
                    Manifest::Index(_) | Manifest::Artifact(_) => None,
                },
            };
            found.extend(platform.map(|platform| (platform, &entry.manifest)));
        }
        found.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(found)
    }

    /// The creation time of the image that stands for all.
    async fn created(&self, images: &[(Platform, &Blob)]) -> Answered<Option<jiff::Timestamp>> {
        let chosen = images
            .iter()
            .find(|(platform, _)| platform.is_linux_amd64())
            .or_else(|| images.first());
        let Some((_, manifest)) = chosen else {
            return Ok(None);
        };
        match &self.manifest_of(manifest).await?.1 {
            Manifest::Image(config) => Ok(self.config(config).await?.created),
            Manifest::Index(_) | Manifest::Artifact(_) => Ok(None),
        }
    }

    /// The members with their configs. A member that is not there (a mirror
    /// that copied some platforms only) is left out: nobody can run it.
    async fn members(&self, entries: &[Entry]) -> Answered<Vec<Member>> {
        let read = |entry: &Entry| {
            let blob = entry.manifest.clone();
            async move {
                let config = match self.manifest_of(&blob).await {
                    Ok(fetched) => match &fetched.1 {
                        Manifest::Image(config) => Some(config.digest.clone()),
                        Manifest::Artifact(config) => config.clone(),
                        Manifest::Index(_) => None,
                    },
                    Err(failure) if failure.kind == FetchFailureKind::NotFound => return Ok(None),
                    Err(failure) => return Err(failure),
                };
                Ok(Some(member(&blob.digest, config)))
            }
        };
        let requests: Vec<_> = entries.iter().map(read).collect();
        let members: Vec<Answered<Option<Member>>> = stream::iter(requests)
            .buffered(MEMBERS_AT_ONCE)
            .collect()
            .await;
        members.into_iter().filter_map(Result::transpose).collect()
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
        self.manifests.get_or_fetch(version, fetch).await
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

fn known<T>(answer: Answered<T>) -> Known<T> {
    match answer {
        Ok(value) => Known::Value(value),
        Err(failure) => Known::Failed(failure),
    }
}

fn member(manifest: &Digest, config: Option<Digest>) -> Member {
    Member {
        manifest: manifest.clone(),
        config,
    }
}

/// Marks everything that was wanted as failed.
fn fail(image: &mut ImageMetadata, wanted: Wanted, failure: &FetchFailure) {
    if wanted.digest {
        image.digest = Known::Failed(failure.clone());
    }
    if wanted.members || wanted.configs {
        image.members = Known::Failed(failure.clone());
    }
    if wanted.platforms {
        image.platforms = Known::Failed(failure.clone());
    }
    if wanted.created {
        image.created = Known::Failed(failure.clone());
    }
}
