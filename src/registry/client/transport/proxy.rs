//! The proxy for a host, by the rules of [`crate::proxy`].

use http::Uri;
use reqwest::Url;

use crate::proxy::{ProxyError, ProxySettings};
use crate::registry::loopback::is_loopback;
use crate::secrets::quote;

/// The proxy through which a URL is requested; `None` if its host is contacted
/// directly.
pub(crate) fn proxy_for(settings: &ProxySettings, url: &Url) -> Result<Option<Uri>, ProxyError> {
    // As in the rest of Kubernetes: a proxy cannot reach our loopback.
    if is_loopback(url.host_str().unwrap_or_default()) {
        return Ok(None);
    }
    let server: Option<Uri> = url.as_str().parse().ok();
    server.map_or(Ok(None), |server| settings.for_url(&server))
}

/// A proxy in a message: the HTTP client's errors do not name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ShownProxy {
    /// Its URL, without its user name and password.
    pub(crate) url: String,
    /// Where it is set.
    pub(crate) check: &'static str,
}

impl ShownProxy {
    /// A proxy, and where it is set.
    pub(crate) fn new(proxy: &Uri, check: &'static str) -> Option<Self> {
        Some(Self {
            url: shown(proxy)?,
            check,
        })
    }
}

fn shown(proxy: &Uri) -> Option<String> {
    let port = proxy
        .port_u16()
        .map_or_else(String::new, |port| format!(":{port}"));
    Some(quote(&format!(
        "{}://{}{port}",
        proxy.scheme_str().unwrap_or("http"),
        proxy.host()?
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_named_without_its_credentials() {
        for (proxy, expected) in [
            (
                "http://me:hunter2@proxy.example:3128",
                "http://proxy.example:3128",
            ),
            ("http://plain.example", "http://plain.example"),
            ("socks5://me:hunter2@[::1]:1080", "socks5://[::1]:1080"),
        ] {
            let uri = proxy.parse().expect(proxy);
            assert_eq!(shown(&uri).as_deref(), Some(expected));
        }
    }
}
