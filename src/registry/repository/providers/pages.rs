//! Reads numbered pages within limits, for all providers.

use std::time::Duration;

use http::HeaderValue;
use reqwest::Url;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::times::{NoPushTimes, PushTimes, PushedTag};
use crate::registry::client::remote::Remote;
use crate::registry::client::transport::{Request, Response, authority};
use crate::registry::content::config::json_error;

/// The page size that is requested: the maximum that all providers allow.
pub(crate) const PAGE_SIZE: usize = 100;
/// The most pages that are read. The creation times of the tags on later pages are
/// read one by one.
const MAX_PAGES: usize = 10;
/// How long the pages may take. The creation times of the tags on later pages are read
/// one by one.
const MAX_TIME: Duration = Duration::from_secs(30);
/// The largest page that is read, in bytes. Docker Hub describes each platform of
/// each tag: 100 tags with 30 platforms take about 1 MiB.
const MAX_PAGE: u64 = 8 * 1024 * 1024;

/// One page of tags with their push times.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct PushTimePage {
    pub(crate) tags: Vec<PushedTag>,
    /// Whether there is another page.
    pub(crate) more: bool,
}

/// Fetches the pages at `url`, whose query gets the page number, starting at 1. If a
/// page other than the first cannot be read, the list ends there, because each listed
/// tag is valid by itself.
pub(crate) async fn fetch_all(
    remote: &Remote,
    authorization: Option<&HeaderValue>,
    url: &Url,
    parse: impl Fn(&[u8]) -> serde_json::Result<PushTimePage>,
) -> Result<PushTimes, NoPushTimes> {
    let mut times = PushTimes::default();
    let started = Instant::now();
    for number in 1..=MAX_PAGES {
        let mut url = url.clone();
        url.query_pairs_mut()
            .append_pair("page", &number.to_string());
        let page = match fetch(remote, authorization, url).await {
            Ok((host, answer)) => parse(&answer.body).map_err(|error| malformed(host, &error)),
            Err(error) => Err(error),
        };
        let page = match page {
            Ok(page) => page,
            Err(error) if number == 1 => return Err(error),
            Err(error) => {
                tracing::debug!(repository = %remote.name(), page = number, %error, "the list of push times ends here");
                break;
            }
        };
        for tag in page.tags {
            times.add(tag);
        }
        if !page.more || started.elapsed() > MAX_TIME {
            break;
        }
    }
    Ok(times)
}

/// Fetches one document, and returns it with the name of the host.
pub(crate) async fn fetch(
    remote: &Remote,
    authorization: Option<&HeaderValue>,
    url: Url,
) -> Result<(String, Response), NoPushTimes> {
    let host = authority(&url);
    let mut question = Request::get(url);
    question.authorization = authorization.cloned();
    question.limit = MAX_PAGE;
    let answer = remote.send_to_other_api(question).await?;
    if !answer.status.is_success() {
        let status = answer.status;
        return Err(NoPushTimes::Refused { host, status });
    }
    Ok((host, answer))
}

/// The error for a document that cannot be parsed.
pub(crate) fn malformed(host: String, error: &serde_json::Error) -> NoPushTimes {
    let fault = json_error(error);
    NoPushTimes::Malformed { host, fault }
}

/// Parses the entries of a list; invalid ones are ignored.
pub(crate) fn valid_entries<'a, T: Deserialize<'a>>(
    entries: impl IntoIterator<Item = &'a RawValue>,
) -> impl Iterator<Item = T> {
    entries
        .into_iter()
        .filter_map(|entry| serde_json::from_str(entry.get()).ok())
}
