//! The proxy through which a server is reached.
//!
//! The rules are kubectl's: the `proxy-url` of a kubeconfig always applies;
//! `HTTPS_PROXY` applies to https only, never to loopback, and not to a server that
//! `NO_PROXY` names. (kube compares `NO_PROXY` with the proxy's own address, and rejects
//! an empty entry in it.)

use std::net::IpAddr;

use crate::cluster::api::error::ClusterError;
use crate::secrets;

/// The proxy for a server, with the scheme `http`, `https` or `socks5`. `own` is the
/// kubeconfig's `proxy-url`.
pub(crate) fn proxy_for(
    own: Option<&str>,
    server: &http::Uri,
) -> Result<Option<http::Uri>, ClusterError> {
    if let Some(own) = own.filter(|own| !own.is_empty()) {
        return parse(own, "the cluster's proxy-url").map(Some);
    }
    let proxy = variable("HTTPS_PROXY", "https_proxy").filter(|_| {
        let no_proxy = variable("NO_PROXY", "no_proxy").unwrap_or_default();
        !is_bypassed(server, &no_proxy)
    });
    proxy.map(|proxy| parse(&proxy, "HTTPS_PROXY")).transpose()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the standard proxy variables of every client"
)]
fn variable(upper: &str, lower: &str) -> Option<String> {
    let mut values = [upper, lower]
        .into_iter()
        .filter_map(|name| std::env::var(name).ok());
    values.find(|value| !value.is_empty())
}

/// Parses a proxy's URL. It may contain a password, so no error quotes it.
fn parse(proxy: &str, origin: &str) -> Result<http::Uri, ClusterError> {
    secrets::learn_url(proxy);
    let invalid = || {
        ClusterError::Configuration(format!(
            "{origin} is not a valid URL; use http://HOST:PORT, with the user name and password \
             percent-encoded before the host"
        ))
    };
    // A bare host is an http proxy.
    let url = if proxy.contains("://") {
        proxy.to_owned()
    } else {
        format!("http://{proxy}")
    };
    let url: http::Uri = url.parse().map_err(|_| invalid())?;
    let authority = url.authority().ok_or_else(invalid)?.as_str();
    match url.scheme_str() {
        _ if !has_valid_host(&url) => Err(invalid()),
        Some("http" | "https") => Ok(url),
        // In both cases the proxy resolves names, as in Go.
        Some("socks5" | "socks5h") => {
            let port = match url.port() {
                Some(_) => "",
                None => ":1080",
            };
            format!("socks5://{authority}{port}")
                .parse()
                .map_err(|_| invalid())
        }
        None | Some("") => Err(invalid()),
        Some(scheme) => Err(ClusterError::Configuration(format!(
            "{origin} has the scheme {scheme:?}, which is not supported; use http, https or socks5"
        ))),
    }
}

/// Whether a URL has a host and, if it has a port, a valid one. The parser accepts any port.
pub(crate) fn has_valid_host(url: &http::Uri) -> bool {
    let Some(authority) = url.authority() else {
        return false;
    };
    let host_and_port = authority.as_str().rsplit('@').next().unwrap_or_default();
    let port = host_and_port.strip_prefix(authority.host());
    let is_port = port.is_none_or(str::is_empty) || authority.port_u16().is_some();
    !authority.host().is_empty() && is_port
}

/// Whether a server is reached directly, although the environment names a proxy.
fn is_bypassed(server: &http::Uri, no_proxy: &str) -> bool {
    let Some(host) = server.host() else {
        return false;
    };
    // HTTPS_PROXY applies to https only.
    if server.scheme_str() != Some("https") {
        return true;
    }
    let host = host.trim_matches(['[', ']']).trim_end_matches('.');
    let host = host.to_ascii_lowercase();
    let ip: Option<IpAddr> = host.parse().ok();
    if host == "localhost" || ip.is_some_and(|ip| ip.is_loopback()) {
        return true;
    }
    let port = server.port_u16().unwrap_or(443);
    no_proxy
        .split(',')
        .map(|entry| entry.trim().to_ascii_lowercase())
        .any(|entry| matches(&entry, &host, ip, port))
}

