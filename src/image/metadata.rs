//! What a registry says of a repository, as far as it was asked.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::build_time::{BuildTimes, Created};
use super::name::CanonicalName;
use super::platform::Platform;
use super::version::{Digest, Tag, TagOrDigest};

/// One fact: never asked for, known, or asked for in vain.
///
/// The three are kept apart because the evaluator asks for what it misses, and
/// refuses to decide on what could not be had.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Known<T> {
    /// Nobody asked yet.
    #[default]
    NotAsked,
    /// The answer.
    Value(T),
    /// The question failed, and why.
    Failed(FetchFailure),
}

impl<T> Known<T> {
    /// The answer, if there is one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::NotAsked | Self::Failed(_) => None,
        }
    }

    /// Whether nobody asked yet.
    pub fn is_not_asked(&self) -> bool {
        matches!(self, Self::NotAsked)
    }
}

/// Why a question to a registry has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{message}")]
pub struct FetchFailure {
    /// The kind of failure, which decides what becomes of the row.
    pub kind: FetchFailureKind,
    /// What happened, to which registry, and what to do; never a secret.
    pub message: String,
}

/// The kinds of failure that matter to a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FetchFailureKind {
    /// The registry says that this does not exist (404).
    NotFound,
    /// The registry wants other credentials (401, 403).
    Unauthorized,
    /// The registry wants fewer requests (429).
    RateLimited,
    /// No answer: DNS, connection, TLS, time-out.
    Unreachable,
    /// Nobody was asked, and nothing is remembered of it.
    NotRemembered,
    /// The registry serves everything but this image: it is blocked (412, 423,
    /// 451), or of a format that no runtime pulls any more.
    CannotBePulled,
    /// A manifest or a config is larger than any that makes sense.
    TooLarge,
    /// An answer that is of no use: 5xx, malformed, a bad redirect.
    Registry,
}

/// Where metadata came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// A registry over HTTP.
    #[default]
    Registry,
    /// What an earlier run learnt, and nothing else: `--offline`.
    Cache,
    /// An OCI image layout on disk.
    OciLayout,
    /// A list of tags given by the user.
    Given,
}

/// One question about a repository, in the order of what an answer costs.
///
/// Whoever answers fills [`RepositoryMetadata`] with the answer or with the
/// reason why there is none, and may fill in whatever else the answer told. One
/// question may be answered by less: to [`Fact::Created`] of a tag whose push
/// time was not known, the push time, which bounds the creation. Who needs the
/// time itself asks again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fact {
    /// All tags: [`RepositoryMetadata::tags`].
    Tags,
    /// What a tag serves: [`ImageMetadata::digest`]. A HEAD.
    Digest(TagOrDigest),
    /// The images below an index: [`ImageMetadata::members`]. The manifest.
    Members(TagOrDigest),
    /// What it is and where it runs: [`ImageMetadata::content`] and
    /// [`ImageMetadata::platforms`]. The manifest, and the config of an image that
    /// is not an index.
    Platforms(TagOrDigest),
    /// When the image was built: [`ImageMetadata::created`]. The manifest; where
    /// its annotations do not tell, the manifest of one platform below an index,
    /// and its config.
    Created(TagOrDigest),
    /// The config digest of every member: [`Member::config`]. The manifests.
    Configs(TagOrDigest),
    /// When the tag was pushed: [`ImageMetadata::pushed`]. Free where the
    /// registry does not tell it.
    Pushed(TagOrDigest),
    /// Whether a remembered tag still serves what it did:
    /// [`ImageMetadata::remembered`]. A HEAD. Where the tag serves something
    /// else, or that cannot be had, nothing of the entry holds any more: it is
    /// replaced by what is known now, or by the failure.
    Confirmed(TagOrDigest),
}

impl Fact {
    /// The tag or digest that it is about; `None`: about all tags.
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

/// Everything known of one repository.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryMetadata {
    /// All tags, sorted by their bytes, each once.
    pub tags: Known<Vec<Tag>>,
    /// When the tags were asked for.
    pub asked_at: Option<Timestamp>,
    /// Where the tags came from.
    pub source: SourceKind,
    /// Where it was read, if not under its own name: a mirror, or the location
    /// that a `registries.conf` puts in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<CanonicalName>,
    /// How many listed names are no legal tags; they are never candidates.
    pub illegal_tags: usize,
    /// Nothing more can be asked of it: the user gave it, or an older version of
    /// this program saved it, which asked less. What was never asked is then not
    /// checked, where otherwise nothing is decided without it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_closed: bool,
    /// What is known of single images.
    pub images: BTreeMap<TagOrDigest, ImageMetadata>,
}

impl RepositoryMetadata {
    /// What is known of one image; nothing where nobody asked.
    #[must_use]
    pub fn image(&self, version: &TagOrDigest) -> Option<&ImageMetadata> {
        self.images.get(version)
    }

    /// Why a question failed, if it did; to be told more exactly.
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

    /// Lets a question fail.
    pub fn refuse(&mut self, fact: &Fact, failure: FetchFailure) {
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

/// What is known of one image. The facts cost more the further down they
/// stand: a HEAD, the manifest, the config.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageMetadata {
    /// What the tag serves: the index's digest where there is an index.
    pub digest: Known<Digest>,
    /// The images below an index, or the one image; attestations are left out.
    pub members: Known<Vec<Member>>,
    /// The platforms offered: an index names them, a single image's stands in
    /// its config.
    pub platforms: Known<Vec<Platform>>,
    /// What the manifest describes. Known with any fact that the manifest tells.
    #[serde(default)]
    pub content: Known<Content>,
    /// When the image was built, as it says itself: of linux/amd64 if offered,
    /// else of the first platform in byte order. See [`ImageMetadata::built`].
    pub created: Known<BuildTimes>,
    /// Whether the config digests of the members were asked for; a member
    /// without one then could not be read.
    #[serde(default)]
    pub configs_asked: bool,
    /// When the tag was pushed; `None` where the registry does not tell it.
    #[serde(default)]
    pub pushed: Known<Option<Timestamp>>,
    /// The earliest `Last-Modified` that the registry itself sent with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<Timestamp>,
    /// When our cache saw the digest for the first time; `None` where nothing is
    /// kept.
    pub first_seen: Option<Timestamp>,
    /// An earlier run saw the tag serve [`Self::digest`], and this one did not
    /// look again; a decision that rests on the tag asks for [`Fact::Confirmed`].
    #[serde(default)]
    pub remembered: bool,
}

impl ImageMetadata {
    /// When it was pushed, where that is known.
    #[must_use]
    pub fn pushed_at(&self) -> Option<Timestamp> {
        self.pushed.value().copied().flatten()
    }

    /// When it was built, if that was asked for and can be true.
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
    /// Something else that a registry keeps: a chart, a signature, a build cache.
    /// What tells so, as the end of a sentence that begins with its name.
    Other(String),
}

/// One image of an index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// The digest of its manifest.
    pub manifest: Digest,
    /// The digest of its config, where its manifest was read.
    pub config: Option<Digest>,
}
