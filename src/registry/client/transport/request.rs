//! One request and its response.

use std::net::SocketAddr;

use http::{HeaderMap, HeaderValue, Method, StatusCode};
use reqwest::Url;
use secrecy::SecretString;

use super::address::AddressKind;
use super::window::RequestKind;

/// The largest body that is read, in bytes after decompression.
pub(crate) const MAX_BODY: u64 = 32 * 1024 * 1024;

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    /// The media types that are understood.
    pub(crate) accept: Option<&'static str>,
    pub(crate) authorization: Option<HeaderValue>,
    /// The ETag of what is known already: where it is current, the answer is a
    /// 304 without a body.
    pub(crate) if_none_match: Option<String>,
    /// Whether registries that count pulls count this one: the part of their
    /// limit, in percent, that is left to others. See [`Transport::pull`].
    pub(crate) pull_reserve: Option<u8>,
    /// The body of a POST, as a form.
    pub(crate) form: Option<SecretString>,
    /// Whether the body may be compressed on the way. Not where its digest
    /// counts: there is nothing to win, and proxies have been seen to lie.
    pub(crate) compressed: bool,
    /// The largest body of a success that is of use, in bytes.
    pub(crate) limit: u64,
    /// Whether a body over the limit is the image's own fault: that of a manifest
    /// or a config which nobody has told the size of.
    pub(crate) is_unbounded_image: bool,
    /// Whether it is no question to the registry that may share its host. Then
    /// it has a window, pauses and time-outs of its own: however it ends, that
    /// says nothing of the registry.
    pub(crate) aside: bool,
    /// Set where a registry has named the URL: the kind of its own address. Then
    /// only what it may lead to is connected to, and however that ends, it says
    /// nothing of a registry that the user may have named on that host.
    pub(crate) named_by: Option<AddressKind>,
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
            aside: false,
            named_by: None,
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

/// One complete response. The body of a redirect is not read; of any other that
/// is no success, only the beginning is, whatever the question's limit.
#[derive(Debug)]
pub(crate) struct Response {
    /// What was asked.
    pub(crate) url: Url,
    /// The socket that was connected to, which may be a proxy's.
    pub(crate) from: Option<SocketAddr>,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// A header's text; `None` where it is missing or no text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}
