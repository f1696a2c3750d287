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
use serde::Deserialize;
use serde_json::Value;

use crate::image::{Digest, Platform};

use super::config::{CREATED, json_error, platform, time};
use crate::secrets::quote as clean;

/// The `Accept` header: indexes first.
pub(crate) const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json";

/// The largest manifest that is read, in bytes: the limit of distribution.
pub(crate) const MAX_MANIFEST: u64 = 4 * 1024 * 1024;
/// The most entries that an index may have.
const MAX_ENTRIES: usize = 1000;

/// The config type that Docker clients wrote in 2015.
const OCTET_STREAM: &str = "application/octet-stream";
/// The prefixes of the media types of image layers: those of OCI, with any
/// compression and encryption, and those of Docker.
const LAYER_TYPES: [&str; 2] = [
    "application/vnd.oci.image.layer.",
    "application/vnd.docker.image.rootfs.",
];
/// The annotation of the attestations that BuildKit adds to an index.
const ATTESTATION: &str = "vnd.docker.reference.type";

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

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ManifestJson {
    schema_version: Option<u64>,
    media_type: Option<String>,
    artifact_type: Option<String>,
    subject: Option<Value>,
    manifests: Option<Vec<Descriptor>>,
    config: Option<Descriptor>,
    layers: Option<Vec<Typed>>,
    annotations: Option<AnnotationMap>,
}

/// A descriptor, of which only the type is used.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Typed {
    #[serde(default)]
    media_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    #[serde(default)]
    media_type: String,
    digest: String,
    #[serde(default)]
    size: i64,
    artifact_type: Option<String>,
    platform: Option<NamedPlatform>,
    annotations: Option<AnnotationMap>,
}

#[derive(Deserialize)]
struct NamedPlatform {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    variant: Option<String>,
}

/// Annotations; a value may be something other than a string.
type AnnotationMap = serde_json::Map<String, Value>;

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
    fn why_not_an_image(&self, config: &Descriptor, media_type: Option<&str>) -> Option<String> {
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
        if self
            .subject
            .as_ref()
            .is_some_and(|subject| !subject.is_null())
        {
            return Some("it belongs to another image, its subject".to_owned());
        }
        let mut layers = self.layers.iter().flatten();
        let other = layers.find(|layer| !is_image_layer(&layer.media_type))?;
        Some(match clean(&other.media_type).as_str() {
            "" => "it has a layer without a type".to_owned(),
            layer_type => format!("it has a layer of the type {layer_type}"),
        })
    }
}

fn is_image_layer(media_type: &str) -> bool {
    LAYER_TYPES
        .iter()
        .any(|prefix| media_type.starts_with(prefix))
}

impl ImageIndex {
    fn read(manifests: Vec<Descriptor>, created: Option<Timestamp>) -> Result<Self, ManifestError> {
        if manifests.len() > MAX_ENTRIES {
            return Err(ManifestError::TooManyEntries(manifests.len()));
        }
        let entries = manifests
            .into_iter()
            .filter(|entry| !is_attestation(entry) && is_manifest(&entry.media_type))
            .map(IndexEntry::read)
            .collect::<Result<_, _>>()?;
        Ok(Self { entries, created })
    }

    /// Whether the index itself shows that it holds an image.
    pub(crate) fn shows_image(&self) -> bool {
        self.entries.iter().any(|entry| entry.is_image)
    }
}

impl IndexEntry {
    fn read(entry: Descriptor) -> Result<Self, ManifestError> {
        let platform = entry.platform.as_ref().and_then(NamedPlatform::read);
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

impl NamedPlatform {
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
fn created(annotations: Option<&AnnotationMap>) -> Option<Timestamp> {
    time(annotations?.get(CREATED))
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

fn is_attestation(entry: &Descriptor) -> bool {
    let marked = entry
        .annotations
        .as_ref()
        .is_some_and(|annotations| annotations.contains_key(ATTESTATION));
    let unknown = entry
        .platform
        .as_ref()
        .is_some_and(|platform| platform.os == "unknown" && platform.architecture == "unknown");
    marked || unknown
}

#[cfg(test)]
#[path = "manifest_tests.rs"]
mod tests;
