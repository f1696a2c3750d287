//! What all providers share: pages that are counted, and read within bounds.

use http::HeaderValue;
use reqwest::Url;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::times::{NoPushTimes, PushTimes, PushedTag};
use crate::registry::client::remote::Remote;
use crate::registry::client::transport::{Answer, Question, authority};
use crate::registry::content::config::json_error;

/// How many tags a page is asked to hold: the most that each of them allows.
pub(crate) const PAGE_SIZE: usize = 100;
/// How many pages are read. What stands behind them is dated tag by tag.
const MAX_PAGES: usize = 10;
/// The largest page that is read, in bytes. Docker Hub describes each platform
/// of each tag: 100 tags of 30 platforms are some 1 MiB.
const MAX_PAGE: u64 = 8 * 1024 * 1024;

/// One page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct PushTimePage {
    pub(crate) tags: Vec<PushedTag>,
    /// Whether there is a next one.
    pub(crate) more: bool,
}

/// Reads the pages of a repository, counted from 1; `url` names each and `parse`
/// reads it. A page behind the first that cannot be had ends the list: what is
/// listed is right by itself.
pub(crate) async fn read(
    remote: &Remote,
    authorization: Option<&HeaderValue>,
    url: impl Fn(usize) -> Url,
    parse: impl Fn(&[u8]) -> serde_json::Result<PushTimePage>,
) -> Result<PushTimes, NoPushTimes> {
    let mut times = PushTimes::default();
    for number in 1..=MAX_PAGES {
        let page = match get(remote, authorization, url(number)).await {
            Ok((host, answer)) => parse(&answer.body).map_err(|error| malformed(host, &error)),
            Err(error) => Err(error),
        };
        let page = match page {
            Ok(page) => page,
            Err(error) if number == 1 => return Err(error),
            Err(error) => {
                tracing::debug!(repository = %remote.name(), page = number, %error, "the push times end here");
                break;
            }
        };
        for listed in page.tags {
            times.add(listed);
        }
        if !page.more {
            break;
        }
    }
    Ok(times)
}

/// Asks for one document; gives it back with the name of the host.
pub(crate) async fn get(
    remote: &Remote,
    authorization: Option<&HeaderValue>,
    url: Url,
) -> Result<(String, Answer), NoPushTimes> {
    let host = authority(&url);
    let mut question = Question::get(url);
    question.authorization = authorization.cloned();
    question.limit = MAX_PAGE;
    let answer = remote.ask_aside(question).await?;
    if !answer.status.is_success() {
        let status = answer.status;
        return Err(NoPushTimes::Refused { host, status });
    }
    Ok((host, answer))
}

/// A document that cannot be read.
pub(crate) fn malformed(host: String, error: &serde_json::Error) -> NoPushTimes {
    let fault = json_error(error);
    NoPushTimes::Malformed { host, fault }
}

/// The entries of a list that are what they should be; the others are ignored.
pub(crate) fn sound<'a, T: Deserialize<'a>>(
    entries: impl IntoIterator<Item = &'a RawValue>,
) -> impl Iterator<Item = T> {
    entries
        .into_iter()
        .filter_map(|entry| serde_json::from_str(entry.get()).ok())
}
