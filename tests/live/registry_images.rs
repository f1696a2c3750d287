//! Small images, pushed as a client would.

use reqwest::StatusCode;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::registry::{Registry, client};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// An image in the registry, by its digests.
#[derive(Debug)]
pub(crate) struct Pushed {
    /// What the tag serves: the index, or the manifest of the only platform.
    pub(crate) served: String,
    /// The manifests, a platform each.
    pub(crate) manifests: Vec<String>,
    /// Their configs.
    pub(crate) configs: Vec<String>,
}

impl Registry {
    /// Pushes an image for platforms such as `linux/arm64`, with the same
    /// creation time; one platform makes a plain manifest, several an index.
    pub(crate) async fn push(
        &self,
        repository: &str,
        tag: &str,
        created: &str,
        platforms: &[&str],
    ) -> Pushed {
        let mut manifests = Vec::new();
        let mut configs = Vec::new();
        for platform in platforms {
            let (os, architecture) = platform.split_once('/').expect("OS/ARCH");
            let config = json!({"created": created, "os": os, "architecture": architecture,
                "config": {}, "rootfs": {"type": "layers", "diff_ids": []}})
            .to_string();
            configs.push(digest(config.as_bytes()));
            let layer = format!("{repository}:{tag} {platform}");
            let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST,
                "config": self.push_blob(repository, CONFIG, config.into()).await,
                "layers": [self.push_blob(repository, LAYER, layer.into()).await]})
            .to_string();
            manifests.push((os, architecture, manifest));
        }
        if let [(_, _, manifest)] = manifests.as_slice() {
            let served = self.put_manifest(repository, tag, MANIFEST, manifest).await;
            return Pushed {
                manifests: vec![served.clone()],
                served,
                configs,
            };
        }
        let mut entries = Vec::new();
        for (os, architecture, manifest) in manifests {
            let own = digest(manifest.as_bytes());
            self.put_manifest(repository, &own, MANIFEST, &manifest)
                .await;
            let mut entry = descriptor(MANIFEST, manifest.as_bytes());
            entry["platform"] = json!({"os": os, "architecture": architecture});
            entries.push(entry);
        }
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries});
        let digest_of = |entry: &Value| entry["digest"].as_str().unwrap_or_default().to_owned();
        let manifests = index["manifests"].as_array().into_iter().flatten();
        Pushed {
            manifests: manifests.map(digest_of).collect(),
            served: self
                .put_manifest(repository, tag, INDEX, &index.to_string())
                .await,
            configs,
        }
    }

    async fn push_blob(&self, repository: &str, media_type: &str, bytes: Vec<u8>) -> Value {
        let client = client();
        let descriptor = descriptor(media_type, &bytes);
        let begin = format!("http://{}/v2/{repository}/blobs/uploads/", self.host);
        let begun = client.post(begin).send().await.expect("an answer");
        assert_eq!(begun.status(), StatusCode::ACCEPTED);
        let place = begun.headers()["location"].to_str().expect("a URL");
        let separator = if place.contains('?') { '&' } else { '?' };
        let url = format!("{place}{separator}digest={}", digest(&bytes));
        let done = client.put(url).body(bytes).send().await.expect("an answer");
        assert_eq!(done.status(), StatusCode::CREATED);
        descriptor
    }

    async fn put_manifest(
        &self,
        repository: &str,
        reference: &str,
        media_type: &str,
        manifest: &str,
    ) -> String {
        let url = format!("http://{}/v2/{repository}/manifests/{reference}", self.host);
        let request = client()
            .put(url)
            .header("content-type", media_type)
            .body(manifest.to_owned());
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::CREATED);
        digest(manifest.as_bytes())
    }
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
async fn a_pushed_tag_serves_its_digest() {
    let registry = Registry::shared().await;
    let created = "2026-01-01T00:00:00Z";
    let platforms: [&[&str]; 2] = [&["linux/amd64"], &["linux/amd64", "linux/arm64"]];
    for (tag, platforms, media_type) in [
        ("single", platforms[0], MANIFEST),
        ("multi", platforms[1], INDEX),
    ] {
        let pushed = registry.push("org/app", tag, created, platforms).await;
        let url = format!("http://{}/v2/org/app/manifests/{tag}", registry.host);
        let request = client()
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
