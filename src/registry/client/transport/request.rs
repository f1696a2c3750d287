//! One request and its response.

use std::net::SocketAddr;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method, StatusCode};
use reqwest::Url;
use secrecy::SecretString;
use tokio::sync::OwnedSemaphorePermit;

use super::address::AddressKind;
use super::window::RequestKind;
use crate::registry::client::scan_budget::ScanBudget;

/// The largest body that is read, in bytes after decompression.
pub(crate) const MAX_BODY: u64 = 32 * 1024 * 1024;
/// The size up to which any number of bodies may be in memory, in bytes. Of larger ones,
/// a host gets only a few at a time.
pub(crate) const SMALL_BODY: usize = 64 * 1024;

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    /// The supported media types.
    pub(crate) accept: Option<&'static str>,
    pub(crate) authorization: Option<HeaderValue>,
    /// The ETag of a cached body: if it is current, the response is a 304 without a
    /// body.
    pub(crate) if_none_match: Option<String>,
    /// Set if registries that count pulls count this request: the percentage of their
    /// limit that is kept for others. See [`Host::pull`](super::host::Host::pull).
    pub(crate) pull_reserve: Option<u8>,
    /// The body of a POST, as a form.
    pub(crate) form: Option<SecretString>,
    /// Whether the body may be compressed for transfer. Not if its digest is checked:
    /// it would not save anything, and some proxies label the encoding incorrectly.
    pub(crate) compressed: bool,
    /// The size limit for the body of a successful response, in bytes.
    pub(crate) limit: u64,
    /// Whether a body over the limit is the image's fault: that of a manifest or a config
    /// of unknown size.
    pub(crate) is_unbounded_image: bool,
    /// Whether it is for an API other than the registry's, which may be on the same
    /// host. Then it has a separate window, pauses and time-outs, so that its result does
    /// not affect the registry.
    pub(crate) is_other_api: bool,
    /// Set if a registry has named the URL: the kind of the registry's address. Then only
    /// addresses that it may point to are connected to, and the result does not affect a
    /// registry on that host that the user may have named.
    pub(crate) named_by: Option<AddressKind>,
    /// The time that the requests for its repository may take in total.
    pub(crate) budget: Option<Arc<ScanBudget>>,
}

impl Request {
    /// A plain GET without credentials.
    pub(crate) fn get(url: Url) -> Self {
        Self {
            method: Method::GET,
            url,
            accept: None,
            authorization: None,
            if_none_match: None,
            pull_reserve: None,
            form: None,
            compressed: true,
            limit: MAX_BODY,
            is_unbounded_image: false,
            is_other_api: false,
            named_by: None,
            budget: None,
        }
    }

    pub(crate) fn kind(&self) -> RequestKind {
        if self.method == Method::HEAD {
            RequestKind::Head
        } else if self.pull_reserve.is_some() {
            RequestKind::Manifest
        } else if self.compressed {
            RequestKind::Other
        } else {
            RequestKind::Content
        }
    }
}

/// One complete response. The body of a redirect is not read, and of any other error
/// status only the beginning, whatever the request's limit.
#[derive(Debug)]
pub(crate) struct Response {
    /// The URL of the request.
    pub(crate) url: Url,
    /// The socket that was connected to, which may be a proxy's.
    pub(crate) from: Option<SocketAddr>,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// Held as long as a large body is in memory.
    pub(crate) large: Option<OwnedSemaphorePermit>,
}

impl Response {
    /// A header's text; `None` if it is missing or not text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// The host and port of a URL, as shown in messages.
pub(crate) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}
