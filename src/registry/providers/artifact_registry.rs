//! Google's registries, Container Registry and Artifact Registry: the tag list
//! itself says of each manifest which tags it has, when it was uploaded, and when
//! the image was built. So all dates come with one request.
//!
//! Times are milliseconds since 1970, as text or as a number. `timeCreatedMs` is
//! the `created` of a single image's config. It is 0 for an index, for an image
//! whose config names no time, and for all images of some repositories: then
//! `timeUploadedMs` is the bound, as a push time is.
//!
//! Whoever sends such a map is believed, whatever the host is called.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use oci_client::manifest::{IMAGE_MANIFEST_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::image::{Digest, Tag};

/// What the tag list says of a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::registry) struct TagFacts {
    /// What it serves.
    pub(in crate::registry) digest: Digest,
    /// When the one image that it serves was built, to the millisecond.
    pub(in crate::registry) created: Option<Timestamp>,
    /// When that was uploaded.
    pub(in crate::registry) pushed: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest<'a> {
    #[serde(borrow, default)]
    tag: Vec<&'a RawValue>,
    #[serde(borrow)]
    media_type: Option<Cow<'a, str>>,
    #[serde(borrow)]
    time_created_ms: Option<&'a RawValue>,
    #[serde(borrow)]
    time_uploaded_ms: Option<&'a RawValue>,
}

/// Adds what the `manifest` of a page says of tags that are `listed`. What is
/// malformed is ignored.
pub(in crate::registry) fn describe(
    manifest: &RawValue,
    listed: &HashSet<Tag>,
    described: &mut BTreeMap<Tag, TagFacts>,
) {
    let Ok(manifests) = serde_json::from_str::<BTreeMap<Cow<'_, str>, &RawValue>>(manifest.get())
    else {
        return;
    };
    for (digest, manifest) in manifests {
        let manifest = serde_json::from_str::<Manifest<'_>>(manifest.get());
        let (Ok(digest), Ok(manifest)) = (digest.parse::<Digest>(), manifest) else {
            continue;
        };
        let is_image = matches!(
            manifest.media_type.as_deref(),
            Some(OCI_IMAGE_MEDIA_TYPE | IMAGE_MANIFEST_MEDIA_TYPE)
        );
        let facts = TagFacts {
            digest,
            created: manifest.time_created_ms.filter(|_| is_image).and_then(time),
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
