//! Snapshots that an older version saved.
//!
//! `v1alpha1` knew one time of an image, which stood in its config, and did not
//! know what an image is. What it never asked is not checked.

use serde_json::{Map, Value, json};

/// The older format that is still read.
pub(crate) const OLDER_FORMAT: &str = "imgpolicy.dev/snapshot-v1alpha1";

/// The note about a snapshot in the older format.
pub(crate) const NOTE: &str = "the snapshot was saved by an older version: what an elected tag \
    serves, and where it runs, was not always asked then and is not checked";

/// Writes a snapshot of the older format in today's words.
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
    // What has another shape is refused when it is read.
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
