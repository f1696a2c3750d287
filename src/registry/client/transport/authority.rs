//! The host and port of a URL.

use reqwest::Url;

/// The host and port of a URL, as shown in messages.
pub(crate) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}
