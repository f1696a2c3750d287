//! Manifests, indexes and configs: what their JSON says, and no more.
//!
//! What a manifest is stands in its `mediaType`, else in the `Content-Type` of
//! the answer, else in its shape: registries and tools have left out either.

use jiff::Timestamp;
use oci_client::manifest::{
    IMAGE_CONFIG_MEDIA_TYPE, IMAGE_DOCKER_CONFIG_MEDIA_TYPE, IMAGE_MANIFEST_LIST_MEDIA_TYPE,
    IMAGE_MANIFEST_MEDIA_TYPE, ImageIndexEntry, OCI_IMAGE_INDEX_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE,
};
use serde::Deserialize;
use serde_json::Value;

use crate::image::{Digest, Platform};

/// What we ask for, indexes first.
pub(super) const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json";

/// The config type that clients of 2015 wrote.
const OCTET_STREAM: &str = "application/octet-stream";
/// What buildkit writes beside the images of an index.
const ATTESTATION: &str = "vnd.docker.reference.type";
/// How Go prints a time that was never set.
const GO_ZERO_TIME: &str = "0001-01-01T00:00:00Z";

/// A manifest or an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Manifest {
    /// Several images, without the attestations beside them.
    Index(Vec<Entry>),
    /// One image.
    Image(Blob),
    /// Something else that a registry keeps: a chart, a signature.
    Artifact(Option<Digest>),
}

/// One image of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) manifest: Blob,
    /// `None`: the index does not tell.
    pub(super) platform: Option<Platform>,
}

/// What to fetch, and how large it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Blob {
    pub(super) digest: Digest,
    /// In bytes; `None` where the manifest says nothing sensible.
    pub(super) size: Option<u64>,
}

/// What a config says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Config {
    pub(super) created: Option<Timestamp>,
    pub(super) platform: Option<Platform>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    schema_version: Option<u64>,
    media_type: Option<String>,
    manifests: Option<Vec<ImageIndexEntry>>,
    config: Option<Descriptor>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    #[serde(default)]
    media_type: String,
    digest: String,
    #[serde(default)]
    size: i64,
}

impl Manifest {
    /// Reads a manifest; `content_type` is what the answer called it. The error
    /// says what is wrong, as part of a sentence.
    pub(super) fn parse(bytes: &[u8], content_type: Option<&str>) -> Result<Self, String> {
        let document: Document = serde_json::from_slice(bytes)
            .map_err(|error| format!("the manifest is malformed: {}", place_of(&error)))?;
        let essence = content_type.and_then(|text| text.split(';').next());
        let media_type = document.media_type.as_deref().or(essence).map(str::trim);
        if document.schema_version == Some(1) {
            return Err(
                "the manifest is of schema 1, which is no longer supported; push the image again"
                    .to_owned(),
            );
        }
        let is_index = match media_type {
            Some(OCI_IMAGE_INDEX_MEDIA_TYPE | IMAGE_MANIFEST_LIST_MEDIA_TYPE) => true,
            Some(OCI_IMAGE_MEDIA_TYPE | IMAGE_MANIFEST_MEDIA_TYPE) => false,
            Some(_) | None => document.manifests.is_some(),
        };
        match (is_index, document.manifests, document.config) {
            (true, Some(manifests), _) => manifests
                .into_iter()
                .filter(|entry| !is_attestation(entry))
                .map(Entry::read)
                .collect::<Result<_, _>>()
                .map(Self::Index),
            (false, _, Some(config)) => {
                let blob = Blob::read(&config.digest, config.size)?;
                Ok(match config.media_type.as_str() {
                    IMAGE_CONFIG_MEDIA_TYPE | IMAGE_DOCKER_CONFIG_MEDIA_TYPE | OCTET_STREAM => {
                        Self::Image(blob)
                    }
                    _ => Self::Artifact(Some(blob.digest)),
                })
            }
            (true, None, _) => Err("the index names no manifests".to_owned()),
            (false, _, None) if document.media_type.is_some() => Ok(Self::Artifact(None)),
            (false, _, None) => Err("the answer is no manifest".to_owned()),
        }
    }
}

impl Entry {
    fn read(entry: ImageIndexEntry) -> Result<Self, String> {
        let platform = entry.platform.map(|platform| {
            Platform::new(
                &platform.os.to_string(),
                &platform.architecture.to_string(),
                platform.variant.as_deref().unwrap_or_default(),
            )
        });
        Ok(Self {
            manifest: Blob::read(&entry.digest, entry.size)?,
            platform,
        })
    }
}

impl Blob {
    fn read(digest: &str, size: i64) -> Result<Self, String> {
        Ok(Self {
            digest: digest
                .parse()
                .map_err(|error| format!("the manifest names a bad digest: {error}"))?,
            size: u64::try_from(size).ok().filter(|size| *size > 0),
        })
    }
}

