//! The metadata of a repository that was fetched from a registry.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::build_time::{BuildTimes, Created};
use super::code_version::CodeVersion;
use super::name::CanonicalName;
use super::platform::Platform;
use super::version::{Digest, Tag, TagOrDigest};

/// One fact: not requested, known, or failed.
///
/// They are distinct because the evaluator requests facts that are missing, and
/// makes no decision if a fact could not be fetched.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Known<T> {
    /// It has not been requested yet.
    #[default]
    NotAsked,
    /// The value.
    Value(T),
    /// The request failed, and why.
    Failed(FetchFailure),
}

impl<T> Known<T> {
    /// The value, if it is known.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::NotAsked | Self::Failed(_) => None,
        }
    }

    /// Why it is not known, if the request failed.
    pub fn failure(&self) -> Option<&FetchFailure> {
        match self {
            Self::Failed(failure) => Some(failure),
            Self::NotAsked | Self::Value(_) => None,
        }
    }

    /// Whether it has not been requested yet.
    pub fn is_not_asked(&self) -> bool {
        matches!(self, Self::NotAsked)
    }
}

/// Why a request to a registry failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{message}")]
pub struct FetchFailure {
    /// The kind of failure, which determines the state of the row.
    pub kind: FetchFailureKind,
    /// What happened, at which registry, and what to do. It contains no secrets.
    pub message: String,
}

/// The kinds of failures that decisions distinguish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FetchFailureKind {
    /// The registry reports that this does not exist (404).
    NotFound,
    /// The image's manifest exists, but its config does not (404).
    NoConfig,
    /// The registry rejects the credentials (401, 403).
    Unauthorized,
    /// The registry limits the rate of requests (429).
    RateLimited,
    /// There is no response: DNS, connection, TLS, timeout.
    Unreachable,
    /// The requests for the repository took too long in total (`--scan-timeout`).
    ScanTimeout,
    /// No request was made (`--offline`), and the cache has no entry.
    NotRemembered,
    /// The registry blocks this image (412, 423, 451), or it has a format that
    /// runtimes no longer pull.
    CannotBePulled,
    /// A manifest or a config exceeds the size limit.
    TooLarge,
    /// The response cannot be used: it is malformed, or a bad redirect.
    Registry,
    /// The registry itself failed (5xx).
    ServerError,
}

/// The source of metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// A registry over HTTP.
    #[default]
    Registry,
    /// Only the cache of earlier runs: `--offline`.
    Cache,
    /// An OCI image layout on disk.
    OciLayout,
    /// A list of tags given by the user.
    Given,
}

/// A fact about a repository that can be requested, in the order of its cost.
///
/// The result, or the reason for a failure, is stored in [`RepositoryMetadata`],
/// with any other facts that the same response contained. A request may be
/// answered by a weaker fact: [`Fact::Created`] of a tag whose push time was not
/// known may return only the push time, which bounds the creation time. If the
/// creation time itself is needed, it is requested again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fact {
    /// All tags: [`RepositoryMetadata::tags`].
    Tags,
    /// The digest of a tag: [`ImageMetadata::digest`]. Costs a HEAD request.
    Digest(TagOrDigest),
    /// The images of an index: [`ImageMetadata::members`]. Costs the manifest.
    Members(TagOrDigest),
    /// The content and the platforms: [`ImageMetadata::content`] and
    /// [`ImageMetadata::platforms`]. Costs the manifest, and the config if it is
    /// not an index.
    Platforms(TagOrDigest),
    /// When the image was built: [`ImageMetadata::created`]. Costs the manifest. If
    /// its annotations have no time, also the manifest of one platform of an index,
    /// and its config.
    Created(TagOrDigest),
    /// The config digest of every member: [`Member::config`]. Costs their manifests.
    Configs(TagOrDigest),
    /// When the tag was pushed: [`ImageMetadata::pushed`]. Costs nothing if the
    /// registry does not report it.
    Pushed(TagOrDigest),
    /// Whether a cached tag still has the same digest:
    /// [`ImageMetadata::remembered`]. Costs a HEAD request. If the digest has
    /// changed or cannot be fetched, the whole entry is out of date: it is replaced
    /// by the new digest or by the failure.
    Confirmed(TagOrDigest),
}

impl Fact {
    /// The tag or digest that it is about; `None` for the list of all tags.
    #[must_use]
    pub fn version(&self) -> Option<&TagOrDigest> {
        match self {
            Self::Tags => None,
            Self::Digest(version)
            | Self::Members(version)
            | Self::Platforms(version)
            | Self::Created(version)
            | Self::Configs(version)
            | Self::Pushed(version)
            | Self::Confirmed(version) => Some(version),
        }
    }
}

/// Everything known about one repository.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryMetadata {
    /// All tags, sorted by their bytes, each once.
    pub tags: Known<Vec<Tag>>,
    /// When the tags were requested.
    pub asked_at: Option<Timestamp>,
    /// Where the tags came from.
    pub source: SourceKind,
    /// Where it was read, if not under its own name: a mirror, or the replacement
    /// location from a `registries.conf`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<CanonicalName>,
    /// The number of listed names that are not valid tags. They are never candidates.
    pub illegal_tags: usize,
    /// Nothing more can be requested: the user provided the metadata, or an older
    /// version of this program saved it, which requested fewer facts. Facts that are
    /// missing are then not checked. Otherwise no decision is made without them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_closed: bool,
    /// What is known about individual images.
    pub images: BTreeMap<TagOrDigest, ImageMetadata>,
}