fn matches(entry: &str, host: &str, ip: Option<IpAddr>, port: u16) -> bool {
    if entry.is_empty() || entry == "*" {
        return entry == "*";
    }
    if let (Some((network, bits)), Some(ip)) = (entry.split_once('/'), ip) {
        return contains(network, bits, ip).unwrap_or(false);
    }
    // A bare IPv6 address has colons and no port.
    let (name, wanted) = match entry.rsplit_once(':') {
        Some((name, text)) if entry.parse::<IpAddr>().is_err() => match text.parse::<u16>() {
            Ok(wanted) => (name, Some(wanted)),
            Err(_) => (entry, None),
        },
        _ => (entry, None),
    };
    if wanted.is_some_and(|wanted| wanted != port) {
        return false;
    }
    let name = name.trim_matches(['[', ']']);
    if ip.is_some() {
        return name.parse().ok() == ip;
    }
    // `.corp` and `*.corp` match only subdomains; `corp` also matches the domain itself.
    let name = name.strip_prefix('*').unwrap_or(name);
    match name.strip_prefix('.') {
        Some(domain) => is_below(host, domain),
        None => host == name || is_below(host, name),
    }
}

fn is_below(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain)
        .is_some_and(|rest| rest.ends_with('.'))
}

fn contains(network: &str, bits: &str, ip: IpAddr) -> Option<bool> {
    let bits: u32 = bits.parse().ok()?;
    let (network, ip, width) = match (network.parse().ok()?, ip) {
        (IpAddr::V4(network), IpAddr::V4(ip)) => {
            (u128::from(network.to_bits()), u128::from(ip.to_bits()), 32)
        }
        (IpAddr::V6(network), IpAddr::V6(ip)) => (network.to_bits(), ip.to_bits(), 128),
        _ => return Some(false),
    };
    let rest = u32::checked_sub(width, bits)?;
    // Shifting by the whole width would overflow: a prefix of 0 matches everything.
    Some(network.checked_shr(rest).unwrap_or(0) == ip.checked_shr(rest).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_proxy_is_compared_with_the_server() {
        for (server, no_proxy, expected) in [
            ("https://api.corp:6443", "", false),
            ("https://api.corp:6443", "*", true),
            ("https://api.corp:6443", "other, API.corp", true),
            ("https://api.corp:6443", "corp", true),
            ("https://api.corp:6443", ".corp", true),
            ("https://api.corp:6443", "*.corp", true),
            ("https://corp", ".corp", false),
            ("https://acorp", "corp", false),
            ("https://api.corp:6443", "api.corp:6443", true),
            ("https://api.corp:6443", "api.corp:443", false),
            ("https://10.1.2.3:6443", "10.0.0.0/8", true),
            ("https://11.1.2.3:6443", "10.0.0.0/8", false),
            ("https://11.1.2.3:6443", "0.0.0.0/0", true),
            ("https://10.1.2.3:6443", "10.1.2.3", true),
            ("https://10.1.2.3:6443", "10.0.0.0/99,2.3", false),
            ("https://[fd00::1]:6443", "fd00::/8", true),
            ("https://[fd00::1]:6443", "fd00::1", true),
            ("https://[fd00::1]:6443", "[fd00::1]:6443", true),
        ] {
            let uri = server.parse().expect("a URL");
            assert_eq!(
                is_bypassed(&uri, no_proxy),
                expected,
                "{server} {no_proxy:?}"
            );
        }
    }

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
        ] {
            match (parse(proxy, "HTTPS_PROXY"), expected) {
                (Ok(url), Ok(expected)) => assert_eq!(url, expected),
                (Err(error), Err(expected)) => {
                    let line = error.line();
                    assert!(line.starts_with("error: HTTPS_PROXY "), "{line}");
                    assert!(
                        line.contains(expected) && !line.contains("planted"),
                        "{line}"
                    );
                }
                (result, _) => panic!("{proxy}: {result:?}"),
            }
        }
    }

    #[test]
    fn loopback_and_plain_http_use_no_proxy() {
        for server in [
            "https://localhost:6443",
            "https://127.0.0.1:6443",
            "https://[::1]:6443",
            "http://localhost:8080",
            "http://api.corp",
        ] {
            assert!(is_bypassed(&server.parse().expect("a URL"), ""), "{server}");
        }
    }
}
