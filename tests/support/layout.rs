//! Small OCI image layouts on disk.

use std::path::Path;

use serde_json::json;

use super::content::{Blob, Content};

/// Writes a layout with these tags into a directory, which is created.
pub fn write_layout(dir: &Path, tags: &[(&str, Content)]) {
    std::fs::create_dir_all(dir).expect("directory");
    let mut entries = Vec::new();
    for (tag, content) in tags {
        write_blob(dir, &content.manifest);
        for blob in content.members.iter().chain(&content.configs) {
            write_blob(dir, blob);
        }
        let mut entry = content.manifest.descriptor();
        entry["annotations"] = json!({"org.opencontainers.image.ref.name": tag});
        entries.push(entry);
    }
    let index = json!({"schemaVersion": 2, "manifests": entries});
    std::fs::write(dir.join("index.json"), index.to_string()).expect("index.json");
    std::fs::write(dir.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)
        .expect("oci-layout");
}

/// Writes one blob of a layout.
pub fn write_blob(dir: &Path, blob: &Blob) {
    let (algorithm, hex) = blob.digest.split_once(':').expect("digest");
    let blobs = dir.join("blobs").join(algorithm);
    std::fs::create_dir_all(&blobs).expect("directory for blobs");
    std::fs::write(blobs.join(hex), &blob.bytes).expect("blob");
}
