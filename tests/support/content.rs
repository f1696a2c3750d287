//! Images for tests: manifests, indexes and configs as bytes, with digests.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The annotation and the label with the build time.
const CREATED: &str = "org.opencontainers.image.created";

/// The sha256 digest of some bytes.
pub fn digest_of(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("sha256:{hex}")
}

/// A blob with its digest.
#[derive(Debug, Clone)]
pub struct Blob {
    pub digest: String,
    pub media_type: String,
    pub bytes: Vec<u8>,
}

impl Blob {
    fn new(media_type: &str, bytes: Vec<u8>) -> Self {
        Self {
            digest: digest_of(&bytes),
            media_type: media_type.to_owned(),
            bytes,
        }
    }

    /// The descriptor with which an index or a manifest refers to it.
    pub fn descriptor(&self) -> Value {
        json!({"mediaType": self.media_type, "digest": self.digest, "size": self.bytes.len()})
    }
}

/// Something with a manifest, which a tag can refer to.
#[derive(Debug, Clone)]
pub struct Content {
    /// The manifest or index.
    pub manifest: Blob,
    /// The manifests of an index.
    pub members: Vec<Blob>,
    /// Configs.
    pub configs: Vec<Blob>,
}

/// An image for one platform.
#[derive(Debug, Clone)]
pub struct Image {
    platform: String,
    config: Value,
    config_type: Option<String>,
    /// More fields of the manifest.
    manifest: Value,
    docker: bool,
}

impl Image {
    /// An OCI image for linux/amd64, built at `created`.
    pub fn built(created: &str) -> Self {
        Self {
            platform: "linux/amd64".to_owned(),
            config: json!({"created": created, "rootfs": {"type": "layers", "diff_ids": []}}),
            config_type: None,
            manifest: json!({"layers": []}),
            docker: false,
        }
    }

    /// With the annotation of the build time.
    pub fn annotated(mut self, created: &str) -> Self {
        self.manifest["annotations"] = json!({CREATED: created});
        self
    }

    /// With the label of the build time.
    pub fn labelled(mut self, created: &str) -> Self {
        self.config["config"]["Labels"] = json!({CREATED: created});
        self
    }

    /// With the labels of the source code and its revision.
    pub fn built_from(mut self, source: &str, revision: &str) -> Self {
        self.config["config"]["Labels"] = json!({
            "org.opencontainers.image.source": source,
            "org.opencontainers.image.revision": revision,
        });
        self
    }

    /// With one layer of this type.
    pub fn layer(mut self, media_type: &str) -> Self {
        let bytes = media_type.as_bytes();
        self.manifest["layers"] =
            json!([{"mediaType": media_type, "digest": digest_of(bytes), "size": bytes.len()}]);
        self
    }

    /// With an additional field in the manifest: `artifactType`, `subject`.
    pub fn field(mut self, name: &str, value: Value) -> Self {
        self.manifest[name] = value;
        self
    }

    /// Without a platform in its config.
    pub fn without_platform(self) -> Self {
        self.platform("")
    }

    /// For another platform: `linux/arm64`, `linux/arm/v7`.
    pub fn platform(mut self, platform: &str) -> Self {
        self.platform = platform.to_owned();
        self
    }

    /// In Docker's media types.
    pub fn docker(mut self) -> Self {
        self.docker = true;
        self
    }

    /// With another `created`, which may be invalid.
    pub fn created_value(mut self, created: Value) -> Self {
        self.config["created"] = created;
        self
    }

    /// With a label, so that two images differ.
    pub fn label(mut self, label: &str) -> Self {
        self.config["label"] = json!(label);
        self
    }

    /// With a config of another type: a chart, a signature.
    pub fn config_type(mut self, media_type: &str) -> Self {
        self.config_type = Some(media_type.to_owned());
        self
    }

    /// The parts of the platform.
    fn platform_json(&self) -> Value {
        let mut parts = self.platform.split('/');
        let mut part = || parts.next().unwrap_or_default();
        let mut platform = json!({"os": part(), "architecture": part()});
        if let Some(variant) = parts.next() {
            platform["variant"] = json!(variant);
        }
        platform
    }

    pub fn content(&self) -> Content {
        let (manifest_type, config_type) = if self.docker {
            (
                "application/vnd.docker.distribution.manifest.v2+json",
                "application/vnd.docker.container.image.v1+json",
            )
        } else {
            (
                "application/vnd.oci.image.manifest.v1+json",
                "application/vnd.oci.image.config.v1+json",
            )
        };
        let config_type = self.config_type.as_deref().unwrap_or(config_type);
        let mut config = self.config.clone();
        let platform = self.platform_json();
        for key in ["os", "architecture", "variant"] {
            if let Some(value) = platform.get(key) {
                config[key] = value.clone();
            }
        }
        let config = Blob::new(config_type, config.to_string().into_bytes());
        let mut manifest = json!({"schemaVersion": 2, "mediaType": manifest_type,
            "config": config.descriptor()});
        for (name, value) in self.manifest.as_object().into_iter().flatten() {
            manifest[name] = value.clone();
        }
        Content {
            manifest: Blob::new(manifest_type, manifest.to_string().into_bytes()),
            members: Vec::new(),
            configs: vec![config],
        }
    }
}

