//! The proxy for a host, for messages: the HTTP client's errors do not name it.

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::Url;

use crate::registry::loopback::is_loopback;
use crate::secrets::quote;

/// The proxy that is used for a URL, without its user name and password. It is
/// determined by the client's own rules.
pub(crate) fn proxy_of(url: &Url) -> Option<String> {
    if is_loopback(url.host_str().unwrap_or_default()) {
        return None;
    }
    shown(&Matcher::from_system(), url)
}

fn shown(proxies: &Matcher, url: &Url) -> Option<String> {
    let target: Uri = url.as_str().parse().ok()?;
    let intercept = proxies.intercept(&target)?;
    let proxy = intercept.uri();
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
        let proxies = Matcher::builder()
            .https("http://me:hunter2@proxy.example:3128")
            .http("plain.example")
            .no("direct.example")
            .build();
        for (url, expected) in [
            (
                "https://r.example/v2/?a=b",
                Some("http://proxy.example:3128"),
            ),
            ("http://r.example/v2/", Some("http://plain.example")),
            ("https://direct.example/v2/", None),
        ] {
            let url = Url::parse(url).expect(url);
            assert_eq!(shown(&proxies, &url).as_deref(), expected, "{url}");
        }
    }
}
