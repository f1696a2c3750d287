//! Docker Hub: the API behind its web pages, on a separate host.
//!
//! `last_updated` is when the tag was last written; `tag_last_pushed` is when it was
//! last pushed, even if its digest did not change. The later one is the bound. Tags
//! from before 2016 have neither. `ordering=last_updated` sorts newest first, and
//! `-last_updated` oldest first. The registry token is not valid for this host, so
//! private repositories are not found (404).

use std::borrow::Cow;

use jiff::Timestamp;
use reqwest::Url;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::pages::{self, PAGE_SIZE, PushTimePage};
use super::times::{NoPushTimes, PushTimes, PushedTag};
use crate::registry::client::remote::Remote;

/// The URL of the API.
pub(crate) const BASE: &str = "https://hub.docker.com/";

#[derive(Deserialize)]
struct DockerHubTagPage<'a> {
    #[serde(borrow)]
    results: Vec<&'a RawValue>,
    next: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct DockerHubTag<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    last_updated: Option<Timestamp>,
    tag_last_pushed: Option<Timestamp>,
    #[serde(borrow)]
    digest: Option<Cow<'a, str>>,
}

/// Fetches the push times of a public repository.
pub(crate) async fn push_times(remote: &Remote, base: &Url) -> Result<PushTimes, NoPushTimes> {
    let repository = remote.name().repository();
    let mut url = base.clone();
    url.set_path(&format!("{}v2/repositories/{repository}/tags", base.path()));
    let query = format!("page_size={PAGE_SIZE}&ordering=last_updated");
    url.set_query(Some(&query));
    pages::fetch_all(remote, None, &url, parse).await
}

fn parse(body: &[u8]) -> serde_json::Result<PushTimePage> {
    let tags: DockerHubTagPage<'_> = serde_json::from_slice(body)?;
    let listed = pages::valid_entries(tags.results).filter_map(|listed: DockerHubTag<'_>| {
        let times = [listed.last_updated, listed.tag_last_pushed];
        PushedTag::new(&listed.name, listed.digest.as_deref(), times)
    });
    Ok(PushTimePage {
        tags: listed.collect(),
        // The link itself is not followed because it may lead to any host.
        more: tags.next.is_some(),
    })
}
