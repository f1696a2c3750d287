//! Small images, pushed as a client would.

use std::path::{Path, PathBuf};

use futures_util::{StreamExt as _, stream};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::registry::Registry;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// The digests of an image in the registry.
#[derive(Debug)]
pub(crate) struct Pushed {
    /// The digest of the tag: the index, or the manifest of the only platform.
    pub(crate) served: String,
    /// The manifests, one per platform.
    pub(crate) manifests: Vec<String>,
    /// Their configs.
    pub(crate) configs: Vec<String>,
}

/// The newest creation time in `push_versions`.
pub(crate) const NEWEST: &str = "2026-03-01T00:00:00Z";

/// The number of concurrent pushes.
const AT_ONCE: usize = 16;

impl Registry {
    /// Pushes the image of an OCI layout, and returns its digest.
    pub(crate) async fn push_layout(&self, repository: &str, tag: &str, layout: &Path) -> String {
        let upload = Upload::new(self, repository);
        let index = std::fs::read(layout.join("index.json")).expect("an index");
        let index: Value = serde_json::from_slice(&index).expect("JSON");
        let [whole] = &index["manifests"].as_array().expect("a list")[..] else {
            panic!("one image: {index:#}");
        };
        let whole = blob_of(layout, whole);
        let images: Value = serde_json::from_str(&whole).expect("JSON");
        for image in images["manifests"].as_array().expect("a list") {
            let text = blob_of(layout, image);
            let manifest: Value = serde_json::from_str(&text).expect("JSON");
            let layers = manifest["layers"].as_array().expect("a list").iter();
            for descriptor in layers.chain([&manifest["config"]]) {
                let bytes = std::fs::read(blob_path(layout, descriptor)).expect("a blob");
                let media_type = descriptor["mediaType"].as_str().expect("a type");
                assert_eq!(upload.blob(media_type, bytes).await, *descriptor);
            }
            let own = digest(text.as_bytes());
            assert_eq!(image["digest"], own);
            upload.manifest(&own, MANIFEST, &text).await;
        }
        upload.manifest(tag, INDEX, &whole).await
    }

    /// Downloads a manifest or a blob: `manifests/TAG`, `blobs/DIGEST`.
    pub(crate) async fn pull(&self, repository: &str, path: &str) -> Vec<u8> {
        let url = format!("{}/v2/{repository}/{path}", self.url());
        let request = self.client().get(url);
        let request = request.header("accept", format!("{MANIFEST}, {INDEX}"));
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        answer.bytes().await.expect("a body").to_vec()
    }

    /// Pushes an image for platforms such as `linux/arm64`, with the same creation time.
    /// One platform gives a plain manifest, several an index.
    pub(crate) async fn push(
        &self,
        repository: &str,
        tag: &str,
        created: &str,
        platforms: &[&str],
    ) -> Pushed {
        let upload = Upload::new(self, repository);
        upload.image(tag, created, platforms).await
    }

    /// Pushes an artifact that is not an image, such as a chart or a signature, with these
    /// types of its config and its only layer.
    pub(crate) async fn push_artifact(&self, repository: &str, tag: &str, types: [&str; 2]) {
        let upload = Upload::new(self, repository);
        let [config, layer] = types;
        let about = json!({"created": NEWEST, "os": "linux", "architecture": "amd64"}).to_string();
        let content = format!("{repository}:{tag}");
        let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST,
            "config": upload.blob(config, about.into()).await,
            "layers": [upload.blob(layer, content.into()).await]})
        .to_string();
        upload.manifest(tag, MANIFEST, &manifest).await;
    }

    /// Pushes this many images as `1.0.0`, `1.0.1` …, each a minute newer than the one
    /// before; the last has the time `NEWEST`.
    pub(crate) async fn push_versions(&self, repository: &str, count: usize) {
        let newest: jiff::Timestamp = NEWEST.parse().expect("a time");
        let upload = &Upload::new(self, repository);
        let push = |n: usize| async move {
            let age = jiff::SignedDuration::from_mins((count - 1 - n) as i64);
            let created = (newest - age).to_string();
            let tag = format!("1.0.{n}");
            upload.image(&tag, &created, &["linux/amd64"]).await;
        };
        let all = stream::iter(0..count).map(push).buffer_unordered(AT_ONCE);
        all.collect::<Vec<()>>().await;
    }
}

/// Pushes to one repository.
struct Upload<'a> {
    client: Client,
    authorization: Option<String>,
    /// `http://HOST/v2/REPOSITORY`.
    url: String,
    repository: &'a str,
}