impl RepositoryMetadata {
    /// What is known about one image; `None` if nothing was requested.
    #[must_use]
    pub fn image(&self, version: &TagOrDigest) -> Option<&ImageMetadata> {
        self.images.get(version)
    }

    /// The failure of a request, if it failed; mutable, to add details.
    pub fn failure_of(&mut self, fact: &Fact) -> Option<&mut FetchFailure> {
        fn of<T>(known: &mut Known<T>) -> Option<&mut FetchFailure> {
            match known {
                Known::Failed(failure) => Some(failure),
                Known::NotAsked | Known::Value(_) => None,
            }
        }
        let image = match fact {
            Fact::Tags => return of(&mut self.tags),
            _ => self.images.get_mut(fact.version()?)?,
        };
        match fact {
            Fact::Tags => None,
            Fact::Digest(_) | Fact::Confirmed(_) => of(&mut image.digest),
            Fact::Members(_) | Fact::Configs(_) => of(&mut image.members),
            Fact::Platforms(_) => of(&mut image.platforms),
            Fact::Created(_) => of(&mut image.created),
            Fact::Pushed(_) => of(&mut image.pushed),
        }
    }

    /// Whether the registry has answered anything that can be used.
    #[must_use]
    pub fn has_answer(&self) -> bool {
        let mut images = self.images.values();
        self.tags.value().is_some() || images.any(|image| image.digest.value().is_some())
    }

    /// Every request that failed.
    pub fn failures(&self) -> impl Iterator<Item = &FetchFailure> {
        let of_images = self.images.values().flat_map(|image| {
            [
                image.digest.failure(),
                image.members.failure(),
                image.platforms.failure(),
                image.content.failure(),
                image.created.failure(),
                image.pushed.failure(),
            ]
        });
        std::iter::once(self.tags.failure())
            .chain(of_images)
            .flatten()
    }

    /// Records the failure of a request.
    pub fn record_failure(&mut self, fact: &Fact, failure: FetchFailure) {
        let Some(version) = fact.version() else {
            self.tags = Known::Failed(failure);
            return;
        };
        let image = self.images.entry(version.clone()).or_default();
        match fact {
            Fact::Tags => {}
            Fact::Digest(_) | Fact::Confirmed(_) => image.digest = Known::Failed(failure),
            Fact::Members(_) => image.members = Known::Failed(failure),
            Fact::Configs(_) => {
                image.members = Known::Failed(failure);
                image.configs_asked = true;
            }
            Fact::Platforms(_) => image.platforms = Known::Failed(failure),
            Fact::Created(_) => image.created = Known::Failed(failure),
            Fact::Pushed(_) => image.pushed = Known::Failed(failure),
        }
    }
}

/// What is known about one image. The facts are in the order of their cost: a HEAD
/// request, the manifest, the config.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageMetadata {
    /// The digest of the tag: the digest of the index if there is an index.
    pub digest: Known<Digest>,
    /// The images of an index, or the single image; without attestations.
    pub members: Known<Vec<Member>>,
    /// The available platforms. An index lists them; a single image has its platform
    /// in its config.
    pub platforms: Known<Vec<Platform>>,
    /// What the manifest describes. It is known together with any fact from the
    /// manifest.
    #[serde(default)]
    pub content: Known<Content>,
    /// When the image was built, by its own metadata: for linux/amd64 if available,
    /// else for the first platform in byte order. See [`ImageMetadata::built`].
    pub created: Known<BuildTimes>,
    /// What it was built from, if its config was read and says so. Nothing is requested for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<CodeVersion>,
    /// Whether the config digests of the members were requested. If so, a member
    /// without one could not be read.
    #[serde(default)]
    pub configs_asked: bool,
    /// When the tag was pushed; `None` if the registry does not report it.
    #[serde(default)]
    pub pushed: Known<Option<Timestamp>>,
    /// The earliest `Last-Modified` header that the registry itself sent for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<Timestamp>,
    /// When the cache first saw the digest; `None` without a cache.
    pub first_seen: Option<Timestamp>,
    /// [`Self::digest`] is from an earlier run, and this run has not checked it. A
    /// decision that depends on the tag requests [`Fact::Confirmed`].
    #[serde(default)]
    pub remembered: bool,
}

impl ImageMetadata {
    /// When it was pushed, if known.
    #[must_use]
    pub fn pushed_at(&self) -> Option<Timestamp> {
        self.pushed.value().copied().flatten()
    }

    /// When it was built, if that was requested and is plausible.
    #[must_use]
    pub fn built(&self, now: Timestamp) -> Option<Created> {
        self.created.value()?.created(now, self.pushed_at())
    }
}

/// What a manifest describes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// An image, or an index with at least one.
    Image,
    /// Something else that is stored in a registry: a chart, a signature, a build
    /// cache. The text says how this is known, as the end of a sentence that begins
    /// with the image's name.
    Other(String),
}

/// One image of an index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// The digest of its manifest.
    pub manifest: Digest,
    /// The digest of its config, if its manifest was read.
    pub config: Option<Digest>,
}
