//! Quay: its API on the registry's own host, public for public repositories.
//!
//! `start_ts` is when the tag got its current digest, by a push, a move or a restore,
//! in seconds since 1970.

use std::borrow::Cow;

use jiff::Timestamp;
use reqwest::Url;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::pages::{self, PAGE_SIZE, PushTimePage};
use super::times::{NoPushTimes, PushTimes, PushedTag};
use crate::registry::client::remote::Remote;

/// The registry that is known to be a Quay.
pub(crate) const REGISTRY: &str = "quay.io";
/// The URL of its API.
pub(crate) const BASE: &str = "https://quay.io/";

#[derive(Deserialize)]
struct QuayTagPage<'a> {
    #[serde(borrow)]
    tags: Vec<&'a RawValue>,
    #[serde(default)]
    has_additional: bool,
}

#[derive(Deserialize)]
struct QuayTag<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    start_ts: i64,
    #[serde(borrow)]
    manifest_digest: Option<Cow<'a, str>>,
}

/// Fetches the push times of a public repository.
pub(crate) async fn push_times(remote: &Remote, base: &Url) -> Result<PushTimes, NoPushTimes> {
    let repository = remote.name().repository();
    let mut url = base.clone();
    url.set_path(&format!(
        "{}api/v1/repository/{repository}/tag/",
        base.path()
    ));
    let query = format!("limit={PAGE_SIZE}&onlyActiveTags=true");
    url.set_query(Some(&query));
    pages::fetch_all(remote, None, &url, parse).await
}

fn parse(body: &[u8]) -> serde_json::Result<PushTimePage> {
    let tags: QuayTagPage<'_> = serde_json::from_slice(body)?;
    let listed = pages::valid_entries(tags.tags).filter_map(|listed: QuayTag<'_>| {
        let time = Timestamp::from_second(listed.start_ts).ok();
        PushedTag::new(&listed.name, listed.manifest_digest.as_deref(), [time])
    });
    Ok(PushTimePage {
        tags: listed.collect(),
        more: tags.has_additional,
    })
}
