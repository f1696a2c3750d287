//! Parses manifests and indexes.
//!
//! The type of a manifest is its `mediaType`, or the `Content-Type` of the response,
//! or is derived from its fields, because registries and tools may omit either.
//!
//! A manifest is an image if its config has the type of an image config, all its
//! layers have types of image layers, and it has neither an `artifactType` nor a
//! `subject`. An image may have no layers. An index holds an image if one of its
//! entries is a manifest with a platform and without an `artifactType`; if there is
//! no such entry, the first entry has to be read.

use jiff::Timestamp;
use oci_client::manifest::{
    IMAGE_CONFIG_MEDIA_TYPE, IMAGE_DOCKER_CONFIG_MEDIA_TYPE, IMAGE_MANIFEST_LIST_MEDIA_TYPE,
    IMAGE_MANIFEST_MEDIA_TYPE, OCI_IMAGE_INDEX_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE,
};

use crate::image::{Digest, Platform};

use super::config::{json_error, platform};
use super::lenient::Beginning;
use super::manifest_json::{
    AnnotationsJson, DescriptorJson, IndexEntries, MAX_ENTRIES, ManifestJson, PlatformJson,
};
use crate::secrets::quote as clean;

/// The `Accept` header: indexes first.
pub(crate) const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json";

/// The largest manifest that is read, in bytes: the limit of distribution.
pub(crate) const MAX_MANIFEST: u64 = 4 * 1024 * 1024;
/// The number of entries up to which an index stays in memory for the run.
const USUAL_ENTRIES: usize = 32;

/// The config type that Docker clients wrote in 2015.
const OCTET_STREAM: &str = "application/octet-stream";

/// A manifest or an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Manifest {
    /// Several images, without their attestations.
    Index(ImageIndex),
    /// One image.
    Image(ImageManifest),
    /// Something else in a registry, such as a chart or a signature.
    Artifact(ArtifactManifest),
}

/// Several images under one digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ImageIndex {
    /// The entries that may be images.
    pub(crate) entries: Vec<IndexEntry>,
    /// The build time in its annotations.
    pub(crate) created: Option<Timestamp>,
}

/// The manifest of one image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ImageManifest {
    pub(crate) config: Blob,
    /// The build time in its annotations.
    pub(crate) created: Option<Timestamp>,
}

/// The manifest of something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ArtifactManifest {
    pub(crate) config: Option<Digest>,
    /// The reason why it is not an image. The text follows the name of the image.
    pub(crate) why: String,
}

/// One entry of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IndexEntry {
    pub(crate) manifest: Blob,
    /// `None` if the index does not contain it.
    pub(crate) platform: Option<Platform>,
    /// Whether the index itself shows that it is an image.
    pub(crate) is_image: bool,
    /// The build time in its annotations in the index.
    pub(crate) created: Option<Timestamp>,
}

/// The digest and the size of content to fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Blob {
    pub(crate) digest: Digest,
    /// In bytes; `None` if the manifest has no valid size.
    pub(crate) size: Option<u64>,
}

/// Why a manifest cannot be used. The texts are parts of a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ManifestError {
    /// It is malformed, which is an error of the registry.
    #[error("{0}")]
    Malformed(String),
    /// Its format is no longer supported by container runtimes.
    #[error(
        "the manifest has schema 1, which container runtimes no longer pull; push the image again"
    )]
    Schema1,
    /// The index has too many entries.
    #[error("the index has {0} entries, but the limit is {MAX_ENTRIES}")]
    TooManyEntries(usize),
}

impl Manifest {
    /// Parses a manifest; `content_type` is that of the response.
    pub(crate) fn parse(bytes: &[u8], content_type: Option<&str>) -> Result<Self, ManifestError> {
        let document: ManifestJson = serde_json::from_slice(bytes).map_err(|error| {
            ManifestError::Malformed(format!("the manifest is malformed: {}", json_error(&error)))
        })?;
        let essence = content_type.and_then(|text| text.split(';').next());
        let media_type = document.media_type.as_deref().or(essence).map(str::trim);
        if document.schema_version == Some(1) {
            return Err(ManifestError::Schema1);
        }
        let is_index = match media_type {
            Some(OCI_IMAGE_INDEX_MEDIA_TYPE | IMAGE_MANIFEST_LIST_MEDIA_TYPE) => true,
            Some(OCI_IMAGE_MEDIA_TYPE | IMAGE_MANIFEST_MEDIA_TYPE) => false,
            Some(_) | None => document.manifests.is_some(),
        };
        if is_index {
            let manifests = document.manifests;
            let manifests =
                manifests.ok_or_else(|| malformed("the index has no list of manifests"))?;
            let created = created(document.annotations.as_ref());
            return ImageIndex::read(manifests, created).map(Self::Index);
        }
        let Some(config) = &document.config else {
            return match document.media_type {
                Some(media_type) => Ok(Self::Artifact(ArtifactManifest {
                    config: None,
                    why: format!("its manifest has the type {}", clean(&media_type)),
                })),
                None => Err(malformed("the answer is not a manifest")),
            };
        };
        let blob = Blob::read(&config.digest, config.size)?;
        Ok(match document.why_not_an_image(config, media_type) {
            None => Self::Image(ImageManifest {
                config: blob,
                created: created(document.annotations.as_ref()),
            }),
            Some(why) => Self::Artifact(ArtifactManifest {
                config: Some(blob.digest),
                why,
            }),
        })
    }
}