impl<'a> Upload<'a> {
    fn new(registry: &Registry, repository: &'a str) -> Self {
        Self {
            client: registry.client(),
            authorization: registry.authorization(repository),
            url: format!("{}/v2/{repository}", registry.url()),
            repository,
        }
    }

    async fn image(&self, tag: &str, created: &str, platforms: &[&str]) -> Pushed {
        let mut manifests = Vec::new();
        let mut configs = Vec::new();
        for platform in platforms {
            let (os, architecture) = platform.split_once('/').expect("OS/ARCH");
            let config = json!({"created": created, "os": os, "architecture": architecture,
                "config": {}, "rootfs": {"type": "layers", "diff_ids": []}})
            .to_string();
            configs.push(digest(config.as_bytes()));
            let layer = format!("{}:{tag} {platform}", self.repository);
            let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST,
                "config": self.blob(CONFIG, config.into()).await,
                "layers": [self.blob(LAYER, layer.into()).await]})
            .to_string();
            manifests.push((os, architecture, manifest));
        }
        if let [(_, _, manifest)] = manifests.as_slice() {
            let served = self.manifest(tag, MANIFEST, manifest).await;
            return Pushed {
                manifests: vec![served.clone()],
                served,
                configs,
            };
        }
        let mut entries = Vec::new();
        for (os, architecture, manifest) in manifests {
            let own = digest(manifest.as_bytes());
            self.manifest(&own, MANIFEST, &manifest).await;
            let mut entry = descriptor(MANIFEST, manifest.as_bytes());
            entry["platform"] = json!({"os": os, "architecture": architecture});
            entries.push(entry);
        }
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries});
        let manifests = index["manifests"].as_array().into_iter().flatten();
        Pushed {
            manifests: manifests
                .map(|entry: &Value| entry["digest"].as_str().unwrap_or_default().to_owned())
                .collect(),
            served: self.manifest(tag, INDEX, &index.to_string()).await,
            configs,
        }
    }

    async fn blob(&self, media_type: &str, bytes: Vec<u8>) -> Value {
        let descriptor = descriptor(media_type, &bytes);
        let begin = self.client.post(format!("{}/blobs/uploads/", self.url));
        let begun = self.send(begin).await;
        assert_eq!(begun.status(), StatusCode::ACCEPTED);
        let place = begun.headers()["location"].to_str().expect("a URL");
        let separator = if place.contains('?') { '&' } else { '?' };
        let url = format!("{place}{separator}digest={}", digest(&bytes));
        let done = self.send(self.client.put(url).body(bytes)).await;
        assert_eq!(done.status(), StatusCode::CREATED);
        descriptor
    }

    async fn manifest(&self, reference: &str, media_type: &str, manifest: &str) -> String {
        let url = format!("{}/manifests/{reference}", self.url);
        let put = self.client.put(url).header("content-type", media_type);
        let answer = self.send(put.body(manifest.to_owned())).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        digest(manifest.as_bytes())
    }

    async fn send(&self, mut request: RequestBuilder) -> Response {
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        request.send().await.expect("an answer")
    }
}

/// Where a layout has the content of a descriptor.
fn blob_path(layout: &Path, descriptor: &Value) -> PathBuf {
    let digest = descriptor["digest"].as_str().expect("a digest");
    layout.join("blobs").join(digest.replace(':', "/"))
}

fn blob_of(layout: &Path, descriptor: &Value) -> String {
    std::fs::read_to_string(blob_path(layout, descriptor)).expect("a blob")
}

fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    json!({"mediaType": media_type, "size": bytes.len(), "digest": digest(bytes)})
}

fn digest(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("sha256:{hex}")
}

#[tokio::test]
async fn pushed_tag_serves_its_digest() {
    let registry = Registry::shared().await;
    let created = "2026-01-01T00:00:00Z";
    let platforms: [&[&str]; 2] = [&["linux/amd64"], &["linux/amd64", "linux/arm64"]];
    for (tag, platforms, media_type) in [
        ("single", platforms[0], MANIFEST),
        ("multi", platforms[1], INDEX),
    ] {
        let pushed = registry.push("org/app", tag, created, platforms).await;
        let url = format!("{}/v2/org/app/manifests/{tag}", registry.url());
        let request = registry
            .client()
            .head(url)
            .header("accept", format!("{MANIFEST}, {INDEX}"));
        let answer = request.send().await.expect("an answer");
        assert_eq!(
            answer.headers()["docker-content-digest"],
            pushed.served.as_str()
        );
        assert_eq!(answer.headers()["content-type"], media_type);
    }
}