impl Config {
    /// Reads an image's config. An odd time is no time; an odd platform none.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Document {
            created: Option<Value>,
            os: Option<Value>,
            architecture: Option<Value>,
            variant: Option<Value>,
        }
        let document: Document = serde_json::from_slice(bytes)
            .map_err(|error| format!("the image's config is malformed: {}", place_of(&error)))?;
        let text = |value: &Option<Value>| {
            let text = value.as_ref().and_then(Value::as_str).unwrap_or_default();
            text.to_owned()
        };
        let created = text(&document.created);
        let (os, arch) = (text(&document.os), text(&document.architecture));
        Ok(Self {
            created: (created != GO_ZERO_TIME)
                .then(|| created.parse().ok())
                .flatten(),
            // Through the grammar: this text was never checked by anybody.
            platform: format!("{os}/{arch}").parse().ok().map(|_: Platform| {
                let variant = text(&document.variant);
                let full = format!("{os}/{arch}/{variant}").parse();
                full.unwrap_or_else(|_| Platform::new(&os, &arch, ""))
            }),
        })
    }
}

fn is_attestation(entry: &ImageIndexEntry) -> bool {
    let marked = entry
        .annotations
        .as_ref()
        .is_some_and(|annotations| annotations.contains_key(ATTESTATION));
    let unknown = entry.platform.as_ref().is_some_and(|platform| {
        platform.os.to_string() == "unknown" && platform.architecture.to_string() == "unknown"
    });
    marked || unknown
}

/// Where JSON is broken, without a word of it.
pub(super) fn place_of(error: &serde_json::Error) -> String {
    let kind = match error.classify() {
        serde_json::error::Category::Eof => "it ends too early",
        serde_json::error::Category::Syntax | serde_json::error::Category::Io => "it is no JSON",
        serde_json::error::Category::Data => "a field has the wrong type",
    };
    format!("{kind} (line {}, column {})", error.line(), error.column())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn parse(text: &str, content_type: Option<&str>) -> Result<Manifest, String> {
        Manifest::parse(text.replace('D', DIGEST).as_bytes(), content_type)
    }

    fn blob(size: Option<u64>) -> Blob {
        Blob {
            digest: DIGEST.parse().expect("digest"),
            size,
        }
    }

    #[test]
    fn a_manifest_is_known_by_its_type_by_the_answers_or_by_its_shape() {
        let config = r#""config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"D","size":7}"#;
        for (text, content_type) in [
            (
                format!(r#"{{"schemaVersion":2,{config},"layers":[]}}"#),
                None,
            ),
            (
                format!("{{{config}}}"),
                Some("application/vnd.oci.image.manifest.v1+json; charset=utf-8"),
            ),
            (
                format!(
                    r#"{{"mediaType":"application/vnd.docker.distribution.manifest.v2+json",{config}}}"#
                ),
                Some("text/plain"),
            ),
        ] {
            assert_eq!(
                parse(&text, content_type),
                Ok(Manifest::Image(blob(Some(7)))),
                "{text}"
            );
        }
    }

    #[test]
    fn an_index_keeps_its_images_and_drops_attestations() {
        let index = r#"{"manifests":[
            {"mediaType":"x","digest":"D","size":5,"platform":{"os":"linux","architecture":"arm64","variant":"v8"}},
            {"mediaType":"x","digest":"D","size":5,"platform":{"os":"unknown","architecture":"unknown"}},
            {"mediaType":"x","digest":"D","size":5,"annotations":{"vnd.docker.reference.type":"attestation-manifest"}},
            {"mediaType":"x","digest":"D","size":-1}]}"#;
        assert_eq!(
            parse(index, None),
            Ok(Manifest::Index(vec![
                Entry {
                    manifest: blob(Some(5)),
                    platform: "linux/arm64".parse().ok(),
                },
                Entry {
                    manifest: blob(None),
                    platform: None,
                },
            ]))
        );
    }

    #[test]
    fn charts_and_signatures_are_artifacts() {
        let chart = r#"{"config":{"mediaType":"application/vnd.cncf.helm.config.v1+json","digest":"D","size":1}}"#;
        assert_eq!(
            parse(chart, None),
            Ok(Manifest::Artifact(Some(blob(None).digest)))
        );
    }

    #[test]
    fn what_is_no_manifest_says_why() {
        for (text, expected) in [
            ("<html>", "no JSON"),
            ("{", "ends too early"),
            (r#"{"schemaVersion":1,"fsLayers":[]}"#, "schema 1"),
            ("{}", "no manifest"),
            (r#"{"manifests":{}}"#, "wrong type"),
            (
                r#"{"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"../../etc/passwd"}}"#,
                "bad digest",
            ),
        ] {
            let error = parse(text, None).expect_err(text);
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn an_odd_time_is_no_time_and_an_odd_platform_none() {
        let parse = |text: &str| Config::parse(text.as_bytes()).expect(text);
        let good = parse(
            r#"{"created":"2024-01-02T03:04:05.678901234Z","os":"linux","architecture":"arm","variant":"v7"}"#,
        );
        assert_eq!(good.created, "2024-01-02T03:04:05.678901234Z".parse().ok());
        assert_eq!(good.platform, "linux/arm/v7".parse().ok());
        for odd in [
            "{}",
            r#"{"created":null,"os":"linux"}"#,
            r#"{"created":"yesterday","os":"li nux","architecture":"amd64"}"#,
            r#"{"created":1700000000,"os":7,"architecture":"amd64"}"#,
            r#"{"created":"0001-01-01T00:00:00Z"}"#,
        ] {
            let nothing = Config {
                created: None,
                platform: None,
            };
            assert_eq!(parse(odd), nothing, "{odd}");
        }
        assert!(Config::parse(b"[]").is_err());
    }
}
