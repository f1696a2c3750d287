//! Snapshots that an older version saved.
//!
//! `v1alpha1` had one time per image, the one in its config, and did not record
//! whether something is an image. What it never requested is not checked.

use serde_json::{Map, Value, json};

/// The older format that can still be read.
pub(crate) const OLDER_FORMAT: &str = "imgpolicy.dev/snapshot-v1alpha1";

/// The note on a snapshot in the older format.
pub(crate) const NOTE: &str = "the snapshot was saved by an older version: what an elected tag \
    serves, and where it runs, was not always recorded and is not checked";

/// Converts a snapshot of the older format to the current one.
pub(crate) fn upgrade(snapshot: &mut Value) {
    let views = snapshot
        .get_mut("pullSecretViews")
        .and_then(Value::as_object_mut);
    let views = views.into_iter().flat_map(Map::values_mut);
    for view in views.filter_map(Value::as_array_mut).flatten() {
        if let Some(metadata) = view.get_mut("metadata") {
            upgrade_repository(metadata);
        }
    }
    let repositories = snapshot
        .get_mut("repositories")
        .and_then(Value::as_object_mut);
    for metadata in repositories.into_iter().flat_map(Map::values_mut) {
        upgrade_repository(metadata);
    }
    if let Some(notes) = snapshot.get_mut("notes").and_then(Value::as_array_mut) {
        notes.push(json!(NOTE));
    }
}

fn upgrade_repository(metadata: &mut Value) {
    // An unexpected shape is rejected when the snapshot is parsed.
    if let Some(metadata) = metadata.as_object_mut() {
        metadata.insert("isClosed".to_owned(), json!(true));
    }
    let images = metadata.get_mut("images").and_then(Value::as_object_mut);
    for image in images.into_iter().flat_map(Map::values_mut) {
        let Some(created) = image.pointer_mut("/created/value") else {
            continue;
        };
        *created = match created.take() {
            Value::Null => json!({}),
            time => json!({"config": time}),
        };
    }
}
