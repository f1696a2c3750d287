//! One watch request, and the events that the server sends for it.

use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use http::header::AUTHORIZATION;
use kube::api::WatchParams;
use kube::core::WatchEvent;
use serde_json::value::RawValue;

use crate::cluster::api::error::ClusterError;
use crate::cluster::api::page::ListRequest;
use crate::cluster::connect::connection::Cluster;

/// How long the server keeps a watch open, in seconds. A connection that breaks without a word
/// is noticed soon after that.
const WATCH_SECONDS: u32 = 290;

/// How much later than the server a watch is ended here.
const GRACE: Duration = Duration::from_secs(10);

/// An event of a watch.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// An object was added or changed: its text.
    Applied(Box<RawValue>),
    /// An object was deleted, or no longer matches the selector: its last text.
    Deleted(Box<RawValue>),
    /// Nothing happened up to this version of the collection.
    Bookmark(String),
}

impl Cluster {
    /// Watches a collection from a version on. The stream ends when the server ends the watch,
    /// which it does after about five minutes; that is not an error. After an error, the stream
    /// ends. One that [is expired](ClusterError::is_expired) means that the version is too old,
    /// and that the collection has to be listed again.
    pub(crate) async fn watch(
        &self,
        list: &ListRequest<'_>,
        version: &str,
    ) -> Result<impl Stream<Item = Result<Event, ClusterError>> + use<>, ClusterError> {
        let params = WatchParams {
            label_selector: list.label_selector.map(str::to_owned),
            field_selector: list.field_selector.map(str::to_owned),
            timeout: Some(WATCH_SECONDS),
            bookmarks: true,
            ..WatchParams::default()
        };
        let request = kube::core::Request::new(list.path.as_str());
        let request = if list.metadata_only {
            request.watch_metadata(&params, version)
        } else {
            request.watch(&params, version)
        };
        let mut request =
            request.map_err(|error| ClusterError::Configuration(error.to_string()))?;
        let credentials = self.credentials().header().await?;
        if let Some(credentials) = credentials {
            request.headers_mut().insert(AUTHORIZATION, credentials);
        }
        let line = format!("GET {}?watch", list.path);
        tracing::debug!("{line} from version {version}");
        let opening = self.client().request_events::<Box<RawValue>>(request);
        let opened =
            match self.response_timeout() {
                Some(limit) => tokio::time::timeout(limit, opening).await.map_err(|_| {
                    ClusterError::Timeout {
                        request: line.clone(),
                        limit,
                    }
                })?,
                None => opening.await,
            };
        let server = self.server();
        let events = opened.map_err(|error| ClusterError::from_kube(error, &line, &server))?;
        let limit = Duration::from_secs(u64::from(WATCH_SECONDS)) + GRACE;
        let end = tokio::time::sleep(limit);
        let events = events.map(move |event| match event {
            Ok(WatchEvent::Added(object) | WatchEvent::Modified(object)) => {
                Ok(Event::Applied(object))
            }
            Ok(WatchEvent::Deleted(object)) => Ok(Event::Deleted(object)),
            Ok(WatchEvent::Bookmark(bookmark)) => {
                Ok(Event::Bookmark(bookmark.metadata.resource_version))
            }
            Ok(WatchEvent::Error(status)) => Err(ClusterError::from_kube(
                kube::Error::Api(status),
                &line,
                &server,
            )),
            Err(error) => Err(ClusterError::from_kube(error, &line, &server)),
        });
        Ok(events.take_until(end))
    }
}
