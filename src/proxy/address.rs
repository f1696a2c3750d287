//! Parses the URL of a proxy.

use http::Uri;

use crate::secrets;

/// A proxy that cannot be used. It may contain a password, so nothing of it is quoted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ProxyError {
    /// It is not a URL with a host.
    #[error(
        "{origin} is not a valid URL; use http://HOST:PORT, with the user name and password percent-encoded before the host"
    )]
    Invalid { origin: String },
    /// It is for another protocol.
    #[error(
        "{origin} has the scheme {scheme:?}, which is not supported; use http, https or socks5"
    )]
    Scheme { origin: String, scheme: String },
}

/// Parses a proxy's URL, whose scheme then is `http`, `https` or `socks5`. `origin` says
/// where it is from, for messages.
pub(crate) fn parse(proxy: &str, origin: &str) -> Result<Uri, ProxyError> {
    secrets::learn_url(proxy);
    parse_url(proxy).map_err(|scheme| {
        let origin = origin.to_owned();
        match scheme {
            None => ProxyError::Invalid { origin },
            Some(scheme) => ProxyError::Scheme { origin, scheme },
        }
    })
}

/// Fails with the scheme, if only that is wrong.
fn parse_url(proxy: &str) -> Result<Uri, Option<String>> {
    // A bare host is an http proxy.
    let url = if proxy.contains("://") {
        proxy.to_owned()
    } else {
        format!("http://{proxy}")
    };
    let url: Uri = url.parse().map_err(|_| None)?;
    let authority = url.authority().ok_or(None)?.as_str();
    match url.scheme_str() {
        _ if !has_valid_host(&url) => Err(None),
        Some("http" | "https") => Ok(url),
        // In both cases the proxy resolves names, as in Go.
        Some("socks5" | "socks5h") => {
            let port = match url.port() {
                Some(_) => "",
                None => ":1080",
            };
            let url = format!("socks5://{authority}{port}");
            url.parse().map_err(|_| None)
        }
        None | Some("") => Err(None),
        Some(scheme) => Err(Some(scheme.to_owned())),
    }
}

/// Whether a URL has a host and, if it has a port, a valid one. The parser accepts any
/// port.
pub(crate) fn has_valid_host(url: &Uri) -> bool {
    let Some(authority) = url.authority() else {
        return false;
    };
    let host_and_port = authority.as_str().rsplit('@').next().unwrap_or_default();
    let port = host_and_port.strip_prefix(authority.host());
    let is_port = port.is_none_or(str::is_empty) || authority.port_u16().is_some();
    !authority.host().is_empty() && is_port
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxy_is_parsed_and_no_error_contains_its_password() {
        for (proxy, expected) in [
            ("http://me:planted-p@h:1", Ok("http://me:planted-p@h:1/")),
            ("h:1", Ok("http://h:1/")),
            ("HTTPS://h", Ok("https://h/")),
            (
                "socks5://me:planted-p@h",
                Ok("socks5://me:planted-p@h:1080/"),
            ),
            ("socks5h://h:1", Ok("socks5://h:1/")),
            ("ftp://me:planted-p@h", Err("has the scheme \"ftp\"")),
            ("http://me:planted p@h", Err("is not a valid URL")),
            ("http://me:planted/p@h", Err("is not a valid URL")),
            ("://me:planted-p@h", Err("is not a valid URL")),
            ("http://", Err("is not a valid URL")),
            ("http://h:99999", Err("is not a valid URL")),
        ] {
            match (parse(proxy, "HTTPS_PROXY"), expected) {
                (Ok(url), Ok(expected)) => assert_eq!(url, expected),
                (Err(error), Err(expected)) => {
                    let line = error.to_string();
                    assert!(line.starts_with("HTTPS_PROXY "), "{line}");
                    assert!(
                        line.contains(expected) && !line.contains("planted"),
                        "{line}"
                    );
                }
                (result, _) => panic!("{proxy}: {result:?}"),
            }
        }
    }
}
