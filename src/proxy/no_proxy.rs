//! `NO_PROXY`: which servers are reached directly.

use std::net::IpAddr;

use http::Uri;

/// Whether a server is reached directly, although the environment names a proxy:
/// always on this machine, otherwise if `NO_PROXY` has an entry for it.
pub(crate) fn is_bypassed(server: &Uri, no_proxy: &str) -> bool {
    let Some(host) = server.host() else {
        return false;
    };
    let host = host.trim_matches(['[', ']']).trim_end_matches('.');
    let host = host.to_ascii_lowercase();
    let ip: Option<IpAddr> = host.parse().ok();
    if host == "localhost" || ip.is_some_and(|ip| ip.is_loopback()) {
        return true;
    }
    let usual = if server.scheme_str() == Some("https") {
        443
    } else {
        80
    };
    let port = server.port_u16().unwrap_or(usual);
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
    let domain = name.strip_prefix("*.").or_else(|| name.strip_prefix('.'));
    match domain {
        Some(domain) => is_below(host, domain),
        None => !name.is_empty() && (host == name || is_below(host, name)),
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
            ("https://api.corp:6443", "x, *", true),
            ("https://api.corp:6443", "other, API.corp", true),
            ("https://API.corp.:6443", "api.corp", true),
            ("https://api.corp:6443", "corp", true),
            ("https://api.corp:6443", ".corp", true),
            ("https://api.corp:6443", "*.corp", true),
            ("https://api.corp:6443", "*corp", false),
            ("https://api.corp:6443", "*.*.corp", false),
            ("https://corp", ".corp", false),
            ("https://corp", "*.corp", false),
            ("https://acorp", "corp", false),
            ("https://acorp", "*.corp", false),
            ("https://api.corp:6443", "api.corp:6443", true),
            ("https://api.corp:6443", "api.corp:443", false),
            ("https://api.corp", "api.corp:443", true),
            ("http://api.corp", "api.corp:80", true),
            ("http://api.corp", "api.corp:443", false),
            ("https://api.corp:6443", "*.corp:6443", true),
            ("https://api.corp:6443", "*.corp:443", false),
            ("https://api.corp:6443", ".corp:6443", true),
            ("https://api.corp:6443", ":6443", false),
            ("https://api.corp:6443", "https://api.corp", false),
            ("https://10.1.2.3:6443", "10.0.0.0/8", true),
            ("https://11.1.2.3:6443", "10.0.0.0/8", false),
            ("https://11.1.2.3:6443", "0.0.0.0/0", true),
            ("https://10.1.2.3:6443", "10.1.2.3", true),
            ("https://10.1.2.3:6443", "10.1.2.3:6443", true),
            ("https://10.1.2.3:6443", "10.1.2.3:443", false),
            ("https://10.1.2.3:6443", "10.0.0.0/99,2.3", false),
            ("https://[fd00::1]:6443", "fd00::/8", true),
            ("https://[fd00::1]:6443", "fd00::1", true),
            ("https://[fd00::1]:6443", "[fd00::1]:6443", true),
            ("https://[fd00::1]:6443", "[fd00::1]:443", false),
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
    fn loopback_needs_no_entry() {
        for server in [
            "https://localhost:6443",
            "https://127.0.0.1:6443",
            "https://127.8.8.8",
            "https://[::1]:6443",
            "http://localhost:8080",
        ] {
            assert!(is_bypassed(&server.parse().expect("a URL"), ""), "{server}");
        }
    }
}
