//! Lists, read page by page. At most one page is in memory.

use kube::api::ListParams;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::answer::is_not;
use super::error::ClusterError;
use crate::cluster::connect::connection::Cluster;

/// The number of objects per page, as in kubectl.
pub(crate) const PAGE: u32 = 500;

/// The most pages of one list: five million objects.
const MAX_PAGES: usize = 10_000;
/// The most consecutive pages without an object.
const MAX_IDLE_PAGES: usize = 100;

/// How often a list is read again from the start because a continue token expired. The
/// last time it is read in one piece.
const MAX_RESTARTS: u32 = 2;

/// Which objects to list.
#[derive(Debug, Clone, Default)]
pub(crate) struct ListRequest<'a> {
    /// The collection's path.
    pub(crate) path: String,
    /// `-l`.
    pub(crate) label_selector: Option<&'a str>,
    /// In the API's field selector syntax.
    pub(crate) field_selector: Option<&'a str>,
    /// Whether to read only `metadata` of each object.
    pub(crate) metadata_only: bool,
    /// The number of objects per page; `None`: 500, as in kubectl.
    pub(crate) page: Option<u32>,
}

/// A list that was read to its end.
#[derive(Debug)]
pub(crate) struct WholeList<T> {
    /// What was kept of each object.
    pub(crate) items: Vec<T>,
    /// The version of the collection, from which it can be watched.
    pub(crate) version: String,
}

#[derive(Deserialize)]
struct ListPage<'a> {
    /// `DeploymentList`, `PartialObjectMetadataList`…
    #[serde(default)]
    kind: String,
    #[serde(default)]
    metadata: PageMetadata,
    // Raw text, so that each item is decoded on its own.
    // `null` is an empty list; a body without `items` is not a list.
    #[serde(borrow, default, deserialize_with = "present")]
    items: Option<Option<Vec<&'a RawValue>>>,
}

fn present<'de, D, T>(value: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(value).map(Some)
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PageMetadata {
    #[serde(rename = "continue")]
    continue_token: Option<String>,
    resource_version: String,
}

impl Cluster {
    /// Reads every page and collects what `keep` returns for each object's text.
    ///
    /// If a continue token expires, the list is read again from the start, so that pages of
    /// two states of the cluster are never mixed. If one expires again, the cluster changes
    /// faster than its pages can be read, and the list is read in one piece, as in
    /// client-go.
    ///
    /// A list without an end is an error: more than 10,000 pages, 100 pages in a row
    /// without an object, or a continue token that is used twice in a row.
    pub(crate) async fn list<T>(
        &self,
        list: &ListRequest<'_>,
        keep: impl FnMut(&str) -> T,
    ) -> Result<Vec<T>, ClusterError> {
        self.list_to_watch(list, keep).await.map(|list| list.items)
    }

    /// Like [`Self::list`], with the version from which the collection can be watched.
    pub(crate) async fn list_to_watch<T>(
        &self,
        list: &ListRequest<'_>,
        mut keep: impl FnMut(&str) -> T,
    ) -> Result<WholeList<T>, ClusterError> {
        let mut kept = Vec::new();
        let mut token: Option<String> = None;
        let mut limit = Some(list.page.unwrap_or(PAGE));
        let mut restarts = 0;
        let (mut pages, mut idle) = (0, 0);
        loop {
            let body = match self.page(list, limit, token.as_deref()).await {
                Err(error) if error.is_expired() && token.is_some() && restarts < MAX_RESTARTS => {
                    tracing::debug!("the list of {} expired and is read again", list.path);
                    restarts += 1;
                    limit = limit.filter(|_| restarts < MAX_RESTARTS);
                    token = None;
                    kept.clear();
                    (pages, idle) = (0, 0);
                    continue;
                }
                body => body?,
            };
            let request = format!("GET {}", list.path);
            let page: ListPage<'_> = serde_json::from_str(&body)
                .map_err(|error| ClusterError::malformed(&request, &error))?;
            let items = page.items.filter(|_| page.kind.ends_with("List"));
            let Some(items) = items else {
                return Err(is_not("a list", &body, &request));
            };
            let before = kept.len();
            let items = items.unwrap_or_default().into_iter();
            kept.extend(items.map(|item| keep(item.get())));
            let next = page.metadata.continue_token.filter(|t| !t.is_empty());
            if next.is_none() {
                return Ok(WholeList {
                    items: kept,
                    version: page.metadata.resource_version,
                });
            }
            pages += 1;
            idle = if kept.len() > before { 0 } else { idle + 1 };
            if pages >= MAX_PAGES || idle > MAX_IDLE_PAGES || next == token {
                return Err(ClusterError::Malformed {
                    request,
                    reason: format!("the list does not end (page {pages})"),
                });
            }
            token = next;
        }
    }

    async fn page(
        &self,
        list: &ListRequest<'_>,
        limit: Option<u32>,
        token: Option<&str>,
    ) -> Result<String, ClusterError> {
        let mut params = ListParams {
            limit,
            ..ListParams::default()
        };
        params.label_selector = list.label_selector.map(str::to_owned);
        params.field_selector = list.field_selector.map(str::to_owned);
        params.continue_token = token.map(str::to_owned);
        let request = kube::core::Request::new(list.path.as_str());
        self.fetch(if list.metadata_only {
            request.list_metadata(&params)
        } else {
            request.list(&params)
        })
        .await
    }
}

#[cfg(test)]
#[path = "page_tests.rs"]
mod tests;
