//! Google's registries, Container Registry and Artifact Registry: the tag list
//! itself says of each manifest which tags it has and when it was uploaded. So one
//! request bounds the dates of all tags.
//!
//! Times are milliseconds since 1970, as text or as a number. `timeUploadedMs` is
//! the time of a push. There is a `timeCreatedMs` too, which is the `created` of a
//! single image's config: of the places where builders write the time of a build
//! it is only the last one, so it is not read.
//!
//! Whoever sends such a map is believed, whatever the host is called.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::image::{Digest, Tag};

/// What the tag list says of a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TagFacts {
    /// What it serves.
    pub(crate) digest: Digest,
    /// When that was uploaded, to the millisecond.
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

/// Adds what the `manifest` of a page says of tags that are `listed`. What is
/// malformed is ignored.
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

/// A time in milliseconds; 0 and less is none.
fn time(raw: &RawValue) -> Option<Timestamp> {
    let text = raw.get().trim_matches('"');
    let milliseconds = text.parse().ok().filter(|ms: &i64| *ms > 0)?;
    Timestamp::from_millisecond(milliseconds).ok()
}
