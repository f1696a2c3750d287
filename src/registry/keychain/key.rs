//! The keys of a docker config: which repositories an entry is for. The rules are
//! described in [`super::docker_config`].

use std::cmp::Reverse;

use crate::image::CanonicalName;

/// The rank of a key among those that match: the longest path first, then a host
/// without `*`, then the longest host.
pub(crate) type Rank = (Reverse<usize>, bool, Reverse<usize>);

/// A parsed key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RegistryKey {
    host: String,
    port: Option<String>,
    path: Vec<String>,
}

impl RegistryKey {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.split_once("://").map_or(text, |(_, rest)| rest);
        let (authority, path) = text.split_once('/').unwrap_or((text, ""));
        let path = path.trim_end_matches('/');
        let path = match path {
            "v1" | "v2" => "",
            other => other
                .strip_prefix("v1/")
                .or_else(|| other.strip_prefix("v2/"))
                .unwrap_or(other),
        };
        let (host, port) = split_port(authority);
        if host.is_empty() {
            return None;
        }
        let host = match host.to_ascii_lowercase().as_str() {
            "index.docker.io" | "registry-1.docker.io" => "docker.io".to_owned(),
            other => other.to_owned(),
        };
        let path = path.split('/').filter(|part| !part.is_empty());
        Some(Self {
            host,
            port: port.map(str::to_owned),
            path: path.map(str::to_owned).collect(),
        })
    }

    /// Orders keys so that the first match is the best one.
    pub(crate) fn rank(&self) -> Rank {
        let Self { host, path, .. } = self;
        (Reverse(path.len()), host.contains('*'), Reverse(host.len()))
    }

    pub(crate) fn matches(&self, name: &CanonicalName) -> bool {
        let (host, port) = split_port(name.registry());
        let mut path = name.repository().split('/');
        self.port.as_deref() == port
            && host_matches(&self.host, host)
            && self.path.iter().all(|part| path.next() == Some(part))
    }
}

/// Host and port; the brackets of an IPv6 address are kept.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

fn host_matches(pattern: &str, host: &str) -> bool {
    let (mut patterns, mut labels) = (pattern.split('.'), host.split('.'));
    loop {
        match (patterns.next(), labels.next()) {
            (None, None) => return true,
            (Some(pattern), Some(label)) if label_matches(pattern, label) => {}
            _ => return false,
        }
    }
}

/// `*` matches any number of characters within one label.
fn label_matches(pattern: &str, label: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == label;
    };
    let Some(label) = label.strip_prefix(head) else {
        return false;
    };
    (0..=label.len())
        .filter_map(|at| label.get(at..))
        .any(|tail| label_matches(rest, tail))
}