fn malformed(fault: &str) -> ManifestError {
    ManifestError::Malformed(fault.to_owned())
}

impl ManifestJson {
    /// Returns why a manifest is not an image, or `None` if it is one.
    fn why_not_an_image(
        &self,
        config: &DescriptorJson,
        media_type: Option<&str>,
    ) -> Option<String> {
        let is_of_image = match config.media_type.as_str() {
            IMAGE_CONFIG_MEDIA_TYPE | IMAGE_DOCKER_CONFIG_MEDIA_TYPE => true,
            OCTET_STREAM => media_type == Some(IMAGE_MANIFEST_MEDIA_TYPE),
            _ => false,
        };
        if !is_of_image {
            let config_type = clean(&config.media_type);
            return Some(match config_type.as_str() {
                "" => "its config has no type".to_owned(),
                config_type => format!("its config has the type {config_type}"),
            });
        }
        if let Some(artifact_type) = self.artifact_type.as_deref().filter(|t| !t.is_empty()) {
            let artifact_type = clean(artifact_type);
            return Some(format!("it is an artifact of the type {artifact_type}"));
        }
        if self.subject.is_some() {
            return Some("it belongs to another image, its subject".to_owned());
        }
        let other = self.layers.as_ref()?.other_type.as_ref()?;
        Some(match clean(other).as_str() {
            "" => "it has a layer without a type".to_owned(),
            layer_type => format!("it has a layer of the type {layer_type}"),
        })
    }
}

impl ImageIndex {
    fn read(manifests: IndexEntries, created: Option<Timestamp>) -> Result<Self, ManifestError> {
        let Beginning { kept, length } = manifests;
        if length > MAX_ENTRIES {
            return Err(ManifestError::TooManyEntries(length));
        }
        let entries = kept
            .into_iter()
            .filter(|entry| !is_attestation(entry) && is_manifest(&entry.media_type))
            .map(IndexEntry::read)
            .collect::<Result<_, _>>()?;
        Ok(Self { entries, created })
    }

    /// Whether it has more entries than an image for every platform would have.
    pub(crate) fn is_large(&self) -> bool {
        self.entries.len() > USUAL_ENTRIES
    }

    /// Whether the index itself shows that it holds an image.
    pub(crate) fn shows_image(&self) -> bool {
        self.entries.iter().any(|entry| entry.is_image)
    }
}

impl IndexEntry {
    fn read(entry: DescriptorJson) -> Result<Self, ManifestError> {
        let platform = entry.platform.as_ref().and_then(PlatformJson::read);
        let is_image = platform.is_some()
            && entry.artifact_type.as_deref().is_none_or(str::is_empty)
            && !is_index(&entry.media_type);
        Ok(Self {
            manifest: Blob::read(&entry.digest, entry.size)?,
            is_image,
            platform,
            created: created(entry.annotations.as_ref()),
        })
    }
}

impl PlatformJson {
    /// Parses the parts, which have not been checked. An invalid platform is ignored.
    fn read(&self) -> Option<Platform> {
        platform(
            &self.os,
            &self.architecture,
            self.variant.as_deref().unwrap_or_default(),
        )
    }
}

impl Blob {
    fn read(digest: &str, size: i64) -> Result<Self, ManifestError> {
        let digest = digest.parse().map_err(|error| {
            ManifestError::Malformed(format!("the manifest contains an invalid digest: {error}"))
        })?;
        Ok(Self {
            digest,
            size: u64::try_from(size).ok().filter(|size| *size > 0),
        })
    }
}

/// Returns the build time in annotations.
fn created(annotations: Option<&AnnotationsJson>) -> Option<Timestamp> {
    annotations?.0.created
}

fn is_index(media_type: &str) -> bool {
    matches!(
        media_type,
        OCI_IMAGE_INDEX_MEDIA_TYPE | IMAGE_MANIFEST_LIST_MEDIA_TYPE
    )
}

/// Whether an entry can be a manifest. A build cache of BuildKit is an index whose
/// entries are layers.
fn is_manifest(media_type: &str) -> bool {
    media_type.is_empty()
        || is_index(media_type)
        || matches!(media_type, OCI_IMAGE_MEDIA_TYPE | IMAGE_MANIFEST_MEDIA_TYPE)
}

fn is_attestation(entry: &DescriptorJson) -> bool {
    let marked = entry
        .annotations
        .as_ref()
        .is_some_and(|annotations| annotations.0.marks_attestation);
    let unknown = entry
        .platform
        .as_ref()
        .is_some_and(|platform| platform.os == "unknown" && platform.architecture == "unknown");
    marked || unknown
}

#[cfg(test)]
#[path = "manifest_tests.rs"]
mod tests;
