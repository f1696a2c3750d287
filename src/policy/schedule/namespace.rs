//! The annotations of a namespace that apply to all its workloads.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::policy::sources::annotation_keys::AnnotationKey;

/// The annotations about when images may be updated.
pub(crate) fn schedule_annotations(
    all: impl IntoIterator<Item = (String, String)>,
) -> BTreeMap<String, String> {
    let mut own: BTreeMap<String, String> = all.into_iter().collect();
    own.retain(|key, _| {
        let key = AnnotationKey::from_spelling(key);
        matches!(key, Some(AnnotationKey::Window | AnnotationKey::Freeze))
    });
    own
}

/// The name of a Namespace and its annotations about when images may be updated; `None` if it
/// has none, or if the object is not a Namespace.
#[must_use]
pub fn namespace_schedule(object: &Value) -> Option<(String, BTreeMap<String, String>)> {
    let is_namespace = object["apiVersion"] == "v1" && object["kind"] == "Namespace";
    let metadata = object.get("metadata").filter(|_| is_namespace)?;
    let name = metadata.get("name")?.as_str()?;
    let all = metadata.get("annotations")?.as_object()?.iter();
    // The API server accepts nothing but strings.
    let texts = all.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
    let annotations = schedule_annotations(texts);
    (!annotations.is_empty()).then(|| (name.to_owned(), annotations))
}
