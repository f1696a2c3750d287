//! The fields of manifests and indexes that are read. The rest is skipped while it is
//! parsed, so that a hostile document takes little more memory than its text.

use std::fmt;

use jiff::Timestamp;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::config::{CREATED, time};
use super::lenient::{Beginning, Excerpt, Fields, Text};

/// The most entries that an index may have.
pub(crate) const MAX_ENTRIES: usize = 1000;

/// The prefixes of the media types of image layers: those of OCI, with any
/// compression and encryption, and those of Docker.
const LAYER_TYPES: [&str; 2] = [
    "application/vnd.oci.image.layer.",
    "application/vnd.docker.image.rootfs.",
];
/// The annotation of the attestations that BuildKit adds to an index.
const ATTESTATION: &str = "vnd.docker.reference.type";

/// A manifest or an index.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ManifestJson {
    pub(crate) schema_version: Option<u64>,
    pub(crate) media_type: Option<String>,
    pub(crate) artifact_type: Option<String>,
    pub(crate) subject: Option<IgnoredAny>,
    pub(crate) manifests: Option<IndexEntries>,
    pub(crate) config: Option<DescriptorJson>,
    pub(crate) layers: Option<LayersJson>,
    pub(crate) annotations: Option<AnnotationsJson>,
}

/// The entries of an index, up to the limit, and their number.
pub(crate) type IndexEntries = Beginning<DescriptorJson, MAX_ENTRIES>;

/// What is kept of annotations, whose values may have any type.
pub(crate) type AnnotationsJson = Excerpt<KnownAnnotations>;

/// A reference to other content.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DescriptorJson {
    #[serde(default)]
    pub(crate) media_type: String,
    pub(crate) digest: String,
    #[serde(default)]
    pub(crate) size: i64,
    pub(crate) artifact_type: Option<String>,
    pub(crate) platform: Option<PlatformJson>,
    pub(crate) annotations: Option<AnnotationsJson>,
}

/// The platform of an index entry.
#[derive(Deserialize)]
pub(crate) struct PlatformJson {
    #[serde(default)]
    pub(crate) os: String,
    #[serde(default)]
    pub(crate) architecture: String,
    pub(crate) variant: Option<String>,
}

/// The annotations that are read.
#[derive(Default)]
pub(crate) struct KnownAnnotations {
    /// The build time.
    pub(crate) created: Option<Timestamp>,
    /// Whether they belong to an attestation.
    pub(crate) marks_attestation: bool,
}

impl Fields for KnownAnnotations {
    fn read<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        match key {
            CREATED => self.created = time(&map.next_value::<Text>()?),
            ATTESTATION => {
                map.next_value::<IgnoredAny>()?;
                self.marks_attestation = true;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// The layers of a manifest.
#[derive(Debug, PartialEq, Eq, Default)]
pub(crate) struct LayersJson {
    /// The type of the first layer that is not a layer of an image.
    pub(crate) other_type: Option<String>,
}

impl<'de> Deserialize<'de> for LayersJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Layers;
        impl<'de> Visitor<'de> for Layers {
            type Value = LayersJson;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of layers")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<LayersJson, A::Error> {
                let mut layers = LayersJson::default();
                while let Some(layer) = list.next_element::<LayerJson>()? {
                    if layers.other_type.is_none() && !is_image_layer(&layer.media_type) {
                        layers.other_type = Some(layer.media_type);
                    }
                }
                Ok(layers)
            }
        }
        deserializer.deserialize_seq(Layers)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LayerJson {
    #[serde(default)]
    media_type: String,
}

fn is_image_layer(media_type: &str) -> bool {
    LAYER_TYPES
        .iter()
        .any(|prefix| media_type.starts_with(prefix))
}