impl From<Image> for Content {
    fn from(image: Image) -> Self {
        image.content()
    }
}

/// An index of several images.
#[derive(Debug, Clone)]
pub struct Index {
    images: Vec<Image>,
    docker: bool,
    attestation: bool,
    named: bool,
    nested: Option<Box<Index>>,
    annotations: Value,
}

impl Index {
    pub fn of(images: impl IntoIterator<Item = Image>) -> Self {
        Self {
            images: images.into_iter().collect(),
            docker: false,
            attestation: false,
            named: true,
            nested: None,
            annotations: Value::Null,
        }
    }

    /// With the annotation of the build time.
    pub fn annotated(mut self, created: &str) -> Self {
        self.annotations = json!({CREATED: created});
        self
    }

    /// With an index among its images.
    pub fn nesting(mut self, index: Index) -> Self {
        self.nested = Some(Box::new(index));
        self
    }

    /// A manifest list of Docker.
    pub fn docker(mut self) -> Self {
        self.docker = true;
        self
    }

    /// With an attestation in addition to the images, as written by BuildKit.
    pub fn with_attestation(mut self) -> Self {
        self.attestation = true;
        self
    }

    /// Without the platforms of its images.
    pub fn without_platforms(mut self) -> Self {
        self.named = false;
        self
    }
}

impl From<Index> for Content {
    fn from(index: Index) -> Self {
        let media_type = if index.docker {
            "application/vnd.docker.distribution.manifest.list.v2+json"
        } else {
            "application/vnd.oci.image.index.v1+json"
        };
        let (mut members, mut configs, mut entries) = (Vec::new(), Vec::new(), Vec::new());
        for image in &index.images {
            let content = image.content();
            let mut entry = content.manifest.descriptor();
            if index.named {
                entry["platform"] = image.platform_json();
            }
            entries.push(entry);
            members.push(content.manifest);
            configs.extend(content.configs);
        }
        if let Some(nested) = index.nested {
            let nested = Content::from(*nested);
            entries.push(nested.manifest.descriptor());
            members.extend(nested.members);
            members.push(nested.manifest);
            configs.extend(nested.configs);
        }
        if index.attestation {
            let mut entry = Image::built("2001-01-01T00:00:00Z")
                .content()
                .manifest
                .descriptor();
            entry["platform"] = json!({"os": "unknown", "architecture": "unknown"});
            entry["annotations"] = json!({"vnd.docker.reference.type": "attestation-manifest"});
            entries.push(entry);
        }
        let mut manifest =
            json!({"schemaVersion": 2, "mediaType": media_type, "manifests": entries});
        if !index.annotations.is_null() {
            manifest["annotations"] = index.annotations;
        }
        Self {
            manifest: Blob::new(media_type, manifest.to_string().into_bytes()),
            members,
            configs,
        }
    }
}

impl Content {
    /// A build cache as exported by BuildKit: an index of layers and a config with its
    /// own type.
    pub fn build_cache() -> Self {
        let entries: Vec<Value> = ["a", "b"]
            .map(|layer| {
                json!({"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
                    "digest": digest_of(layer.as_bytes()), "size": 1})
            })
            .into_iter()
            .chain([
                json!({"mediaType": "application/vnd.buildkit.cacheconfig.v0",
                "digest": digest_of(b"cache"), "size": 5}),
            ])
            .collect();
        let media_type = "application/vnd.oci.image.index.v1+json";
        let index = json!({"schemaVersion": 2, "mediaType": media_type, "manifests": entries});
        Self {
            manifest: Blob::new(media_type, index.to_string().into_bytes()),
            members: Vec::new(),
            configs: Vec::new(),
        }
    }

    /// An index of artifacts, as registries have for the referrers of an image.
    pub fn artifact_index(artifacts: impl IntoIterator<Item = Image>) -> Self {
        let (mut entries, mut members, mut configs) = (Vec::new(), Vec::new(), Vec::new());
        for artifact in artifacts {
            let content = artifact.content();
            let mut entry = content.manifest.descriptor();
            entry["artifactType"] = json!("application/vnd.example.sbom");
            entries.push(entry);
            members.push(content.manifest);
            configs.extend(content.configs);
        }
        let media_type = "application/vnd.oci.image.index.v1+json";
        let index = json!({"schemaVersion": 2, "mediaType": media_type, "manifests": entries});
        Self {
            manifest: Blob::new(media_type, index.to_string().into_bytes()),
            members,
            configs,
        }
    }
}
