//! Google's Container Registry and Artifact Registry: the tag list contains the tags
//! and the upload time of each manifest. So one request bounds the dates of all tags.
//!
//! Times are milliseconds since 1970, as a string or a number. `timeUploadedMs` is
//! the push time. `timeCreatedMs` is the `created` field in the config of a single
//! image. It is not read, because this field is only the last of the places where
//! builders write the build time.
//!
//! This map is accepted from any host, regardless of its name.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::image::{Digest, Tag};

/// The facts that the tag list contains about a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TagFacts {
    /// Its digest.
    pub(crate) digest: Digest,
    /// When this digest was uploaded, in milliseconds.
    pub(crate) pushed: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UploadedManifest<'a> {
    #[serde(borrow, default)]
    tag: Vec<&'a RawValue>,
    #[serde(borrow)]
    time_uploaded_ms: Option<&'a RawValue>,
}

/// Adds the facts that the `manifest` map of a page contains about `listed` tags.
/// Malformed entries are ignored.
pub(crate) fn describe(
    manifest: &RawValue,
    listed: &HashSet<Tag>,
    described: &mut BTreeMap<Tag, TagFacts>,
) {
    let Ok(manifests) = serde_json::from_str::<BTreeMap<Cow<'_, str>, &RawValue>>(manifest.get())
    else {
        return;
    };
    for (digest, manifest) in manifests {
        let manifest = serde_json::from_str::<UploadedManifest<'_>>(manifest.get());
        let (Ok(digest), Ok(manifest)) = (digest.parse::<Digest>(), manifest) else {
            continue;
        };
        let facts = TagFacts {
            digest,
            pushed: manifest.time_uploaded_ms.and_then(time),
        };
        let names = manifest.tag.into_iter();
        let names = names.filter_map(|name| serde_json::from_str::<Cow<'_, str>>(name.get()).ok());
        for tag in names.filter_map(|name| name.parse::<Tag>().ok()) {
            if listed.contains(&tag) {
                described.insert(tag, facts.clone());
            }
        }
    }
}

/// Parses a time in milliseconds. Zero and negative numbers mean that it is missing.
fn time(raw: &RawValue) -> Option<Timestamp> {
    let text = raw.get().trim_matches('"');
    let milliseconds = text.parse().ok().filter(|ms: &i64| *ms > 0)?;
    Timestamp::from_millisecond(milliseconds).ok()
}
