//! Through which proxy a server is reached.
//!
//! The rules are kubectl's: the `proxy-url` of a kubeconfig is taken as it is;
//! `HTTPS_PROXY` serves https alone, never loopback, and no server that
//! `NO_PROXY` names. (kube compares `NO_PROXY` with the proxy's own address, and
//! refuses an empty entry in it.)

use std::net::IpAddr;

use super::error::ClusterError;

/// The proxy for a server; `own` is the kubeconfig's.
#[expect(
    clippy::disallowed_methods,
    reason = "the machine's proxy, as every client reads it"
)]
pub(super) fn of(own: Option<&str>, server: &http::Uri) -> Result<Option<http::Uri>, ClusterError> {
    let set = |upper: &str, lower: &str| {
        let mut values = [upper, lower]
            .into_iter()
            .filter_map(|n| std::env::var(n).ok());
        values.find(|value| !value.is_empty())
    };
    let proxy = match own.filter(|own| !own.is_empty()) {
        Some(own) => Some(own.to_owned()),
        None => set("HTTPS_PROXY", "https_proxy").filter(|_| {
            let no_proxy = set("NO_PROXY", "no_proxy").unwrap_or_default();
            !is_bypassed(server, &no_proxy)
        }),
    };
    proxy.map(parse).transpose()
}

fn parse(proxy: String) -> Result<http::Uri, ClusterError> {
    // A bare host is an http proxy.
    let url = match proxy.contains("://") {
        true => proxy,
        false => format!("http://{proxy}"),
    };
    url.parse().map_err(|error| {
        ClusterError::Configuration(format!("the proxy {url:?} is no URL: {error}"))
    })
}

/// Whether a server is reached directly although the environment names a proxy.
fn is_bypassed(server: &http::Uri, no_proxy: &str) -> bool {
    let Some(host) = server.host() else {
        return false;
    };
    // HTTPS_PROXY is for https alone.
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
    // `.corp` and `*.corp` are what is below it, `corp` is that and itself.
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
    // Shifting by the whole width would overflow: a prefix of 0 holds all.
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
    fn loopback_and_plain_http_take_no_proxy() {
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
